"""An MJPEG client as strict as the format: every part must be a whole JPEG with the headers that the server promises."""

import socket
import time


class Part:
    def __init__(self, headers, jpeg, arrived_s):
        self.headers = headers  # names in lower case
        self.jpeg = jpeg
        self.arrived_s = arrived_s  # time.monotonic()

    @property
    def sequence(self):
        return int(self.headers["x-sequence"])

    @property
    def timestamp_s(self):
        return float(self.headers["x-timestamp"])


class MjpegClient:
    """with MjpegClient(server, "/…/stream.mjpg") as stream: parts = stream.take(5)"""

    def __init__(self, server, path, timeout_s=30):
        self.socket = socket.create_connection(server.address, timeout=timeout_s)
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
        self.buffer = b""
        self.status, self.headers = self._head()
        kind, _, rest = self.headers.get("content-type", "").partition(";")
        self.boundary = rest.partition("boundary=")[2].strip().strip('"') if kind == "multipart/x-mixed-replace" else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def part(self):
        """The next part; EOFError when the server has ended the stream."""
        assert self.boundary, f"no MJPEG: {self.status} {self.headers} {self.buffer[:200]}"
        line = self._line()
        if line == "":  # the line end after the last part's bytes
            line = self._line()
        assert line == f"--{self.boundary}", f"a boundary should be here: {line!r}"
        headers = self._fields()
        assert headers["content-type"] == "image/jpeg"
        jpeg = self._exactly(int(headers["content-length"]))
        arrived_s = time.monotonic()
        assert jpeg[:3] == b"\xff\xd8\xff" and jpeg[-2:] == b"\xff\xd9", "the part is no whole JPEG"
        return Part(headers, jpeg, arrived_s)

    def take(self, count):
        return [self.part() for _ in range(count)]

    def _head(self):
        status = int(self._line().split()[1])
        return status, self._fields()

    def _fields(self):
        fields = {}
        while line := self._line():
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return fields

    def _more(self):
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise EOFError("the server closed the stream")
        self.buffer += chunk

    def _line(self):
        while b"\r\n" not in self.buffer:
            self._more()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode("latin-1")

    def _exactly(self, size):
        while len(self.buffer) < size:
            self._more()
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data
