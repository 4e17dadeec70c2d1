"""A small RTSP client of the tests' own: it sends requests word by word, reads what is interleaved or sent by UDP, puts RTP
packets together again (RFC 6184, RFC 2435) and reads sender reports. It hides nothing: tests look at every header."""

import base64
import re
import socket
import struct
import time
from dataclasses import dataclass, field

NTP_OFFSET_S = 2_208_988_800
SEI_UUID = bytes.fromhex("c43a771b5d924e0f9ad166e8237fb458")


class Answer:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # names in lower case; the last of a name counts
        self.body = body


@dataclass
class SenderReport:
    ssrc: int
    wall_s: float
    rtp_time: int
    packets: int
    octets: int


@dataclass
class AccessUnit:
    rtp_time: int
    first_sequence: int
    packets: int
    nals: list = field(default_factory=list)
    whole: bool = True

    @property
    def keyframe(self):
        return any(nal[0] & 31 == 5 for nal in self.nals)

    @property
    def annex_b(self):
        return b"".join(b"\0\0\0\1" + nal for nal in self.nals)


class H264Depacketiser:
    """RTP packets to access units. A gap in the sequence numbers is counted, and the unit that it cut is not `whole`."""

    def __init__(self):
        self.unit = None
        self.fragment = None
        self.next_sequence = None
        self.lost = 0
        self.packets = 0
        self.octets = 0

    def put(self, packet):
        """The access unit that this packet completes, or None."""
        first, second, sequence, rtp_time, _ssrc = struct.unpack(">BBHII", packet[:12])
        assert first == 0x80, "version 2, no padding, no extension, no contributing sources"
        gap = 0 if self.next_sequence is None else (sequence - self.next_sequence) & 0xFFFF
        self.lost += gap
        self.next_sequence = (sequence + 1) & 0xFFFF
        self.packets += 1
        self.octets += len(packet) - 12
        if self.unit is None or self.unit.rtp_time != rtp_time:
            self.unit = AccessUnit(rtp_time, sequence, 0)
            self.fragment = None
        self.unit.packets += 1
        self.unit.whole &= gap == 0 or self.unit.packets == 1
        self._payload(packet[12:])
        if not second & 0x80:
            return None
        done, self.unit = self.unit, None
        return done

    def _payload(self, payload):
        kind = payload[0] & 31
        if kind == 24:  # STAP-A
            at = 1
            while at < len(payload):
                size = int.from_bytes(payload[at:at + 2], "big")
                self.unit.nals.append(payload[at + 2:at + 2 + size])
                at += 2 + size
        elif kind == 28:  # FU-A
            if payload[1] & 0x80:
                self.fragment = bytearray([payload[0] & 0xE0 | payload[1] & 31])
            if self.fragment is None:
                self.unit.whole = False
                return
            self.fragment += payload[2:]
            if payload[1] & 0x40:
                self.unit.nals.append(bytes(self.fragment))
                self.fragment = None
        else:
            assert 1 <= kind <= 23, f"payload structure {kind}"
            self.unit.nals.append(payload)


def frame_sei(nals):
    """(capture time in Unix µs, sequence) of the SEI message that every access unit carries; docs/reference/h264-sei.md."""
    def number(data):
        value = 0
        for byte in data:
            value = value << 7 | byte & 0x7F
        return value

    for nal in nals:
        at = nal.find(SEI_UUID) if nal[0] & 31 == 6 else -1
        if at >= 0:
            at += len(SEI_UUID) + 1
            return number(nal[at:at + 10]), number(nal[at + 10:at + 20])
    return None


def sender_report(packet):
    """The report in a compound RTCP packet, None for another kind."""
    if len(packet) < 28 or packet[1] != 200:
        return None
    ssrc, seconds, fraction, rtp_time, packets, octets = struct.unpack(">6I", packet[4:28])
    return SenderReport(ssrc, seconds - NTP_OFFSET_S + fraction / 2**32, rtp_time, packets, octets)


def receiver_report(ssrc=1):
    return struct.pack(">BBHI", 0x80, 201, 1, ssrc)


def parse_sdp(text):
    """{'payload_type', 'encoding', 'fmtp', 'control', 'sets', 'lines'}: what a receiver takes from a description."""
    lines = [line.split("=", 1) for line in text.split("\r\n") if line]
    assert [key for key, _ in lines][:3] == ["v", "o", "s"], text
    media = next(value for key, value in lines if key == "m").split()
    found = {"payload_type": int(media[3]), "lines": lines, "fmtp": {}, "encoding": "", "sets": []}
    for key, value in lines:
        if key != "a":
            continue
        if value.startswith("rtpmap:"):
            found["encoding"] = value.split(" ", 1)[1]
        elif value.startswith("fmtp:"):
            found["fmtp"] = dict(part.split("=", 1) for part in value.split(" ", 1)[1].split(";"))
        elif value.startswith("control:"):
            found["control"] = value.split(":", 1)[1]
    if "sprop-parameter-sets" in found["fmtp"]:
        found["sets"] = [base64.b64decode(each) for each in found["fmtp"]["sprop-parameter-sets"].split(",")]
    return found


SO_RCVBUFFORCE = 33  # Linux; Python has no name for it


def make_room(udp, size_bytes):
    """For what comes while this process is kept waiting. Beyond the system's limit where that is allowed."""
    try:
        udp.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, size_bytes)
    except PermissionError:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size_bytes)


def udp_pair(address="127.0.0.1"):
    """Two sockets on an even port and the next."""
    while True:
        rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        make_room(rtp, 4 << 20)
        rtp.bind((address, 0))
        port = rtp.getsockname()[1]
        try:
            if port % 2 == 0:
                rtcp.bind((address, port + 1))
                rtp.settimeout(30)
                rtcp.settimeout(30)
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()


class RtspClient:
    def __init__(self, port, path="/cam0", receive_buffer=None, timeout=40, address="127.0.0.1"):
        self.url = f"rtsp://{address}:{port}{path}"
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.opened_at = time.monotonic()
        self.socket.connect((address, port))
        self.cseq = 0
        self.buffer = b""
        self.queued = []  # interleaved packets that came in front of an answer
        self.session = None
        self.rtp = self.rtcp = None
        self.sdp = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        for each in (self.rtp, self.rtcp):
            if each:
                each.close()

    # ---- requests ----

    def send(self, method, url=None, body=b"", **headers):
        self.cseq += 1
        lines = [f"{method} {url or self.url} RTSP/1.0", f"CSeq: {self.cseq}"]
        if self.session and "Session" not in headers:
            lines.append(f"Session: {self.session}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.socket.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    def request(self, method, url=None, body=b"", **headers):
        self.send(method, url, body, **headers)
        return self.answer()

    def _need(self, count):
        while len(self.buffer) < count:
            got = self.socket.recv(1 << 16)
            if not got:
                raise ConnectionError("the server ended the connection")
            self.buffer += got

    def _take_interleaved(self):
        self._need(4)
        size = int.from_bytes(self.buffer[2:4], "big")
        self._need(4 + size)
        channel, packet = self.buffer[1], self.buffer[4:4 + size]
        self.buffer = self.buffer[4 + size:]
        return channel, packet

    def answer(self):
        while True:
            self._need(1)
            if self.buffer[:1] == b"$":
                self.queued.append(self._take_interleaved())
                continue
            while b"\r\n\r\n" not in self.buffer:
                self._need(len(self.buffer) + 1)
            head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            lines = head.decode().split("\r\n")
            headers = {k.strip().lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
            size = int(headers.get("content-length", 0))
            self._need(size)
            body, self.buffer = self.buffer[:size], self.buffer[size:]
            answer = Answer(int(lines[0].split()[1]), headers, body.decode(errors="replace"))
            answer.all_headers = lines[1:]
            return answer

    def describe(self):
        answer = self.request("DESCRIBE", Accept="application/sdp")
        assert answer.status == 200, f"{answer.status} {answer.body}"
        self.sdp = parse_sdp(answer.body)
        base = answer.headers["content-base"]
        self.control = base + self.sdp["control"]
        return self.sdp

    def setup(self, udp=False):
        if udp:
            self.rtp, self.rtcp = udp_pair()
            port = self.rtp.getsockname()[1]
            transport = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
        else:
            transport = "RTP/AVP/TCP;unicast;interleaved=0-1"
        answer = self.request("SETUP", getattr(self, "control", self.url + "/trackID=0"), Transport=transport)
        assert answer.status == 200, f"{answer.status} {answer.body}"
        self.session = answer.headers["session"].split(";")[0]
        if udp:
            self.server_ports = tuple(map(int, re.search(r"server_port=(\d+)-(\d+)", answer.headers["transport"]).groups()))
        return answer

    def play(self, udp=False):
        """DESCRIBE, SETUP and PLAY; the answer to PLAY."""
        self.describe()
        self.setup(udp)
        answer = self.request("PLAY", Range="npt=now-")
        assert answer.status == 200, f"{answer.status} {answer.body}"
        return answer

    # ---- what comes ----

    def packet(self):
        """(channel, packet); channel 0 is RTP, 1 RTCP."""
        if self.rtp:
            return 0, self.rtp.recv(65536)
        return self.queued.pop(0) if self.queued else self._take_interleaved()

    def units(self, reports=None, depacketiser=None):
        """Access units as they come; sender reports go to the list `reports`."""
        depacketiser = depacketiser or H264Depacketiser()
        while True:
            channel, packet = self.packet()
            if channel == 0:
                unit = depacketiser.put(packet)
                if unit:
                    yield unit
            elif reports is not None and (report := sender_report(packet)):
                reports.append(report)
