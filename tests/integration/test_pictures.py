"""The pictures themselves: colours, numbers and times, read back from the pixels."""

import json

import numpy
import pytest
from helpers.mjpeg import MjpegClient
from helpers.pattern_reader import BARS, bar_colours, largest_bar_error, load, read_time_code
from helpers.pictures import decode
from helpers.processes import wait_until
from helpers.server import PATIENCE

def camera(server, source, **keys):
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    running = server(config=f'[[camera]]\nid = "cam0"\nsource = "{source}"\n{more}')
    running.wait_for_state("cam0", "streaming")
    return running


def stream(server, query=""):
    return MjpegClient(server, f"/api/v1/cameras/cam0/stream.mjpg{query}")


@pytest.mark.sanitized
@pytest.mark.parametrize("format", ["yuyv", "nv12", "rggb", "mjpeg"])
def test_bars_have_their_colours(server, format):
    running = camera(server, f"pattern:bars?size=640x480&fps=30&format={format}")
    with stream(running, "?quality=80") as pictures:
        pictures.take(30)  # its exposure loop settles
        for _ in range(60):
            picture = load(pictures.part().jpeg)
            if largest_bar_error(picture) <= 6:
                break
    assert largest_bar_error(picture) <= 6, bar_colours(picture)


def test_grey_bars_have_their_brightness(server):
    running = camera(server, "pattern:bars?size=640x480&fps=30&format=grey")
    with stream(running, "?quality=80") as pictures:
        pictures.take(30)
        seen = bar_colours(load(pictures.part().jpeg))
    expected = [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in BARS]
    assert numpy.max(numpy.abs(numpy.array(seen) - numpy.array(expected)[:, None])) <= 6, seen


@pytest.mark.sanitized
@pytest.mark.parametrize("query", ["", "?size=320x240", "?size=320x240&fps=10"])
def test_numbers_and_times_are_in_the_pixels(server, query):
    running = camera(server, "pattern:bars?size=640x480&fps=30")
    with stream(running, query) as pictures:
        for part in pictures.take(20):
            code = read_time_code(part.jpeg)
            assert code.sequence == part.sequence
            assert code.time_us / 1e6 == pytest.approx(part.timestamp_s, abs=1 / 30)


@pytest.mark.sanitized
def test_numbers_rise_by_one(server):
    running = camera(server, "pattern:clock?size=640x480&fps=30")
    with stream(running) as pictures:
        numbers = [read_time_code(part.jpeg).sequence for part in pictures.take(60)]
    assert numbers == sorted(set(numbers)), numbers
    # None is missing but those that the camera says it had no time for; the count comes with its next word.
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    wait_until(lambda: missing <= running.camera("cam0")["dropped"], 5 * PATIENCE, f"{missing} missing in {numbers}")


def test_times_are_of_now_and_even(server):
    import time
    running = camera(server, "pattern:bars?size=320x240&fps=30")
    with stream(running) as pictures:
        pictures.take(5)
        age_s = min(-pictures.part().timestamp_s + time.time() for _ in range(30))
        # A busy machine may hold the camera up for a moment: then the next second is looked at.
        for _ in range(15):
            times = [p.timestamp_s for p in pictures.take(30)]
            gaps = [b - a for a, b in zip(times, times[1:])]
            if all(gap == pytest.approx(1 / 30, abs=0.004) for gap in gaps):
                break
    assert 0 <= age_s < 0.2 * PATIENCE
    assert gaps == [pytest.approx(1 / 30, abs=0.004)] * len(gaps)


@pytest.mark.parametrize("size, fps", [("128x96", 120), ("1920x1080", 30), ("4096x4096", 2)])
def test_sizes_and_rates(server, size, fps):
    running = camera(server, f"pattern:bars?size={size}&fps={fps}")
    width, height = map(int, size.split("x"))
    with stream(running) as pictures:
        parts = pictures.take(4)
    assert decode(parts[-1].jpeg).shape == (height, width, 3)
    assert read_time_code(parts[-1].jpeg).sequence == parts[-1].sequence
    assert (running.camera("cam0")["width"], running.camera("cam0")["height"]) == (width, height)


def brightness(server):
    return float(numpy.mean(decode(server.snapshot("cam0"))[200:]))


def test_exposure_and_gain_change_the_picture_and_what_is_said_of_it(server):
    running = camera(server, "pattern:bars?size=640x480&fps=30")
    with stream(running) as pictures:
        pictures.take(30)
        nominal, exposure_us = brightness(running), int(pictures.part().headers["x-exposure-us"])
        answer = running.request("PATCH", "/api/v1/cameras/cam0/controls", headers={"Content-Type": "application/json"},
                                 body=json.dumps({"auto_exposure": False, "exposure_us": exposure_us // 4}))
        assert answer.status == 200, answer.text
        wait_until(lambda: int(pictures.part().headers["x-exposure-us"]) == pytest.approx(exposure_us // 4, rel=0.1),
                   5 * PATIENCE, "the frames say the new exposure")
        pictures.take(5)
        assert brightness(running) < 0.75 * nominal
        refused = running.request("PATCH", "/api/v1/cameras/cam0/controls", headers={"Content-Type": "application/json"},
                                  body=json.dumps({"exposure_us": 1}))
        assert refused.status == 422 and "exposure_us" in refused.text


def test_the_page_is_served(server):
    running = server()
    answer = running.get("/")
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/html")
    assert "<script" in answer.text and "unsafe-inline" not in (answer.headers["Content-Security-Policy"] or "unsafe-inline")
    import re
    for path in re.findall(r'(?:src|href)="(/?assets/[^"]+)"', answer.text):
        asset = running.get("/" + path.lstrip("/"))
        assert asset.status == 200 and "immutable" in asset.headers["Cache-Control"], path
        again = running.get("/" + path.lstrip("/"), headers={"If-None-Match": asset.headers["ETag"]})
        assert again.status == 304
        packed = running.get("/" + path.lstrip("/"), headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] in ("gzip", None)
