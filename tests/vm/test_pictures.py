"""The USB camera's pictures, without a VM: a decoder that is not ours sees what their layout promises."""

import io

import pytest
from PIL import Image

from usb import pictures

pytestmark = pytest.mark.short

SIZES = ((320, 240), (640, 480), (1280, 720), (1920, 1080))
NUMBERS = (0, 1, 0x5555, 0xA5C3, 0xFFFF)


def decoded(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


def number_in(image, original_width=None):
    grey = image.convert("L")
    return pictures.read_number(lambda x, y: grey.getpixel((x, y)), image.width, original_width)


@pytest.mark.parametrize("width, height", SIZES)
@pytest.mark.parametrize("detail", (0, 6))
def test_the_number_is_read_back(width, height, detail):
    for number in NUMBERS:
        image = decoded(pictures.jpeg(width, height, number, detail=detail))
        assert image.size == (width, height)
        assert number_in(image) == number
        assert number_in(image.resize((width // 4, height // 4)), width) == number


@pytest.mark.parametrize("width, height", SIZES)
def test_level_and_bars(width, height):
    image = decoded(pictures.jpeg(width, height, 7, level=77))
    strip, edges = pictures.strip_height(width), pictures.bar_edges(width)
    assert all(abs(value - 77) <= 1 for value in image.getpixel((width // 2, strip + strip // 2)))
    for colour, left, right in zip(pictures.BAR_COLOURS, edges, edges[1:]):
        for y in (2 * strip + 4, height - 4):
            seen = image.getpixel(((left + right) // 2, y))
            assert all(abs(a - b) <= 3 for a, b in zip(seen, colour))


def test_pictures_of_one_moment_differ_in_the_number_only():
    first, second = decoded(pictures.jpeg(640, 480, 1, detail=4)), decoded(pictures.jpeg(640, 480, 2, detail=4))
    below = (0, pictures.strip_height(640), 640, 480)
    assert first.crop(below).tobytes() == second.crop(below).tobytes()
    assert first.tobytes() != second.tobytes()


def test_without_huffman_tables_only_they_are_missing():
    whole, bare = pictures.jpeg(640, 480, 9), pictures.jpeg(640, 480, 9, with_tables=False)
    assert whole.replace(pictures.huffman_segments(), b"") == bare


@pytest.mark.parametrize("fourcc", ("YUYV", "NV12", "GREY"))
def test_raw_formats(fourcc):
    for width, height in SIZES:
        data = pictures.picture(fourcc, width, height, 0xA5C3)
        assert len(data) == pictures.raw_size(fourcc, width, height)
        assert pictures.read_raw_number(fourcc, data, width) == 0xA5C3


def test_raw_bars_are_bt601_video_range():
    data = pictures.yuyv(640, 480, 0)
    row = data[-2 * 640:]
    assert [tuple(row[x * 2 + i] for i in (0, 1, 3)) for x in (40, 440, 600)] == [(235, 128, 128), (81, 90, 240), (16, 128, 128)]
