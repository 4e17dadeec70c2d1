"""go2rtc, where its program is (no package provides it). Fed through an exec: source that ffmpeg copies."""

from contextlib import contextmanager

from harness.load import Target
from harness.network import free_port
from harness.process import Process
from peers.contender import Contender, Running, unpackaged


class Go2rtc(Contender):
    name = "go2rtc"

    def missing(self, context):
        return None if unpackaged("go2rtc") else "not here: GO2RTC names no binary"

    @contextmanager
    def serve(self, context, content, protocol, cpus):
        port = free_port()
        source = f"exec:ffmpeg -v error -re -stream_loop -1 -framerate {content.fps} -i {content.folder}/%04d.jpg"
        config = context.work / "go2rtc.yaml"
        config.write_text(
            f'api:\n  listen: "127.0.0.1:{port}"\nrtsp:\n  listen: ""\nwebrtc:\n  listen: ""\n'
            f"streams:\n  cam: \"{source} -c copy -f mjpeg -\"\n"
        )
        command = [unpackaged("go2rtc"), "-config", str(config)]
        with Process(command, context.work / "go2rtc.log", cpus) as process:
            process.wait_for_port(port)
            yield Running([process], Target("mjpeg", port, ("/api/stream.mjpeg?src=cam",), http="1.0"))
