"""Reads three frames from the V4L2 camera at argv[1], as a program would, and prints what it saw as JSON. Run it under
the shim."""

import fcntl
import json
import mmap
import os
import select
import struct
import sys

CAPTURE, MMAP = 1, 1
BUFFER_BYTES = 88  # struct v4l2_buffer on 64-bit


def request(direction: int, number: int, size: int) -> int:
    return direction << 30 | size << 16 | ord("V") << 8 | number


QUERYCAP, REQBUFS = request(2, 0, 104), request(3, 8, 20)
QUERYBUF, QBUF, DQBUF = (request(3, number, BUFFER_BYTES) for number in (9, 15, 17))
STREAMON, STREAMOFF = request(1, 18, 4), request(1, 19, 4)


def buffer(index: int = 0) -> bytearray:
    data = bytearray(BUFFER_BYTES)
    struct.pack_into("II", data, 0, index, CAPTURE)
    struct.pack_into("I", data, 60, MMAP)
    return data


def main(path: str) -> None:
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    capability = bytearray(104)
    fcntl.ioctl(fd, QUERYCAP, capability)
    fcntl.ioctl(fd, REQBUFS, bytearray(struct.pack("IIIII", 3, CAPTURE, MMAP, 0, 0)))
    maps = []
    for index in range(3):
        data = buffer(index)
        fcntl.ioctl(fd, QUERYBUF, data)
        offset, length = struct.unpack_from("I", data, 64)[0], struct.unpack_from("I", data, 72)[0]
        maps.append(mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ, offset=offset))
        fcntl.ioctl(fd, QBUF, data)
    fcntl.ioctl(fd, STREAMON, struct.pack("I", CAPTURE))
    frames = []
    while len(frames) < 3:
        assert select.select([fd], [], [], 5)[0], "no frame within 5 s"
        data = buffer()
        fcntl.ioctl(fd, DQBUF, data)
        index, _, used = struct.unpack_from("III", data, 0)
        picture = maps[index][:used]
        frames.append({"sequence": struct.unpack_from("I", data, 56)[0], "soi": picture[:2].hex(), "eoi": picture[-2:].hex()})
        fcntl.ioctl(fd, QBUF, data)
    fcntl.ioctl(fd, STREAMOFF, struct.pack("I", CAPTURE))
    os.close(fd)
    print(json.dumps({"driver": capability[:8].decode(), "frames": frames}))


main(sys.argv[1])
