"""RTSP by other people's clients: ffmpeg, GStreamer, VLC, OpenCV, aiortsp. Pictures are checked by the numbers drawn into them."""

import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys

import numpy
import pytest
from PIL import Image

from helpers.pattern_reader import read_time_code
from helpers.processes import wait_until
from helpers.rtsp_client import H264Depacketiser, frame_sei
from helpers.server import PATIENCE, free_port

WIDTH, HEIGHT = 480, 360
FRAMES = 25
# Ten frames a second leave even a busy machine the time to encode each.
CAMERAS = f"""
[[camera]]
id = "cam0"
source = "pattern:bars?size={WIDTH}x{HEIGHT}&fps=10"

[[camera]]
id = "cam1"
source = "pattern:clock?size={WIDTH}x{HEIGHT}&fps=10"
"""


@pytest.fixture
def rtsp(server):
    port = free_port()
    instance = server(config=CAMERAS, server=f'rtsp = "127.0.0.1:{port}"\n')
    instance.rtsp = f"rtsp://127.0.0.1:{port}"
    return instance


def run(command, timeout=60, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, timeout=timeout * PATIENCE, check=False, **options)
    assert done.returncode == 0, f"{command[0]}: {done.stderr.decode(errors='replace')[-2000:]}"
    return done.stdout


def numbers_of(grey):
    """The drawn-in numbers of pictures of WIDTH×HEIGHT, one byte a pixel."""
    pictures = numpy.frombuffer(grey, numpy.uint8).reshape(-1, HEIGHT, WIDTH)
    codes = [read_time_code(Image.fromarray(picture)) for picture in pictures]
    assert all(codes), "every picture can be read"
    return [code.sequence for code in codes]


def numbers_in(path):
    return numbers_of(run(["ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-"]))


def assert_continuous(server, numbers, at_least=FRAMES):
    """Each frame once and in order, none missing but those that the camera itself says it had no time to encode."""
    assert len(numbers) >= at_least, f"{len(numbers)} frames"
    assert numbers == sorted(set(numbers)), numbers
    missing = numbers[-1] - numbers[0] + 1 - len(numbers)
    if missing:  # the count comes with the camera's next word
        wait_until(lambda: missing <= sum(camera["dropped"] for camera in server.cameras()), 5 * PATIENCE, f"{missing} missing in {numbers}")


def record(url, transport, path, frames=FRAMES):
    run(["ffmpeg", "-v", "error", "-y", "-rtsp_transport", transport, "-i", url, "-frames:v", str(frames), "-c", "copy", path])
    probed = run(["ffprobe", "-v", "error", "-count_frames", "-of", "json", "-show_entries",
                  "stream=codec_name,width,height,nb_read_frames:packet=flags", path])
    return json.loads(probed)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_ffmpeg_reads_h264(rtsp, tmp_path, transport):
    probed = record(f"{rtsp.rtsp}/cam0", transport, str(tmp_path / "clip.h264"))
    stream = probed["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("h264", WIDTH, HEIGHT)
    assert probed["packets"][0]["flags"].startswith("K"), "the first picture is a keyframe"
    assert_continuous(rtsp, numbers_in(tmp_path / "clip.h264"))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_ffmpeg_reads_mjpeg(rtsp, tmp_path, transport):
    stream = record(f"{rtsp.rtsp}/cam0?codec=mjpeg", transport, str(tmp_path / "pictures.mkv"), 10)["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == ("mjpeg", WIDTH, HEIGHT)
    assert_continuous(rtsp, numbers_in(tmp_path / "pictures.mkv"), 10)


def test_a_size_is_served_when_asked_for(rtsp, tmp_path):
    stream = record(f"{rtsp.rtsp}/cam0?size=320x240", "tcp", str(tmp_path / "small.mp4"))["streams"][0]
    assert (stream["width"], stream["height"]) == (320, 240)


def test_an_unknown_camera_is_not_found(rtsp):
    done = subprocess.run(["ffprobe", "-v", "error", f"{rtsp.rtsp}/nobody"], capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert "404" in done.stderr


@pytest.mark.parametrize("query", ["", "?size=320x240"], ids=["whole", "smaller"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_gstreamer_reads_h264(rtsp, tmp_path, needs_program, transport, query):
    needs_program("gst-launch-1.0", "gstreamer1.0-tools")
    path = tmp_path / "clip.h264"
    # eos-after ends it with an error in its words, though all is well: what it wrote is judged.
    subprocess.run(["gst-launch-1.0", "-q", "rtspsrc", f"location={rtsp.rtsp}/cam1{query}", f"protocols={transport}", "!",
                    "rtph264depay", "!", "h264parse", "!", "video/x-h264,stream-format=byte-stream,alignment=au", "!",
                    "identity", f"eos-after={FRAMES + 1}", "!", "filesink", f"location={path}"], timeout=60 * PATIENCE, check=False)
    if query:
        probed = json.loads(run(["ffprobe", "-v", "error", "-of", "json", "-show_entries", "stream=width,height", path]))
        assert (probed["streams"][0]["width"], probed["streams"][0]["height"]) == (320, 240)
    else:
        assert_continuous(rtsp, numbers_in(path), FRAMES - 2)


def test_gstreamer_reads_mjpeg(rtsp, tmp_path, needs_program):
    needs_program("gst-launch-1.0", "gstreamer1.0-tools")
    subprocess.run(["gst-launch-1.0", "-q", "rtspsrc", f"location={rtsp.rtsp}/cam0?codec=mjpeg", "protocols=tcp", "!", "rtpjpegdepay", "!",
                    "identity", "eos-after=11", "!", "multifilesink", f"location={tmp_path}/%02d.jpg"], timeout=60 * PATIENCE, check=False)
    numbers = [read_time_code(path.read_bytes()).sequence for path in sorted(tmp_path.glob("*.jpg"))]
    assert_continuous(rtsp, numbers, 8)


@pytest.fixture(scope="session")
def vlc():
    """The command of a VLC that has an RTSP client: the machine's own, else the one that get_vlc has fetched."""
    as_somebody = []
    if os.getuid() == 0:  # VLC refuses to run as root; what root's home has it may read all the same
        nobody = pwd.getpwnam("nobody")
        as_somebody = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups",
                       "--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    if shutil.which("vlc") and list(pathlib.Path("/usr/lib").glob("**/vlc/plugins/access/liblive555_plugin.so")):
        return [*as_somebody, "vlc"]
    fetched = subprocess.run([pathlib.Path(__file__).with_name("get_vlc"), "--where"], capture_output=True, text=True, check=False)
    if fetched.returncode != 0:
        pytest.skip("no VLC with an RTSP client here: Debian 12 and 13 build it without live555; tests/integration/get_vlc fetches one")
    root = pathlib.Path(fetched.stdout.strip())
    libraries = next(root.glob("usr/lib/*/ld-linux-*.so.*")).parent
    return [*as_somebody, "env", f"VLC_PLUGIN_PATH={libraries}/vlc/plugins", next(libraries.glob("ld-linux-*.so.*")),
            "--library-path", f"{libraries}:{libraries}/vlc", root / "usr/bin/vlc"]


def record_by_vlc(vlc, path, url, mux, *options):
    """Six seconds of what VLC reads, as it comes. Its last words where it reads nothing."""
    with open(path, "wb") as clip:
        done = subprocess.run([str(word) for word in (*vlc, "-I", "dummy", *options, "--run-time=6", url,
                                                      f"--sout=#std{{access=file,mux={mux},dst=-}}", "vlc://quit")],
                              timeout=60 * PATIENCE, check=False, stdout=clip, stderr=subprocess.PIPE, env={**os.environ, "HOME": "/nonexistent"})
    assert done.returncode == 0 and path.stat().st_size > 0, done.stderr.decode(errors="replace")[-2000:]


@pytest.mark.parametrize("options", ["--rtsp-tcp", "--no-rtsp-tcp"], ids=["tcp", "udp"])
def test_vlc_reads_h264(rtsp, tmp_path, vlc, options):
    record_by_vlc(vlc, tmp_path / "clip.ts", f"{rtsp.rtsp}/cam0", "ts", options)
    assert_continuous(rtsp, numbers_in(tmp_path / "clip.ts"))


@pytest.mark.parametrize("options", ["--rtsp-tcp", "--no-rtsp-tcp"], ids=["tcp", "udp"])
def test_vlc_reads_mjpeg(rtsp, tmp_path, vlc, options):
    record_by_vlc(vlc, tmp_path / "pictures.mjpeg", f"{rtsp.rtsp}/cam0?codec=mjpeg", "mpjpeg", options)
    numbers = numbers_in(tmp_path / "pictures.mjpeg")
    assert len(numbers) >= FRAMES and numbers == sorted(set(numbers)), numbers
    # Whole, in order, next to all: one or two of sixty were missing on a machine with seven times the work that it can do.
    assert len(numbers) >= 0.9 * (numbers[-1] - numbers[0] + 1), numbers


def test_vlc_knows_a_password(server, tmp_path, vlc):
    port = free_port()
    instance = server(config=CAMERAS, server=f'rtsp = "127.0.0.1:{port}"\napi_key = "{"k" * 20}"\n')
    record_by_vlc(vlc, tmp_path / "clip.ts", f"rtsp://viewer:{'k' * 20}@127.0.0.1:{port}/cam0", "ts", "--rtsp-tcp")
    numbers = numbers_in(tmp_path / "clip.ts")
    assert len(numbers) >= FRAMES and numbers == sorted(set(numbers))


OPENCV_READER = """
import sys, cv2, numpy
video = cv2.VideoCapture(sys.argv[1], cv2.CAP_FFMPEG)
assert video.isOpened(), "not opened"
pictures = []
while len(pictures) < int(sys.argv[2]):
    good, picture = video.read()
    assert good, "no picture"
    pictures.append(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY))
sys.stdout.buffer.write(numpy.stack(pictures).tobytes())
"""


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_opencv_reads_h264(rtsp, transport):
    if subprocess.run([sys.executable, "-c", "import cv2"], capture_output=True).returncode != 0:
        pytest.skip("OpenCV is not here: package python3-opencv")
    grey = run([sys.executable, "-c", OPENCV_READER, f"{rtsp.rtsp}/cam0", FRAMES],
               env={**os.environ, "OPENCV_FFMPEG_CAPTURE_OPTIONS": f"rtsp_transport;{transport}"})
    assert_continuous(rtsp, numbers_of(grey))


@pytest.fixture(scope="session")
def aiortsp(tmp_path_factory):
    """The folder of aiortsp, which no Debian package brings."""
    folder = tmp_path_factory.mktemp("aiortsp")
    done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-input", "--retries", "1", "--target", str(folder), "aiortsp==1.4.0"],
                          capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        pytest.skip(f"aiortsp can't be had from PyPI: {reason}")
    return folder


AIORTSP_READER = """
import asyncio, sys
from aiortsp.rtsp.reader import RTSPReader
async def read(url, packets):
    async with RTSPReader(url) as reader:
        async for packet in reader.iter_packets():
            data = bytes(packet)
            sys.stdout.buffer.write(len(data).to_bytes(2, "big") + data)
            packets -= 1
            if packets == 0:
                return
asyncio.run(asyncio.wait_for(read(sys.argv[1], int(sys.argv[2])), 40))
"""


def test_aiortsp_reads_h264(rtsp, aiortsp):
    packed = run([sys.executable, "-c", AIORTSP_READER, f"{rtsp.rtsp}/cam0", 60], env={**os.environ, "PYTHONPATH": str(aiortsp)})
    depacketiser, numbers = H264Depacketiser(), []
    while packed:
        size = int.from_bytes(packed[:2], "big")
        unit = depacketiser.put(packed[2:2 + size])
        if unit and unit.whole:
            numbers.append(frame_sei(unit.nals)[1])
        packed = packed[2 + size:]
    assert depacketiser.lost == 0
    assert_continuous(rtsp, numbers, 10)
