"""encode-h264: x264 at 1080p30 in our worker's hands against ffmpeg doing the same encode, and the time to a packet."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import limits
from harness import media, micro, turns
from harness.context import ONE_CPU, Context
from harness.load import LoadFailed
from harness.rows import OURS, Row

FFMPEG = "ffmpeg libx264, reading not counted"
CPU_CASE = "1080p30 4 Mbit/s, two slice threads"
LATENCY_CASE = "picture to packet, two slice threads"
FRAMES_OF_A_SECOND = 60  # about what one core encodes: a turn is as long as ours
TIMEOUT_S = 120
# As src/encode/h264/open_encoder.cpp sets them.
SAME_SETTINGS = ("-c:v", "libx264", "-preset", "superfast", "-tune", "zerolatency", "-b:v", "4000k", "-maxrate", "4000k",
                 "-bufsize", "2000k", "-g", "60", "-bf", "0", "-threads", "2", "-x264-params", "scenecut=0:sliced-threads=1")


def _cpu_s(command: list[str], cpu: int) -> float:
    """User and system time of a program pinned to one CPU."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                             preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    words = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise LoadFailed((words.strip().splitlines() or ["it failed silently"])[-1])
    return usage.ru_utime + usage.ru_stime


def _ffmpeg_ms(raw: Path, content: media.Content, seconds: float, cpu: int) -> float:
    """CPU of the encode alone: of a whole run, less that of one that only reads."""
    passes = max(1, round(seconds * FRAMES_OF_A_SECOND / media.FRAMES))
    reading = ["ffmpeg", "-v", "error", "-stream_loop", str(passes - 1), "-f", "rawvideo", "-pix_fmt", "yuvj420p", "-s",
               f"{content.width}x{content.height}", "-r", str(content.fps), "-i", str(raw)]
    encoding = _cpu_s([*reading, *SAME_SETTINGS, "-f", "null", "-"], cpu)
    alone = _cpu_s([*reading, "-c:v", "wrapped_avframe", "-f", "null", "-"], cpu)
    return (encoding - alone) * 1e3 / (passes * media.FRAMES)


def _raw_of(content: media.Content) -> Path:
    """The pictures as one raw file, which both sides read."""
    raw = content.folder.with_suffix(".i420")
    if not raw.exists():
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(content.folder / "%04d.jpg"), "-pix_fmt", "yuvj420p", "-f",
                        "rawvideo", str(raw)], check=True, timeout=TIMEOUT_S)
    return raw


def measure(context: Context) -> Iterator[Row]:
    content = context.large()
    raw, cpu, binary = _raw_of(content), min(context.cpus(ONE_CPU)[0]), context.tool("bench_h264")

    def own(operation: str) -> list[str]:
        return [str(binary), operation, str(raw), str(content.width), str(content.height), f"{context.seconds:g}"]

    if context.wanted(CPU_CASE):
        row = Row("encode-h264", CPU_CASE, "CPU ms per frame", reference=FFMPEG, limit=limits.limit_of("encode-h264", CPU_CASE))
        turns.take(row, context.rounds, {OURS: lambda: micro.ms_per_frame(own("cpu"), {cpu}),
                                         FFMPEG: lambda: _ffmpeg_ms(raw, content, context.seconds, cpu)}, context.say)
        yield row
    if context.wanted(LATENCY_CASE):
        row = Row("encode-h264", LATENCY_CASE, "ms, median", limit=limits.limit_of("encode-h264", LATENCY_CASE))
        everywhere = os.sched_getaffinity(0)
        turns.take(row, context.rounds, {OURS: lambda: micro.ms_per_frame(own("latency"), everywhere)}, context.say)
        yield row
