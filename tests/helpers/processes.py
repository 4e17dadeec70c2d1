"""What /proc says of processes, and waiting for something with a deadline instead of sleeping."""

import os
import pathlib
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Runs a program without root's rights, on files that root owns as any other user would on his own.
WITHOUT_RIGHTS = ["setpriv", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"] if os.geteuid() == 0 else []


# What takes a second on an idle machine may take a busy one this many. Only a test that fails waits for it.
BUSY = 3


def wait_until(true, within_s, what, every_s=0.02):
    """Polls `true()` until it gives something true, and returns that. Fails the test after `within_s` of an idle machine."""
    end = time.monotonic() + within_s * BUSY
    while not (result := true()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {within_s} s: {what}")
        time.sleep(every_s)
    return result


def _stat(pid):
    """State letter, parent and process group of a process; None when it has gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return fields[0], int(fields[1]), int(fields[2]), int(fields[11]) + int(fields[12])


def is_running(pid):
    stat = _stat(pid)
    return stat is not None and stat[0] not in "ZX"


def cpu_s(pid):
    stat = _stat(pid)
    return stat[3] / TICKS_PER_S if stat else 0.0


def arguments(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def descendants(pid):
    """All processes below `pid`, whatever process group they are in."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := _stat(entry)) and stat[0] not in "ZX":
            parents[int(entry)] = stat[1]
    found, layer = [], [pid]
    while layer:
        layer = [child for child, parent in parents.items() if parent in layer]
        found += layer
    return found
