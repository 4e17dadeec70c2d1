"""scripts/register_service.sh as far as it goes without systemd running: the unit that it makes, and what it refuses.
tests/vm/test_service.py starts the service under a real systemd."""

import os
import re
import shutil
import subprocess

import pytest

from helpers.server import BIN, ROOT

SCRIPT = ROOT / "scripts/register_service.sh"


def register(*words):
    return subprocess.run([SCRIPT, *words], capture_output=True, text=True, env=os.environ | {"LC_ALL": "C.UTF-8"})


@pytest.fixture
def unit(tmp_path):
    """unit(NAME, PORT) → the file of a service whose program is the one just built."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not here: package systemd")

    def make(name, port):
        done = register("--dry-run", name, str(port))
        assert (done.returncode, done.stderr) == (0, "")
        path = tmp_path / f"{name}.service"
        path.write_text(done.stdout.replace(f"/usr/local/lib/camweave/{name}/", f"{BIN}/"))
        return path

    return make


def test_systemd_finds_nothing_wrong_with_the_unit(unit):
    for port in (8000, 80):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit("front-door", port)], capture_output=True, text=True)
        ours = [line for line in done.stderr.splitlines() if "front-door" in line]
        assert (done.returncode, ours) == (0, [])


def test_the_unit_is_sandboxed(unit):
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=25", unit("cameras", 8000)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    lines = unit("cameras", 8000).read_text().splitlines()
    for line in ("DynamicUser=yes", "DevicePolicy=closed", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=",
                 "SystemCallFilter=@system-service", "Type=notify", "WatchdogSec=30"):
        assert line in lines


def test_name_and_port_are_in_the_unit(unit):
    text = unit("front-door", 80).read_text()
    assert re.search(rf"^ExecStart={re.escape(str(BIN))}/camweave serve .*server\.http=0\.0\.0\.0:80$", text, re.M)
    assert "StateDirectory=camweave/front-door\n" in text and "@" not in text.replace("@system-service", "").replace("modprobe@", "").replace(
        "words between @", "")
    assert "AmbientCapabilities=CAP_NET_BIND_SERVICE\n" in text
    assert "CAP_NET_BIND_SERVICE" not in unit("front-door", 8000).read_text()


@pytest.mark.parametrize("words, reason", (
    (("front door", "8000"), "the name 'front door' is no good"), (("../etc", "8000"), "the name '../etc' is no good"),
    (("a|b", "8000"), "the name 'a|b'"), (("9lives", "8000"), "the name '9lives'"), (("x" * 32, "8000"), "1 to 31"), (("", "8000"), "the name ''"),
    (("root", "8000"), "belongs to a user or group"), (("video", "8000"), "belongs to a user or group"),
    (("front", "0"), "the port '0' is no good"), (("front", "65536"), "the port '65536'"), (("front", "80a"), "the port '80a'"),
    (("front", "-1"), "the port '-1'"), (("front", "08000"), "the port '08000'"),
    (("front",), "2 words are needed, not 1"), (("front", "8000", "more"), "2 words are needed, not 3"), ((), "2 words"),
    (("--remove",), "1 words are needed"), (("--force", "front", "8000"), "unknown option --force"),
))
def test_what_makes_no_sense_is_refused_with_the_reason(words, reason):
    done = register(*words)
    assert done.returncode == 2 and done.stdout == ""
    assert reason in done.stderr and "usage: register_service.sh" in done.stderr


def test_without_systemd_or_root_it_says_so_and_changes_nothing():
    if os.path.isdir("/run/systemd/system") and os.geteuid() == 0:
        pytest.skip("systemd runs here, and this is root: it would be registered")
    done = register("camweave-test-service", "8000")
    assert done.returncode == 1 and ("systemd does not run here" in done.stderr or "as root" in done.stderr)
