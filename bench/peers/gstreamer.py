"""GStreamer's multipartmux and tcpserversink: the parts come with no HTTP around them."""

import shutil
import subprocess
from contextlib import contextmanager

from harness.load import Target
from harness.network import free_port
from harness.process import Process
from peers.contender import Contender, Running

ELEMENTS = ("multifilesrc", "multipartmux", "tcpserversink")


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
        command = ["gst-launch-1.0", "-q", "multifilesrc", f"location={content.folder}/%04d.jpg", "start-index=1"]
        command += ["stop-index=60", "loop=true", f"caps=image/jpeg,framerate={content.fps}/1"]
        command += ["!", "identity", "sync=true", "!", "multipartmux", "boundary=frame", "!"]
        command += ["tcpserversink", "host=127.0.0.1", f"port={port}", "sync=false"]
        with Process(command, context.work / f"gstreamer-{port}.log", cpus) as process:
            process.wait_for_port(port)
            yield Running([process], Target("multipart", port))
