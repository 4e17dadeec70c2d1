"""The whole server in the guest, seen from the host: its HTTP on a forwarded port."""

import contextlib
import io
import json
import threading
import time
import urllib.request

from PIL import Image

from vm import VmError, wait_until

HTTP_PORT, RTSP_PORT = 8000, 8553


class CamweaveServer:
    """`camweave serve` in the guest. Use as a context."""

    def __init__(self, vm, config):
        self.vm, self.host_port = vm, vm.forward(HTTP_PORT)
        vm.run("rm", "-rf", "/tmp/state")
        vm.put("/tmp/camweave.toml", f'[server]\nhttp = "0.0.0.0:{HTTP_PORT}"\nstate_dir = "/tmp/state"\n{config}'.encode())
        self._program = None

    def start(self):
        self._program = self.vm.spawn("camweave", "serve", "--config", "/tmp/camweave.toml", name="camweave")
        wait_until(self._answers, "the server to answer", 60)
        return self

    def stop(self):
        program, self._program = self._program, None
        return program.stop(timeout_s=30)

    def _answers(self):
        try:
            return self.request("/health") is not None
        except OSError:
            if self._program.wait(0.01) is not None:
                raise VmError(f"camweave ended: {self._program.log()[-2000:]}") from None
            return False

    def request(self, path, method="GET", body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.host_port}{path}", data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.read()

    def json(self, path, **options):
        return json.loads(self.request(path, **options))

    def camera(self, camera_id):
        return self.json(f"/api/v1/cameras/{camera_id}")

    def wait_for_state(self, camera_id, state, timeout_s=60):
        try:
            wait_until(lambda: self.camera(camera_id)["state"] == state, "", timeout_s)
        except VmError:
            raise VmError(f"{camera_id} is not {state}: {self.camera(camera_id)}\n{self.vm.get('/run/log/camweave.log')[-1500:]}") from None

    def picture(self, camera_id):
        return Image.open(io.BytesIO(self.request(f"/api/v1/cameras/{camera_id}/snapshot.jpg")))

    def rtsp_url(self, camera_id, query=""):
        return f"rtsp://127.0.0.1:{self.vm.forward(RTSP_PORT)}/{camera_id}{query}"

    def controls(self, camera_id):
        return {control["name"]: control["value"] for control in self.json(f"/api/v1/cameras/{camera_id}/controls")["controls"]}

    def set_controls(self, camera_id, **values):
        answer = self.json(f"/api/v1/cameras/{camera_id}/controls", method="PATCH", body=values)["controls"]
        return {name: applied["value"] for name, applied in answer.items()}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self._program:
            self.stop()


class Stream:
    """An answer that does not end (MJPEG, events), read by a thread of its own; `seen` is what came so far, with its time."""

    def __init__(self, server, path, separator):
        self._answer = urllib.request.urlopen(f"http://127.0.0.1:{server.host_port}{path}", timeout=120)
        self._separator, self.seen, self.ended = separator, [], False
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        pending = b""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            while data := self._answer.read1(1 << 16):
                *whole, pending = (pending + data).split(self._separator)
                self.seen += [(time.monotonic(), part) for part in whole]
        self.ended = True

    def close(self):
        with contextlib.suppress(OSError):
            self._answer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextlib.contextmanager
def mjpeg(server, camera_id):
    with Stream(server, f"/api/v1/cameras/{camera_id}/stream.mjpg", b"\xff\xd9\r\n") as stream:
        yield stream


class Events(Stream):
    """Server-sent events."""

    def __init__(self, server):
        super().__init__(server, "/api/v1/events", b"\n\n")

    def of(self, name):
        """[(when it came, its JSON)]"""
        found = []
        for at, text in list(self.seen):
            fields = dict(line.split(": ", 1) for line in text.decode().splitlines() if ": " in line)
            if fields.get("event") == name:
                found.append((at, json.loads(fields["data"])))
        return found

    def wait_for(self, name, holds, timeout_s=60):
        """When the first such event came."""
        wait_until(lambda: any(holds(data) for _, data in self.of(name)), f"event {name}; there were {self.of(name)[-3:]}", timeout_s)
        return next(at for at, data in self.of(name) if holds(data))


def camera_config(camera_id, serial, more=""):
    return f'[[camera]]\nid = "{camera_id}"\nsource = "v4l2:serial={serial}"\nsize = "640x480"\nfps = 15\n{more}'
