"""What the results page says of the machine."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent.parent


def _first(path: str, start: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(start):
            return line.partition(":")[2].strip() if ":" in line else line.partition("=")[2].strip('"')
    return "unknown"


def _commit() -> str:
    done = subprocess.run(["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def facts() -> dict[str, str]:
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{_first('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} CPUs",
        "memory": f"{int(_first('/proc/meminfo', 'MemTotal').split()[0]) // 1024} MB",
        "system": f"{_first('/etc/os-release', 'PRETTY_NAME')}, Linux {platform.release()}, {platform.machine()}",
        "commit": _commit(),
    }
