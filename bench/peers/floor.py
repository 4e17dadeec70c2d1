"""The floor: a bare epoll program, sending by sendmsg, sendfile or tee and splice (bench/floor)."""

from contextlib import contextmanager

from harness import rows
from harness.load import Target
from harness.network import congestion_control
from harness.process import Process
from peers.contender import Contender, Running


class Floor(Contender):
    protocols = ("mjpeg", "websocket", "raw", "bundle")

    def __init__(self, send_by: str):
        self.send_by = send_by
        self.name = rows.floor_name(send_by)

    def missing(self, context):
        return None

    @contextmanager
    def serve(self, context, content, protocol, cpus):
        command = [str(context.tool("bench_floor")), "--frames", str(content.folder), "--fps", str(content.fps)]
        command += ["--protocol", protocol, "--send", self.send_by, "--congestion", congestion_control()]
        with Process(command, context.work / f"floor-{self.send_by}.log", cpus) as process:
            port = int(process.wait_for_line("port").split()[1])
            yield Running([process], Target(protocol, port))


class RtspFloor(Contender):
    """The floor for RTSP: one gathered send per frame over TCP; over UDP one sendto per packet, or segmentation offload."""

    def __init__(self, send_by: str):
        self.send_by = send_by
        self.name = rows.floor_name(send_by)
        self.protocols = ("rtsp-tcp",) if send_by == "sendmsg" else ("rtsp-udp",)

    def missing(self, context):
        return None

    @contextmanager
    def serve(self, context, content, protocol, cpus):
        command = [str(context.tool("bench_floor")), "--protocol", protocol, "--send", self.send_by, "--congestion", congestion_control()]
        with Process(command, context.work / f"floor-{self.send_by}.log", cpus) as process:
            port = int(process.wait_for_line("port").split()[1])
            yield Running([process], Target(protocol, port, ("/cam0",)))
