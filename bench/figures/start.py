"""start: from the start of the process to the last byte of the first JPEG that it serves."""

import socket
import time
from collections.abc import Iterator

import limits
import peers
from harness import turns
from harness.context import Context
from harness.load import Target
from harness.process import StartFailed
from harness.rows import Row

SOURCE = "pattern:bars?size=1280x720&fps=30"
TIMEOUT_S = 20.0
EOI = b"\xff\xd9"


def _first_jpeg_at(target: Target) -> float:
    """Reads the stream until a JPEG has ended; the moment."""
    with socket.create_connection(("127.0.0.1", target.port), timeout=TIMEOUT_S) as sock:
        if target.protocol == "mjpeg":
            sock.sendall(f"GET {target.paths[0]} HTTP/{target.http}\r\nHost: 127.0.0.1:{target.port}\r\n\r\n".encode())
        seen = b""
        while EOI not in seen:
            chunk = sock.recv(65536)
            if not chunk:
                raise StartFailed(f"the stream ended before its first picture: {seen[:200]!r}")
            seen += chunk
        return time.monotonic()


def _measure_once(serving) -> float:
    with serving as running:
        return 1e3 * (_first_jpeg_at(running.target) - running.processes[0].started_at)


def measure(context: Context) -> Iterator[Row]:
    case = "first JPEG of a test pattern"
    if not context.wanted(case):
        return
    row = Row("start", case, "ms", limit=limits.limit_of("start", case))
    measured = {}
    if peers.able(context, [peers.OURS], "mjpeg", row.absent):
        measured[peers.OURS.name] = lambda: _measure_once(peers.OURS.serve_sources(context, [SOURCE]))
    for contender in peers.able(context, peers.PEERS, "mjpeg", row.absent):
        measured[contender.name] = lambda c=contender: _measure_once(c.serve(context, context.large(), "mjpeg", None))
    turns.take(row, context.rounds, measured, context.say)
    yield row
