"""Starts and stops the programs that are measured: pinned, in a process group of their own, always ended."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 6.0
CONNECT_RETRY_S = 0.002


class StartFailed(Exception):
    """The program cannot be measured; the text says why."""


class Process:
    """One server program. Use it as a context manager: it is gone afterwards."""

    def __init__(self, command: list[str], log: Path, cpus: set[int] | None = None, env: dict[str, str] | None = None):
        self.log = log
        self.started_at = time.monotonic()
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,
                preexec_fn=(lambda: os.sched_setaffinity(0, cpus)) if cpus else None,
            )
        self.pid = self.popen.pid

    def __enter__(self) -> "Process":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to the whole group when that does not end it."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.popen.wait()

    def last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    def fail_if_ended(self) -> None:
        if self.popen.poll() is not None:
            raise StartFailed(f"ended with {self.popen.returncode}: {self.last_words()}")

    def wait_for_port(self, port: int) -> None:
        """Until the port accepts. A refused connect on loopback answers at once, so this is a tight wait, not a guess."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            self.fail_if_ended()
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(CONNECT_RETRY_S)
        raise StartFailed(f"port {port} was not open after {START_TIMEOUT_S:g} s")

    def wait_for_line(self, start: str) -> str:
        """The first line of output that begins with `start`."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            for line in self.log.read_text(errors="replace").splitlines(keepends=True):
                if line.startswith(start) and line.endswith("\n"):
                    return line.strip()
            self.fail_if_ended()
            time.sleep(CONNECT_RETRY_S)
        raise StartFailed(f"it never said '{start}'")
