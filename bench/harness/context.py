"""What a figure needs to know of the run: how long, how often, where the programs and pictures are."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from harness import media
from harness.load import Clients, Delivery, Target, Window, deliver

REPOSITORY = Path(__file__).resolve().parent.parent.parent
ONE_CPU = "same CPU"
TWO_CPUS = "two CPUs"


class ToolsMissing(Exception):
    """The run cannot begin; the text says what is missing and how to get it."""


def _find(names: tuple[Path, ...]) -> Path | None:
    return next((path for path in names if path.exists()), None)


@dataclass
class Context:
    seconds: float = 3.0
    rounds: int = 5
    brief: bool = False  # one case of each figure: to see that it works
    with_peers: bool = True
    figure: str = ""  # the one that runs now
    case_words: tuple[str, ...] = ()  # only cases whose name has all of these words
    build: Path = REPOSITORY / "build" / "release"
    work: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="camweave-bench-")))
    _begun: set[str] = field(default_factory=set)  # figures of which a case was wanted

    # The programs ------------------------------------------------------------------------------------------------

    def tool(self, name: str) -> Path:
        found = _find((self.build / "bin" / name, self.alone / "bin" / name))
        if found is None:
            raise ToolsMissing(f"{name} is not built, and building it by itself failed")
        return found

    def shim(self) -> Path:
        """The library that plays a V4L2 camera."""
        found = _find((self.build / "lib" / "libbench_v4l2.so", self.alone / "lib" / "libbench_v4l2.so"))
        if found is None:
            raise ToolsMissing("libbench_v4l2.so is not built")
        return found

    @property
    def alone(self) -> Path:
        return REPOSITORY / "build" / "bench"

    @property
    def server(self) -> Path | None:
        return _find((self.build / "bin" / "camweave",))

    def build_tools(self) -> None:
        """Builds bench/ by itself where the main build has not done it."""
        if (self.build / "bin" / "bench_load").exists():
            return
        generator = ["-G", "Ninja"] if shutil.which("ninja") and not (self.alone / "CMakeCache.txt").exists() else []
        steps = (["cmake", "-S", str(REPOSITORY / "bench"), "-B", str(self.alone), *generator],
                 ["cmake", "--build", str(self.alone), "-j", "2"])
        for step in steps:
            done = subprocess.run(step, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise ToolsMissing(f"{' '.join(step)} failed:\n{done.stdout[-2000:]}")

    # The pictures ------------------------------------------------------------------------------------------------

    def large(self) -> media.Content:
        """1080p, about 100 KB each."""
        return media.prepare(REPOSITORY / "build" / "bench-media", 1920, 1080, 100_000)

    def small(self) -> media.Content:
        """640×360, about 20 KB each."""
        return media.prepare(REPOSITORY / "build" / "bench-media", 640, 360, 20_000)

    def rtsp_sized(self) -> media.Content:
        """640×360 of the same size as the frames of h264(): a send's fixed cost is a large part of so small a frame's."""
        return media.prepare(REPOSITORY / "build" / "bench-media", 640, 360, 15_800)

    def h264(self) -> Path:
        """A clip of 4 Mbit/s at 30 fps with a keyframe every 2 s, for RTSP."""
        return media.prepare_h264(REPOSITORY / "build" / "bench-media" / "rtsp-4mbit.mp4")

    def tiny(self) -> media.Content:
        """320×240, about 8 KB each."""
        return media.prepare(REPOSITORY / "build" / "bench-media", 320, 240, 8_000)

    # The CPUs ----------------------------------------------------------------------------------------------------

    def cpus(self, placement: str) -> tuple[set[int], set[int]]:
        """The server's and the generator's; all of them where no placement is asked for."""
        if not placement:
            return set(), set()
        available = sorted(os.sched_getaffinity(0))
        first, second = available[0], available[min(1, len(available) - 1)]
        return ({first}, {first}) if placement == ONE_CPU else ({first}, {second})

    def placements(self) -> tuple[str, ...]:
        return (ONE_CPU, TWO_CPUS) if len(os.sched_getaffinity(0)) > 1 else (ONE_CPU,)

    # The turns ---------------------------------------------------------------------------------------------------

    def wanted(self, case: str) -> bool:
        matches = set(self.case_words) <= set(case.replace(",", " ").split())
        if not matches or (self.brief and self.figure in self._begun):
            return False
        self._begun.add(self.figure)
        return True

    def load(self, target: Target, clients: Clients, placement: str, pids: list[int], during=None, seconds=None,
             with_children: bool = True) -> Delivery:
        window = Window(seconds=seconds or self.seconds, cpus=self.cpus(placement)[1], with_children=with_children)
        return deliver(self.tool("bench_load"), target, clients, window, pids, during)

    def say(self, text: str) -> None:
        """Progress, away from the table on stdout."""
        print(text, file=sys.stderr, flush=True)

    def clean(self) -> None:
        shutil.rmtree(self.work, ignore_errors=True)
