"""H.264: what the camera gives already is passed through, everything else is made by the best encoder that is there,
and its bitrate changes while it runs."""

import json
import subprocess
import threading
import time

import pytest
from helpers.mjpeg import MjpegClient
from helpers.pattern_reader import load, read_time_code
from helpers.pictures import decode
from helpers.processes import wait_until
from helpers.server import PATIENCE, free_port

SEI_UUID = bytes.fromhex("c43a771b5d924e0f9ad166e8237fb458")
LIVE_H264 = ("exec:ffmpeg -v error -re -f lavfi -i testsrc2=s=320x240:r=25 -c:v libx264 -preset ultrafast -tune zerolatency "
             "-g 25 -pix_fmt yuv420p -f h264 -")


def camera_lines(source):
    return f'[[camera]]\nid = "front"\nsource = "{source}"\n'


@pytest.fixture
def with_rtsp(server):
    def start(source):
        port = free_port()
        running = server(config=camera_lines(source), server=f'rtsp = "127.0.0.1:{port}"')
        running.wait_for_state("front", "streaming", 20)
        running.rtsp = f"rtsp://127.0.0.1:{port}/front"
        return running

    return start


class Reader:
    """One RTSP client for the whole of a test, whose elementary stream is kept."""

    def __init__(self, url):
        self.process = subprocess.Popen(["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-c", "copy", "-f", "h264", "-"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.stream = bytearray()
        self.arrivals = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self):
        while piece := self.process.stdout.read1(65536):
            self.arrivals.append((time.monotonic(), len(piece)))
            self.stream += piece

    def kbps(self, seconds):
        """Over the last seconds; none before there are so many."""
        now = time.monotonic()
        if not self.arrivals or now - self.arrivals[0][0] < seconds:
            return None
        return sum(size for at, size in list(self.arrivals) if at > now - seconds) * 8 / 1000 / seconds

    def is_reading(self):
        return self.process.poll() is None

    def nals(self):
        """Without start codes and the zeros before them."""
        return [nal.rstrip(b"\0") for nal in bytes(self.stream).split(b"\0\0\1")[1:]]

    def close(self):
        self.process.kill()
        self.process.wait()
        self._thread.join()


@pytest.fixture
def reader():
    readers = []

    def start(url):
        readers.append(Reader(url))
        return readers[-1]

    yield start
    for one in readers:
        one.close()


def renditions(running):
    return running.json("/api/v1/cameras/front/renditions")["renditions"]


def patch(running, rendition, body):
    return running.request("PATCH", f"/api/v1/cameras/front/renditions/{rendition}", body=json.dumps(body))


def h264_rendition(running):
    def made():
        return next((one for one in renditions(running) if one["codec"] == "h264" and one["encoder"]), None)

    return wait_until(made, 10 * PATIENCE, "an H.264 rendition is made")


def test_the_bitrate_changes_without_a_new_stream(with_rtsp, reader):
    running = with_rtsp("pattern:noise?size=320x240&fps=30")
    client = reader(running.rtsp)
    rendition = h264_rendition(running)
    assert rendition["encoder"] == "libx264" and rendition["bitrate_kbps"] is None
    answer = patch(running, rendition["id"], {"bitrate_kbps": 4000})
    assert answer.status == 200 and answer.json() == {**rendition, "bitrate_kbps": 4000, "in_words": answer.json()["in_words"]}

    def rate_between(low, high):
        return wait_until(lambda: (rate := client.kbps(2)) is not None and low <= rate <= high and rate, 30 * PATIENCE,
                          f"{low} to {high} kbit/s, now {client.kbps(2)}")

    high = rate_between(2700, 5000)
    assert patch(running, rendition["id"], {"bitrate_kbps": 1200}).status == 200
    low = rate_between(700, 1800)
    assert low < 0.6 * high
    assert client.is_reading() and [one["id"] for one in renditions(running)] == [rendition["id"]]
    client.close()
    sets = {nal for nal in client.nals() if nal[0] & 31 == 7}
    assert len(sets) == 1, "the stream's parameters never changed"
    again = reader(running.rtsp)
    wait_until(lambda: h264_rendition(running)["bitrate_kbps"] == 1200, 10 * PATIENCE, "it holds for the next reader")
    assert again.is_reading()


def test_a_bitrate_that_can_not_be(with_rtsp, reader):
    running = with_rtsp("pattern:bars?size=320x240&fps=15")
    reader(running.rtsp)
    rendition = h264_rendition(running)["id"]
    for body in ({"bitrate_kbps": 49}, {"bitrate_kbps": 200_001}, {"bitrate_kbps": "fast"}, {"bitrate_kbps": 1000.5}, {},
                 {"bitrate_kbps": 1000, "fps": 5}):
        answer = patch(running, rendition, body)
        assert answer.status == 422 and answer.json()["detail"][0]["loc"] == ["body", "bitrate_kbps"], answer.text
    for unknown in ("999999", "0", "x", "-1"):
        assert patch(running, unknown, {"bitrate_kbps": 1000}).status == 404
    assert running.request("PATCH", "/api/v1/cameras/nobody/renditions/1", body='{"bitrate_kbps": 1000}').status == 404
    assert running.get("/api/v1/cameras/nobody/renditions").status == 404
    assert h264_rendition(running)["bitrate_kbps"] is None, "nothing changed"


def test_a_programs_h264_is_passed_through_and_decoded_for_the_others(with_rtsp, reader):
    running = with_rtsp(LIVE_H264)
    assert running.camera("front")["format"] == "H264"
    assert decode(running.snapshot("front")).shape == (240, 320, 3)
    client = reader(running.rtsp)
    passed = h264_rendition(running)
    assert passed["encoder"] == "pass-through"
    answer = patch(running, passed["id"], {"bitrate_kbps": 1000})
    assert answer.status == 422 and "passed through" in answer.json()["detail"]
    assert decode(running.snapshot("front", "?size=160x120")).shape == (120, 160, 3)
    assert decode(running.snapshot("front", "?full=1")).shape == (240, 320, 3)
    wait_until(lambda: len(client.nals()) > 60, 20 * PATIENCE, "pictures come")
    client.close()
    nals = client.nals()
    pictures = sum(nal[0] & 31 in (1, 5) and nal[1] & 0x80 != 0 for nal in nals if len(nal) > 1)  # a picture's first slice
    stamped = sum(nal[0] & 31 == 6 and SEI_UUID in nal for nal in nals if nal)
    assert pictures > 5 and pictures - 1 <= stamped <= pictures + 1, "every picture carries its time"


def test_a_files_h264_is_passed_through_bit_by_bit(with_rtsp, reader, tmp_path):
    clip, bare = tmp_path / "clip.mp4", tmp_path / "clip.h264"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-frames:v", "50", "-c:v", "libx264",
                    "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p", clip], check=True, timeout=60)
    subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-c", "copy", "-f", "h264", bare], check=True, timeout=60)
    wanted = {nal.rstrip(b"\0") for nal in bare.read_bytes().split(b"\0\0\1")[1:] if nal[0] & 31 in (1, 5)}
    running = with_rtsp(f"file:{clip}?loop=1")
    client = reader(running.rtsp)
    assert h264_rendition(running)["encoder"] == "pass-through"

    def slices():
        return [nal for nal in client.nals()[:-1] if nal and nal[0] & 31 in (1, 5)]

    wait_until(lambda: len(slices()) > 110 and set(slices()) >= wanted, 30 * PATIENCE, "more than two passes")
    assert set(slices()) == wanted, "the file's own slices, all of them, and no others"
    assert decode(running.snapshot("front")).shape == (240, 320, 3), "and JPEG for those who want that"


def test_a_paused_h264_file_still_gives_pictures(with_rtsp, tmp_path):
    clip = tmp_path / "clip.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25", "-frames:v", "100", "-c:v", "libx264",
                    "-bf", "0", "-g", "50", "-pix_fmt", "yuv420p", clip], check=True, timeout=60)
    running = with_rtsp(f"file:{clip}?loop=1")
    paused = running.request("PATCH", "/api/v1/cameras/front/controls", body='{"paused": true}')
    assert paused.status == 200, paused.text
    wait_until(lambda: (decode(running.snapshot("front")) == decode(running.snapshot("front"))).all(), 5 * PATIENCE, "it stands still")
    time.sleep(2.5)  # longer than a stall would need: nothing may happen, so there is nothing to wait for
    assert running.camera("front")["state"] == "streaming"


def test_pictures_of_a_decoded_stream_keep_their_numbers(with_rtsp, tmp_path):
    """The pattern's own H.264, taken in again as a file."""
    source = with_rtsp("pattern:bars?size=640x480&fps=25")
    clip = tmp_path / "pattern.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-rtsp_transport", "tcp", "-i", source.rtsp, "-frames:v", "60", "-c", "copy", clip],
                   check=True, timeout=60)
    running = with_rtsp(f"file:{clip}?loop=1")
    assert running.camera("front")["format"] == "H264"
    with MjpegClient(running, "/api/v1/cameras/front/stream.mjpg") as stream:
        parts = stream.take(25)
    subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-vf", "setpts=N/25/TB", "-r", "25", "-q:v", "2", tmp_path / "%03d.jpg"], check=True, timeout=60)
    in_file = [read_time_code(path.read_bytes()).sequence for path in sorted(tmp_path.glob("*.jpg"))]
    codes = [read_time_code(load(part.jpeg)) for part in parts]
    assert all(codes), "every picture is whole and readable"
    places = [in_file.index(code.sequence) for code in codes]
    for i in range(1, len(parts)):
        step = (places[i] - places[i - 1]) % len(in_file)
        assert step == parts[i].sequence - parts[i - 1].sequence, "each picture under its packet's number"
