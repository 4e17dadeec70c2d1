"""idle: CPU of all processes with two 1080p30 cameras attached and nobody watching."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import limits
import peers
from harness import procfs, turns
from harness.context import Context
from harness.rows import Row
from peers.ours import pass_through

CAMERAS = 2
SETTLE_S = 2.0
PATTERN = "pattern:bars?size=1920x1080&fps=30"


def _percent_of_a_core(context: Context, pids: list[int]) -> float:
    """The cameras run by a clock of their own: letting time pass is what is measured here."""
    time.sleep(SETTLE_S)
    seconds = max(context.seconds, 3.0)
    before, started = procfs.cpu_time(pids), time.monotonic()
    time.sleep(seconds)
    return 100 * procfs.cpu_time(pids).since(before) / (time.monotonic() - started)


def _ours(context: Context, source: str) -> float:
    with peers.OURS.serve_sources(context, [source] * CAMERAS) as running:
        return _percent_of_a_core(context, running.pids)


def _peer(context: Context, contender) -> float:
    """A peer serves one camera per process: two of them."""
    with ExitStack() as stack:
        running = [stack.enter_context(contender.serve(context, context.large(), "mjpeg", None)) for _ in range(CAMERAS)]
        return _percent_of_a_core(context, [pid for one in running for pid in one.pids])


def measure(context: Context) -> Iterator[Row]:
    for kind, source in (("pattern", PATTERN), ("pass-through", pass_through(context.large()))):
        case = f"two cameras 1080p30, {kind}"
        if not context.wanted(case):
            continue
        row = Row("idle", case, "% of a core", limit=limits.limit_of("idle", case))
        measured = {}
        if peers.able(context, [peers.OURS], "mjpeg", row.absent):
            measured[peers.OURS.name] = lambda s=source: _ours(context, s)
        for contender in peers.able(context, peers.PEERS if kind == "pass-through" else (), "mjpeg", row.absent):
            measured[contender.name] = lambda c=contender: _peer(context, c)
        turns.take(row, context.rounds, measured, context.say)
        yield row
