"""Clients that break the rules are refused or bounded; the server goes on and does not grow."""

import base64
import os
import pathlib
import resource
import select
import socket
import struct
import time

import pytest
from helpers.processes import wait_until
from helpers.server import PATIENCE


@pytest.fixture
def running(server):
    one = server()
    one.wait_for_state("cam0", "streaming")
    yield one
    assert one.process.poll() is None, one.log()[-2000:]
    assert one.get("/health").status == 200
    assert one.camera("cam0")["state"] == "streaming"


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError("no RssAnon")


def connect(server, timeout_s=30):
    return socket.create_connection(server.address, timeout=timeout_s)


def until_closed(connection, within_s=30):
    """All that the server sends until it closes (a reset is a close)."""
    connection.settimeout(within_s)
    data = b""
    try:
        while chunk := connection.recv(65536):
            data += chunk
    except ConnectionResetError:
        pass
    return data


def send_all_it_takes(connection, data):
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def status_of(answer):
    return int(answer.split()[1]) if answer.startswith(b"HTTP/1.") else None


@pytest.mark.sanitized
@pytest.mark.parametrize("request_bytes, statuses", [
    (b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", {400, 414, 431}),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Big: " + b"a" * 200000 + b"\r\n\r\n", {400, 431}),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X-Many: a\r\n" * 20000 + b"\r\n", {400, 431}),
    (b"POST /api/v1/cameras HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{", {400, 413}),
    (b"POST /api/v1/cameras HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n", {400}),
    (b"POST /api/v1/cameras HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", {400}),
    (b"GET /api/v1/cameras/%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", {400, 404}),
    (b"GET /api/v1/cameras/%00%00 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", {400, 404}),
    (b"GET /../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", {400, 404, 200}),
    (b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", {400, 404, 200}),
    (b"GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", {400, 403}),
    (b"GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n", {400, 505}),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500, {400, None}),
    (b"\0" * 4096 + b"\r\n\r\n", {400, None}),
    (b"BREW /pot HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", {400, 405, 501}),
], ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else "")
def test_a_bad_request_is_refused(running, request_bytes, statuses):
    with connect(running) as client:
        send_all_it_takes(client, request_bytes)
        answer = until_closed(client)
    assert status_of(answer) in statuses, answer[:300]
    assert b"root:" not in answer


def test_refusals_are_counted(running):
    def count(name):
        return running.metrics()[f"camweave_net_{name}_total", frozenset()]

    names = ("requests_refused_malformed", "requests_refused_too_large", "requests_refused_access", "requests_refused_unknown",
             "websocket_protocol_errors")
    before = {name: count(name) for name in names}
    for request in (b"GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                    b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Big: " + b"a" * 200000 + b"\r\n\r\n",
                    b"GET /health HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
                    b"GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"):
        with connect(running) as client:
            send_all_it_takes(client, request)
            until_closed(client)
    with opened(running) as client:
        client.sendall(frame(1, b"hello", masked=False))
        close_code(client)
    assert {name: count(name) - before[name] for name in names} == dict.fromkeys(names, 1)


def test_slow_loris(running):
    slow = []
    for _ in range(50):
        client = connect(running)
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-")
        slow.append(client)
    assert running.get("/health").status == 200
    end = time.monotonic() + 90 * PATIENCE
    open_ones = list(slow)
    while open_ones and time.monotonic() < end:
        for client in list(open_ones):
            client.settimeout(0.01)
            try:
                client.sendall(b"a")
                if client.recv(4096) == b"":
                    open_ones.remove(client)
            except TimeoutError:
                pass
            except OSError:
                open_ones.remove(client)
        select.select(open_ones, [], [], 0.5)  # the pace of the slow; an end is seen at once
    assert not open_ones, f"{len(open_ones)} clients that never finish a request are still served"


def test_a_thousand_silent_connections(running):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    before_kib = resident_kib(running.process.pid)
    silent = [connect(running) for _ in range(1000)]
    assert running.get("/health").status == 200
    running.snapshot("cam0")
    assert resident_kib(running.process.pid) - before_kib < 40 * 1024 * PATIENCE
    for client in silent:
        client.close()
    fds = pathlib.Path(f"/proc/{running.process.pid}/fd")
    wait_until(lambda: len(os.listdir(fds)) < 200, 10 * PATIENCE, "their sockets are closed")


def test_half_open_connections(running):
    clients = []
    for _ in range(50):
        client = connect(running)
        client.sendall(b"GET /api/v1/cameras/cam0/stream.mjpg?size=320x240 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.shutdown(socket.SHUT_WR)
        clients.append(client)
    assert running.get("/health").status == 200
    assert clients[-1].recv(12) == b"HTTP/1.1 200", "their requests were dealt with"
    for client in clients:
        client.close()
    wait_until(lambda: running.camera("cam0")["renditions"] == [], 5 * PATIENCE, "their encoder stops")


# ---- WebSocket ----

MASK = b"\x11\x22\x33\x44"


def frame(opcode, payload=b"", fin=True, masked=True, length=None, reserved=0):
    head = bytes([(0x80 if fin else 0) | reserved | opcode])
    size = len(payload) if length is None else length
    bit = 0x80 if masked else 0
    head += bytes([bit | size]) if size < 126 else bytes([bit | 126]) + struct.pack(">H", size) if size < 65536 else bytes([bit | 127]) + struct.pack(">Q", size)
    if masked:
        head += MASK
        payload = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return head + payload


def websocket(server, path="/api/v1/cameras/cam0/jpeg?size=320x240&fps=5", **headers):
    client = connect(server)
    key = base64.b64encode(os.urandom(16)).decode()
    fields = {"Host": f"localhost:{server.port}", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
              "Sec-WebSocket-Key": key, **{name.replace("_", "-"): value for name, value in headers.items()}}
    client.sendall(f"GET {path} HTTP/1.1\r\n".encode() + "".join(f"{n}: {v}\r\n" for n, v in fields.items() if v).encode() + b"\r\n")
    return client


def opened(server, **headers):
    client = websocket(server, **headers)
    head = b""
    while b"\r\n\r\n" not in head:
        head += client.recv(1)
    assert b" 101 " in head, head
    return client


def exactly(client, size):
    data = b""
    while len(data) < size:
        chunk = client.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def read_frame(client):
    first, second = exactly(client, 2)
    assert not second & 0x80, "a server never masks"
    size = second & 0x7F
    if size >= 126:
        size = int.from_bytes(exactly(client, 2 if size == 126 else 8), "big")
    return first & 0x0F, exactly(client, size)


def close_code(client, within_s=30):
    """Reads on until the server's close frame; its code, or None when the connection just ended."""
    client.settimeout(within_s)
    try:
        while True:
            opcode, payload = read_frame(client)
            if opcode == 8:
                return int.from_bytes(payload[:2], "big") if payload else None
    except (EOFError, ConnectionResetError):
        return None


@pytest.mark.sanitized
@pytest.mark.parametrize("data, code", [
    (frame(1, b"hello", masked=False), 1002),
    (frame(3, b"x"), 1002),
    (frame(1, b"x", reserved=0x40), 1002),
    (frame(9, b"x" * 126), 1002),
    (frame(9, b"x", fin=False), 1002),
    (frame(0, b"x"), 1002),
    (frame(2, b"", length=1 << 40), 1009),
    (frame(8, struct.pack(">H", 1000)), 1000),
], ids=["unmasked", "reserved-opcode", "reserved-bit", "long-ping", "fragmented-ping", "stray-continuation", "oversized", "close"])
def test_a_bad_websocket_frame_ends_the_connection(running, data, code):
    with opened(running) as client:
        client.sendall(data)
        assert close_code(client) == code


def test_fragments_without_end_are_bounded(running):
    with opened(running) as client:
        before_kib = resident_kib(running.process.pid)
        send_all_it_takes(client, frame(2, b"x" * 1000, fin=False))
        for _ in range(20000):
            try:
                client.sendall(frame(0, b"x" * 1000, fin=False))
            except OSError:
                break
        assert close_code(client) in (1009, 1002, 1008, None)
        assert resident_kib(running.process.pid) - before_kib < 20 * 1024 * PATIENCE


def test_pings_are_answered_and_do_not_grow(running):
    with opened(running) as client:
        client.sendall(frame(9, b"are you there"))
        while (message := read_frame(client))[0] != 10:
            pass
        assert message == (10, b"are you there")
        before_kib = resident_kib(running.process.pid)
        pings = frame(9, b"x" * 125) * 200
        client.settimeout(0.5)
        for _ in range(300):  # 60,000 pings, no answer read
            try:
                client.sendall(pings)
            except OSError:
                break
        assert resident_kib(running.process.pid) - before_kib < 10 * 1024 * PATIENCE


def test_websocket_from_another_site_is_refused(running):
    with websocket(running, Origin="https://evil.example") as client:
        head = client.recv(4096)
    assert status_of(head) == 403


def test_websocket_from_the_own_page(running):
    opened(running, Origin=f"http://localhost:{running.port}").close()


@pytest.mark.parametrize("headers, statuses", [({"Sec_WebSocket_Version": "8"}, {400, 426}), ({"Sec_WebSocket_Key": "short"}, {400}),
                                               ({"Sec_WebSocket_Key": ""}, {400})])
def test_a_bad_handshake(running, headers, statuses):
    with websocket(running, **headers) as client:
        assert status_of(client.recv(4096)) in statuses


def test_a_plain_get_of_a_websocket(running):
    assert running.get("/api/v1/cameras/cam0/jpeg").status == 426
