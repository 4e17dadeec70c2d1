"""The programs that people use read our streams as they are."""

import asyncio
import subprocess

import pytest
import websockets
from helpers.pictures import decode
from helpers.websockets_client import Refused, status_of

CAMERA = '[[camera]]\nid = "cam0"\nsource = "pattern:bars?size=640x480&fps=30"\n'
STREAM = "/api/v1/cameras/cam0/stream.mjpg"


@pytest.fixture
def camera(server):
    running = server(config=CAMERA)
    running.wait_for_state("cam0", "streaming")
    return running


def test_curl(camera, tmp_path):
    done = subprocess.run(["curl", "-sS", "--max-time", "4", "-D", tmp_path / "head", "-o", tmp_path / "body", camera.url(STREAM)],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 28, done.stderr  # its own time limit
    head = (tmp_path / "head").read_text().lower()
    assert "200 ok" in head and "content-type: multipart/x-mixed-replace" in head
    body = (tmp_path / "body").read_bytes()
    assert 40 <= body.count(b"\xff\xd8\xff") <= 135, "about 120 pictures in four seconds, fewer on a busy machine"


def test_curl_snapshot(camera):
    done = subprocess.run(["curl", "-sSf", camera.url("/api/v1/cameras/cam0/snapshot.jpg?size=320x240")], capture_output=True, check=True)
    assert decode(done.stdout).shape == (240, 320, 3)


def test_ffmpeg(camera):
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "mpjpeg", "-i", camera.url(STREAM), "-frames:v", "20",
                           "-f", "framemd5", "-"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr
    frames = [line for line in done.stdout.splitlines() if not line.startswith("#")]
    assert len(frames) == 20
    assert len({line.split(",")[-1] for line in frames}) == 20, "the pictures move"


def test_ffmpeg_finds_the_format_by_itself(camera):
    done = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0",
                           camera.url(STREAM)], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "mjpeg,640,480"


def test_gstreamer(camera, needs_program):
    needs_program("gst-launch-1.0", "gstreamer1.0-tools")
    done = subprocess.run(["gst-launch-1.0", "-q", "souphttpsrc", f"location={camera.url(STREAM)}", "!", "multipartdemux", "single-stream=true",
                           "!", "jpegdec", "!", "videoconvert", "!", "video/x-raw,format=RGB", "!", "identity", "eos-after=11", "!",
                           "filesink", "location=/dev/stdout"], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert len(done.stdout) == 10 * 640 * 480 * 3, "ten decoded pictures"


def test_python_websockets(camera):
    async def take(count):
        async with websockets.connect(camera.url("/api/v1/cameras/cam0/jpeg?size=320x240&fps=15", "ws"), max_size=None) as socket:
            return [await asyncio.wait_for(socket.recv(), 30) for _ in range(count)]

    for message in asyncio.run(take(10)):
        assert isinstance(message, bytes)
        assert decode(message).shape == (240, 320, 3)


def test_python_websockets_unknown_camera(camera):
    async def connect():
        async with websockets.connect(camera.url("/api/v1/cameras/nobody/jpeg", "ws")):
            pass

    with pytest.raises(Refused) as refused:
        asyncio.run(connect())
    assert status_of(refused.value) == 404
