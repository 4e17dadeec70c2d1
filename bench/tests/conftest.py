"""Fixtures for the tests of the benchmark programs: the programs, and pictures made by ffmpeg."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BENCH))

from harness.context import Context  # noqa: E402


@pytest.fixture(scope="session")
def context():
    """The programs of this build; bench/ alone is built where there is none."""
    found = Context()
    if "CAMWEAVE_BIN" in os.environ:
        found.build = Path(os.environ["CAMWEAVE_BIN"]).parent
    found.build_tools()
    yield found
    found.clean()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of 8 different JPEGs of 640×360."""
    folder = tmp_path_factory.mktemp("pictures")
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=5", "-frames:v", "8"]
    subprocess.run([*command, "-q:v", "4", str(folder / "%02d.jpg")], check=True, timeout=60)
    return folder
