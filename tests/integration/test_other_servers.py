"""Another Camweave's camera as one of our own, by each address that it can be had at."""

import pytest
from helpers.mjpeg import MjpegClient
from helpers.pattern_reader import read_time_code
from helpers.processes import wait_until
from helpers.server import PATIENCE, free_port

CAMERA = '[[camera]]\nid = "cam0"\nsource = "pattern:bars?size=640x480&fps=15"\n'


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_its_pictures_come_through_and_come_back_after_its_restart(server, scheme):
    rtsp_port = free_port()
    other = server(config=CAMERA, server=f'rtsp = "127.0.0.1:{rtsp_port}"')
    other.wait_for_state("cam0", "streaming")
    source = {"http": other.url("/api/v1/cameras/cam0/stream.mjpg"), "rtsp": f"rtsp://127.0.0.1:{rtsp_port}/cam0"}[scheme]
    running = server(config=f'[[camera]]\nid = "far"\nsource = "{source}"\n')
    seen = running.wait_for_state("far", "streaming", within_s=20)
    assert seen["driver"] == "stream" and (seen["width"], seen["height"]) == (640, 480)

    with MjpegClient(running, "/api/v1/cameras/far/stream.mjpg") as stream:
        parts = stream.take(10)
        codes = [read_time_code(part.jpeg) for part in parts]
        assert all(codes), "the time code is in every picture"
        assert all(b.sequence > a.sequence for a, b in zip(codes, codes[1:]))
        if scheme == "http":  # the other's capture time goes along
            assert all(part.timestamp_s == pytest.approx(code.time_us / 1e6, abs=0.002) for part, code in zip(parts, codes))

        other.stop()
        assert running.wait_for_state("far", "away", within_s=20)["last_error"]
        other.start()
        running.wait_for_state("far", "streaming", within_s=30)
        again = stream.part()
        wait_until(lambda: read_time_code(stream.part().jpeg), 10 * PATIENCE, "its pictures go on, on the same connection")
        assert again.sequence > parts[-1].sequence
