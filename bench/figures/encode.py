"""encode: YUYV 1080p to JPEG q80, one thread, against libjpeg-turbo from ready planes."""

from collections.abc import Iterator

import limits
from harness import micro, turns
from harness.context import ONE_CPU, Context
from harness.rows import OURS, Row

PLANES = "tjCompressFromYUVPlanes alone"
LIBYUV = "libyuv + tjCompressFromYUVPlanes"
OPENCV = "OpenCV cvtColor + imencode"


def measure(context: Context) -> Iterator[Row]:
    case = "YUYV 1080p to JPEG q80"
    if not context.wanted(case):
        return
    row = Row("encode", case, "CPU ms per frame", reference=PLANES, limit=limits.limit_of("encode", case))
    folder, cpu = context.large().folder, min(context.cpus(ONE_CPU)[0])
    binary = context.tool("bench_jpeg")
    commands = {
        OURS: micro.own(binary, "encode-camweave", folder, context.seconds),
        PLANES: micro.own(binary, "encode-planes", folder, context.seconds),
        LIBYUV: micro.own(binary, "encode-yuyv", folder, context.seconds),
        OPENCV: micro.opencv("encode", folder, context.seconds),
    }
    measured = {name: lambda c=command: micro.ms_per_frame(c, cpu) for name, command in commands.items()}
    turns.take(row, context.rounds, measured, context.say)
    yield row
