"""Programs of other projects that no Debian package brings: where one is here, and starting it."""

import os
import pathlib
import shutil
import socket

import pytest

from helpers.processes import wait_until
from helpers.server import PATIENCE


def peer(name):
    """The program: what its variable names (MEDIAMTX=/…/mediamtx), else ~/.cache/camweave/peers/NAME. Without one: skips the file
    that calls it at its head."""
    variable = name.upper()
    named = os.environ.get(variable)
    cache = pathlib.Path(os.environ.get("CAMWEAVE_CACHE") or pathlib.Path.home() / ".cache/camweave")
    path = shutil.which(named or cache / "peers" / name)
    assert path or not named, f"{variable} names no program: {named}"
    if not path:
        pytest.skip(f"{name} is not here: {variable} names its program, or it is in {cache / 'peers'}; no Debian package brings it",
                    allow_module_level=True)
    return path


def wait_for_port(port, process, log):
    """Until something listens there; fails with the log's end when the program gave up."""
    def listens():
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    wait_until(listens, 20 * PATIENCE, f"something listens on port {port}")
