"""Configuration: mistakes are said with file, line and the nearest name; a reload leaves alone what did not change."""

import os
import signal
import socket
import subprocess

import pytest
from helpers.mjpeg import MjpegClient
from helpers.processes import wait_until
from helpers.server import BIN, PATIENCE, TWO_PATTERNS

GOOD = '[server]\nhttp = "127.0.0.1:0"\n\n[[camera]]\nid = "front"\nsource = "pattern:bars"\n'


def run(*arguments, **options):
    return subprocess.run([BIN / "camweave", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=20, check=False, **options)


@pytest.mark.parametrize("line, number, hint", [
    ('sorce = "pattern:bars"', 7, "source"),
    ('fsp = 30', 7, "fps"),
    ('size = "huge"', 7, "size"),
    ('fps = "many"', 7, "fps"),
    ('fps = -3', 7, "fps"),
    ('controls = 5', 7, "controls"),
    ('[recrod]', 7, "recrod"),
    ('size = "640x480', 7, ""),
])
@pytest.mark.parametrize("command", [("serve", "--config"), ("check-config",)])
def test_a_mistake_is_said_with_its_place(tmp_path, command, line, number, hint):
    path = tmp_path / "my.toml"
    path.write_text(GOOD + line + "\n")
    done = run(*command, path)
    assert done.returncode == 2, done.stderr
    assert f"my.toml:{number}" in done.stderr
    assert hint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr and "terminate" not in done.stderr


def test_the_nearest_name_is_offered(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(GOOD.replace("source", "sourec"))
    done = run("check-config", path)
    assert done.returncode == 2 and "sourec" in done.stderr and "source" in done.stderr.replace("sourec", "")


def test_two_cameras_of_one_name(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(GOOD + '[[camera]]\nid = "front"\nsource = "pattern:clock"\n')
    done = run("check-config", path)
    assert done.returncode == 2 and "front" in done.stderr


def test_a_good_file(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text(GOOD)
    assert run("check-config", path).returncode == 0


def test_no_such_file(tmp_path):
    done = run("serve", "--config", tmp_path / "none.toml")
    assert done.returncode == 1
    assert "none.toml" in done.stderr and len(done.stderr.strip().splitlines()) == 1


def test_wrong_use():
    done = run("serve", "--no-such-option")
    assert done.returncode == 2 and "no-such-option" in done.stderr


def test_version():
    done = run("--version")
    assert done.returncode == 0 and "0." in done.stdout


def test_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--set", f"server.http=127.0.0.1:{port}", "--set", f"server.state_dir={tmp_path}", "--set", "server.rtsp=", cwd=tmp_path)
    assert done.returncode == 1
    fatal = [line for line in done.stderr.splitlines() if str(port) in line]
    assert fatal and ("in use" in fatal[-1] or "already" in fatal[-1]), done.stderr
    assert subprocess.run(["pgrep", "-f", f"127.0.0.1:{port}"], capture_output=True, check=False).returncode != 0


def test_rtsps_own_port_in_use_is_no_reason_to_stop(server):
    with socket.socket() as taken:
        try:
            taken.bind(("0.0.0.0", 8553))
            taken.listen()
        except OSError:
            pass  # somebody has it already: as good
        running = server(server='rtsp = "0.0.0.0:8553"')
        assert running.wait_for_state("cam0", "streaming")
        wait_until(lambda: "no RTSP" in running.log(), 10 * PATIENCE, "the reason in the log")
        assert "8553" in running.log() and not any("rtsp" in where for where in running.get("/api/v1/server").json()["listeners"])


def test_a_chosen_rtsp_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("serve", "--set", "server.http=127.0.0.1:0", "--set", f"server.state_dir={tmp_path}", "--set",
                   f"server.rtsp=127.0.0.1:{port}", cwd=tmp_path)
    assert done.returncode == 1 and f"{port}: the port is in use" in done.stderr


def test_set_on_the_command_line(server):
    running = server(config='[[camera]]\nid = "cam0"\nsource = "pattern:bars"\n', args=["--set", "camera.cam0.size=320x240"])
    assert running.wait_for_state("cam0", "streaming")["width"] == 320


def test_without_a_configuration_there_are_two_patterns(server):
    running = server(config=None)
    # It answers at once and looks for cameras meanwhile.
    wait_until(lambda: [camera["id"] for camera in running.cameras()] == ["cam0", "cam1"], 10 * PATIENCE, "two cameras")
    for camera in ("cam0", "cam1"):
        assert running.wait_for_state(camera, "streaming")["driver"] == "pattern"


@pytest.mark.parametrize("how", ["SIGHUP"])
def test_a_reload_leaves_unchanged_cameras_alone(server, how):
    running = server()
    running.wait_for_state("cam0", "streaming")
    workers = set(running.workers())
    with MjpegClient(running, "/api/v1/cameras/cam0/stream.mjpg?size=320x240") as stream:
        before = stream.take(5)
        running.write_config(TWO_PATTERNS.replace("pattern:clock", "pattern:zone") + '\n[[camera]]\nid = "new"\nsource = "pattern:bars"\n')
        os.kill(running.process.pid, signal.SIGHUP)
        wait_until(lambda: {camera["id"] for camera in running.cameras()} == {"cam0", "cam1", "new"}, 5 * PATIENCE, "the new camera is there")
        running.wait_for_state("new", "streaming")
        after = stream.take(30)
    sequences = [part.sequence for part in before + after]
    assert sequences == sorted(set(sequences))
    assert running.camera("cam0")["restarts"] == 0
    wait_until(lambda: "zone" in running.camera("cam1")["source"], 5 * PATIENCE, "cam1 has its new source")
    wait_until(lambda: len(workers & set(running.workers())) <= 1, 5 * PATIENCE, "cam1's old worker ends")
    assert len(workers & set(running.workers())) == 1, "cam0's worker is the same process"


def test_a_bad_reload_changes_nothing(server):
    running = server()
    running.wait_for_state("cam0", "streaming")
    workers = sorted(running.workers())
    running.write_config('[[camera]]\nid = "cam0"\nsorce = "pattern:bars"\n')
    os.kill(running.process.pid, signal.SIGHUP)
    wait_until(lambda: "sorce" in running.log(), 5 * PATIENCE, "the log says what is wrong")
    assert [camera["id"] for camera in running.cameras()] == ["cam0", "cam1"]
    assert sorted(running.workers()) == workers
