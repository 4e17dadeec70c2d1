"""slow: how old frames are at slow clients, and whether the fast ones notice."""

from collections.abc import Iterator

import limits
import peers
from harness import turns
from harness.context import TWO_CPUS, Context
from harness.load import Clients
from harness.rows import OURS, Row

FAST_CLIENTS = 50
SLOW_CLIENTS = (1, 10, 50)
LINK_BITS_PER_S = 20e6
NOBODY_SLOW = "camweave, nobody slow"
KINDS = (("slow", "p50"), ("slow", "p95"), ("slow", "p99"), ("fast", "p50"), ("fast", "p99"))


def _ages(context: Context, contender, slow: int) -> list[float]:
    content = context.large()
    with contender.serve(context, content, "mjpeg", context.cpus(TWO_CPUS)[0]) as running:
        clients = Clients(FAST_CLIENTS + slow, slow, LINK_BITS_PER_S)
        result = context.load(running.target, clients, TWO_CPUS, running.pids).result
    return [(result[speed]["age_ms"] or {}).get(quantile, float("nan")) for speed, quantile in KINDS]


def _rows(context: Context, slow: int) -> list[Row]:
    content = context.large()
    rows = []
    for speed, quantile in KINDS:
        case = f"{slow} slow at 20 Mbit/s among {FAST_CLIENTS} fast, {speed} {quantile}"
        limit = limits.limit_of("slow", case)
        if (speed, quantile) == ("slow", "p95"):
            bound = limits.slow_age_ms(content.frame_bytes, LINK_BITS_PER_S, content.fps)
            limit = limits.Limit("slow", "", limits.VALUE, round(bound, 1))
        rows.append(Row("slow", case, "ms", limit=limit, reference=NOBODY_SLOW if speed == "fast" else None))
    return rows


def measure(context: Context) -> Iterator[Row]:
    for slow in SLOW_CLIENTS:
        if not context.wanted(f"{slow} slow at 20 Mbit/s among {FAST_CLIENTS} fast"):
            continue
        rows = _rows(context, slow)
        contenders = peers.able(context, (peers.OURS, *peers.FLOORS, *peers.PEERS), "mjpeg", rows[0].absent)
        measured = {c.name: lambda c=c: _ages(context, c, slow) for c in contenders}
        if OURS in measured:
            measured[NOBODY_SLOW] = lambda: _ages(context, peers.OURS, 0)
        turns.take_together(rows, context.rounds, measured, context.say)
        for row in rows:
            # Who stamps no time has no age, and without slow clients there are no slow ages.
            row.samples = {name: v for name, v in row.samples.items() if v == v and all(x == x for x in v)}
            yield row
