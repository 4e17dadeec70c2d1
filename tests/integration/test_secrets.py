"""A password in a camera's address is used and never shown."""

import base64
import http.server
import json
import threading

import pytest
from helpers.mjpeg import MjpegClient
from helpers.pictures import decode
from helpers.processes import arguments, descendants
from helpers.server import Server

PASSWORD = "s3cr3t-hunter2"


@pytest.fixture
def guarded_camera(server):
    """An HTTP MJPEG camera that asks for a password, before a Camweave's own stream. Gives (port, requests' authorizations)."""
    source = server(config='[[camera]]\nid = "cam0"\nsource = "pattern:bars?size=320x240&fps=15"\n')
    source.wait_for_state("cam0", "streaming")
    seen = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            seen.append(self.headers["Authorization"])
            if self.headers["Authorization"] != "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode():
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="camera"')
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
            self.end_headers()
            with MjpegClient(source, "/api/v1/cameras/cam0/stream.mjpg") as stream:
                try:
                    while True:
                        part = stream.part()
                        self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + part.jpeg + b"\r\n")
                except (OSError, EOFError):
                    pass

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    yield listener.server_address[1], seen
    listener.shutdown()


def everything_shown(running: Server):
    shown = [running.log(), running.get("/metrics").text]
    shown += [running.get(path).text for path in ("/api/v1/cameras", "/api/v1/cameras/ip", "/api/v1/server", "/api/v1/logs",
                                                  "/api/v1/cameras/ip/controls", "/api/v1/cameras/ip/snapshot.jpg?size=bad")]
    shown += [json.dumps(arguments(pid)) for pid in [running.process.pid, *descendants(running.process.pid)]]
    return shown


def test_it_is_used_and_not_shown(server, guarded_camera):
    port, seen = guarded_camera
    running = server(config=f'[[camera]]\nid = "ip"\nsource = "http://admin:{PASSWORD}@127.0.0.1:{port}/video.mjpg"\n')
    running.wait_for_state("ip", "streaming")
    assert decode(running.snapshot("ip")).shape == (240, 320, 3)
    assert any(seen)
    for text in everything_shown(running):
        assert PASSWORD not in text


def test_not_even_when_it_is_wrong(server, guarded_camera):
    port, _ = guarded_camera
    wrong = PASSWORD + "-not"
    running = server(config=f'[[camera]]\nid = "ip"\nsource = "http://admin:{wrong}@127.0.0.1:{port}/video.mjpg"\n')
    failed = running.wait_for_state("ip", "failed")
    assert "401" in failed["last_error"] or "password" in failed["last_error"].lower()
    for text in everything_shown(running):
        assert PASSWORD not in text


def test_not_when_the_file_has_a_mistake(tmp_path):
    import subprocess
    from helpers.server import BIN
    path = tmp_path / "my.toml"
    path.write_text(f'[[camera]]\nid = "ip"\nsource = "htp://admin:{PASSWORD}@192.0.2.7/video"\nfsp = 3\n')
    done = subprocess.run([BIN / "camweave", "check-config", path], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert PASSWORD not in done.stderr + done.stdout
