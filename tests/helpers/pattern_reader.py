"""Reads what the pattern camera draws: the frame's number and time in blocks, the bars' colours, the orange square.
The layout is described in src/capture/pattern/README.md. Needs Pillow and numpy."""
import io
import struct
from dataclasses import dataclass

import numpy
from PIL import Image

COLUMNS, ROWS, HEIGHT_PARTS, MARKER = 32, 4, 30, 0xA5C3
BARS = [(191, 191, 191), (191, 191, 0), (0, 191, 191), (0, 191, 0), (191, 0, 191), (191, 0, 0), (0, 0, 191), (0, 0, 0)]
OBJECT = (200, 110, 20)


@dataclass(frozen=True)
class TimeCode:
    sequence: int
    time_us: int


def load(jpeg):
    """The picture in RGB; raises where the JPEG is damaged."""
    image = Image.open(io.BytesIO(jpeg))
    image.load()
    return image.convert("RGB")


def crc16(data):
    """CRC-16/CCITT-FALSE."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def _middle(begin, end):
    quarter = (end - begin) // 4
    return begin + quarter, max(begin + quarter + 1, end - quarter)


def _word(luma, row):
    height, width = luma.shape
    y0, y1 = _middle(height * row // HEIGHT_PARTS, height * (row + 1) // HEIGHT_PARTS)
    word = 0
    for column in range(COLUMNS):
        x0, x1 = _middle(width * column // COLUMNS, width * (column + 1) // COLUMNS)
        word = word << 1 | int(luma[y0:y1, x0:x1].mean() >= 128)
    return word


def read_time_code(image):
    """The TimeCode of an upright picture (a PIL image or JPEG bytes), or None where it can't be read."""
    if isinstance(image, (bytes, bytearray, memoryview)):
        image = load(bytes(image))
    luma = numpy.asarray(image.convert("L"), dtype=numpy.float32)
    if luma.shape[0] < HEIGHT_PARTS or luma.shape[1] < COLUMNS:
        return None
    sequence, high, low, last = (_word(luma, row) for row in range(ROWS))
    time_us = high << 32 | low
    if last != MARKER << 16 | crc16(struct.pack(">IQ", sequence, time_us)):
        return None
    return TimeCode(sequence, time_us)


def bar_colours(image):
    """The mean colour of the middle of each of the eight bars, at half height, where nothing else is drawn."""
    pixels = numpy.asarray(image.convert("RGB"), dtype=numpy.float32)
    height, width, _ = pixels.shape
    y0, y1 = height * 45 // 100, height * 65 // 100
    colours = []
    for bar in range(8):
        x0, x1 = width * (4 * bar + 1) // 32, width * (4 * bar + 3) // 32
        colours.append(tuple(pixels[y0:y1, x0:x1].reshape(-1, 3).mean(axis=0)))
    return colours


def largest_bar_error(image):
    """By how many levels the worst channel of the worst bar is off its nominal colour."""
    return max(abs(seen - wanted) for colour, bar in zip(bar_colours(image), BARS) for seen, wanted in zip(colour, bar))
