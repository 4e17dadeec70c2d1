"""RTSP word by word: what is answered, refused, counted and timed. Other people's clients are in test_rtsp.py."""

import hashlib
import itertools
import json
import select
import selectors
import socket
import struct
import subprocess
import time

import pytest

from helpers.processes import wait_until
from helpers.rtsp_client import (H264Depacketiser, RtspClient, frame_sei, parse_sdp, receiver_report, sender_report, udp_pair)
from helpers.server import PATIENCE, TWO_PATTERNS, free_port

CLIP_GOP_S = 2


@pytest.fixture
def rtsp(server):
    """rtsp(config=…, server=…): a server with RTSP on `rtsp_port`."""
    def start(server_lines="", **options):
        port = free_port()
        instance = server(server=f'rtsp = "127.0.0.1:{port}"\n{server_lines}', **options)
        instance.rtsp_port = port
        return instance
    return start


@pytest.fixture(scope="session")
def clip(tmp_path_factory):
    """A camera's own H.264: 640×360 at 30 fps, a keyframe every 2 s."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30:duration=20", "-c:v", "libx264",
                    "-preset", "veryfast", "-b:v", "2M", "-g", str(30 * CLIP_GOP_S), "-keyint_min", str(30 * CLIP_GOP_S),
                    "-sc_threshold", "0", "-bf", "0", "-pix_fmt", "yuv420p", str(path)], check=True, timeout=120)
    return path


def pass_through(clip):
    return f'[[camera]]\nid = "cam0"\nsource = "file:{clip}?loop=1"\n'


def needs_own_h264(server):
    camera = server.wait_for_state("cam0", "streaming")
    if camera["format"] != "H264":
        pytest.skip(f"this camera gives {camera['format']}: the driver decodes")


def metric(server, name):
    return server.metrics()[f"camweave_rtsp_{name}", frozenset()]


def take(units, count):
    return [next(units) for _ in range(count)]


def test_it_is_there_as_soon_as_http_answers(rtsp):
    for _ in range(5):
        running = rtsp(wait=False)

        def listens():
            try:
                socket.create_connection(running.address).close()
                return True
            except ConnectionRefusedError:
                return False

        wait_until(listens, 10 * PATIENCE, "HTTP is there", every_s=0)
        RtspClient(running.rtsp_port).close()
        running.stop()


# ---- what is said ----

def test_the_description_is_what_receivers_and_nvrs_expect(rtsp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as client:
        options = client.request("OPTIONS", "*")
        assert options.status == 200
        assert {"DESCRIBE", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER"} <= set(options.headers["public"].split(", "))
        answer = client.request("DESCRIBE", Accept="application/sdp")
        assert answer.headers["content-type"] == "application/sdp"
        assert answer.headers["content-base"] == client.url + "/"
        assert answer.headers["cseq"] == "2" and answer.headers["date"].endswith("GMT")
        sdp = parse_sdp(answer.body)
        assert sdp["encoding"] == "H264/90000" and sdp["payload_type"] == 96
        assert sdp["fmtp"]["packetization-mode"] == "1"
        sps, pps = sdp["sets"]
        assert sps[0] & 31 == 7 and pps[0] & 31 == 8
        assert sdp["fmtp"]["profile-level-id"] == sps[1:4].hex()
        keys = [key for key, _ in sdp["lines"]]
        assert keys.index("o") < keys.index("s") < keys.index("c") < keys.index("t") < keys.index("m"), "RFC 4566's order"
        assert int(dict(sdp["lines"])["o"].split()[1]) > 0
        assert client.request("DESCRIBE", Accept="text/plain").status == 406


def test_the_parameter_sets_of_the_description_are_those_of_the_stream(rtsp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as client:
        client.play()
        first = next(client.units())
        assert first.keyframe and first.whole
        assert client.sdp["sets"] == [nal for nal in first.nals if nal[0] & 31 in (7, 8)]


def test_rtp_info_names_the_first_packet(rtsp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as client:
        answer = client.play()
        info = dict(part.split("=", 1) for part in answer.headers["rtp-info"].split(";"))
        assert info["url"] == client.control
        first = next(client.units())
        assert (int(info["seq"]), int(info["rtptime"])) == (first.first_sequence, first.rtp_time)


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_what_vlc_says(rtsp, udp):
    """live555's words, as VLC 3 sends them: seen also where no such VLC is at hand."""
    running = rtsp()
    agent = {"User_Agent": "LibVLC/3.0.20 (LIVE555 Streaming Media v2016.11.28)"}
    with RtspClient(running.rtsp_port) as client:
        assert client.request("OPTIONS", **agent).status == 200
        answer = client.request("DESCRIBE", **agent, Accept="application/sdp")
        client.control = answer.headers["content-base"] + parse_sdp(answer.body)["control"]
        transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
        if udp:
            client.rtp, client.rtcp = udp_pair()
            port = client.rtp.getsockname()[1]
            transport = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
        answer = client.request("SETUP", client.control, **agent, Transport=transport)
        assert answer.headers["session"].endswith(";timeout=60") and "ssrc=" in answer.headers["transport"]
        client.session = answer.headers["session"].split(";")[0]
        base = client.url + "/"
        answer = client.request("PLAY", base, **agent, Range="npt=0.000-")
        assert answer.headers["range"] == "npt=now-" and "rtptime=" in answer.headers["rtp-info"]
        assert take(client.units(), 5)[0].keyframe
        assert client.request("GET_PARAMETER", base, **agent).status == 200
        assert client.request("TEARDOWN", base, **agent).status == 200


def test_methods_and_states(rtsp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as client:
        assert client.request("PLAY").status == 455
        assert client.request("TEARDOWN", Session="unknown").status == 454
        assert client.request("RECORD").status == 405
        assert client.request("ANNOUNCE").status == 405
        assert client.request("FROBNICATE").status == 501
        answer = client.request("DESCRIBE", Require="onvif-replay")
        assert (answer.status, answer.headers["unsupported"]) == (551, "onvif-replay")
        assert client.request("DESCRIBE", client.url.replace("cam0", "nobody")).status == 404
        assert client.request("DESCRIBE", client.url + "?codec=vp9").status == 400
        assert client.request("DESCRIBE", client.url + "?size=big").status == 400
        assert client.request("SETUP", client.url + "/trackID=0", Transport="RTP/AVP;multicast").status == 461
        assert client.request("SETUP", client.url + "/trackID=0", Transport="RAW/RAW/UDP;unicast").status == 461
        assert client.request("SETUP", client.url + "/trackID=0", Transport="RTP/AVP;unicast;client_port=0-1").status == 461
        client.describe()
        client.setup()
        assert client.request("GET_PARAMETER", Session="other").status == 454
        assert client.request("GET_PARAMETER").status == 200
        assert client.request("GET_PARAMETER", body=b"packets_received\r\n", Content_Type="text/parameters").status == 451


def test_teardown_without_play_gives_the_rendition_back(rtsp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as client:
        client.describe()
        client.setup()
        assert running.camera("cam0")["renditions"], "the description wanted one"
        assert client.request("TEARDOWN").status == 200
        wait_until(lambda: not running.camera("cam0")["renditions"], 5 * PATIENCE, "nothing is encoded any more")
        client.session = None
        client.play()
        assert next(client.units()).keyframe, "the connection may be used again"


def test_pause_stops_the_pictures_and_play_goes_on_with_a_keyframe(rtsp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as client:
        client.play()
        take(client.units(), 5)
        assert client.request("PAUSE").status == 200
        client.queued.clear()
        client.socket.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.packet()
        client.socket.settimeout(15)
        assert client.request("PLAY").status == 200
        first = next(client.units())
        assert first.keyframe and first.whole
        assert metric(running, "readers") == 1


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_frames_are_continuous_and_sequence_numbers_have_no_gap(rtsp, udp):
    running = rtsp(config='[[camera]]\nid = "cam0"\nsource = "pattern:bars?size=480x360&fps=15"\n')
    with RtspClient(running.rtsp_port) as client:
        client.play(udp)
        depacketiser = H264Depacketiser()
        units = take(client.units(depacketiser=depacketiser), 45)
        assert depacketiser.lost == 0
        assert units[0].keyframe and all(unit.whole for unit in units)
        numbers = [frame_sei(unit.nals)[1] for unit in units]
        assert numbers == sorted(set(numbers))
        missing = numbers[-1] - numbers[0] + 1 - len(numbers)
        wait_until(lambda: missing <= running.camera("cam0")["dropped"], 5 * PATIENCE, f"only what the camera had no time to encode: {numbers}")


# ---- RTCP ----

@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
def test_sender_reports_tell_the_time_of_capture_and_what_was_sent(rtsp, udp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as client:
        client.play(udp)
        reports, depacketiser = [], H264Depacketiser()
        seen = []  # (RTP time, packets so far, octets so far, capture time by SEI)
        deadline = time.monotonic() + 20 * PATIENCE
        for unit in client.units(reports, depacketiser):
            seen.append((unit.rtp_time, depacketiser.packets, depacketiser.octets, frame_sei(unit.nals)[0] / 1e6))
            if udp and len(seen) in (30, 200):
                reports.append(sender_report(client.rtcp.recv(2048)))
            if len(reports) == 2 and len(seen) > 150:
                break
            assert time.monotonic() < deadline, "a report with the first frame, and every 5 s"
        for rtp_time, packets, octets, captured_s in seen:
            for report in reports:
                ticks = (rtp_time - report.rtp_time + 2**31) % 2**32 - 2**31
                assert abs(report.wall_s + ticks / 90_000 - captured_s) < 0.020, "wall clock of capture"
        for report in reports:
            counts = next((packets, octets) for rtp_time, packets, octets, _ in seen if rtp_time == report.rtp_time)
            assert (report.packets, report.octets) == counts, "all that was sent, up to the frame whose time it tells"


def test_sessions_over_udp_live_by_receiver_reports_and_connections_that_say_nothing_end(rtsp):
    """The time-outs themselves are tested with a clock of the test's own: src/sink/rtsp/rtsp_session_test.cpp."""
    running = rtsp()
    with RtspClient(running.rtsp_port) as client, RtspClient(running.rtsp_port) as silent:
        client.play(udp=True)
        client.rtcp.sendto(receiver_report(), ("127.0.0.1", client.server_ports[1]))
        assert take(client.units(), 3)
        assert silent.socket.recv(1) == b"", "ended by the server"
        assert 9 < time.monotonic() - silent.opened_at < 30 * PATIENCE
        assert take(client.units(), 3)


# ---- faults ----

def test_pictures_go_to_nobody_else(rtsp):
    running = rtsp()
    rtp, rtcp = udp_pair("127.0.0.2")
    port = rtp.getsockname()[1]
    with RtspClient(running.rtsp_port) as client, rtp, rtcp:
        client.describe()
        answer = client.request("SETUP", client.control, Transport=f"RTP/AVP;unicast;destination=127.0.0.2;client_port={port}-{port + 1}")
        assert answer.status == 403
        answer = client.request("SETUP", client.control, Transport=f"RTP/AVP;unicast;source=127.0.0.2;client_port={port}-{port + 1}")
        assert answer.status == 200 and "127.0.0.2" not in answer.headers["transport"]
        client.session = answer.headers["session"].split(";")[0]
        client.request("PLAY")
        rtp.settimeout(0.5)
        with pytest.raises(TimeoutError):
            rtp.recv(2048)


def test_a_closed_udp_port_ends_that_reader_alone(rtsp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as gone, RtspClient(running.rtsp_port) as other:
        gone.play(udp=True)
        other.play(udp=True)
        depacketiser = H264Depacketiser()
        units = other.units(depacketiser=depacketiser)
        next(units)
        gone.rtp.close()
        gone.rtcp.close()
        gone.rtp = gone.rtcp = None
        # The other one reads on meanwhile: its socket doesn't hold the pictures of many seconds.
        for _ in range(30 * 20):
            next(units)
            if select.select([gone.socket], [], [], 0)[0]:
                break
        assert gone.socket.recv(1) == b"", "the reader whose port is closed is ended"
        assert metric(running, "unreachable_total") == 1
        take(units, 30)
        assert depacketiser.lost == 0
        assert metric(running, "readers") == 1


def test_interleaved_data_of_64_kb_is_taken(rtsp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as client:
        client.play()
        client.socket.sendall(b"$\x01" + struct.pack(">H", 65535) + b"\xff" * 65535)
        client.socket.sendall(b"$\x09" + struct.pack(">H", 0))
        assert client.request("GET_PARAMETER").status == 200
        client.queued.clear()
        assert client.packet()


@pytest.mark.parametrize("text", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"DESCRIBE\r\n\r\n",
                                  b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -5\r\n\r\n",
                                  b"OPTIONS * RTSP/1.0\r\nContent-Length: 99999999999\r\n\r\n",
                                  b"OPTIONS * RTSP/1.0\r\n" + b"X: y\r\n" * 100 + b"\r\n", b"A" * 20_000],
                         ids=["http", "tls", "no-url", "negative", "huge-body", "many-headers", "endless-line"])
def test_what_is_no_rtsp_is_refused_and_ended(rtsp, text):
    running = rtsp()
    with RtspClient(running.rtsp_port) as client:
        client.socket.sendall(text)
        received = b""
        try:
            while got := client.socket.recv(4096):
                received += got
        except ConnectionResetError:
            pass
        assert received.startswith(b"RTSP/1.0 400")
    assert metric(running, "refused_requests_total") >= 1
    with RtspClient(running.rtsp_port) as client:
        assert client.request("OPTIONS", "*").status == 200


def test_a_camera_that_is_away_is_told_with_the_reason(rtsp, tmp_path):
    running = rtsp(config=f'[[camera]]\nid = "cam0"\nsource = "file:{tmp_path}/none.mp4"\n')
    with RtspClient(running.rtsp_port) as client:
        answer = client.request("DESCRIBE")
        assert answer.status == 503
        assert "cam0" in answer.body and "none.mp4" in answer.body


def test_a_slow_tcp_reader_loses_whole_frames_to_the_next_keyframe(rtsp):
    config = '[[camera]]\nid = "cam0"\nsource = "pattern:noise?size=640x480&fps=30"\n'
    running = rtsp(config=config)
    with RtspClient(running.rtsp_port, receive_buffer=8192, timeout=30) as client:
        client.play()
        depacketiser = H264Depacketiser()
        units = client.units(depacketiser=depacketiser)
        first = next(units)
        assert first.keyframe
        last, after = frame_sei(first.nals)[1], None
        while after is None:
            time.sleep(0.15)  # as slow as its link, a seventh of what is sent: it falls behind by more than a second
            unit = next(units)
            number = frame_sei(unit.nals)[1]
            if depacketiser.lost > 0:  # a number alone that is left out is a picture that the camera had no time for
                after = unit
            else:
                last = number
        assert after.keyframe, "goes on at a keyframe"
        assert number > last + 1, "whole frames are left out"
        assert metric(running, "dropped_frames_total") > 0, "and is counted"


def test_half_open_sessions_cost_the_others_nothing(rtsp):
    running = rtsp()
    silent = [socket.create_connection(("127.0.0.1", running.rtsp_port)) for _ in range(300)]
    ready = [RtspClient(running.rtsp_port) for _ in range(20)]
    try:
        for client in ready:
            client.describe()
            client.setup()
        with RtspClient(running.rtsp_port) as client:
            client.play()
            assert take(client.units(), 10)[0].keyframe
            assert metric(running, "sessions") >= 300
        wait_until(lambda: metric(running, "sessions") <= 20, 25 * PATIENCE, "who says nothing is ended after 10 s")
    finally:
        for each in [*silent, *ready]:
            each.close()


def test_five_hundred_readers_get_every_frame(rtsp):
    config = '[[camera]]\nid = "cam0"\nsource = "pattern:bars?size=160x120&fps=5"\n'
    running = rtsp(config=config)
    clients = [RtspClient(running.rtsp_port, timeout=60) for _ in range(500)]
    try:
        for client in clients:
            client.describe()
            client.setup()
        for client in clients:
            client.send("PLAY")
        for client in clients:
            assert client.answer().status == 200
        assert metric(running, "readers") == 500
        depacketisers = [H264Depacketiser() for _ in clients]
        counts = [0] * len(clients)
        poll = selectors.DefaultSelector()
        for index, client in enumerate(clients):
            client.socket.setblocking(False)
            poll.register(client.socket, selectors.EVENT_READ, index)
        deadline = time.monotonic() + 60 * PATIENCE
        while min(counts) < 15 and time.monotonic() < deadline:
            for key, _ in poll.select(1):
                client = clients[key.data]
                client.buffer += client.socket.recv(1 << 16)
                while len(client.buffer) >= 4 and len(client.buffer) >= 4 + int.from_bytes(client.buffer[2:4], "big"):
                    channel, packet = client._take_interleaved()
                    if channel == 0 and depacketisers[key.data].put(packet):
                        counts[key.data] += 1
        assert min(counts) >= 15
        assert all(each.lost == 0 for each in depacketisers)
        assert metric(running, "dropped_frames_total") == 0
    finally:
        for client in clients:
            client.close()


# ---- the first picture ----

def capture_age_s(unit):
    return time.time() - frame_sei(unit.nals)[0] / 1e6


def test_a_camera_s_own_stream_begins_with_the_kept_gop_at_once(rtsp, clip):
    """Its next keyframe can't be ordered: with a keyframe every 2 s the kept one is what comes first, also for the first reader."""
    running = rtsp(config=pass_through(clip))
    needs_own_h264(running)
    wait_until(lambda: running.camera("cam0")["renditions"], 10 * PATIENCE, "the camera's own stream is kept while nobody watches")
    time.sleep(CLIP_GOP_S / 2)  # somewhere inside a GOP
    for udp in (False, True):
        with RtspClient(running.rtsp_port) as client:
            client.play(udp)
            depacketiser = H264Depacketiser()
            source = client.units(depacketiser=depacketiser)
            units = take(source, 90)
            assert units[0].keyframe and depacketiser.lost == 0
            numbers = [frame_sei(unit.nals)[1] for unit in units]
            assert numbers == list(range(numbers[0], numbers[0] + 90)), "nothing between the kept pictures and the live ones is missing"
            # A busy machine is some pictures behind for a moment; one that had not caught up would stay a GOP behind.
            assert any(capture_age_s(unit) < 0.5 for unit in itertools.islice(source, 300)), "it has caught up"


def test_gop_cache_off_waits_for_the_camera_s_keyframe(rtsp, clip):
    running = rtsp('gop_cache = "off"', config=pass_through(clip))
    needs_own_h264(running)
    with RtspClient(running.rtsp_port) as first:
        first.play()
        units = first.units()
        take(units, 20)
        with RtspClient(running.rtsp_port) as client:
            asked_s = time.time()
            client.play()
            unit = next(client.units())
            assert unit.keyframe and frame_sei(unit.nals)[0] / 1e6 > asked_s - 0.1, "a live keyframe, not a kept one"


def test_a_stream_that_we_encode_begins_with_a_keyframe_made_for_the_reader(rtsp):
    running = rtsp()
    with RtspClient(running.rtsp_port) as first:
        first.play()
        keyframes = []

        def read(seconds):
            until = time.monotonic() + seconds
            for unit in units:
                if unit.keyframe:
                    keyframes.append(frame_sei(unit.nals))
                if time.monotonic() > until:
                    return

        units = first.units()
        read(0.7)
        began_s = time.monotonic()
        joining = [RtspClient(running.rtsp_port) for _ in range(10)]
        try:
            for client in joining:
                client.describe()
                client.setup()
            before = len(keyframes)
            for client in joining:
                client.send("PLAY")
            for client in joining:
                assert client.answer().status == 200
                unit = next(client.units())
                assert unit.keyframe and unit.whole
            read(0.7)
            assert 1 <= len(keyframes) - before <= 2 + (time.monotonic() - began_s) / 0.5, "ten readers' requests are merged"
            times = [captured_us for captured_us, _ in keyframes]
            assert all(later - earlier > 400_000 for earlier, later in zip(times, times[1:])), "at most one in 500 ms"
        finally:
            for client in joining:
                client.close()


# ---- JPEG ----

def jpeg_camera(folder, *options):
    folder.mkdir()
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=10:duration=1", "-q:v", "4", *options,
                    str(folder / "%02d.jpg")], check=True, timeout=60)
    return f'[[camera]]\nid = "cam0"\nsource = "file:{folder}?fps=10&loop=1"\n'


def first_jpeg_payload(port):
    with RtspClient(port, "/cam0?codec=mjpeg") as client:
        client.play()
        assert client.sdp["payload_type"] == 26
        while True:
            channel, packet = client.packet()
            if channel == 0:
                return packet[12:]


def test_a_camera_s_own_jpeg_goes_out_as_it_is_where_its_tables_fit(rtsp, tmp_path):
    running = rtsp(config=jpeg_camera(tmp_path / "fits", "-pix_fmt", "yuvj420p", "-huffman", "default"))
    payload = first_jpeg_payload(running.rtsp_port)
    assert payload[4] == 1 and payload[5] == 255, "4:2:0, the tables in band"
    tables = payload[12:12 + 128]
    jpeg = sorted((tmp_path / "fits").iterdir())[0].read_bytes()
    at = jpeg.find(b"\xff\xdb")
    assert tables[:64] == jpeg[at + 5:at + 69], "the camera's own quantization"


def test_a_jpeg_that_rtp_cannot_carry_is_encoded_again(rtsp, tmp_path):
    running = rtsp(config=jpeg_camera(tmp_path / "does-not", "-pix_fmt", "yuvj444p"))
    payload = first_jpeg_payload(running.rtsp_port)
    assert payload[4] in (0, 1), "4:2:2 or 4:2:0"
    assert (payload[6] * 8, payload[7] * 8) == (320, 240)


# ---- access ----

def digest(client, method, url, challenge, password):
    fields = dict(part.strip().split("=", 1) for part in challenge.removeprefix("Digest ").split(","))
    realm, nonce = fields["realm"].strip('"'), fields["nonce"].strip('"')
    md5 = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731
    answer = md5(f"{md5(f'viewer:{realm}:{password}')}:{nonce}:{md5(f'{method}:{url}')}")
    return f'Digest username="viewer", realm="{realm}", nonce="{nonce}", uri="{url}", response="{answer}"'


def test_with_an_api_key_it_is_the_password(rtsp):
    running = rtsp('api_key = "correct horse"')
    with RtspClient(running.rtsp_port) as client:
        assert client.request("OPTIONS", "*").status == 200
        answer = client.request("DESCRIBE")
        assert answer.status == 401
        challenge = next(line.split(": ", 1)[1] for line in answer.all_headers if "Digest" in line)
        right = digest(client, "DESCRIBE", client.url, challenge, "correct horse")
        assert client.request("DESCRIBE", Authorization=right).status == 200
        wrong = digest(client, "DESCRIBE", client.url, challenge, "wrong")
        for _ in range(5):
            assert client.request("DESCRIBE", Authorization=wrong).status == 401
        assert client.socket.recv(1) == b"", "who guesses is ended"
    for password, status in (("correct horse", "200"), ("wrong", "401")):
        done = subprocess.run(["ffprobe", "-v", "error", f"rtsp://anyone:{password.replace(' ', '%20')}@127.0.0.1:{running.rtsp_port}/cam0"],
                              capture_output=True, text=True, timeout=60)
        assert (done.returncode == 0) == (status == "200"), done.stderr
