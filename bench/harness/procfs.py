"""Reads CPU time and memory of a process and everything below it from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _stat_fields(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from the third on (the name before may hold anything)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """`root` and all its descendants that are alive."""
    parents: dict[int, int] = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            parents[int(entry)] = int(_stat_fields(int(entry))[1])
        except (OSError, IndexError, ValueError):
            continue
    found = [root]
    for pid in found:
        found.extend(child for child, parent in parents.items() if parent == pid)
    return found


@dataclass(frozen=True)
class CpuTime:
    """CPU time of whole process trees at one moment."""

    ticks_s: float  # utime + stime + those of children that ended, in 10 ms steps
    threads_ns: dict[int, int]  # by thread, exact; empty where the kernel keeps no schedstat

    def since(self, earlier: "CpuTime") -> float:
        """Seconds used. Exact unless a thread ended in between, whose last part only the ticks still know."""
        if not self.threads_ns or set(earlier.threads_ns) - set(self.threads_ns):
            return self.ticks_s - earlier.ticks_s
        spent = sum(ns - earlier.threads_ns.get(tid, 0) for tid, ns in self.threads_ns.items())
        return spent / 1e9


def cpu_time(roots: list[int], with_children: bool = True) -> CpuTime:
    ticks = 0
    threads: dict[int, int] = {}
    for pid in {pid for root in roots for pid in (tree(root) if with_children else [root])}:
        try:
            ticks += sum(int(field) for field in _stat_fields(pid)[11:15])
            for tid in os.listdir(f"/proc/{pid}/task"):
                threads[int(tid)] = int(Path(f"/proc/{pid}/task/{tid}/schedstat").read_text().split()[0])
        except (OSError, IndexError):
            continue
    return CpuTime(ticks / TICKS_PER_S, threads)


@dataclass(frozen=True)
class Memory:
    """Of whole process trees, in bytes."""

    resident: int
    private: int
    anonymous: int


def memory(roots: list[int]) -> Memory:
    sums = {"Rss": 0, "Private_Clean": 0, "Private_Dirty": 0, "Anonymous": 0}
    for pid in {pid for root in roots for pid in tree(root)}:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name = line.partition(":")[0]
            if name in sums:
                sums[name] += int(line.split()[1]) * 1024
    return Memory(sums["Rss"], sums["Private_Clean"] + sums["Private_Dirty"], sums["Anonymous"])


def available_bytes() -> int:
    """MemAvailable of the machine: the only place where pages held by sockets show."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/meminfo has no MemAvailable")
