"""Every JPEG says when and how it was taken; exiftool reads it."""

import datetime

import pytest
from helpers.mjpeg import MjpegClient
from helpers.pictures import exif


def taken_s(tags):
    """Unix seconds of DateTimeOriginal, SubSecTimeOriginal and OffsetTimeOriginal together."""
    moment = datetime.datetime.strptime(tags["DateTimeOriginal"] + tags["OffsetTimeOriginal"], "%Y:%m:%d %H:%M:%S%z")
    sub_seconds = str(tags["SubSecTimeOriginal"])
    return moment.timestamp() + int(sub_seconds) / 10 ** max(6, len(sub_seconds))


def check(tags, headers):
    assert taken_s(tags) == pytest.approx(float(headers["x-timestamp"]), abs=2e-6)
    assert tags["ImageNumber"] == int(headers["x-sequence"])
    assert tags["ExposureTime"] == pytest.approx(int(headers["x-exposure-us"]) / 1e6, rel=0.01)
    assert tags["Make"] and tags["Model"]


@pytest.mark.parametrize("source", ["pattern:bars?size=640x480&fps=30", "pattern:bars?size=640x480&fps=30&format=mjpeg"])
def test_mjpeg_parts(server, source):
    running = server(config=f'[[camera]]\nid = "cam0"\nsource = "{source}"\ncontrols = {{ exposure_us = 8000, gain = 2.0 }}\n')
    running.wait_for_state("cam0", "streaming")
    with MjpegClient(running, "/api/v1/cameras/cam0/stream.mjpg") as stream:
        stream.take(5)
        for part in stream.take(3):
            tags = exif(part.jpeg)
            check(tags, part.headers)
            assert int(part.headers["x-exposure-us"]) == pytest.approx(8000, rel=0.05)
            assert float(part.headers["x-gain"]) == pytest.approx(2.0, rel=0.05)
            assert "Warning" not in tags and "Error" not in tags, tags


def test_snapshot_has_it_too(server):
    running = server()
    running.wait_for_state("cam0", "streaming")
    first, second = (exif(running.snapshot("cam0", query)) for query in ("", "?full=1"))
    for tags in (first, second):
        assert tags["ImageNumber"] > 0 and tags["Make"]
    assert taken_s(second) >= taken_s(first)


def test_a_cameras_own_exif_stays(server, tmp_path):
    from PIL import Image
    picture = Image.new("RGB", (320, 240), (90, 120, 60))
    tags = Image.Exif()
    tags[0x010F], tags[0x0110] = "Acme", "Roadrunner 9"  # Make, Model
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(3):
        picture.save(folder / f"{n}.jpg", exif=tags, quality=90)
    running = server(config=f'[[camera]]\nid = "cam0"\nsource = "file:{folder}?fps=5&loop=1"\n')
    running.wait_for_state("cam0", "streaming")
    with MjpegClient(running, "/api/v1/cameras/cam0/stream.mjpg") as stream:
        read = exif(stream.part().jpeg)
    assert (read["Make"], read["Model"]) == ("Acme", "Roadrunner 9")
    with open(folder / "0.jpg", "rb") as original, MjpegClient(running, "/api/v1/cameras/cam0/stream.mjpg") as stream:
        assert stream.part().jpeg == original.read(), "passed through untouched"
