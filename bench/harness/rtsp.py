"""As much of an RTSP client as the figures need: whether a stream is there, and how long its first picture takes."""

import socket
import time

TIMEOUT_S = 15.0


class RtspFailed(Exception):
    """The server refused, or nothing came."""


class _Connection:
    def __init__(self, port: int, path: str):
        self.url = f"rtsp://127.0.0.1:{port}{path}"
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.cseq = 0
        self.session = ""

    def _need(self, count: int) -> None:
        while len(self.buffer) < count:
            got = self.socket.recv(1 << 16)
            if not got:
                raise RtspFailed("the server ended the connection")
            self.buffer += got

    def request(self, method: str, url: str, headers: str = "") -> None:
        self.cseq += 1
        session = f"Session: {self.session}\r\n" if self.session else ""
        self.socket.sendall(f"{method} {url} RTSP/1.0\r\nCSeq: {self.cseq}\r\n{session}{headers}\r\n".encode())
        while b"\r\n\r\n" not in self.buffer:
            self._need(len(self.buffer) + 1)
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        fields = {}
        for line in head.decode().split("\r\n")[1:]:
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        size = int(fields.get("content-length", 0))
        self._need(size)
        self.buffer = self.buffer[size:]
        if b" 200 " not in head.split(b"\r\n")[0] + b" ":
            raise RtspFailed(head.split(b"\r\n")[0].decode())
        self.session = fields.get("session", self.session).split(";")[0]

    def packet(self) -> tuple[int, bytes]:
        self._need(4)
        size = int.from_bytes(self.buffer[2:4], "big")
        self._need(4 + size)
        channel, packet = self.buffer[1], self.buffer[4:4 + size]
        self.buffer = self.buffer[4 + size:]
        return channel, packet


def describes(port: int, path: str) -> bool:
    try:
        connection = _Connection(port, path)
        with connection.socket:
            connection.request("DESCRIBE", connection.url, "Accept: application/sdp\r\n")
        return True
    except (OSError, RtspFailed):
        return False


def play(port: int, path: str) -> _Connection:
    connection = _Connection(port, path)
    connection.request("DESCRIBE", connection.url, "Accept: application/sdp\r\n")
    connection.request("SETUP", connection.url + "/trackID=0", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
    connection.request("PLAY", connection.url, "Range: npt=0.000-\r\n")
    return connection


def first_picture_ms(port: int, path: str) -> float:
    """Connect to the last packet of the first keyframe, over TCP. What comes before a keyframe is no picture."""
    started = time.monotonic()
    connection = play(port, path)
    with connection.socket:
        has_key = False
        while True:
            channel, packet = connection.packet()
            if channel != 0:
                continue
            kind = packet[12] & 31
            has_key |= kind == 5 or (kind == 28 and packet[13] & 31 == 5)
            if packet[1] & 0x80 and has_key:
                return 1e3 * (time.monotonic() - started)
