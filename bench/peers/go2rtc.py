"""go2rtc, where GO2RTC names its binary (no package provides it). Fed through an exec: source that ffmpeg copies."""

import os
import shutil
from contextlib import contextmanager

from harness.load import Target
from harness.network import free_port
from harness.process import Process
from peers.contender import Contender, Running


class Go2rtc(Contender):
    name = "go2rtc"

    def missing(self, context):
        binary = os.environ.get("GO2RTC", "")
        return None if shutil.which(binary) else "not here: GO2RTC names no binary"

    @contextmanager
    def serve(self, context, content, protocol, cpus):
        port = free_port()
        source = f"exec:ffmpeg -v error -re -stream_loop -1 -framerate {content.fps} -i {content.folder}/%04d.jpg"
        config = context.work / "go2rtc.yaml"
        config.write_text(
            f'api:\n  listen: "127.0.0.1:{port}"\nrtsp:\n  listen: ""\nwebrtc:\n  listen: ""\n'
            f"streams:\n  cam: \"{source} -c copy -f mjpeg -\"\n"
        )
        command = [os.environ["GO2RTC"], "-config", str(config)]
        with Process(command, context.work / "go2rtc.log", cpus) as process:
            process.wait_for_port(port)
            yield Running([process], Target("mjpeg", port, ("/api/stream.mjpeg?src=cam",), http="1.0"))
