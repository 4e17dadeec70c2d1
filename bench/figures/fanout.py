"""fanout: server CPU per GB delivered to N clients, against the sendmsg floor of the same run."""

from collections.abc import Iterator

import limits
import peers
from harness import rows, turns
from harness.context import ONE_CPU, Context
from harness.load import Clients
from harness.media import Content
from harness.rows import Row
from peers.contender import Contender

LARGE, SMALL = "1080p", "20 KB"
# Protocol, clients, content, whether the peers take part (they all speak MJPEG, and only that).
CASES = (
    ("mjpeg", 10, LARGE, True),
    ("mjpeg", 50, LARGE, True),
    ("mjpeg", 200, LARGE, True),
    ("mjpeg", 1000, LARGE, True),
    ("mjpeg", 500, SMALL, True),
    ("websocket", 50, LARGE, False),
    ("websocket", 200, LARGE, False),
    ("websocket", 1000, LARGE, False),
    ("raw", 50, LARGE, False),
    ("raw", 200, LARGE, False),
    ("bundle", 50, LARGE, False),
    ("bundle", 200, LARGE, False),
)


def _measure_once(context: Context, contender: Contender, content: Content, protocol: str, clients: int, placement: str,
                  row: Row) -> float:
    with contender.serve(context, content, protocol, context.cpus(placement)[0]) as running:
        delivery = context.load(running.target, Clients(clients), placement, running.pids)
    row.remarks[contender.name] = f"at {delivery.fps:.1f} fps"
    return delivery.cpu_s_per_gb


def _row(context: Context, case: tuple, placement: str) -> Row | None:
    protocol, clients, size, with_peers = case
    name = f"{protocol}, {clients} clients, {size}, {placement}"
    # Where ours can't take part there is nothing to compare.
    if protocol not in peers.OURS.protocols or not context.wanted(name):
        return None
    content = context.large() if size == LARGE else context.small()
    row = Row("fanout", name, "CPU-s/GB", reference=rows.FLOOR, limit=limits.limit_of("fanout", name))
    row.facts = {"clients": clients, "frame_bytes": content.frame_bytes}
    contenders = [peers.OURS, *peers.FLOORS, peers.TEE_FLOOR]
    if with_peers and placement == ONE_CPU:
        contenders += peers.PEERS
    measured = {
        contender.name: lambda c=contender: _measure_once(context, c, content, protocol, clients, placement, row)
        for contender in peers.able(context, contenders, protocol, row.absent)
    }
    turns.take(row, context.rounds, measured, context.say)
    return row


def measure(context: Context) -> Iterator[Row]:
    for case in CASES:
        for placement in context.placements():
            row = _row(context, case, placement)
            if row:
                yield row
