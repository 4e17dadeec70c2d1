"""A `camweave serve` of a test's own: its configuration, ports, state and processes. See conftest.py for the fixture."""

import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess

from helpers.processes import BUSY, arguments, descendants, is_running, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BIN = pathlib.Path(os.environ.get("CAMWEAVE_BIN", ROOT / "build/release/bin"))
# Sanitized programs are slower; where a test waits, it may wait longer for them.
PATIENCE = 5 if "asan" in str(BIN) or "tsan" in str(BIN) else 1

TWO_PATTERNS = """
[[camera]]
id = "cam0"
source = "pattern:bars?size=640x480&fps=30"

[[camera]]
id = "cam1"
source = "pattern:clock?size=640x480&fps=30"
"""


def free_port(address="127.0.0.1"):
    """Below the ports that the kernel gives to clients: none of them takes it before (or between two starts of) its server."""
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            with socket.socket() as probe:
                probe.bind((address, port))
            return port
        except OSError:
            pass


class Answer:
    """One whole HTTP answer."""

    def __init__(self, response, body):
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class Server:
    def __init__(self, folder, config, port=None, server="", args=(), listen="127.0.0.1", prefix=(), env=None):
        """`config`: the cameras' part of camweave.toml (None: no such file); `server`: further lines of [server];
        `prefix`: a command that executes the server's, as processes.WITHOUT_RIGHTS; `env`: further variables."""
        self.folder = pathlib.Path(folder)
        self.port = port or free_port()
        self.address = ("127.0.0.1", self.port)
        self.log_path = self.folder / "server.log"
        self.config_path = self.folder / "camweave.toml"
        self.args = list(args)
        self.prefix = list(prefix)
        self.env = env or {}
        self.process = None
        self._listen = listen
        (self.folder / "state").mkdir(exist_ok=True)
        if config is None:
            self.args += ["--set", f"server.http={listen}:{self.port}", "--set", f"server.state_dir={self.folder / 'state'}",
                          "--set", "server.rtsp="]
        else:
            self.write_config(config, server)

    def write_config(self, config, server=""):
        # Servers of many tests run side by side: only who wants RTSP has it, on a port of its own.
        server += "" if "rtsp =" in server else '\nrtsp = ""'
        head = f'[server]\nhttp = "{self._listen}:{self.port}"\nstate_dir = "{self.folder / "state"}"\n{server}\n'
        self.config_path.write_text(head + config)

    # ---- life ----

    def start(self, wait=True):
        config = ["--config", self.config_path] if self.config_path.exists() else []
        command = [*self.prefix, BIN / "camweave", "serve", *config, *self.args]
        self.process = subprocess.Popen(list(map(str, command)), cwd=self.folder, stdin=subprocess.DEVNULL,
                                        env={**os.environ, **self.env}, stdout=subprocess.DEVNULL, stderr=open(self.log_path, "ab"), start_new_session=True)
        if wait:
            wait_until(self.answers, 10 * PATIENCE, f"the server answers\n{self.log()[-2000:]}")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log()[-2000:]}")
        try:
            return self.get("/health").status == 200
        except OSError:
            return False

    def stop(self):
        """SIGTERM; checks the promise: exit 0 within 5 s, and no process left."""
        family = descendants(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=5 * PATIENCE * BUSY)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still there 5 s after SIGTERM:\n{self.log()[-2000:]}") from None
        assert code == 0, f"exit {code} after SIGTERM:\n{self.log()[-3000:]}"
        wait_until(lambda: not any(map(is_running, family)), 1, f"every process ended: {family}")

    def destroy(self):
        """Whatever happened: nothing of it is left running."""
        if self.process and self.process.poll() is None:
            for pid in [self.process.pid, *descendants(self.process.pid)]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            self.process.wait()

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def workers(self, driver=""):
        """Process ids of the camera processes."""
        return [pid for pid in descendants(self.process.pid) if f"camweave-capture-{driver}" in arguments(pid)[0]]

    # ---- HTTP ----

    def request(self, method, path, body=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection(*self.address, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return Answer(response, response.read())
        finally:
            connection.close()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def json(self, path):
        answer = self.get(path)
        assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
        return answer.json()

    def url(self, path, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    # ---- cameras ----

    def cameras(self):
        listed = self.json("/api/v1/cameras")
        return listed["cameras"] if isinstance(listed, dict) else listed

    def camera(self, camera_id):
        return self.json(f"/api/v1/cameras/{camera_id}")

    def wait_for_state(self, camera_id, state, within_s=10):
        last = {}

        def reached():
            last.update(self.camera(camera_id))
            return last["state"] == state and last

        try:
            return wait_until(reached, within_s * PATIENCE, "")
        except AssertionError:
            raise AssertionError(f"{camera_id} is {last.get('state')} ({last.get('last_error')}), not {state}\n"
                                 f"{self.log()[-2000:]}") from None

    def snapshot(self, camera_id, query=""):
        answer = self.get(f"/api/v1/cameras/{camera_id}/snapshot.jpg{query}")
        assert answer.status == 200, f"{answer.status} {answer.text}"
        return answer.body

    # ---- metrics ----

    def metrics(self):
        """Prometheus' text as {(name, frozenset of label pairs): value}; fails on a line that is not in the format."""
        return parse_metrics(self.get("/metrics").text if self.get("/metrics").status == 200
                             else self.get("/api/v1/metrics").text)


def parse_metrics(text):
    import re
    values = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?', line)
        assert match, f"no metric line: {line}"
        labels = re.findall(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', match[2] or "")
        values[match[1], frozenset(labels)] = float(match[3])
    return values
