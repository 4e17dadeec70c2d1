"""A virtual machine for tests: Debian's own kernel under QEMU without KVM, with an agent that the tests talk to.

    with Vm(image_folder, work_folder) as vm:
        print(vm.run("v4l2-ctl", "--list-devices").out)
        port = vm.forward(8000)          # the guest's port 8000 on a port of 127.0.0.1

Nothing waits for a time to pass: the boot ends with a line on the serial console, everything after it is an answer of the
agent's (guest/agent.py). The console is kept in work_folder/console.log. The guest reaches nothing outside; QEMU dies
with the process that started it. Thread-safe after boot: each request is a connection of its own."""

import json
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import payload

AGENT_PORT = 7100
READY = "CAMWEAVE-VM ready"
# A boot takes about 5 s on an idle machine of today; this is only the end of patience, for one busy with builds.
BOOT_PATIENCE_S = 120


class VmError(Exception):
    """The VM did not do what a test needs of it."""


def wait_until(condition, what, timeout_s=30):
    """For what has no event to wait for: asks `condition` until it holds. An error when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise VmError(f"waited {timeout_s} s for {what}")
        time.sleep(0.05)


@dataclass
class Finished:
    """A program that ended. `out` and `err` are text; `data` is stdout's bytes."""
    argv: tuple
    status: int | None
    data: bytes
    err: str

    @property
    def out(self):
        return self.data.decode(errors="replace")


class Console:
    """The VM's serial console: into a file, and watched for lines."""

    def __init__(self, stream, path):
        self.path = path
        self._lines = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._read, args=(stream,), daemon=True)
        self._thread.start()

    def _read(self, stream):
        with open(self.path, "wb", buffering=0) as log:
            for line in stream:
                log.write(line)
                with self._changed:
                    self._lines.append(line.decode(errors="replace").rstrip())
                    self._changed.notify_all()
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wait_for(self, text, timeout_s):
        """The first line with `text` in it; None if the console ended or time ran out first."""
        deadline, at = time.monotonic() + timeout_s, 0
        with self._changed:
            while True:
                for line in self._lines[at:]:
                    if text in line:
                        return line
                at = len(self._lines)
                left = deadline - time.monotonic()
                if self._closed or left <= 0:
                    return None
                self._changed.wait(left)

    def tail(self, count=25):
        with self._changed:
            return "\n".join(self._lines[-count:])

    def text(self):
        with self._changed:
            return "\n".join(self._lines)


class Monitor:
    """QEMU's control socket (QMP)."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")
        self._lines.readline()  # the greeting
        self._execute("qmp_capabilities")

    def _execute(self, command, **arguments):
        self._socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while line := self._lines.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise VmError(f"QEMU: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise VmError("QEMU ended")

    def line(self, text):
        """One line of QEMU's monitor for people, and its answer."""
        return self._execute("human-monitor-command", **{"command-line": text})

    def close(self):
        self._lines.close()
        self._socket.close()


class Program:
    """A program that runs in the guest; its standard input and output are lines here. Use as a context: it ends with it."""

    def __init__(self, vm, connection, pid, name):
        self.name, self.pid = name, pid
        self._vm, self._connection = vm, connection
        self._lines = connection.makefile("rb")

    def send_line(self, text):
        self._connection.sendall(text.encode() + b"\n")

    def end_input(self):
        self._connection.shutdown(socket.SHUT_WR)

    def read_line(self, timeout_s=30):
        """The next line of its standard output; None at its end."""
        self._connection.settimeout(timeout_s)
        try:
            line = self._lines.readline()
        except TimeoutError:
            raise VmError(f"{self.name} said nothing for {timeout_s} s; its log:\n{self.log()[-2000:]}") from None
        return line.decode(errors="replace").rstrip("\n") if line else None

    def signal(self, number, whole_group=False):
        self._vm.request({"op": "kill", "pid": self.pid, "signal": int(number), "group": whole_group})

    def wait(self, timeout_s=30):
        """Its exit status (negative: the signal's number), None when it still runs after `timeout_s`."""
        return self._vm.request({"op": "wait", "pid": self.pid, "timeout_s": timeout_s}, timeout_s=timeout_s + 30)[0]["status"]

    def log(self):
        """What it wrote to standard error."""
        return self._vm.get(self._vm.log_path(self.name)).decode(errors="replace")

    def stop(self, timeout_s=10):
        """SIGTERM, and SIGKILL to the whole group if that does not help. Its exit status."""
        self.signal(signal.SIGTERM)
        status = self.wait(timeout_s)
        if status is None:
            self.signal(signal.SIGKILL, whole_group=True)
            status = self.wait(timeout_s)
        self._lines.close()
        self._connection.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Vm:
    """`image`: a folder that build_image made. `files`: more for the guest's /payload (see payload.fill)."""

    def __init__(self, image, work, files=None, cpus=2, memory_mb=1024, kernel_options=""):
        self.image, self.work = Path(image), Path(work)
        self.facts = json.loads((self.image / "image.json").read_text())
        self.boot_seconds = None
        self._files, self._cpus, self._memory_mb, self._kernel_options = files or {}, cpus, memory_mb, kernel_options
        self._qemu = self._monitor = self.console = self._agent = None
        self._forwards = {}  # guest port → host port
        self._lock = threading.Lock()

    def boot(self):
        started = time.monotonic()
        self.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="camweave-vm-") as scratch:  # short: a socket's path has 107 bytes
            disk = Path(scratch) / "payload.img"
            self._write_payload(disk)
            sockets = Path(scratch) / "qmp"
            self._qemu = subprocess.Popen(self._command(disk, sockets), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                          stderr=subprocess.STDOUT)
            try:
                self.console = Console(self._qemu.stdout, self.work / "console.log")
                if not self.console.wait_for(READY, BOOT_PATIENCE_S):
                    raise VmError(f"the VM did not boot within {BOOT_PATIENCE_S} s; its console:\n{self.console.tail()}")
                self._monitor = Monitor(sockets)
                self._agent = self.forward(AGENT_PORT)
            except BaseException:
                self.close()
                raise
        self.boot_seconds = time.monotonic() - started
        return self

    def _write_payload(self, disk):
        with tempfile.TemporaryDirectory(prefix="camweave-payload-") as folder:
            payload.fill(Path(folder), self._files, frozenset(self.facts["libraries"]))
            payload.write_disk(folder, disk)

    def _command(self, disk, monitor):
        # autosuspend: vhci_hcd may take a port that wakes up for one with a new device, and the camera is enumerated anew.
        kernel_line = "console=ttyS0 panic=-1 loglevel=4 mitigations=off nokaslr usbcore.autosuspend=-1 " + self._kernel_options
        return [
            "setpriv", "--pdeathsig", "KILL",
            "qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", str(self._cpus), "-m", str(self._memory_mb),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
            "-kernel", str(self.image / "vmlinuz"), "-initrd", str(self.image / "initrd.img"), "-append", kernel_line,
            "-drive", f"file={self.image}/root.img,if=virtio,format=raw,snapshot=on",
            "-drive", f"file={disk},if=virtio,format=raw,readonly=on",
            "-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile=",
            "-qmp", f"unix:{monitor},server=on,wait=off",
        ]

    # Network.

    def forward(self, guest_port):
        """A port of 127.0.0.1 that leads to the guest's TCP port."""
        with self._lock:
            if guest_port not in self._forwards:
                answer = self._monitor.line(f"hostfwd_add net tcp:127.0.0.1:0-:{guest_port}")
                if answer.strip():
                    raise VmError(f"QEMU: {answer.strip()}")
                rows = re.findall(r"TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+(\d+)", self._monitor.line("info usernet"))
                self._forwards |= {int(guest): int(host) for host, guest in rows}
            return self._forwards[guest_port]

    # The agent.

    def request(self, fields, body=b"", timeout_s=60, keep=False):
        """(answer, its bytes, the connection if `keep`)."""
        connection = socket.create_connection(("127.0.0.1", self._agent), timeout_s)
        try:
            with connection.makefile("rb", buffering=0 if keep else -1) as incoming:
                connection.sendall(json.dumps(fields).encode() + b"\n" + body)
                line = incoming.readline()
                if not line:
                    raise VmError(f"the guest's agent hung up on {fields}; console:\n{self.console.tail()}")
                answer = json.loads(line)
                if "error" in answer:
                    raise VmError(f"{fields.get('op')}: {answer['error']}")
                count = answer.get("bytes", answer.get("out", 0) + answer.get("err", 0))
                data = b"" if keep else incoming.read(count)
        except TimeoutError:
            raise VmError(f"the guest did not answer {fields} within {timeout_s} s; console:\n{self.console.tail()}") from None
        finally:
            if not keep:
                connection.close()
        return answer, data, connection

    def run(self, *argv, timeout_s=60, check=True, stdin=b"", user=None, groups=(), env=None):
        """Runs a program in the guest to its end. `check`: an error unless it exits with 0."""
        fields = {"op": "run", "argv": list(map(str, argv)), "timeout_s": timeout_s, "stdin_bytes": len(stdin), "user": user,
                  "groups": list(groups), "env": env or {}}
        answer, data, _ = self.request(fields, stdin, timeout_s + 30)
        done = Finished(argv, answer["status"], data[:answer["out"]], data[answer["out"]:].decode(errors="replace"))
        if check and done.status != 0:
            outcome = f"took over {timeout_s} s" if done.status is None else f"exited with {done.status}"
            raise VmError(f"{' '.join(map(str, argv))} {outcome}\n{done.out[-2000:]}{done.err[-2000:]}")
        return done

    def shell(self, script, **options):
        return self.run("sh", "-c", script, **options)

    def spawn(self, *argv, name, env=None, user=None):
        """Starts a program that stays. Its stderr goes to log_path(name)."""
        fields = {"op": "spawn", "argv": list(map(str, argv)), "log": self.log_path(name), "env": env or {}, "user": user}
        answer, _, connection = self.request(fields, keep=True)
        return Program(self, connection, answer["pid"], name)

    @staticmethod
    def log_path(name):
        return f"/run/log/{name}.log"

    def put(self, path, data, mode=0o644):
        self.request({"op": "put", "path": str(path), "bytes": len(data), "mode": mode}, data)

    def get(self, path):
        return self.request({"op": "get", "path": str(path)}, timeout_s=120)[1]

    def kernel_log(self):
        return self.run("dmesg").out

    # The end.

    def save_logs(self):
        """Copies the guest's logs to the work folder, as far as the guest still answers."""
        try:
            (self.work / "kernel.log").write_text(self.kernel_log())
            for path in self.shell("ls /run/log/*.log 2>/dev/null || true").out.split():
                (self.work / Path(path).name).write_bytes(self.get(path))
        except (OSError, VmError) as error:
            (self.work / "kernel.log").write_text(f"not to be had: {error}\n")

    def power_off(self, timeout_s=30):
        """Ends the VM in order; False if it had to be killed."""
        try:
            self.request({"op": "power_off"})
            self._qemu.wait(timeout_s)
            in_order = True
        except (VmError, OSError, subprocess.TimeoutExpired):
            in_order = False
        self.close()
        return in_order

    def close(self):
        """Ends QEMU, whatever state it is in."""
        if self._monitor:
            self._monitor.close()
            self._monitor = None
        if self._qemu and self._qemu.poll() is None:
            self._qemu.kill()
        if self._qemu:
            self._qemu.wait()

    def __enter__(self):
        return self.boot()

    def __exit__(self, kind, *_):
        if kind:
            self.save_logs()
            self.close()
        else:
            self.power_off()


def missing_programs():
    """What this machine lacks to run a VM; empty when all is there."""
    wanted = ("qemu-system-x86_64", "mke2fs", "setpriv", "busybox", "modinfo", "fakeroot")
    return [name for name in wanted if not shutil.which(name) and not Path("/sbin", name).exists()]
