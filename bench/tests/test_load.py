"""The load generator believes nothing: each way in which a server can be wrong is found, and a good server is not blamed."""

import itertools
import json
import subprocess

import pytest

from bad_server import (MJPEG_HEAD, WEBSOCKET_HEAD, Server, bundle, mjpeg_part, raw_frame, unix_us, websocket_frame)
from jpeg_exif import with_exif

SECONDS = 0.5


@pytest.fixture
def load(context):
    """load(server, protocol, **options) → the generator's result."""

    def run(server, protocol, **options):
        command = [str(context.tool("bench_load")), "--protocol", protocol, "--port", str(server.port)]
        settings = {"seconds": SECONDS, "warmup": 0, "connect-timeout": 5, **options}
        for name, value in settings.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        lines = done.stdout.splitlines()
        assert lines[:2] == ["ready", "done"]
        return json.loads(lines[2])

    return run


@pytest.fixture(scope="module")
def jpegs(pictures):
    return [path.read_bytes() for path in sorted(pictures.glob("*.jpg"))]


def stamped(jpegs, zone_minutes=0, began_us=None):
    """Endless (sequence, time, JPEG), as a good server sends them. With `began_us` every client gets the same bytes."""
    for sequence in itertools.count(1):
        us = began_us + sequence if began_us else unix_us()
        yield sequence, us, with_exif(jpegs[sequence % len(jpegs)], sequence, us, zone_minutes)


def good(framing, jpegs):
    began_us = unix_us() - 1_000_000
    return lambda client: (framing(jpeg) for _, _, jpeg in stamped(jpegs, began_us=began_us))


GOOD = {
    "mjpeg": (MJPEG_HEAD, mjpeg_part),
    "multipart": (b"", mjpeg_part),
    "websocket": (WEBSOCKET_HEAD, websocket_frame),
    "raw": (b"", raw_frame),
}


@pytest.mark.parametrize("mode", ["drain", "check"])
@pytest.mark.parametrize("protocol", GOOD)
def test_good_server_is_not_blamed(load, jpegs, pictures, protocol, mode):
    head, framing = GOOD[protocol]
    more = {"decode": "yes", "reference": pictures} if mode == "check" else {}
    with Server(head, good(framing, jpegs)) as server:
        result = load(server, protocol, mode=mode, clients=3, **more)
    assert result["torn"] == result["wrong"] == result["gaps"] == result["duplicates"] == 0, result
    assert result["connects"] == 3 and result["frames"] > 0
    assert result["bytes"] > result["frames"] * len(jpegs[0]) / 2
    assert result["fast"]["age_ms"]["count"] == result["frames"]


def test_part_without_length(load, jpegs):
    frames = lambda client: (mjpeg_part(jpeg, with_length=False) for _, _, jpeg in stamped(jpegs))
    with Server(MJPEG_HEAD, frames) as server:
        result = load(server, "mjpeg", mode="check")
    assert result["frames"] > 0 and result["torn"] == 0, result


@pytest.mark.parametrize("mode", ["drain", "check"])
def test_cut_frame(load, jpegs, mode):
    with Server(b"", lambda client: (raw_frame(jpeg[:-2]) for _, _, jpeg in stamped(jpegs))) as server:
        result = load(server, "raw", mode=mode)
    assert result["torn"] >= result["frames"] > 0, result


def spliced(jpegs, cut=0.6):
    """Frames that begin as one picture and end as another: each has SOI and EOI, and every marker in its place."""
    for (sequence, us, jpeg), other in zip(stamped(jpegs), itertools.cycle(jpegs)):
        tail = with_exif(other, sequence, us)
        at = int(min(len(jpeg), len(tail)) * cut)
        yield jpeg[:at] + tail[at:]


def test_tail_of_another_frame_is_found_by_reference(load, jpegs, pictures):
    with Server(b"", lambda client: map(raw_frame, spliced(jpegs))) as server:
        result = load(server, "raw", mode="check", reference=pictures)
    assert result["torn"] > 0, result
    assert any("reference" in words for words in result["faults"])


def test_clients_that_get_different_bytes(load, jpegs):
    """One clock for both, so that the good frames are the same bytes."""
    now = unix_us()

    def frames(client):
        for sequence in itertools.count(1):
            yield raw_frame(with_exif(jpegs[(sequence + client) % len(jpegs)], sequence, now))

    with Server(b"", frames) as server:
        result = load(server, "raw", mode="check", clients=2)
    assert result["torn"] > 0, result
    assert any("different bytes" in words for words in result["faults"])


def test_decoder_finds_damage_inside_a_scan(load, jpegs):
    def frames(client):
        for _, _, jpeg in stamped(jpegs):
            middle = len(jpeg) * 2 // 3
            yield raw_frame(jpeg[:middle] + jpeg[middle + 700 : -2] + b"\xff\xd9")

    with Server(b"", frames) as server:
        result = load(server, "raw", mode="check", decode="yes")
    assert result["torn"] > 0, result


@pytest.mark.parametrize("off_by", [-40, 40])
def test_length_that_lies(load, jpegs, off_by):
    frames = lambda client: (mjpeg_part(jpeg, length=len(jpeg) + off_by) for _, _, jpeg in stamped(jpegs))
    with Server(MJPEG_HEAD, frames) as server:
        result = load(server, "mjpeg")
    assert result["torn"] > 0, result


def test_sequence_that_goes_back(load, jpegs):
    def frames(client):
        for sequence, us, jpeg in stamped(jpegs):
            back = sequence - 5 if sequence % 7 == 0 else sequence
            yield mjpeg_part(with_exif(jpegs[0], back, us), back, us)

    with Server(MJPEG_HEAD, frames) as server:
        result = load(server, "mjpeg")
    assert "wrong: sequence went back" in result["faults"], result


def test_header_and_exif_that_disagree(load, jpegs):
    frames = lambda client: (mjpeg_part(jpeg, sequence + 1, us + 5_000) for sequence, us, jpeg in stamped(jpegs))
    with Server(MJPEG_HEAD, frames) as server:
        result = load(server, "mjpeg")
    assert {"wrong: header's sequence is not EXIF's number", "wrong: header's time is not EXIF's time"} <= set(result["faults"])


def test_frame_from_the_future(load, jpegs):
    frames = lambda client: (raw_frame(with_exif(jpegs[0], n, unix_us() + 3_600_000_000)) for n in itertools.count(1))
    with Server(b"", frames) as server:
        assert load(server, "raw")["faults"].get("wrong: captured in the future", 0) > 0


@pytest.mark.parametrize("zone_minutes", [0, 120, -330])
def test_age_by_zone(load, jpegs, zone_minutes):
    frames = lambda client: (raw_frame(jpeg) for _, _, jpeg in stamped(jpegs, zone_minutes))
    with Server(b"", frames) as server:
        result = load(server, "raw")
    assert result["wrong"] == 0 and 0 <= result["fast"]["age_ms"]["p50"] < 60_000, result


def test_dropped_frames_are_gaps(load, jpegs):
    frames = lambda client: (raw_frame(jpeg) for sequence, _, jpeg in stamped(jpegs) if sequence % 3 != 0)
    with Server(b"", frames) as server:
        result = load(server, "raw")
    assert result["gaps"] > 0 and result["torn"] == result["wrong"] == 0, result


def test_message_in_fragments_and_ping(load, jpegs):
    def frames(client):
        for _, _, jpeg in stamped(jpegs):
            third = len(jpeg) // 3
            yield websocket_frame(jpeg[:third], 2, last=False)
            yield websocket_frame(b"hello", 9)
            yield websocket_frame(jpeg[third:], 0)

    def ten(client):
        return itertools.islice(frames(client), 30)

    with Server(WEBSOCKET_HEAD, ten) as server:
        result = load(server, "websocket", mode="check", seconds=1)
        assert result["torn"] == result["wrong"] == 0 and result["frames"] >= 1, result
        pong = server.received[-1]
    assert pong[0] == 0x8A and pong.endswith(b"hello")


def test_bundle(load, jpegs):
    def frames(client):
        for sequence, us, jpeg in stamped(jpegs):
            yield websocket_frame(bundle(sequence, [jpeg, with_exif(jpegs[0], sequence, us)], us))

    with Server(WEBSOCKET_HEAD, frames) as server:
        for mode in ("drain", "check"):
            result = load(server, "bundle", mode=mode)
            assert result["frames"] > 0 and result["torn"] == result["wrong"] == 0, result


def test_bundle_that_lies_about_a_length(load, jpegs):
    def frames(client):
        for sequence, us, jpeg in stamped(jpegs):
            yield websocket_frame(bundle(sequence, [jpeg, jpeg], us, lie=100))

    with Server(WEBSOCKET_HEAD, frames) as server:
        result = load(server, "bundle", mode="check")
    assert result["torn"] > 0, result


def test_refused_and_closed_are_counted(load, jpegs):
    with Server(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", lambda client: iter(())) as server:
        result = load(server, "mjpeg", clients=2)
    assert result["faults"].get("HTTP status 503") == 2 and result["frames"] == 0
    with Server(b"", lambda client: iter([raw_frame(jpegs[0])] * 2)) as server:
        server.frames = lambda client: iter([raw_frame(jpegs[0]), b""[:0]])
        result = load(server, "raw", connect_timeout=1)
    assert result["connects"] == 1


def test_slow_clients_read_no_faster_than_their_link(load, jpegs):
    bits_per_s, seconds = 2e6, 1.0
    with Server(b"", good(raw_frame, jpegs), interval_s=0) as server:
        result = load(server, "raw", slow=1, slow_bps=bits_per_s, seconds=seconds)
    # The window's bytes: the link's, and at most what the bucket holds at its start.
    assert 0 < result["bytes"] <= bits_per_s / 8 * seconds * 1.05 + 2 * 1500, result
    assert result["torn"] == result["wrong"] == 0


def test_churn_connects_as_often_as_asked(load, jpegs):
    with Server(b"", good(raw_frame, jpegs)) as server:
        result = load(server, "raw", clients=4, churn=20)
    assert result["connects"] >= 20 and result["torn"] == result["wrong"] == 0, result
