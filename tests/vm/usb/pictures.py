"""Pictures with their own number drawn in, made byte for byte from (format, size, number), so that a test knows exactly
which bytes left the camera, and can read the number back from any copy, scaled or re-encoded.

Layout, from the top (b = block_width(width), s = strip_height(width), both multiples of 16):
  number   s rows: 16 blocks of b pixels from the left edge, most significant bit first, white = 1; then black
  level    s rows of one grey: the camera's brightness control, 0…255
  bars     to the bottom: white, yellow, cyan, green, magenta, red, blue, black at full strength (BT.601), their edges on
           multiples of 16 pixels

JPEG is baseline 4:2:2 as webcams send it, with one restart interval per row of blocks: the rows that carry the number are
replaced without encoding the rest again. `detail` adds noise to the bars, so that pictures get a real camera's size.
Pure functions, standard library only: the guest's Python needs nothing else."""

import functools
import random
import struct

from usb.jpeg_tables import TABLES, codes

BAR_COLOURS = ((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0))
NUMBER_BITS = 16
_QUANTUM = 8  # of every coefficient: a flat block's level is then exact
_NOISE_ROWS = 8


def block_width(width):
    return max(16, width // NUMBER_BITS // 16 * 16)


def strip_height(width):
    return max(16, block_width(width) // 2 // 16 * 16)


def bar_edges(width):
    return [round(bar * width / 8 / 16) * 16 for bar in range(8)] + [width]


def number_bits(number):
    return [number >> bit & 1 for bit in reversed(range(NUMBER_BITS))]


def full_range_ycc(rgb):
    """JPEG's YCbCr."""
    r, g, b = rgb
    return (round(0.299 * r + 0.587 * g + 0.114 * b), min(255, round(128 - 0.168736 * r - 0.331264 * g + 0.5 * b)),
            min(255, round(128 + 0.5 * r - 0.418688 * g - 0.081312 * b)))


def video_range_ycc(rgb):
    """BT.601's YCbCr with Y 16…235, as raw webcam formats have it."""
    y, cb, cr = full_range_ycc(rgb)
    return round(16 + y * 219 / 255), round(128 + (cb - 128) * 224 / 255), round(128 + (cr - 128) * 224 / 255)


# --- JPEG ---------------------------------------------------------------------------------------------------------------

_DC = [codes(0x00), codes(0x01)]
_AC = [codes(0x10), codes(0x11)]


def _magnitude(value):
    size = abs(value).bit_length()
    return size, format(value if value > 0 else value + (1 << size) - 1, f"0{size}b") if size else ""


@functools.lru_cache(4096)
def _flat_block(chroma, difference):
    """The code of a block without detail whose level differs by `difference` from the block before."""
    size, bits = _magnitude(difference)
    return _DC[chroma][size] + bits + _AC[chroma][0]


def _noisy_block(difference, detail, noise):
    size, bits = _magnitude(difference)
    text = _DC[0][size] + bits
    for _ in range(detail):
        size, bits = _magnitude(noise.choice((-2, -1, 1, 2)))
        text += _AC[0][size] + bits
    return text + _AC[0][0]


def _entropy_segment(bits):
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def _row_segment(colours, detail=0, noise=None):
    """One row of 16×8 units, each of one (y, cb, cr), as a restart interval."""
    before, text = (128, 128, 128), []
    for colour in colours:
        y, cb, cr = (new - old for new, old in zip(colour, before))
        text += [_noisy_block(y, detail, noise), _noisy_block(0, detail, noise)] if detail else [_flat_block(0, y), _flat_block(0, 0)]
        text += [_flat_block(1, cb), _flat_block(1, cr)]
        before = colour
    return _entropy_segment("".join(text))


def _segment(marker, body):
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def huffman_segments():
    return b"".join(_segment(0xC4, bytes([kind]) + lengths + symbols) for kind, (lengths, symbols) in TABLES.items())


@functools.lru_cache
def _jpeg_head(width, height, with_tables):
    components = b"\x01\x21\x00\x02\x11\x01\x03\x11\x01"
    return (b"\xff\xd8" + b"".join(_segment(0xDB, bytes([i]) + bytes([_QUANTUM] * 64)) for i in (0, 1))
            + _segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + components)
            + (huffman_segments() if with_tables else b"") + _segment(0xDD, struct.pack(">H", width // 16))
            + _segment(0xDA, b"\x03\x01\x00\x02\x11\x03\x11\x00\x3f\x00"))


def _unit_colours(width, bits):
    block = block_width(width) // 16
    units = [colour for bit in bits for colour in [(255 if bit else 0, 128, 128)] * block]
    return units + [(0, 128, 128)] * (width // 16 - len(units))


@functools.lru_cache
def _bar_units(width):
    edges = bar_edges(width)
    return [full_range_ycc(rgb) for rgb, left, right in zip(BAR_COLOURS, edges, edges[1:]) for _ in range((right - left) // 16)]


@functools.lru_cache(8)
def _jpeg_body(width, height, level, detail):
    """Everything below the number, restart markers included."""
    strip = strip_height(width) // 8
    noise = random.Random(width * height)
    grey = _row_segment([(level, 128, 128)] * (width // 16))
    bars = [_row_segment(_bar_units(width), detail, noise) for _ in range(_NOISE_ROWS if detail else 1)]
    rows = [grey] * strip + [bars[row % len(bars)] for row in range(height // 8 - 2 * strip)]
    return b"".join(bytes([0xFF, 0xD0 + (strip + row - 1) % 8]) + data for row, data in enumerate(rows))


def jpeg(width, height, number, level=128, detail=0, with_tables=True):
    strip = strip_height(width) // 8
    row = _row_segment(_unit_colours(width, number_bits(number)))
    top = row + b"".join(bytes([0xFF, 0xD0 + before % 8]) + row for before in range(strip - 1))
    return b"".join((_jpeg_head(width, height, with_tables), top, _jpeg_body(width, height, level, detail), b"\xff\xd9"))


# --- raw formats ---------------------------------------------------------------------------------------------------------


def _number_lumas(width, number, black=b"\x10", white=b"\xeb"):
    block = block_width(width)
    row = b"".join((white if bit else black) * block for bit in number_bits(number))
    return row + black * (width - len(row))


def _video_level(level):
    return round(16 + level * 219 / 255)


def _bar_row(width, pick):
    """One row of the bars: pick((y, cb, cr)) → the bytes of two pixels."""
    edges = bar_edges(width)
    return b"".join(pick(video_range_ycc(rgb)) * ((right - left) // 2) for rgb, left, right in zip(BAR_COLOURS, edges, edges[1:]))


@functools.lru_cache(8)
def _yuyv_body(width, height, level):
    strip = strip_height(width)
    bars = _bar_row(width, lambda c: bytes([c[0], c[1], c[0], c[2]]))
    return bytes([_video_level(level), 128]) * (width * strip) + bars * (height - 2 * strip)


def yuyv(width, height, number, level=128):
    row = bytearray(b"\x80" * (2 * width))
    row[::2] = _number_lumas(width, number)
    return bytes(row) * strip_height(width) + _yuyv_body(width, height, level)


@functools.lru_cache(8)
def _grey_body(width, height, level):
    strip, edges = strip_height(width), bar_edges(width)
    bars = b"".join(bytes([full_range_ycc(rgb)[0]]) * (right - left) for rgb, left, right in zip(BAR_COLOURS, edges, edges[1:]))
    return bytes([level]) * (width * strip) + bars * (height - 2 * strip)


def grey(width, height, number, level=128):
    """Full range, as monochrome sensors have it."""
    return _number_lumas(width, number, b"\0", b"\xff") * strip_height(width) + _grey_body(width, height, level)


@functools.lru_cache(8)
def _nv12_body(width, height, level):
    strip = strip_height(width)
    lumas = bytes([_video_level(level)]) * (width * strip) + _bar_row(width, lambda c: bytes([c[0], c[0]])) * (height - 2 * strip)
    return lumas + b"\x80" * (width * strip) + _bar_row(width, lambda c: bytes([c[1], c[2]])) * (height // 2 - strip)


def nv12(width, height, number, level=128):
    return _number_lumas(width, number) * strip_height(width) + _nv12_body(width, height, level)


def picture(fourcc, width, height, number, level=128, detail=0, with_tables=True):
    """The bytes of picture `number` in a V4L2 format: MJPG, YUYV, NV12 or GREY."""
    if fourcc == "MJPG":
        return jpeg(width, height, number & 0xFFFF, level, detail, with_tables)
    return {"YUYV": yuyv, "NV12": nv12, "GREY": grey}[fourcc](width, height, number & 0xFFFF, level)


def raw_size(fourcc, width, height):
    return {"YUYV": 2 * width * height, "NV12": width * height * 3 // 2, "GREY": width * height}[fourcc]


# --- reading --------------------------------------------------------------------------------------------------------------


def read_number(luma_at, width, original_width=None):
    """The number in a picture of `width` pixels, by luma_at(x, y) → 0…255. `original_width`: the camera's, if it was scaled."""
    original_width = original_width or width
    scale = width / original_width
    block, row = block_width(original_width) * scale, int(strip_height(original_width) * scale / 2)
    number = 0
    for bit in range(NUMBER_BITS):
        number = number << 1 | (luma_at(int((bit + 0.5) * block), row) > 127)
    return number


def read_raw_number(fourcc, data, width):
    step = 2 if fourcc == "YUYV" else 1
    return read_number(lambda x, y: data[(y * width + x) * step], width)
