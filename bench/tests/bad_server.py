"""A server that sends exactly the bytes it is given: good ones, and bad ones on purpose."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

MJPEG_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
WEBSOCKET_HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


class Server:
    """Sends each client `head` and then what `frames(client_number)` yields, one each `interval_s`."""

    def __init__(self, head: bytes, frames: Callable[[int], Iterator[bytes]], interval_s: float = 0.01):
        self.head, self.frames, self.interval_s = head, frames, interval_s
        self.received: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.ended = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.listener.close()

    def _accept(self) -> None:
        number = 0
        while not self.ended.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, number), daemon=True).start()
            number += 1

    def _serve(self, client: socket.socket, number: int) -> None:
        with client:
            try:
                if self.head:
                    self.received.append(client.recv(4096))
                    client.sendall(self.head)
                for data in self.frames(number):
                    if self.ended.wait(self.interval_s):
                        return
                    client.sendall(data)
                client.settimeout(5)
                self.received.append(client.recv(4096))
            except OSError:
                return


def unix_us() -> int:
    return time.time_ns() // 1000


def mjpeg_part(jpeg: bytes, sequence: int | None = None, us: int | None = None, length: int | None = None,
               with_length: bool = True) -> bytes:
    lines = ["--frame", "Content-Type: image/jpeg"]
    if with_length:
        lines.append(f"Content-Length: {len(jpeg) if length is None else length}")
    if us is not None:
        lines.append(f"X-Timestamp: {us // 1_000_000}.{us % 1_000_000:06}")
    if sequence is not None:
        lines.append(f"X-Sequence: {sequence}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + jpeg + b"\r\n"


def websocket_frame(payload: bytes, opcode: int = 2, last: bool = True) -> bytes:
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 65536:
        length = b"\x7e" + struct.pack(">H", size)
    else:
        length = b"\x7f" + struct.pack(">Q", size)
    return bytes([opcode | (0x80 if last else 0)]) + length + payload


def raw_frame(jpeg: bytes) -> bytes:
    return struct.pack(">I", len(jpeg)) + jpeg


def bundle(sequence: int, jpegs: list[bytes], us: int, lie: int = 0) -> bytes:
    """A FrameBundle; `lie` is added to the last picture's payload_size."""
    message = b"CWFB" + struct.pack("<HHQQ", 1, len(jpegs), sequence, us)
    for index, jpeg in enumerate(jpegs):
        size = len(jpeg) + (lie if index == len(jpegs) - 1 else 0)
        message += struct.pack("<HHHHIIQQII", index, 1, 640, 360, 0, size, sequence, us, 0, 0) + jpeg
    return message
