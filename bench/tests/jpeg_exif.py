"""A JPEG with EXIF as Camweave writes it, made independently of the benchmark programs."""

import struct
import time

ASCII, LONG = 2, 4


def with_exif(jpeg: bytes, number: int, unix_us: int, zone_minutes: int = 0) -> bytes:
    """`jpeg` with ImageNumber and the capture time, as local time of a zone with its offset."""
    local = time.gmtime(unix_us // 1_000_000 + zone_minutes * 60)
    sign = "-" if zone_minutes < 0 else "+"
    zone = f"{sign}{abs(zone_minutes) // 60:02}:{abs(zone_minutes) % 60:02}"
    texts = {
        0x9003: time.strftime("%Y:%m:%d %H:%M:%S", local).encode() + b"\0",
        0x9011: zone.encode() + b"\0",
        0x9291: f"{unix_us % 1_000_000:06}".encode() + b"\0",
    }
    exif_ifd = 26
    values_at = exif_ifd + 2 + 4 * 12 + 4
    entries, values = [], b""
    for tag in (0x9003, 0x9011, 0x9211, 0x9291):
        if tag == 0x9211:
            entries.append(struct.pack(">HHII", tag, LONG, 1, number))
            continue
        entries.append(struct.pack(">HHII", tag, ASCII, len(texts[tag]), values_at + len(values)))
        values += texts[tag]
    tiff = b"MM\0*" + struct.pack(">I", 8) + struct.pack(">HHHII", 1, 0x8769, LONG, 1, exif_ifd) + bytes(4)
    tiff += struct.pack(">H", 4) + b"".join(entries) + bytes(4) + values
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]
