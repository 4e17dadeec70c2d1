"""footprint: memory of the server and one worker while one client watches a 1080p30 camera."""

from collections.abc import Iterator

import limits
import peers
from harness import procfs, turns
from harness.context import TWO_CPUS, Context
from harness.load import Clients
from harness.rows import Row

MB = 1e6


def _memory(context: Context, contender) -> list[float]:
    with contender.serve(context, context.large(), "mjpeg", None) as running:
        delivery = context.load(running.target, Clients(1), TWO_CPUS, running.pids, lambda: procfs.memory(running.pids))
    return [delivery.while_open.private / MB, delivery.while_open.resident / MB]


def measure(context: Context) -> Iterator[Row]:
    names = [f"server and one worker, {kind}" for kind in ("private", "resident")]
    if not context.wanted("server and one worker"):
        return
    rows = [Row("footprint", name, "MB", limit=limits.limit_of("footprint", name)) for name in names]
    contenders = peers.able(context, (peers.OURS, *peers.PEERS), "mjpeg", rows[0].absent)
    measured = {c.name: lambda c=c: _memory(context, c) for c in contenders}
    turns.take_together(rows, context.rounds, measured, context.say)
    yield from rows
