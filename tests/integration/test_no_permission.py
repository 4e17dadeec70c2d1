"""What this user may not do: one line that names the thing and the cure; a camera fails alone."""

import pathlib
import subprocess

import pytest
from helpers.processes import WITHOUT_RIGHTS
from helpers.server import BIN, TWO_PATTERNS


def run(*arguments, **options):
    return subprocess.run([*WITHOUT_RIGHTS, BIN / "camweave", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20, check=False, **options)


def the_fatal_line(done, code=1):
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("camweave: ")]
    assert len(lines) == 1, done.stderr
    return lines[0]


@pytest.mark.parametrize("listener", ["http", "rtsp"])
def test_a_port_below_1024(tmp_path, listener):
    if int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 99:
        pytest.skip("every user may listen on low ports here (net.ipv4.ip_unprivileged_port_start)")
    ports = {"http": "127.0.0.1:0", listener: "127.0.0.1:99"}
    sets = [part for name, address in ports.items() for part in ("--set", f"server.{name}={address}")]
    line = the_fatal_line(run("serve", *sets, "--set", f"server.state_dir={tmp_path}", cwd=tmp_path))
    assert "127.0.0.1:99" in line and "no permission" in line and "CAP_NET_BIND_SERVICE" in line


def test_a_state_directory(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    line = the_fatal_line(run("serve", "--set", "server.http=127.0.0.1:0", "--set", f"server.state_dir={tmp_path}/locked/state", cwd=tmp_path))
    assert f"{tmp_path}/locked/state" in line and "server.state_dir" in line


@pytest.mark.parametrize("command", [("serve", "--config"), ("check-config",)])
def test_a_configuration(tmp_path, command):
    path = tmp_path / "secret.toml"
    path.write_text('[[camera]]\nid = "a"\nsource = "pattern:bars"\n')
    path.chmod(0)
    line = the_fatal_line(run(*command, path))
    assert "secret.toml" in line and "let the user that runs camweave read it" in line


@pytest.mark.parametrize("kind, cure", [("file", "let the user that runs camweave read it"), ("folder", "let the user that runs camweave read it"),
                                        ("program", "chmod +x"), ("device", "add the user to group")])
def test_a_camera_fails_alone_and_names_the_cure(server, tmp_path, kind, cure):
    path = tmp_path / "thing"
    scheme = {"file": "file", "folder": "file", "program": "exec", "device": "v4l2"}[kind]
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"x")
    path.chmod(0)
    running = server(config=f'[[camera]]\nid = "locked"\nsource = "{scheme}:{path}"\n' + TWO_PATTERNS, prefix=WITHOUT_RIGHTS)
    locked = running.wait_for_state("locked", "failed")
    assert str(path) in locked["last_error"] and cure in locked["last_error"] and "\n" not in locked["last_error"]
    running.wait_for_state("cam0", "streaming")
    answer = running.get("/api/v1/cameras/locked/snapshot.jpg")
    assert answer.status == 503 and answer.json()["detail"].count(cure) == 1
