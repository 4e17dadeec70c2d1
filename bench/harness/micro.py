"""Small programs that time one operation by themselves and print CPU milliseconds per frame."""

import os
import subprocess
from pathlib import Path

from harness.load import LoadFailed

PYTHON = "/usr/bin/python3"
OPENCV = Path(__file__).resolve().parent.parent / "micro" / "opencv_jpeg.py"
TIMEOUT_S = 120


def ms_per_frame(command: list[str], cpus: set[int]) -> float:
    """Runs one measurement pinned to these CPUs."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S,
                          preexec_fn=lambda: os.sched_setaffinity(0, cpus))
    if done.returncode != 0:
        raise LoadFailed((done.stderr.strip().splitlines() or ["it failed silently"])[-1])
    return float(done.stdout)


def opencv(operation: str, folder: Path, seconds: float) -> list[str]:
    return [PYTHON, str(OPENCV), operation, str(folder), f"{seconds:g}"]


def own(binary: Path, operation: str, folder: Path, seconds: float) -> list[str]:
    return [str(binary), operation, str(folder), f"{seconds:g}"]
