"""thumb: a 640×480 rendition of a 1080p MJPEG camera. Ours is the whole server with one viewer of the rendition, per
delivered frame; the others only decode, scale and encode."""

from collections.abc import Iterator

import limits
import peers
from harness import micro, turns
from harness.context import ONE_CPU, Context
from harness.load import Clients
from harness.rows import OURS, Row
from peers.ours import pass_through

TURBO = "libjpeg-turbo decode at 1/2, libyuv, encode"
OPENCV = "OpenCV imdecode + resize + imencode"
QUERY = "?size=640x480&quality=80"


def _ours(context: Context) -> float:
    sources = [pass_through(context.large())]
    with peers.OURS.serve_sources(context, sources, cpus=context.cpus(ONE_CPU)[0], query=QUERY) as running:
        delivery = context.load(running.target, Clients(1), ONE_CPU, running.pids)
    return 1e3 * delivery.cpu_s / delivery.result["frames"]


def measure(context: Context) -> Iterator[Row]:
    case = "1080p MJPEG to 640×480"
    if not context.wanted(case):
        return
    row = Row("thumb", case, "CPU ms per frame", reference=TURBO, limit=limits.limit_of("thumb", case))
    folder, cpu = context.large().folder, min(context.cpus(ONE_CPU)[0])
    commands = {
        TURBO: micro.own(context.tool("bench_jpeg"), "thumb", folder, context.seconds),
        OPENCV: micro.opencv("thumb", folder, context.seconds),
    }
    measured = {}
    if peers.able(context, [peers.OURS], "mjpeg", row.absent):
        measured[OURS] = lambda: _ours(context)
    measured |= {name: lambda c=command: micro.ms_per_frame(c, {cpu}) for name, command in commands.items()}
    turns.take(row, context.rounds, measured, context.say)
    yield row
