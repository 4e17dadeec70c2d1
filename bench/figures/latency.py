"""latency: from the capture time stamp to the last byte at the last of N clients, pass-through JPEG."""

from collections.abc import Iterator

import limits
import peers
from harness import turns
from harness.context import TWO_CPUS, Context
from harness.load import Clients, LoadFailed
from harness.rows import Row

CLIENTS = (1, 10, 50, 200)
QUANTILES = ("p50", "p99")


def _ages_at_the_last(context: Context, contender, clients: int) -> list[float]:
    with contender.serve(context, context.large(), "mjpeg", context.cpus(TWO_CPUS)[0]) as running:
        result = context.load(running.target, Clients(clients), TWO_CPUS, running.pids).result
    ages = result["last_client_age_ms"]
    if ages is None:
        raise LoadFailed("no frame with a time stamp reached every client")
    return [ages[quantile] for quantile in QUANTILES]


def measure(context: Context) -> Iterator[Row]:
    for clients in CLIENTS:
        case = f"{clients} clients, 1080p"
        if not context.wanted(case):
            continue
        bound = limits.Limit("latency", "", limits.VALUE, round(limits.latency_ms(clients, context.large().frame_bytes), 1))
        rows = [Row("latency", f"{case}, {q}", "ms", limit=bound if q == "p99" else None) for q in QUANTILES]
        contenders = peers.able(context, (peers.OURS, *peers.FLOORS, *peers.PEERS), "mjpeg", rows[0].absent)
        measured = {c.name: lambda c=c: _ages_at_the_last(context, c, clients) for c in contenders}
        turns.take_together(rows, context.rounds, measured, context.say)
        yield from rows
