"""encode: YUYV 1080p to JPEG q80, one thread, against libjpeg-turbo from ready planes."""

from collections.abc import Iterator

import limits
from harness import micro, turns
from harness.context import ONE_CPU, Context
from harness.rows import OURS, Row

PLANES = "tjCompressFromYUVPlanes alone"
LIBYUV = "libyuv + tjCompressFromYUVPlanes"
OPENCV = "OpenCV cvtColor + imencode"


def _commands(context: Context, camweave: str, with_conversion: bool) -> dict[str, list[str]]:
    folder, seconds, binary = context.large().folder, context.seconds, context.tool("bench_jpeg")
    commands = {
        OURS: micro.own(binary, camweave, folder, seconds),
        PLANES: micro.own(binary, "encode-planes", folder, seconds),
    }
    if with_conversion:
        commands[LIBYUV] = micro.own(binary, "encode-yuyv", folder, seconds)
        commands[OPENCV] = micro.opencv("encode", folder, seconds)
    return commands


CASES = (
    ("YUYV 1080p to JPEG q80", "camweave-encode-yuyv", True),
    ("I420 1080p to JPEG q80", "camweave-encode-planes", False),
)


def measure(context: Context) -> Iterator[Row]:
    cpu = min(context.cpus(ONE_CPU)[0])
    for case, camweave, with_conversion in CASES:
        if not context.wanted(case):
            continue
        row = Row("encode", case, "CPU ms per frame", reference=PLANES, limit=limits.limit_of("encode", case))
        commands = _commands(context, camweave, with_conversion)
        measured = {name: lambda c=command: micro.ms_per_frame(c, {cpu}) for name, command in commands.items()}
        turns.take(row, context.rounds, measured, context.say)
        yield row
