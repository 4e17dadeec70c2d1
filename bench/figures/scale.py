"""scale: CPU per camera with 1 to 64 cameras of 320×240 at 30 fps, one viewer each. It must not grow."""

from collections.abc import Iterator

import limits
import peers
from harness import turns
from harness.context import Context
from harness.load import Clients
from harness.rows import OURS, Row
from peers.ours import pass_through

CAMERAS = (2, 4, 16, 64)
ONE = "camweave, 1 camera"


def _percent_per_camera(context: Context, cameras: int, row: Row) -> float:
    with peers.OURS.serve_sources(context, [pass_through(context.tiny())] * cameras) as running:
        delivery = context.load(running.target, Clients(cameras, connect_timeout_s=30), "", running.pids)
    row.remarks[OURS if cameras > 1 else ONE] = f"at {delivery.fps:.1f} fps"
    return 100 * delivery.cpu_s / delivery.result["seconds"] / cameras


def measure(context: Context) -> Iterator[Row]:
    for cameras in CAMERAS:
        case = f"{cameras} cameras, 320×240 at 30 fps"
        if not context.wanted(case):
            continue
        row = Row("scale", case, "% of a core per camera", reference=ONE, limit=limits.limit_of("scale", case))
        measured = {}
        if peers.able(context, [peers.OURS], "mjpeg", row.absent):
            measured = {ONE: lambda: _percent_per_camera(context, 1, row),
                        OURS: lambda n=cameras: _percent_per_camera(context, n, row)}
        turns.take(row, context.rounds, measured, context.say)
        yield row
