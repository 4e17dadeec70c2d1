"""A picture is encoded while somebody wants it, once for all who want the same, and not after."""

import threading

import pytest
from helpers.mjpeg import MjpegClient
from helpers.pictures import decode
from helpers.processes import wait_until
from helpers.server import PATIENCE

CAMERA = '[[camera]]\nid = "cam0"\nsource = "pattern:bars?size=640x480&fps=30"\n'


@pytest.fixture
def camera(server):
    running = server(config=CAMERA)
    running.wait_for_state("cam0", "streaming")
    return running


def stream(server, query=""):
    return MjpegClient(server, f"/api/v1/cameras/cam0/stream.mjpg{query}")


def renditions(server):
    return server.camera("cam0")["renditions"]


@pytest.mark.sanitized
def test_the_last_reader_gone_the_encoder_stops(camera):
    wait_until(lambda: renditions(camera) == [], 2 * PATIENCE, "nobody watches, nothing is encoded")
    first, second = stream(camera, "?size=320x240"), stream(camera, "?size=320x240")
    first.take(3), second.take(3)
    assert len(renditions(camera)) == 1, "equal requests share one encode"
    first.close()
    second.take(30)
    assert len(renditions(camera)) == 1, "one reader is left"
    second.close()
    wait_until(lambda: renditions(camera) == [], 1 * PATIENCE, "the encoder stops within a second")


def test_equal_requests_get_the_same_bytes(camera):
    ones, others = {}, {}
    with stream(camera, "?size=320x240&quality=70") as one, stream(camera, "?quality=70&size=320x240") as other:
        for _ in range(200):
            for client, seen in ((one, ones), (other, others)):
                part = client.part()
                seen[part.sequence] = part.jpeg
            if len(ones.keys() & others.keys()) > 10:
                break
    shared = ones.keys() & others.keys()
    assert len(shared) > 10
    assert all(ones[sequence] == others[sequence] for sequence in shared)


def test_eight_renditions_and_no_more(camera):
    open_streams = [stream(camera, f"?size=320x240&quality={50 + n}") for n in range(8)]
    for one in open_streams:
        assert one.status == 200
        one.part()
    refused = camera.get("/api/v1/cameras/cam0/stream.mjpg?size=320x240&quality=90")
    assert refused.status == 503
    assert "8" in refused.json()["detail"], refused.text
    with stream(camera, "?size=320x240&quality=50") as shared:
        shared.take(3)  # one that is made already costs nothing more
    open_streams.pop().close()
    wait_until(lambda: len(renditions(camera)) == 7, 2 * PATIENCE, "one place is free")
    with stream(camera, "?size=320x240&quality=90") as next_one:
        next_one.take(3)
    for one in open_streams:
        one.close()


def test_size_and_quality_are_what_was_asked_for(camera):
    with stream(camera, "?size=320x240&quality=20") as coarse, stream(camera, "?size=320x240&quality=95") as fine:
        small, large = coarse.take(3)[-1].jpeg, fine.take(3)[-1].jpeg
    assert decode(small).shape == decode(large).shape == (240, 320, 3)
    assert len(large) > 1.5 * len(small)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation(camera, rotation):
    import numpy
    plain = decode(camera.snapshot("cam0", "?quality=95")).astype(int)
    turned = decode(camera.snapshot("cam0", f"?quality=95&rotate={rotation}")).astype(int)
    expected = numpy.rot90(plain, k=-rotation // 90)
    assert turned.shape == expected.shape
    # Most of the picture stands still: the bars.
    assert numpy.median(numpy.abs(turned - expected)) <= 6


@pytest.mark.parametrize("fps", [20, 12, 7])
def test_a_lower_rate_is_even(camera, fps):
    # A busy machine may lose a frame of the camera itself, which shows as a longer step: then once more.
    for _ in range(10):
        with stream(camera, f"?size=320x240&fps={fps}") as reduced:
            parts = reduced.take(fps * 2)
        steps = [b.sequence - a.sequence for a, b in zip(parts, parts[1:])]
        if max(steps) - min(steps) <= 1:
            break
    assert max(steps) - min(steps) <= 1, f"even to a frame: {steps}"
    measured = (len(parts) - 1) / (parts[-1].timestamp_s - parts[0].timestamp_s)
    assert measured == pytest.approx(fps, rel=0.1)


def test_never_more_than_the_source_has(camera):
    with stream(camera, "?size=320x240&fps=30") as full:
        sequences = [p.sequence for p in full.take(30)]
    assert len(set(sequences)) == 30
    refused = camera.get("/api/v1/cameras/cam0/snapshot.jpg?fps=5000")
    assert refused.status in (200, 422)


@pytest.mark.parametrize("query", ["size=0x0", "size=99999x99999", "size=wide", "quality=0", "quality=101", "fps=0", "rotate=45"])
def test_a_bad_request_names_its_parameter(camera, query):
    answer = camera.get(f"/api/v1/cameras/cam0/stream.mjpg?{query}")
    assert answer.status == 422, answer.text
    assert query.partition("=")[0] in str(answer.json()["detail"])


def test_a_cameras_own_jpeg_also_comes_smaller(server):
    running = server(config='[[camera]]\nid = "cam0"\nsource = "pattern:bars?size=640x480&fps=30&format=mjpeg"\n')
    running.wait_for_state("cam0", "streaming")
    with stream(running) as own, stream(running, "?size=320x240") as scaled:
        assert decode(own.take(3)[-1].jpeg).shape == (480, 640, 3)
        assert decode(scaled.take(3)[-1].jpeg).shape == (240, 320, 3)


def test_many_readers_come_and_go(camera):
    def visit():
        with stream(camera, "?size=320x240") as one:
            one.take(2)

    for _ in range(5):
        visitors = [threading.Thread(target=visit) for _ in range(20)]
        for visitor in visitors:
            visitor.start()
        for visitor in visitors:
            visitor.join()
    wait_until(lambda: renditions(camera) == [], 2 * PATIENCE, "all have left")
    assert camera.camera("cam0")["restarts"] == 0
