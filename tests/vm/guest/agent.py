"""Does in the guest what the tests on the host ask for: run a program, keep one running, put and get files.

One TCP connection per request. The request is one JSON line, `{"op": NAME, …}`, followed by raw bytes where it says so;
the answer is one JSON line, followed by raw bytes likewise; `{"error": text}` where it could not be done. A `spawn`ed program
takes the connection over as its standard input and output. The host's half is in vm.py."""

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import threading

PORT = 7100
READY = "CAMWEAVE-VM ready"
ENVIRONMENT = {"PATH": "/payload/bin:/usr/sbin:/usr/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": "/payload/lib"}


class Agent:
    """Thread-safe: each connection has a thread of its own."""

    def __init__(self):
        self._spawned = {}  # pid → Popen
        self._ended = threading.Event()
        self._operations = {"run": self._run, "spawn": self._spawn, "wait": self._wait, "kill": self._kill,
                            "put": self._put, "get": self._get, "power_off": self._power_off}

    def serve(self):
        listener = socket.create_server(("0.0.0.0", PORT), backlog=64)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        with open("/dev/console", "w") as console:
            console.write(READY + "\n")
        self._ended.wait()

    def _accept(self, listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection, connection.makefile("rb") as incoming:
            line = incoming.readline()
            if not line:
                return
            try:
                request = json.loads(line)
                answer, body = self._operations[request["op"]](request, connection, incoming)
            except (OSError, KeyError, ValueError, LookupError) as error:
                answer, body = {"error": f"{type(error).__name__}: {error}"}, b""
            try:
                connection.sendall(json.dumps(answer).encode() + b"\n" + body)
            except OSError:
                pass  # the test went away

    @staticmethod
    def _options(request):
        options = {"cwd": request.get("cwd", "/tmp"), "env": ENVIRONMENT | request.get("env", {}), "start_new_session": True}
        if request.get("user"):
            account = pwd.getpwnam(request["user"])
            options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": request.get("groups", [])}
        return options

    def _run(self, request, _connection, incoming):
        """argv, stdin_bytes (a count; the bytes follow), timeout_s → status (null: timed out), out and err (counts), then the bytes."""
        data = incoming.read(request.get("stdin_bytes", 0))
        process = subprocess.Popen(request["argv"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **self._options(request))
        try:
            out, err = process.communicate(data, timeout=request.get("timeout_s"))
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            status = None
        return {"status": status, "out": len(out), "err": len(err)}, out + err

    def _spawn(self, request, connection, _incoming):
        """argv, log (a file for stderr) → pid; from then on the connection is the program's."""
        with open(request["log"], "ab") as log:
            process = subprocess.Popen(request["argv"], stdin=connection.fileno(), stdout=connection.fileno(), stderr=log, **self._options(request))
        self._spawned[process.pid] = process
        return {"pid": process.pid}, b""

    def _wait(self, request, _connection, _incoming):
        """pid, timeout_s → status, null when it still runs."""
        try:
            return {"status": self._spawned[request["pid"]].wait(request.get("timeout_s"))}, b""
        except subprocess.TimeoutExpired:
            return {"status": None}, b""

    def _kill(self, request, _connection, _incoming):
        """pid, signal: to the program's whole group if `group`."""
        process = self._spawned[request["pid"]]
        if process.poll() is None:
            (os.killpg if request.get("group") else os.kill)(process.pid, request["signal"])
        return {}, b""

    def _put(self, request, _connection, incoming):
        """path, bytes (a count; the bytes follow), mode."""
        os.makedirs(os.path.dirname(request["path"]), exist_ok=True)
        with open(request["path"], "wb") as file:
            file.write(incoming.read(request["bytes"]))
        os.chmod(request["path"], request.get("mode", 0o644))
        return {}, b""

    def _get(self, request, _connection, _incoming):
        """path → bytes (a count), then the bytes."""
        with open(request["path"], "rb") as file:
            data = file.read()
        return {"bytes": len(data)}, data

    def _power_off(self, _request, _connection, _incoming):
        threading.Timer(0.05, self._ended.set).start()
        return {}, b""


if __name__ == "__main__":
    sys.stdout = sys.stderr
    Agent().serve()
