"""RTSP by other people's clients: ffmpeg over TCP and UDP, GStreamer; pictures by their drawn-in numbers."""

import json
import shutil
import subprocess

import pytest

from helpers.server import free_port


@pytest.fixture
def rtsp(server):
    port = free_port()
    instance = server(server=f'rtsp = "127.0.0.1:{port}"\n')
    instance.rtsp = f"rtsp://127.0.0.1:{port}"
    return instance


def record(url, transport, path, frames=45):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-rtsp_transport", transport, "-i", url, "-frames:v", str(frames), "-c", "copy", path],
                   check=True, timeout=60)
    probed = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-of", "json", "-show_entries",
                             "stream=codec_name,width,height,nb_read_frames:packet=flags", path],
                            check=True, capture_output=True, timeout=60)
    return json.loads(probed.stdout)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_h264_reaches_ffmpeg_whole(rtsp, tmp_path, transport):
    probed = record(f"{rtsp.rtsp}/cam0", transport, str(tmp_path / "clip.mp4"))
    stream = probed["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", 640, 480)
    assert int(stream["nb_read_frames"]) == 45
    assert probed["packets"][0]["flags"].startswith("K"), "the first picture is a keyframe"


def test_a_size_and_mjpeg_are_served_when_asked_for(rtsp, tmp_path):
    stream = record(f"{rtsp.rtsp}/cam0?size=320x240", "tcp", str(tmp_path / "small.mp4"))["streams"][0]
    assert (stream["width"], stream["height"]) == (320, 240)
    stream = record(f"{rtsp.rtsp}/cam0?codec=mjpeg", "tcp", str(tmp_path / "pictures.avi"), 5)["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("mjpeg", 640, 480)


def test_an_unknown_camera_is_not_found(rtsp):
    done = subprocess.run(["ffprobe", "-v", "error", f"{rtsp.rtsp}/nobody"], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "404" in done.stderr


@pytest.mark.skipif(not shutil.which("gst-launch-1.0"), reason="gst-launch-1.0 is not here: package gstreamer1.0-tools")
def test_gstreamer_reads_the_stream(rtsp, tmp_path):
    subprocess.run(["gst-launch-1.0", "-q", "rtspsrc", f"location={rtsp.rtsp}/cam1", "protocols=tcp", "!",
                    "rtph264depay", "!", "h264parse", "!", "video/x-h264,stream-format=byte-stream,alignment=au", "!",
                    "identity", "eos-after=30", "!", "filesink", f"location={tmp_path}/clip.h264"], timeout=60, check=False)
    probed = subprocess.run(["ffprobe", "-v", "error", "-count_frames", "-of", "json", "-show_entries", "stream=nb_read_frames",
                             f"{tmp_path}/clip.h264"], check=True, capture_output=True, timeout=60)
    assert int(json.loads(probed.stdout)["streams"][0]["nb_read_frames"]) >= 25
