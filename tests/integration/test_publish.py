"""Push by RTSP to other people's servers: GStreamer's in RECORD mode, a listening ffmpeg (MediaMTX: test_mediamtx.py).
Pictures are checked by their drawn-in numbers; targets that are away, refuse, die and come back; TLS; what users switched."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from helpers.processes import arguments, descendants, wait_until
from helpers.push import CAMERA, assert_none_is_missing, first_packet_is_key, numbers_in, push_of, push_to, wait_for_push
from helpers.server import ROOT, free_port
from helpers.tls import self_signed

PASSWORD = "s3cr3t-hunter2"


@pytest.fixture
def gstreamer(processes):
    """gstreamer(path, port, credentials): GStreamer's server, listening. Gives its process."""
    try:
        import gi
        gi.require_version("GstRtspServer", "1.0")
    except (ImportError, ValueError):
        pytest.skip("GStreamer's RTSP server is not here: packages gir1.2-gst-rtsp-server-1.0, python3-gi")

    def start(path, port, *credentials):
        process = processes(sys.executable, ROOT / "tests/helpers/record_target.py", port, path, *credentials,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        return process

    return start


def grows_to(path, size_bytes):
    return lambda: path.exists() and path.stat().st_size >= size_bytes


def test_gstreamer_records_every_picture(server, gstreamer, tmp_path):
    port, recording = free_port(), tmp_path / "pushed.h264"
    gstreamer(recording, port)
    running = server(config=CAMERA + push_to(f"rtsp://127.0.0.1:{port}/cam"))
    push = wait_for_push(running, state="streaming", frames_sent=lambda n: n > 90)
    assert (push["camera"], push["target"], push["last_error"]) == ("front", f"rtsp://127.0.0.1:{port}/cam", None)
    metrics = running.metrics()
    assert metrics["camweave_publish_streaming", frozenset()] == 1
    assert metrics["camweave_publish_sent_frames_total", frozenset()] > 90
    assert push["bytes_sent"] > 10_000 and push["on"] is True and push["next_retry_s"] is None
    assert running.request("POST", "/api/v1/publish/cam/stop").status == 200
    wait_for_push(running, state="stopped", on=False)
    numbers = numbers_in(recording, tmp_path / "pictures")
    assert_none_is_missing(numbers, running, at_least=60)
    assert first_packet_is_key(recording)


def test_digest_is_satisfied_and_the_password_never_shown(server, gstreamer, tmp_path):
    port, recording = free_port(), tmp_path / "pushed.h264"
    gstreamer(recording, port, f"publisher:{PASSWORD}")
    wrong = PASSWORD + "-not"
    running = server(config=CAMERA + push_to(f"rtsp://publisher:{PASSWORD}@127.0.0.1:{port}/cam")
                     + push_to(f"rtsp://publisher:{wrong}@127.0.0.1:{port}/cam", "wrong")
                     + push_to(f"rtsp://127.0.0.1:{port}/cam", "none"))
    wait_for_push(running, state="streaming")
    wait_until(grows_to(recording, 10_000), 10, "pictures arrive")
    assert "wrong user or password" in wait_for_push(running, "wrong", last_error=lambda e: e is not None)["last_error"]
    assert "user and a password" in wait_for_push(running, "none", last_error=lambda e: e is not None)["last_error"]
    shown = [running.log(), running.get("/api/v1/publish").text, running.get("/api/v1/logs").text, running.get("/metrics").text]
    shown += [json.dumps(arguments(pid)) for pid in [running.process.pid, *descendants(running.process.pid)]]
    assert not [text for text in shown if PASSWORD in text]


def listening_ffmpeg(processes, port, path, frames):
    return processes("ffmpeg", "-v", "error", "-y", "-rtsp_flags", "listen", "-timeout", 30, "-i", f"rtsp://127.0.0.1:{port}/cam",
                     "-frames:v", frames, "-c", "copy", path)


def test_ffmpeg_listens_ends_and_is_back(server, processes, tmp_path):
    port = free_port()
    running = server(config=CAMERA + push_to(f"rtsp://127.0.0.1:{port}/cam"))
    away = wait_for_push(running, state="retrying")
    assert "refused" in away["last_error"] and away["next_retry_s"] is not None and away["on"]
    for turn in range(2):
        clip = tmp_path / f"clip{turn}.mkv"
        listener = listening_ffmpeg(processes, port, clip, 45)
        assert listener.wait(timeout=60) == 0
        numbers = numbers_in(clip, tmp_path / f"pictures{turn}")
        assert_none_is_missing(numbers, running, at_least=45)
        assert first_packet_is_key(clip)
        wait_for_push(running, state="retrying", connections=turn + 1)
    camera = running.camera("front")
    health = camera.get("health", camera)
    assert (health["state"], health["restarts"]) == ("streaming", 0), "the camera is untouched"


def test_a_killed_target_and_a_killed_camera_are_survived(server, gstreamer, tmp_path):
    port = free_port()
    first, second = tmp_path / "first.h264", tmp_path / "second.h264"
    target = gstreamer(first, port)
    running = server(config=CAMERA + push_to(f"rtsp://127.0.0.1:{port}/cam"))
    wait_until(grows_to(first, 10_000), 20, "pictures arrive")
    target.kill()
    target.wait()
    wait_for_push(running, state="retrying")
    gstreamer(second, port)
    push = wait_for_push(running, within_s=30, state="streaming", connections=2)
    os.kill(running.workers("pattern")[0], signal.SIGKILL)
    wait_for_push(running, frames_sent=lambda n: n > push["frames_sent"] + 60)
    assert push_of(running)["connections"] == 2, "the camera's crash is no matter of the target's"
    assert first_packet_is_key(second)


def test_what_a_user_switched_survives(server):
    target = f"rtsp://127.0.0.1:{free_port()}/cam"
    running = server(config=CAMERA + push_to(target) + push_to(target, "later", "start = false"))
    assert push_of(running)["on"] and not push_of(running, "later")["on"]
    for _ in range(2):
        stopped = running.request("POST", "/api/v1/publish/cam/stop")
        assert (stopped.status, stopped.json()["name"], stopped.json()["on"]) == (200, "cam", False)
        assert running.request("POST", "/api/v1/publish/later/start").json()["on"] is True
    assert running.request("POST", "/api/v1/publish/nobody/start").status == 404
    assert running.get("/api/v1/publish/cam/stop").status == 405
    running.process.kill()
    running.process.wait()
    running.start()
    assert not push_of(running)["on"] and push_of(running, "later")["on"]


def test_a_reload_changes_the_pushes(server, gstreamer, tmp_path):
    port, recording = free_port(), tmp_path / "pushed.h264"
    gstreamer(recording, port)
    running = server(config=CAMERA)
    assert running.json("/api/v1/publish") == {"publish": []}
    running.write_config(CAMERA + push_to(f"rtsp://127.0.0.1:{port}/cam"))
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.json("/api/v1/publish")["publish"], 5, "the push is there")
    wait_for_push(running, state="streaming")
    running.write_config(CAMERA)
    running.process.send_signal(signal.SIGHUP)
    wait_until(lambda: running.json("/api/v1/publish") == {"publish": []}, 5, "the push has gone")


def post_ok(server, path):
    answer = server.request("POST", path)
    assert answer.status == 200, answer.text
    return answer.json()


def test_the_camera_control_api_switches_it(server):
    """Without an entry: pushed with the defaults, and remembered over a restart."""
    running = server(config=CAMERA)
    running.wait_for_state("front", "streaming")
    assert running.json("/camera/status")["streaming"] is False
    for _ in range(2):
        assert post_ok(running, "/streaming/start") == {"status": "ok", "streaming": True}
    assert [push["target"] for push in running.json("/api/v1/publish")["publish"]] == ["rtsp://127.0.0.1:8554/cam"]
    assert running.json("/v1/camera/status")["streaming"] is True
    running.stop()
    running.start()
    assert push_of(running, "front")["on"] is True
    for _ in range(2):
        assert post_ok(running, "/v1/streaming/stop") == {"status": "ok", "streaming": False}
    running.stop()
    running.start()
    assert running.json("/api/v1/publish") == {"publish": []}


def test_it_switches_the_entries_of_the_camera(server, gstreamer, tmp_path):
    port, recording = free_port(), tmp_path / "pushed.h264"
    gstreamer(recording, port)
    running = server(config=CAMERA + push_to(f"rtsp://127.0.0.1:{port}/cam", more="start = false"))
    running.wait_for_state("front", "streaming")
    assert push_of(running)["on"] is False
    post_ok(running, "/streaming/start")
    wait_for_push(running, state="streaming", frames_sent=lambda n: n > 10)
    assert running.json("/camera/status")["streaming"] is True
    post_ok(running, "/streaming/stop")
    wait_for_push(running, state="stopped")
    assert running.json("/camera/status")["streaming"] is False


class TlsDoor:
    """TLS before a plain port, with a certificate for 127.0.0.1 of its own making."""

    def __init__(self, folder, plain_port):
        self.certificate, key = self_signed(folder)
        self._plain = ("127.0.0.1", plain_port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(plain,), daemon=True).start()

    def _join(self, outside):
        try:
            with self._context.wrap_socket(outside, server_side=True) as secure, socket.create_connection(self._plain) as inside:
                threading.Thread(target=self._pump, args=(inside, secure), daemon=True).start()
                self._pump(secure, inside)
        except OSError:
            pass

    @staticmethod
    def _pump(source, sink):
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self._listener.close()


@pytest.fixture
def tls_door(tmp_path):
    doors = []

    def make(plain_port):
        doors.append(TlsDoor(tmp_path, plain_port))
        return doors[-1]

    yield make
    for door in doors:
        door.close()


def test_tls_is_checked_unless_told_not_to(server, gstreamer, tls_door, needs_program, tmp_path):
    needs_program("openssl", "openssl")
    port, recording = free_port(), tmp_path / "pushed.h264"
    gstreamer(recording, port)
    door = tls_door(port)
    url = f"rtsps://127.0.0.1:{door.port}/cam"
    running = server(config=CAMERA + push_to(url))
    assert "not trusted: self-signed certificate" in wait_for_push(running, last_error=lambda e: e is not None)["last_error"]
    assert not recording.exists()
    running.write_config(CAMERA + push_to(url, more=f'tls_ca = "{door.certificate}"'))
    running.process.send_signal(signal.SIGHUP)
    wait_for_push(running, state="streaming", frames_sent=lambda n: n > 45)
    wait_until(grows_to(recording, 20_000), 10, "pictures arrive")
    # The right authority, but another name on the door.
    running.write_config(CAMERA + push_to(url.replace("127.0.0.1", "localhost"), more=f'tls_ca = "{door.certificate}"'))
    running.process.send_signal(signal.SIGHUP)
    wait_for_push(running, last_error=lambda e: e and "hostname mismatch" in e.lower())
    running.write_config(CAMERA + push_to(url.replace("127.0.0.1", "localhost"), more="tls_verify = false"))
    running.process.send_signal(signal.SIGHUP)
    wait_for_push(running, within_s=30, state="streaming", frames_sent=lambda n: n > 45)
    numbers = numbers_in(recording, tmp_path / "pictures")
    assert_none_is_missing(numbers, running, at_least=20)


def test_a_target_that_says_nothing_is_given_up(server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running = server(config=CAMERA + push_to(f"rtsp://127.0.0.1:{silent.getsockname()[1]}/cam"))
        push = wait_for_push(running, within_s=20, last_error=lambda e: e is not None)
        assert "no answer to OPTIONS within 10 s" in push["last_error"]
    # That the server ends in time although a target hangs, the fixture checks.
