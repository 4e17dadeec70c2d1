"""MediaMTX, where it is here: as the target of a push, as a reader of our RTSP, and set up as the guide says. What it hands on is
read by ffmpeg and checked by the numbers drawn into the pictures."""

import itertools
import os
import re
import subprocess

import pytest
from helpers.peers import peer, wait_for_port
from helpers.processes import wait_until
from helpers.push import CAMERA, assert_none_is_missing, first_packet_is_key, numbers_in, push_to, wait_for_push
from helpers.server import PATIENCE, ROOT, free_port
from helpers.tls import self_signed

MEDIAMTX = peer("mediamtx")
# Only RTSP: its other servers have fixed ports, and tests run side by side.
ONLY_RTSP = "rtmp: no\nhls: no\nwebrtc: no\nsrt: no\nrtspTransports: [tcp]\n"
ANY_PATH = "paths:\n  all_others:\n"
PASSWORD = "s3cr3t-hunter2"
PUBLISHER = f"""
authMethod: internal
authInternalUsers:
  - user: publisher
    pass: {PASSWORD}
    permissions:
      - action: publish
        path: cam
  - user: any
    permissions:
      - action: read
"""


@pytest.fixture
def mediamtx(processes, tmp_path):
    """mediamtx(settings, port): one that listens. Gives its process."""
    turns = itertools.count()

    def start(settings, port):
        turn = next(turns)
        config, log = tmp_path / f"mediamtx{turn}.yml", tmp_path / f"mediamtx{turn}.log"
        config.write_text(f"rtspAddress: 127.0.0.1:{port}\n" + ONLY_RTSP + settings)
        with open(log, "wb") as words:
            # MoQ's switch as a variable: versions before it refuse a key that they don't know.
            process = processes(MEDIAMTX, config, cwd=tmp_path, env={**os.environ, "MTX_MOQ": "no"}, stdout=words, stderr=subprocess.STDOUT)
        wait_for_port(port, process, log)
        return process

    return start


def record(url, clip, frames=45):
    subprocess.run(["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-frames:v", str(frames), "-c", "copy", clip], check=True,
                   timeout=60 * PATIENCE)
    return numbers_in(clip, clip.with_suffix(""))


def test_it_takes_the_push_serves_it_is_killed_and_comes_back(server, mediamtx, tmp_path):
    port = free_port()
    url = f"rtsp://127.0.0.1:{port}/cam"
    running = server(config=CAMERA + push_to(url))
    wait_for_push(running, state="retrying")
    for turn in (1, 2):
        process = mediamtx(ANY_PATH, port)
        wait_for_push(running, within_s=40, state="streaming", connections=turn)
        clip = tmp_path / f"clip{turn}.mkv"
        assert_none_is_missing(record(url, clip), running, at_least=40)
        assert first_packet_is_key(clip)
        process.kill()
        process.wait()
        wait_for_push(running, state="retrying")
    camera = running.camera("front")
    assert camera.get("health", camera)["restarts"] == 0, "the camera is untouched"


@pytest.mark.parametrize("method", ["basic", "digest"])
def test_it_asks_for_a_password(server, mediamtx, tmp_path, method):
    port = free_port()
    mediamtx(f"rtspAuthMethods: [{method}]\n" + PUBLISHER + ANY_PATH, port)
    address = f"127.0.0.1:{port}/cam"
    running = server(config=CAMERA + push_to(f"rtsp://publisher:{PASSWORD}@{address}")
                     + push_to(f"rtsp://publisher:{PASSWORD}-not@{address}", "wrong") + push_to(f"rtsp://{address}", "none"))
    wait_for_push(running, state="streaming")
    assert "wrong user or password" in wait_for_push(running, "wrong", last_error=lambda e: e is not None)["last_error"]
    assert "user and a password" in wait_for_push(running, "none", last_error=lambda e: e is not None)["last_error"]
    assert_none_is_missing(record(f"rtsp://{address}", tmp_path / "clip.mkv"), running, at_least=40)
    wait_for_push(running, state="streaming", connections=1)


@pytest.mark.parametrize("trust", ["nobody", "certificate", "anybody"])
def test_tls_with_a_certificate_that_nobody_signed(server, mediamtx, tmp_path, needs_program, trust):
    needs_program("openssl", "openssl")
    certificate, key = self_signed(tmp_path)
    port = free_port()
    mediamtx(f"rtspEncryption: optional\nrtspsAddress: 127.0.0.1:{port}\nrtspServerCert: {certificate}\nrtspServerKey: {key}\n" + ANY_PATH,
             free_port())
    more = {"nobody": "", "certificate": f'tls_ca = "{certificate}"', "anybody": "tls_verify = false"}[trust]
    running = server(config=CAMERA + push_to(f"rtsps://127.0.0.1:{port}/cam", more=more))
    if trust == "nobody":
        assert "not trusted: self-signed certificate" in wait_for_push(running, last_error=lambda e: e is not None)["last_error"]
        return
    wait_for_push(running, state="streaming")
    assert_none_is_missing(record(f"rtsps://127.0.0.1:{port}/cam", tmp_path / "clip.mkv"), running, at_least=40)


@pytest.fixture
def pulled(server, mediamtx):
    """pulled(query, transport): the address where MediaMTX serves what it reads from us; and our server."""
    def start(query, transport, login="", more=""):
        port, own = free_port(), free_port()
        running = server(config=CAMERA, server=f'rtsp = "127.0.0.1:{own}"\n{more}')
        source = f"rtsp://{login}127.0.0.1:{own}/front{query}"
        mediamtx(f"paths:\n  pulled:\n    source: {source}\n    rtspTransport: {transport}\n", port)
        return f"rtsp://127.0.0.1:{port}/pulled", running
    return start


def wait_until_served(url):
    command = ["ffprobe", "-v", "error", "-rtsp_transport", "tcp", url]
    wait_until(lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0, 40 * PATIENCE, "MediaMTX has the pictures")


@pytest.mark.parametrize("query", ["", "?codec=mjpeg"], ids=["h264", "mjpeg"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_it_pulls_from_us(pulled, tmp_path, transport, query):
    url, running = pulled(query, transport)
    wait_until_served(url)
    # A reader of MediaMTX's joins in the middle of a JPEG: that picture can't be read.
    assert_none_is_missing(record(url, tmp_path / "clip.mkv"), running, at_least=44)


def test_it_pulls_with_a_password(pulled, tmp_path):
    url, _ = pulled("?size=160x120", "tcp", "viewer:correct-horse@", 'api_key = "correct-horse"')
    wait_until_served(url)
    numbers = record(url, tmp_path / "clip.mkv", 10)
    assert len(numbers) == 10 and numbers == sorted(set(numbers))


def test_it_pulls_again_after_our_restart(pulled, tmp_path):
    url, running = pulled("", "tcp")
    wait_until_served(url)
    running.stop()
    running.start()
    wait_until_served(url)
    assert len(record(url, tmp_path / "clip.mkv", 10)) == 10


def test_a_path_that_it_does_not_have_is_said(server, mediamtx):
    port = free_port()
    mediamtx("paths:\n  other:\n", port)
    running = server(config=CAMERA + push_to(f"rtsp://127.0.0.1:{port}/cam"))
    assert "the target answered 40" in wait_for_push(running, last_error=lambda e: e is not None)["last_error"]


def blocks_of_guide(kind):
    return re.findall(rf"```{kind}\n(.*?)```", (ROOT / "docs/guide/mediamtx.md").read_text(), re.S)


@pytest.mark.parametrize("with_password", [False, True], ids=["open", "password"])
def test_the_guide(server, mediamtx, tmp_path, with_password):
    """Its configuration of both programs, word by word but for ports and the camera itself."""
    port = free_port()
    settings, users, _ = blocks_of_guide("yaml")
    mediamtx(re.sub(r"(?m)^rtspAddress: :8554$", "", settings) + (users if with_password else ""), port)
    ours = blocks_of_guide("toml")[0].replace('"libcamera:"', '"pattern:bars?size=1920x1080"').replace(":8554", f":{port}")
    head, cameras = ours.split("[[camera]]", 1)
    if with_password:
        cameras = cameras.replace("rtsp://", "rtsp://camweave:change-me@")
    running = server(config="[[camera]]" + cameras, server='health = "camera-control"')
    assert 'health = "camera-control"' in head
    wait_for_push(running, state="streaming")
    assert running.json("/camera/status")["streaming"] is True
    numbers = record(f"rtsp://127.0.0.1:{port}/cam", tmp_path / "clip.mkv", 20)
    assert len(numbers) >= 19 and numbers == sorted(set(numbers)), numbers
    assert running.request("POST", "/streaming/stop").json() == {"status": "ok", "streaming": False}
    wait_for_push(running, state="stopped")
    assert running.request("POST", "/streaming/start").json() == {"status": "ok", "streaming": True}
    wait_for_push(running, state="streaming", connections=2)


def test_the_guide_the_other_way_round(server, mediamtx, tmp_path):
    port, own = free_port(), free_port()
    running = server(config=CAMERA, server=f'rtsp = "127.0.0.1:{own}"')
    running.wait_for_state("front", "streaming")
    mediamtx(blocks_of_guide("yaml")[2].replace(":8553/pi", f":{own}/front"), port)
    url = f"rtsp://127.0.0.1:{port}/cam"
    wait_until_served(url)
    assert len(record(url, tmp_path / "clip.mkv", 10)) == 10
