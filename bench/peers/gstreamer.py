"""GStreamer's multipartmux and tcpserversink: the parts come with no HTTP around them."""

import shutil
import subprocess
from contextlib import contextmanager

from harness.load import Target
from harness.network import free_port
from harness.process import Process
from peers.contender import Contender, Running
from peers.ustreamer import device, shim_environment

ELEMENTS = ("v4l2src", "multipartmux", "tcpserversink")


class GStreamer(Contender):
    name = "GStreamer"

    def missing(self, context):
        if not shutil.which("gst-launch-1.0"):
            return "not here: apt install gstreamer1.0-tools gstreamer1.0-plugins-good gstreamer1.0-plugins-base"
        for element in ELEMENTS:
            if subprocess.run(["gst-inspect-1.0", "--exists", element], timeout=30).returncode != 0:
                return f"not here: GStreamer's element {element}"
        return None

    @contextmanager
    def serve(self, context, content, protocol, cpus):
        port = free_port()
        caps = f"image/jpeg,width={content.width},height={content.height},framerate={content.fps}/1"
        command = ["gst-launch-1.0", "-q", "v4l2src", f"device={device(context)}", "!", caps, "!"]
        command += ["multipartmux", "boundary=frame", "!"]
        command += ["tcpserversink", "host=127.0.0.1", f"port={port}", "sync=false"]
        env = shim_environment(context, content)
        with Process(command, context.work / f"gstreamer-{port}.log", cpus, env) as process:
            process.wait_for_port(port)
            yield Running([process], Target("multipart", port))
