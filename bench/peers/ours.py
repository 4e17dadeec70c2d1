"""Camweave itself, as it is installed: one server process, one worker per camera."""

from contextlib import contextmanager
from pathlib import Path

from harness import rows
from harness.load import Target
from harness.network import free_port
from harness.process import Process
from peers.contender import Contender, Running

STREAM_PATHS = {"mjpeg": "stream.mjpg", "websocket": "jpeg"}
RTSP = ("rtsp-tcp", "rtsp-udp")
LISTENERS = ("bundle", "raw_tcp", "rtsp", "webrtc")
LISTENER_OF = {"mjpeg": "http", "websocket": "http", "raw": "raw_tcp", "bundle": "bundle", "rtsp-tcp": "rtsp", "rtsp-udp": "rtsp"}


def pass_through(content) -> str:
    """A camera that delivers the content's own JPEGs."""
    return f"file:{content.folder}?fps={content.fps}&loop=1"


def write_config(path: Path, listeners: dict[str, int], sources: list[str], state_dir: Path) -> Path:
    """A configuration with only the given listeners and one camera per source: cam0, cam1, …"""
    lines = ["[server]", f'state_dir = "{state_dir}"']
    for name in ("http", *LISTENERS):
        lines.append(f'{name} = "127.0.0.1:{listeners[name]}"' if name in listeners else f'{name} = ""')
    for index, source in enumerate(sources):
        lines += ["", "[[camera]]", f'id = "cam{index}"', f'source = "{source}"']
    path.write_text("\n".join(lines) + "\n")
    return path


class Camweave(Contender):
    name = rows.OURS
    protocols = ("mjpeg", "websocket", *RTSP)  # raw TCP and FrameBundle: not served yet

    def missing(self, context):
        return None if context.server else f"not built: {context.build}/bin/camweave"

    @contextmanager
    def serve(self, context, content, protocol, cpus):
        with self.serve_sources(context, [pass_through(content)], protocol, cpus) as running:
            yield running

    @contextmanager
    def serve_sources(self, context, sources, protocol="mjpeg", cpus=None, query="", env=None):
        """Any cameras; the target's paths are their streams, with `query` behind each. `env`: more for all its processes."""
        listeners = {"http": free_port()}
        listeners.setdefault(LISTENER_OF[protocol], free_port())
        config = write_config(context.work / "camweave.toml", listeners, sources, context.work / "state")
        command = [str(context.server), "serve", "--config", str(config)]
        port = listeners[LISTENER_OF[protocol]]
        name = STREAM_PATHS.get(protocol)
        paths = tuple(f"/api/v1/cameras/cam{i}/{name}{query}" for i in range(len(sources))) if name else ("/",)
        if protocol in RTSP:
            paths = tuple(f"/cam{i}{query}" for i in range(len(sources)))
        with Process(command, context.work / "camweave.log", cpus, env) as process:
            process.wait_for_port(port)
            yield Running([process], Target(protocol, port, paths))
