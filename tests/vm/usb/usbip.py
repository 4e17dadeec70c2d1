"""The USB/IP side: virtual ports of vhci_hcd that a device is plugged into, and the messages that the kernel then sends
to the device over a socket. Knows nothing of what the device is. Linux Documentation/usb/usbip_protocol.rst."""

import errno
import socket
import struct
from collections import namedtuple
from pathlib import Path

HIGH_SPEED, SUPER_SPEED = 3, 5
_HEADER_BYTES = 48
_SUBMIT, _UNLINK, _SUBMITTED, _UNLINKED = 1, 2, 3, 4
_PORT_FREE = "004"

# A request of the kernel's to one endpoint. `data`: what an OUT transfer carries; `length`: room for an IN transfer's.
Urb = namedtuple("Urb", "sequence endpoint is_in length setup data")
# The kernel takes back the Urb of that sequence number.
Unlink = namedtuple("Unlink", "sequence urb_sequence")


class Vhci:
    """The first virtual host controller (15 ports). `modprobe vhci_hcd` first; needs root."""

    def __init__(self, folder=Path("/sys/devices/platform/vhci_hcd.0")):
        self._folder = folder

    def free_port(self, speed=HIGH_SPEED, wanted=None):
        """A free port's number, `wanted` where given."""
        hub = "ss" if speed == SUPER_SPEED else "hs"
        for words in map(str.split, (self._folder / "status").read_text().splitlines()[1:]):
            if words[0] == hub and words[2] == _PORT_FREE and wanted in (None, int(words[1])):
                return int(words[1])
        raise OSError(errno.EBUSY, f"no free {hub} port{'' if wanted is None else f' {wanted}'} on vhci_hcd")

    def plug(self, port, speed=HIGH_SPEED):
        """Plugs a device in: the socket over which the kernel will talk to it."""
        ours, kernels = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with kernels:
            (self._folder / "attach").write_text(f"{port} {kernels.fileno()} {1 << 16 | port + 2} {speed}")
        return ours

    def unplug(self, port):
        (self._folder / "detach").write_text(str(port))

    def bus_id(self, port):
        """The kernel's name for what is plugged into a port, as 1-3."""
        high_speed_hub = min(int(path.name[3:]) for path in self._folder.glob("usb[0-9]*"))
        ports = int((self._folder / f"usb{high_speed_hub}/maxchild").read_text())
        return f"{high_speed_hub + port // ports}-{port % ports + 1}"


class Link:
    """One plugged-in device's socket: messages in, completions out. Thread-bound."""

    def __init__(self, sock):
        self._socket = sock
        self._received = bytearray()

    def fileno(self):
        return self._socket.fileno()

    def close(self):
        self._socket.close()

    def receive(self):
        """The messages that have arrived, at least part of one; None when the kernel has closed the connection."""
        try:
            data = self._socket.recv(1 << 18)
        except ConnectionError:
            data = b""
        if not data:
            return None
        self._received += data
        messages = []
        while (message := self._parse()) is not None:
            messages.append(message)
        return messages

    def _parse(self):
        if len(self._received) < _HEADER_BYTES:
            return None
        command, sequence, _, direction, endpoint, flags_or_sequence, length = struct.unpack_from(">7I", self._received)
        if command == _UNLINK:
            del self._received[:_HEADER_BYTES]
            return Unlink(sequence, flags_or_sequence)
        if command != _SUBMIT:
            raise ValueError(f"the kernel sent USB/IP command {command}")
        end = _HEADER_BYTES + (0 if direction else length)
        if len(self._received) < end:
            return None
        urb = Urb(sequence, endpoint, bool(direction), length, bytes(self._received[40:48]), bytes(self._received[_HEADER_BYTES:end]))
        del self._received[:end]
        return urb

    def complete(self, urb, status=0, data=b""):
        """Ends an Urb: status 0 or a negative errno; `data` for an IN transfer."""
        length = len(data) if urb.is_in or status else len(urb.data)
        self._send(struct.pack(">5IiI20x", _SUBMITTED, urb.sequence, 0, 0, 0, status, length) + data)

    def unlinked(self, unlink, was_pending):
        self._send(struct.pack(">5Ii24x", _UNLINKED, unlink.sequence, 0, 0, 0, -errno.ECONNRESET if was_pending else 0))

    def _send(self, data):
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the kernel has let go of the device; receive() will say so
