"""What every contender of a figure can do."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.context import Context
from harness.load import Target
from harness.media import Content
from harness.process import Process


@dataclass
class Running:
    """A started server that accepts clients."""

    processes: list[Process]
    target: Target

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.processes]


def unpackaged(name: str) -> str | None:
    """A program that no Debian package brings: what its variable names (MEDIAMTX=/…/mediamtx), else ~/.cache/camweave/peers/NAME."""
    cache = Path(os.environ.get("CAMWEAVE_CACHE") or Path.home() / ".cache/camweave")
    return shutil.which(os.environ.get(name.upper()) or cache / "peers" / name)


class Contender:
    """One program that serves JPEGs."""

    name = ""
    protocols: tuple[str, ...] = ("mjpeg",)

    def missing(self, context: Context) -> str | None:
        """Why it cannot run here; None when it can."""
        raise NotImplementedError

    @contextmanager
    def serve(self, context: Context, content: Content, protocol: str, cpus: set[int] | None) -> Iterator[Running]:
        """Serves `content` until the block ends. Raises StartFailed."""
        raise NotImplementedError
