"""Fixtures: servers that end with their test, and the real footage."""

import gzip
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from helpers.server import TWO_PATTERNS, Server  # noqa: E402

FOOTAGE = pathlib.Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")


def pytest_configure(config):
    config.addinivalue_line("markers", "sanitized: part of the pass that is also made with the sanitizers' build")


@pytest.fixture
def server(tmp_path):
    """server(config=…, server=…, args=…) starts one and waits until it answers. At the end of the test each that still
    runs is ended by SIGTERM, which must take less than 5 s, give exit 0 and leave no process."""
    started = []

    def start(config=TWO_PATTERNS, wait=True, **options):
        folder = tmp_path / f"server{len(started)}"
        folder.mkdir()
        instance = Server(folder, config, **options)
        started.append(instance)
        return instance.start(wait)

    yield start
    try:
        for instance in started:
            if instance.process.poll() is None:
                instance.stop()
            text = instance.log()
            assert "ERROR: AddressSanitizer" not in text and "runtime error:" not in text, text[-4000:]
    finally:
        for instance in started:
            instance.destroy()


@pytest.fixture(scope="session")
def footage(tmp_path_factory):
    """vtest.avi of opencv-doc: 768×576 at 10 fps, people walking."""
    packed = FOOTAGE.with_name("vtest.avi.gz")
    if not FOOTAGE.exists() and not packed.exists():
        pytest.skip("the footage is not here: package opencv-doc")
    if FOOTAGE.exists():
        return FOOTAGE
    path = tmp_path_factory.mktemp("footage") / "vtest.avi"
    with gzip.open(packed) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target)
    return path


@pytest.fixture
def needs_program():
    def check(name, package):
        if not shutil.which(name):
            pytest.skip(f"{name} is not here: package {package}")
    return check


@pytest.fixture
def processes():
    """processes(command, …) starts a program; it ends with the test."""
    started = []

    def start(*command, **options):
        process = subprocess.Popen(list(map(str, command)), **options)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
