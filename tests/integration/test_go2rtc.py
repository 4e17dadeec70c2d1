"""go2rtc, where it is here, as a reader of our RTSP and MJPEG. What it hands on, by RTSP and as single pictures, is checked by the
numbers drawn into it."""

import subprocess
import urllib.error
import urllib.request

import pytest
from helpers.pattern_reader import read_time_code
from helpers.peers import peer, wait_for_port
from helpers.processes import wait_until
from helpers.push import CAMERA, assert_none_is_missing, numbers_in
from helpers.server import PATIENCE, free_port

GO2RTC = peer("go2rtc")
SOURCES = {
    "rtsp-tcp": "rtsp://127.0.0.1:{rtsp}/front",
    "rtsp-udp": "rtsp://127.0.0.1:{rtsp}/front#transport=udp",
    "rtsp-size": "rtsp://127.0.0.1:{rtsp}/front?size=320x240&fps=15",
    "rtsp-mjpeg": "rtsp://127.0.0.1:{rtsp}/front?codec=mjpeg",
    "http-mjpeg": "http://127.0.0.1:{http}/api/v1/cameras/front/stream.mjpg",
    "http-jpeg": "http://127.0.0.1:{http}/api/v1/cameras/front/snapshot.jpg",
}


class Go2rtc:
    def __init__(self, processes, folder, streams):
        self.api, self.rtsp = free_port(), free_port()
        config, self.log = folder / "go2rtc.yaml", folder / "go2rtc.log"
        named = "".join(f'  {name}: "{source}"\n' for name, source in streams.items())
        config.write_text(f'api:\n  listen: "127.0.0.1:{self.api}"\nrtsp:\n  listen: "127.0.0.1:{self.rtsp}"\nwebrtc:\n  listen: ""\n'
                          f"log:\n  level: debug\nsrtp:\n  listen: \"\"\nstreams:\n{named}")
        with open(self.log, "wb") as words:
            process = processes(GO2RTC, "-config", config, cwd=folder, stdout=words, stderr=subprocess.STDOUT)
        for port in (self.api, self.rtsp):
            wait_for_port(port, process, self.log)

    def picture(self, stream):
        """The code drawn into one picture; None where go2rtc answers with nothing (it can't have the stream) or 500 (its own ffmpeg
        failed)."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/api/frame.jpeg?src={stream}", timeout=20 * PATIENCE) as answer:
                jpeg = answer.read()
        except urllib.error.HTTPError as error:
            print(f"{stream}: {error}: {error.read()}")
            return None
        return read_time_code(jpeg) if jpeg else None

    def record(self, stream, folder, frames=45):
        clip = folder / "clip.mkv"
        subprocess.run(["ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", f"rtsp://127.0.0.1:{self.rtsp}/{stream}",
                        "-frames:v", str(frames), "-c", "copy", clip], check=True, timeout=60 * PATIENCE)
        return numbers_in(clip, folder / "pictures")


@pytest.fixture
def both(server, processes, tmp_path):
    """Our server and a go2rtc that reads it by every address."""
    port = free_port()
    running = server(config=CAMERA, server=f'rtsp = "127.0.0.1:{port}"')
    running.wait_for_state("front", "streaming")
    return running, Go2rtc(processes, tmp_path, {name: source.format(rtsp=port, http=running.port) for name, source in SOURCES.items()})


@pytest.mark.parametrize("stream", ["rtsp-tcp", "rtsp-udp", "rtsp-mjpeg"])
def test_it_hands_our_stream_on_by_rtsp(both, tmp_path, stream):
    running, go2rtc = both
    assert_none_is_missing(go2rtc.record(stream, tmp_path), running, at_least=44)


def test_it_hands_our_http_stream_on_by_rtsp(both, tmp_path):
    numbers = both[1].record("http-mjpeg", tmp_path)
    # By HTTP a reader that is late gets the newest picture, not every one.
    assert len(numbers) >= 44 and numbers == sorted(set(numbers)), numbers


def test_a_size_and_rate_are_asked_for_through_it(both, tmp_path):
    numbers = both[1].record("rtsp-size", tmp_path, 15)
    assert len(numbers) == 15
    assert numbers[-1] - numbers[0] >= 26, f"every second picture: {numbers}"


# Not MJPEG by RTSP: go2rtc 1.9.14 answers with a buffer that it writes the next picture into, so one of some dozens is cut off.
@pytest.mark.parametrize("stream", [name for name in SOURCES if name != "rtsp-mjpeg"])
def test_its_single_pictures_are_ours(both, stream):
    go2rtc, seen = both[1], set()

    def has_another():
        if code := go2rtc.picture(stream):
            assert not seen or code.sequence >= max(seen)
            seen.add(code.sequence)
        return len(seen) == 3

    wait_until(has_another, 20 * PATIENCE, "the pictures go on")


def test_it_knows_a_password(server, processes, tmp_path):
    port = free_port()
    server(config=CAMERA, server=f'rtsp = "127.0.0.1:{port}"\napi_key = "correct-horse"')
    addresses = {"right": f"rtsp://viewer:correct-horse@127.0.0.1:{port}/front", "wrong": f"rtsp://viewer:not@127.0.0.1:{port}/front"}
    go2rtc = Go2rtc(processes, tmp_path, addresses)
    assert go2rtc.picture("right"), go2rtc.log.read_text()[-2000:]
    assert go2rtc.picture("wrong") is None
    assert "wrong user/pass" in go2rtc.log.read_text()


def test_it_comes_back_after_our_restart(both):
    running, go2rtc = both
    assert go2rtc.picture("http-mjpeg")
    running.stop()
    running.start()

    wait_until(lambda: go2rtc.picture("http-mjpeg"), 30 * PATIENCE, "go2rtc has pictures again")
