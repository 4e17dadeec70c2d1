"""Plays Camweave's server for one worker, so that a driver can be tested on its own: worker_client.py WORKER

Standard input: JSON lines {"type": "Start", …the message's fields} that go to the worker. Standard output: JSON lines of
what it says; a Frame has its bytes in base64 as "data" when the last command {"type": "want_data"} said so, and its SHA-256
otherwise. Every slot is given back at once. {"type": "exit", "status": N} is the last line. Messages: src/ipc/messages.h."""

import base64
import contextlib
import hashlib
import json
import mmap
import os
import selectors
import socket
import struct
import subprocess
import sys

MAGIC = 0x50495743
TYPES = ("Start", "Renditions", "KeyframeRequest", "SetControls", "ResetControls", "StillRequest", "ReleaseSlot", "Stop",
         "Hello", "Opened", "ControlsChanged", "Reply", "Status", "RenditionFailed", "Failed", "Frame")
HEADER = struct.Struct("<IHH")
FRAME = struct.Struct("<IIIIHHHHQqqIfff")
FRAME_FIELDS = ("slot", "size_bytes", "rendition_id", "request_id", "codec", "keyframe", "width", "height", "sequence",
                "capture_ns", "capture_wall_us", "exposure_us", "gain", "colour_temperature_k", "lux")


class WorkerClient:
    """Thread-bound."""

    def __init__(self, program):
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._worker = subprocess.Popen([program], stdin=subprocess.DEVNULL, stdout=sys.stderr, pass_fds=(3,),
                                            preexec_fn=lambda: os.dup2(theirs.fileno(), 3))
        self._pool = None
        self._slot_bytes = 0
        self._want_data = False

    def run(self):
        selector = selectors.DefaultSelector()
        selector.register(0, selectors.EVENT_READ, self._commands)
        selector.register(self._socket, selectors.EVENT_READ, self._message)
        self._pending = b""
        while all(key.data() for key, _ in selector.select()):
            pass
        self._socket.close()
        self._say({"type": "exit", "status": self._worker.wait()})

    @staticmethod
    def _say(message):
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()

    def _commands(self):
        data = os.read(0, 1 << 16)
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            command = json.loads(line)
            kind = command.pop("type")
            if kind == "want_data":
                self._want_data = command["on"]
            else:
                self._socket.send(HEADER.pack(MAGIC, TYPES.index(kind), 0) + json.dumps(command).encode())
        return bool(data)

    def _message(self):
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, 1 << 17, 1)
        except ConnectionError:
            data = b""
        if not data:
            return False
        _, number, _ = HEADER.unpack_from(data)
        kind, body = TYPES[number], data[HEADER.size:]
        if kind == "Frame":
            self._say({"type": kind} | self._frame(body))
            return True
        fields = json.loads(body)
        if kind == "Hello":
            self._slot_bytes = fields["slot_bytes"]
            self._pool = mmap.mmap(fds[0], fields["slots"] * self._slot_bytes, prot=mmap.PROT_READ)
        self._say({"type": kind} | fields)
        return True

    def _frame(self, body):
        frame = dict(zip(FRAME_FIELDS, FRAME.unpack(body)))
        at = frame["slot"] * self._slot_bytes
        data = self._pool[at:at + frame["size_bytes"]]
        with contextlib.suppress(ConnectionError):  # it was told to stop and has ended; this frame was still on its way
            self._socket.send(HEADER.pack(MAGIC, TYPES.index("ReleaseSlot"), 0) + struct.pack("<I", frame["slot"]))
        frame["sha256"] = hashlib.sha256(data).hexdigest()
        if self._want_data:
            frame["data"] = base64.b64encode(data).decode()
        return frame


if __name__ == "__main__":
    WorkerClient(sys.argv[1]).run()
