"""Real footage through file: and exec:, held against ffmpeg's own decode of the same file, picture by picture."""

import pathlib

import numpy
import pytest
from helpers.mjpeg import MjpegClient
from helpers.pictures import decode, frames_by_ffmpeg, psnr_db
from PIL import Image

SIZE = (768, 576)
SMALL = (96, 72)


@pytest.fixture(scope="session")
def small_frames(footage):
    """Every frame of the footage, small: to find out which one a picture is."""
    return frames_by_ffmpeg(footage, SMALL)


def frame_index(picture, small_frames):
    small = numpy.asarray(Image.fromarray(picture).resize(SMALL, Image.Resampling.BICUBIC)).astype(numpy.int16)
    errors = numpy.mean(numpy.abs(small_frames.astype(numpy.int16) - small), axis=(1, 2, 3))
    return int(numpy.argmin(errors))


def check_against_ffmpeg(parts, footage, small_frames, least_db):
    """The pictures are frames of the footage in order, each as ffmpeg decodes it; one that a busy machine left out shows in the
    sequence numbers, too."""
    pictures = [decode(part.jpeg) for part in parts]
    indices = [frame_index(picture, small_frames) for picture in pictures]
    sequences = [part.sequence for part in parts]
    gaps = [b - a for a, b in zip(sequences, sequences[1:])]
    assert min(gaps) >= 1 and gaps.count(1) > len(gaps) // 2, f"sequence numbers: {sequences}"
    steps = [(b - a) % len(small_frames) for a, b in zip(indices, indices[1:])]
    assert steps == gaps, f"frames of the file: {indices}, sequence numbers: {sequences}"
    for picture, index in zip(pictures, indices):
        expected = frames_by_ffmpeg(footage, SIZE, count=1, start=index)[0]
        assert picture.shape == expected.shape
        assert psnr_db(picture, expected) > least_db, f"frame {index} of the file"


@pytest.mark.sanitized
def test_file_gives_what_ffmpeg_decodes(server, footage, small_frames):
    running = server(config=f'[[camera]]\nid = "street"\nsource = "file:{footage}?loop=1"\n')
    running.wait_for_state("street", "streaming")
    with MjpegClient(running, "/api/v1/cameras/street/stream.mjpg?quality=95") as stream:
        check_against_ffmpeg(stream.take(6), footage, small_frames, least_db=36)


def test_ffmpegs_libraries_come_only_where_a_camera_needs_them(server, footage, tmp_path):
    """A hundred libraries, 18 MB for each worker: not for one that passes JPEGs through."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (64, 48), (90, 120, 60)).save(pictures / "1.jpg")
    running = server(config=f'[[camera]]\nid = "slides"\nsource = "file:{pictures}?fps=10&loop=1"\n\n'
                            f'[[camera]]\nid = "street"\nsource = "file:{footage}?loop=1"\n')
    loaded = {}
    for camera in ("slides", "street"):
        running.wait_for_state(camera, "streaming")
        with MjpegClient(running, f"/api/v1/cameras/{camera}/stream.mjpg") as stream:
            stream.take(2)
    for pid in running.workers("file"):
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
        loaded[maps.count("/libavcodec.so") > 0] = pid
    assert sorted(loaded) == [False, True], "of the two workers one has the libraries"


def test_exec_gives_what_ffmpeg_decodes(server, footage, small_frames):
    source = f"exec:ffmpeg -nostdin -v error -re -stream_loop -1 -i {footage} -f mjpeg -q:v 2 -"
    running = server(config=f'[[camera]]\nid = "street"\nsource = "{source}"\n')
    running.wait_for_state("street", "streaming")
    with MjpegClient(running, "/api/v1/cameras/street/stream.mjpg") as stream:
        check_against_ffmpeg(stream.take(6), footage, small_frames, least_db=33)


def test_exec_takes_h264(server, footage, small_frames):
    source = (f"exec:ffmpeg -nostdin -v error -re -stream_loop -1 -i {footage} -c:v libx264 -preset ultrafast -crf 12 "
              "-g 10 -bf 0 -f h264 -")
    running = server(config=f'[[camera]]\nid = "street"\nsource = "{source}"\nsize = "768x576"\nfps = 10\n')
    running.wait_for_state("street", "streaming")
    with MjpegClient(running, "/api/v1/cameras/street/stream.mjpg?quality=95") as stream:
        check_against_ffmpeg(stream.take(6), footage, small_frames, least_db=33)


def test_file_keeps_its_own_pace(server, footage):
    running = server(config=f'[[camera]]\nid = "street"\nsource = "file:{footage}?loop=1"\n')
    with MjpegClient(running, "/api/v1/cameras/street/stream.mjpg") as stream:
        parts = stream.take(31)
    # Of most: a busy machine is late with some, and in time again with the next.
    spans_s = sorted(b.timestamp_s - a.timestamp_s - (b.sequence - a.sequence - 20) / 10 for a, b in zip(parts, parts[20:]))
    assert spans_s[len(spans_s) // 2] == pytest.approx(2.0, abs=0.05), f"20 frames at the file's 10 fps: {spans_s}"


def test_a_loop_goes_on_in_sequence_and_time(server, footage, tmp_path):
    import subprocess
    clip = tmp_path / "clip.avi"
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-i", footage, "-frames:v", "12", "-c", "copy", clip], check=True)
    running = server(config=f'[[camera]]\nid = "clip"\nsource = "file:{clip}?loop=1"\n')
    with MjpegClient(running, "/api/v1/cameras/clip/stream.mjpg") as stream:
        # A busy machine may be late with a picture: then the next two rounds are looked at.
        for _ in range(5):
            parts = stream.take(30)
            assert all(b.sequence > a.sequence for a, b in zip(parts, parts[1:]))
            gaps = [b.timestamp_s - a.timestamp_s for a, b in zip(parts, parts[1:])]
            if all(gap == pytest.approx(0.1, abs=0.03) for gap in gaps):
                break
    assert [b.sequence - a.sequence for a, b in zip(parts, parts[1:])] == [1] * 29
    assert all(gap == pytest.approx(0.1, abs=0.03) for gap in gaps), gaps
    assert running.camera("clip")["restarts"] == 0


def test_a_folder_of_pictures(server, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n, colour in enumerate([(200, 40, 40), (40, 200, 40), (40, 40, 200)]):
        Image.new("RGB", (320, 240), colour).save(pictures / f"{n}.jpg", quality=95)
    running = server(config=f'[[camera]]\nid = "slides"\nsource = "file:{pictures}?fps=10&loop=1"\n')
    with MjpegClient(running, "/api/v1/cameras/slides/stream.mjpg") as stream:
        seen = [int(numpy.argmax(decode(part.jpeg)[120, 160])) for part in stream.take(9)]
    first = seen[0]
    assert seen == [(first + n) % 3 for n in range(9)]


@pytest.mark.parametrize("make", ["missing", "damaged"])
def test_a_bad_file_is_said(server, tmp_path, make):
    path = tmp_path / "clip.mp4"
    if make == "damaged":
        path.write_bytes(b"\0\0\0\x18ftypmp42" + bytes(range(256)) * 40)
    running = server(config=f'[[camera]]\nid = "clip"\nsource = "file:{path}"\n\n[[camera]]\nid = "cam0"\nsource = "pattern:bars"\n')
    failed = running.wait_for_state("clip", "failed")
    assert "clip.mp4" in failed["last_error"], failed["last_error"]
    assert "\n" not in failed["last_error"]
    running.wait_for_state("cam0", "streaming")
