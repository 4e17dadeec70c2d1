"""ustreamer (Debian's package), with a V4L2 device played by bench/shim: a camera that delivers MJPEG or YUYV."""

import shutil
from contextlib import contextmanager

from harness.load import Target
from harness.network import free_port
from harness.process import Process
from peers.contender import Contender, Running


def device(context) -> str:
    """A path that looks like a character device to whoever asks before opening it; the shim answers the open."""
    path = context.work / "video0"
    if not path.is_symlink():
        path.symlink_to("/dev/full")
    return str(path)


def shim_environment(context, content, pixel_format: str = "MJPEG") -> dict[str, str]:
    """Makes a program see one V4L2 camera at device() that delivers the content's pictures."""
    return {
        "LD_PRELOAD": str(context.shim()),
        "BENCH_V4L2_DEVICE": device(context),
        "BENCH_V4L2_FRAMES": str(content.folder),
        "BENCH_V4L2_FORMAT": pixel_format,
        "BENCH_V4L2_SIZE": f"{content.width}x{content.height}",
        "BENCH_V4L2_FPS": str(content.fps),
    }


class Ustreamer(Contender):
    name = "ustreamer"

    def missing(self, context):
        return None if shutil.which("ustreamer") else "not here: apt install ustreamer"

    @contextmanager
    def serve(self, context, content, protocol, cpus):
        port = free_port()
        command = ["ustreamer", "--device", device(context), "--format", "MJPEG", "--encoder", "HW", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--resolution", f"{content.width}x{content.height}", "--tcp-nodelay"]
        command += ["--desired-fps", str(content.fps)]
        env = shim_environment(context, content)
        with Process(command, context.work / f"ustreamer-{port}.log", cpus, env) as process:
            process.wait_for_port(port)
            yield Running([process], Target("mjpeg", port, ("/stream",)))
