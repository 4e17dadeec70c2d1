"""MediaMTX, where its program is (no package brings it). It serves no MJPEG over HTTP: it takes part in the RTSP figures, fed by ffmpeg."""

import time
from contextlib import contextmanager

from harness.load import Target
from harness.network import free_port
from harness.process import Process, StartFailed
from harness.rtsp import describes
from peers.contender import Contender, Running, unpackaged

PUBLISH_TIMEOUT_S = 20.0


class MediaMtx(Contender):
    name = "MediaMTX"
    protocols = ("rtsp-tcp", "rtsp-udp")

    def missing(self, context):
        return None if unpackaged("mediamtx") else "not here: MEDIAMTX names no binary"

    @contextmanager
    def serve(self, context, content, protocol, cpus):
        """`content`: an H.264 clip."""
        port = free_port()
        rtp = free_port() // 2 * 2
        config = context.work / "mediamtx.yml"
        config.write_text(f"rtspAddress: 127.0.0.1:{port}\nrtpAddress: 127.0.0.1:{rtp}\nrtcpAddress: 127.0.0.1:{rtp + 1}\n"
                          "rtmp: no\nhls: no\nwebrtc: no\nsrt: no\nlogLevel: warn\npaths:\n  all_others:\n")
        # As a variable, since versions before MoQ refuse a key that they don't know.
        with Process([unpackaged("mediamtx"), str(config)], context.work / "mediamtx.log", cpus, {"MTX_MOQ": "no"}) as process:
            process.wait_for_port(port)
            feed = ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(content), "-c", "copy", "-f", "rtsp",
                    "-rtsp_transport", "tcp", f"rtsp://127.0.0.1:{port}/cam0"]
            with Process(feed, context.work / "mediamtx-feed.log", None):
                deadline = time.monotonic() + PUBLISH_TIMEOUT_S
                while not describes(port, "/cam0"):
                    if time.monotonic() > deadline:
                        raise StartFailed(f"nothing was published: {process.last_words()}")
                yield Running([process], Target(protocol, port, ("/cam0",)))
