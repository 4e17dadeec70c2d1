"""Runs the programs of a suite: output to the suite's log, no input, a time bound, and nothing left running after it."""

import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "out" / "test"


class Failed(Exception):
    """A step that the suite needs did not succeed; the text says which."""


class Log:
    """One suite's log and clock. `deadline` is on time.monotonic()."""

    def __init__(self, name, bound_s):
        self.name = name
        self.folder = OUT / name
        self.path = OUT / f"{name}.log"
        self.deadline = time.monotonic() + bound_s
        OUT.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")

    def run(self, *command, env=None, cwd=ROOT, stdout=None):
        """Runs `command` to its end or the suite's deadline and returns its exit code. Its process group dies with it."""
        command = [str(part) for part in command]
        with open(self.path, "ab") as log:
            log.write(f"$ {' '.join(command)}\n".encode())
            log.flush()
            try:
                process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=stdout or log, stderr=log,
                                           env={**os.environ, "CI": "true", **(env or {})}, start_new_session=True)
            except OSError as problem:
                raise Failed(f"{command[0]}: {problem.strerror}") from problem
            try:
                return process.wait(timeout=max(1, self.deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise Failed(f"{pathlib.Path(command[0]).name} had not ended within the suite's time bound") from None
            finally:
                end_group(process)

    def need(self, *command, **options):
        """As run(), for a step without which the suite cannot go on."""
        code = self.run(*command, **options)
        if code != 0:
            raise Failed(f"{pathlib.Path(str(command[0])).name} {' '.join(map(str, command[1:3]))}: exit {code}")


def end_group(process):
    """SIGTERM, then SIGKILL, for whatever is left of the process group."""
    for number, patience_s in ((signal.SIGTERM, 8), (signal.SIGKILL, 2)):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):
            return
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            process.poll()
            try:
                os.killpg(process.pid, 0)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.05)
