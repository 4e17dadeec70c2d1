"""memory: user RSS per idle viewer, what is left after 10,000 have gone, and kernel memory of stalled ones."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import limits
import peers
from harness import procfs, turns
from harness.context import TWO_CPUS, Context
from harness.load import Clients
from harness.rows import FLOOR, OURS, Row

KB = 1024
MB = 1e6
VIEWERS = (1000, 10_000)
CHURN_CYCLES = 10_000
CROWD = 10_000  # connected at once
SETTLE_S = 5.0  # the server gives memory back within seconds, not at once
STALLED_VIEWERS = 1000  # so many that what else moves on the machine counts for little
STALLED_BITS_PER_S = 1e5
BEFORE = "camweave before"


def _kb_per_viewer(context: Context, contender, viewers: int) -> float:
    """A picture twice a second: the viewers are connected and served, and hardly anything is in flight."""
    content = replace(context.tiny(), fps=2)
    with contender.serve(context, content, "mjpeg", None) as running:
        context.load(running.target, Clients(1), TWO_CPUS, running.pids, seconds=0.6)
        before = procfs.memory(running.pids).resident
        clients = Clients(viewers, starting=1000, connect_timeout_s=60)
        with_all = context.load(running.target, clients, TWO_CPUS, running.pids, lambda: procfs.memory(running.pids))
    return (with_all.while_open.resident - before) / viewers / KB


def _after_churn(context: Context, before: list[float]) -> float:
    with peers.OURS.serve(context, context.tiny(), "mjpeg", None) as running:
        context.load(running.target, Clients(1), TWO_CPUS, running.pids, seconds=0.5)
        before.append(procfs.memory(running.pids).resident / MB)
        churn = Clients(100, churn_cycles=CHURN_CYCLES, connect_timeout_s=90)
        context.load(running.target, churn, TWO_CPUS, running.pids)
        return procfs.memory(running.pids).resident / MB


def _after_crowd(context: Context, before: list[float]) -> float:
    content = replace(context.tiny(), fps=2)
    with peers.OURS.serve(context, content, "mjpeg", None) as running:
        context.load(running.target, Clients(1), TWO_CPUS, running.pids, seconds=0.6)
        before.append(procfs.memory(running.pids).resident / MB)
        context.load(running.target, Clients(CROWD, starting=1000, connect_timeout_s=60), TWO_CPUS, running.pids)
        time.sleep(SETTLE_S)
        return procfs.memory(running.pids).resident / MB


def _kb_per_stalled(context: Context, contender) -> float:
    """MemAvailable is the machine's: run this when nothing else moves. Pages held by a socket show nowhere else."""
    with contender.serve(context, context.large(), "mjpeg", None) as running:
        context.load(running.target, Clients(1), TWO_CPUS, running.pids, seconds=0.5)
        before = procfs.available_bytes()
        clients = Clients(STALLED_VIEWERS, STALLED_VIEWERS, STALLED_BITS_PER_S, connect_timeout_s=4,
                          may_get_nothing=True, starting=STALLED_VIEWERS)
        stalled = context.load(running.target, clients, TWO_CPUS, running.pids, procfs.available_bytes)
    return (before - stalled.while_open) / STALLED_VIEWERS / KB


AFTER = {
    f"after {CHURN_CYCLES} viewers came and went": _after_churn,
    f"after {CROWD} at once have left": _after_crowd,
}


def _per_viewer(context: Context, viewers: int) -> Row:
    case = f"per viewer, {viewers} connected"
    row = Row("memory", case, "KB of user RSS", reference=FLOOR, limit=limits.limit_of("memory", case))
    contenders = peers.able(context, (peers.OURS, peers.FLOORS[0], *peers.PEERS[:1]), "mjpeg", row.absent)
    measured = {c.name: lambda c=c: _kb_per_viewer(context, c, viewers) for c in contenders}
    turns.take(row, context.rounds, measured, context.say)
    return row


def _what_stays(context: Context, case: str, measure_after: Callable[[Context, list[float]], float]) -> Row:
    row = Row("memory", case, "MB of RSS", reference=BEFORE, limit=limits.limit_of("memory", case))
    before: list[float] = []
    if peers.able(context, [peers.OURS], "mjpeg", row.absent):
        measured = {OURS: lambda: measure_after(context, before)}
        turns.take(row, context.rounds, measured, context.say)
        row.samples[BEFORE] = before
    return row


def _stalled(context: Context) -> Row:
    row = Row("memory", f"{STALLED_VIEWERS} stalled viewers of one camera", "KB each of the machine's", reference=FLOOR)
    contenders = peers.able(context, (peers.OURS, *peers.FLOORS), "mjpeg", row.absent)
    measured = {c.name: lambda c=c: _kb_per_stalled(context, c) for c in contenders}
    turns.take(row, context.rounds, measured, context.say)
    return row


def measure(context: Context) -> Iterator[Row]:
    for viewers in VIEWERS:
        if context.wanted(f"per viewer, {viewers} connected"):
            yield _per_viewer(context, viewers)
    for case, measure_after in AFTER.items():
        if context.wanted(case):
            yield _what_stays(context, case, measure_after)
    if context.wanted(f"{STALLED_VIEWERS} stalled viewers of one camera"):
        yield _stalled(context)
