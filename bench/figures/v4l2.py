"""v4l2: CPU per frame of a USB camera at 1080p30 with one viewer: MJPEG passed through, YUYV made JPEG; against the copy and the
encode alone. The camera is bench/shim's; what it costs itself is inside every contender's value, and stands alone beside them."""

from collections.abc import Iterator
from contextlib import contextmanager

import limits
import peers
from harness import micro, procfs, turns
from harness.context import ONE_CPU, Context
from harness.load import Clients, LoadFailed, Target
from harness.network import free_port
from harness.process import Process
from harness.rows import OURS, Row
from peers.contender import Running
from peers.ours import Camweave
from peers.ustreamer import device, shim_environment

CAMERA = "the camera alone"
CASES = (
    # case, pixel format, what a server can't do without, the same for ustreamer
    ("MJPEG 1080p30 passed through", "MJPEG", "copy", ("--format", "MJPEG", "--encoder", "HW")),
    ("YUYV 1080p30 to JPEG q80", "YUYV", "encode", ("--format", "YUYV", "--encoder", "CPU", "--quality", "80", "--workers", "1")),
)


def _floor(context: Context, operation: str, pixel_format: str, cpu: int) -> float:
    env = shim_environment(context, context.large(), pixel_format)
    command = ["env", *(f"{name}={value}" for name, value in env.items()), str(context.tool("bench_camera")), operation,
               device(context), f"{context.seconds:g}"]
    return micro.ms_per_frame(command, {cpu})


def _ms_per_frame(context: Context, running: Running, pids: list[int]) -> float:
    delivery = context.load(running.target, Clients(1), ONE_CPU, pids)
    return 1e3 * delivery.cpu_s / delivery.result["frames"]


def _ours(context: Context, pixel_format: str) -> list[float]:
    """The worker's and the whole server's."""
    source = f"v4l2:{device(context)}?format={pixel_format}"
    query = "" if pixel_format == "MJPEG" else "?quality=80"
    # A camera's own EXIF would be left as it is, and the generator compares EXIF with the server's headers.
    env = shim_environment(context, context.large(), pixel_format) | {"BENCH_V4L2_STAMP": "no"}
    with Camweave().serve_sources(context, [source], cpus=context.cpus(ONE_CPU)[0], query=query, env=env) as running:
        whole = _ms_per_frame(context, running, running.pids)
        workers = procfs.tree(running.pids[0])[1:]
        if len(workers) != 1:
            raise LoadFailed(f"{len(workers)} workers where there is one camera")
        return [_ms_per_frame(context, running, workers), whole]


@contextmanager
def _ustreamer_serving(context: Context, pixel_format: str, options: tuple[str, ...]):
    port, content = free_port(), context.large()
    command = ["ustreamer", "--device", device(context), *options, "--host", "127.0.0.1", "--port", str(port),
               "--resolution", f"{content.width}x{content.height}", "--desired-fps", str(content.fps), "--tcp-nodelay"]
    env = shim_environment(context, content, pixel_format)
    with Process(command, context.work / f"ustreamer-{port}.log", context.cpus(ONE_CPU)[0], env) as process:
        process.wait_for_port(port)
        yield Running([process], Target("mjpeg", port, ("/stream",)))


def _ustreamer(context: Context, pixel_format: str, options: tuple[str, ...]) -> list[float]:
    """One process: its whole CPU stands in both rows."""
    with _ustreamer_serving(context, pixel_format, options) as running:
        value = _ms_per_frame(context, running, running.pids)
        return [value, value]


def measure(context: Context) -> Iterator[Row]:
    cpu = min(context.cpus(ONE_CPU)[0])
    for case, pixel_format, operation, options in CASES:
        if not context.wanted(case):
            continue
        alone = f"{operation} alone"
        rows = [Row("v4l2", f"{case}, {part}", "CPU ms per frame", reference=alone, limit=limits.limit_of("v4l2", part))
                for part in ("the worker", "all processes")]
        measured = {}
        if peers.able(context, [peers.OURS], "mjpeg", rows[0].absent):
            measured[OURS] = lambda f=pixel_format: _ours(context, f)
        measured[alone] = lambda o=operation, f=pixel_format: [_floor(context, o, f, cpu)] * 2
        measured[CAMERA] = lambda f=pixel_format: [_floor(context, "take", f, cpu)] * 2
        for ustreamer in peers.able(context, [p for p in peers.PEERS if p.name == "ustreamer"], "mjpeg", rows[0].absent):
            measured[ustreamer.name] = lambda f=pixel_format, o=options: _ustreamer(context, f, o)
        turns.take_together(rows, context.rounds, measured, context.say)
        yield from rows
