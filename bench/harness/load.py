"""Runs the load generator against one target and reads the server's CPU over exactly its measured window."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from harness import procfs


@dataclass(frozen=True)
class Target:
    """Where and how a contender serves its stream."""

    protocol: str
    port: int
    paths: tuple[str, ...] = ("/",)
    http: str = "1.1"


@dataclass(frozen=True)
class Clients:
    count: int
    slow: int = 0
    slow_bits_per_s: float = 20e6
    churn_cycles: int = 0
    check: bool = False
    connect_timeout_s: float = 15.0
    may_get_nothing: bool = False  # clients so slow that no frame is whole within the window
    starting: int = 128  # so many may be between connect and first frame at once


@dataclass
class Delivery:
    """One window: what the clients got, and what it cost the server."""

    result: dict
    cpu_s: float
    while_open: object = None  # what `during` returned, called at the end of the window

    @property
    def gigabytes(self) -> float:
        return self.result["bytes"] / 1e9

    @property
    def cpu_s_per_gb(self) -> float:
        return self.cpu_s / self.gigabytes

    @property
    def fps(self) -> float:
        return self.result["fast"]["fps"]


STOP_TIMEOUT_S = 10.0


class LoadFailed(Exception):
    """The generator delivered nothing that can be compared; the text says why."""


@dataclass
class Window:
    warmup_s: float = 2.0  # the first pass of the pictures: from then on ours reads them from memory, as the floors do
    seconds: float = 3.0
    cpus: set[int] = field(default_factory=set)
    with_children: bool = True  # False: of the named processes alone, without the camera's


def _command(binary: Path, target: Target, clients: Clients, window: Window) -> list[str]:
    command = [str(binary), "--protocol", target.protocol, "--port", str(target.port), "--http", target.http]
    for path in target.paths:
        command += ["--path", path]
    command += ["--clients", str(clients.count), "--slow", str(clients.slow)]
    command += ["--slow-bps", f"{clients.slow_bits_per_s:.0f}", "--churn", str(clients.churn_cycles)]
    command += ["--starting", str(clients.starting)]
    command += ["--mode", "check" if clients.check else "drain", "--connect-timeout", f"{clients.connect_timeout_s:g}"]
    return command + ["--warmup", f"{window.warmup_s:g}", "--seconds", f"{window.seconds:g}"]


def deliver(binary: Path, target: Target, clients: Clients, window: Window, server_pids: list[int], during=None) -> Delivery:
    """One turn. Raises LoadFailed when frames were torn, wrong or none came: such a server is not cheap, it is broken."""
    pin = (lambda: os.sched_setaffinity(0, window.cpus)) if window.cpus else None
    command = _command(binary, target, clients, window)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          preexec_fn=pin) as generator:
        try:
            _expect(generator, "ready")
            before = procfs.cpu_time(server_pids, window.with_children)
            _expect(generator, "done")
            cpu_s = procfs.cpu_time(server_pids, window.with_children).since(before)
            seen = during() if during else None
            output = generator.stdout.readline()
            generator.wait(STOP_TIMEOUT_S)
        finally:
            generator.kill()
    result = json.loads(output)
    if result["torn"] or result["wrong"]:
        raise LoadFailed(f"{result['torn']} torn and {result['wrong']} wrong frames: {result['faults']}")
    if result["frames"] == 0 and not clients.may_get_nothing:
        raise LoadFailed(f"no frame came: {result['faults']}")
    return Delivery(result, cpu_s, seen)


def _expect(generator: subprocess.Popen, word: str) -> None:
    line = generator.stdout.readline().strip()
    if line != word:
        raise LoadFailed(f"the generator said '{line}' where '{word}' was due")
