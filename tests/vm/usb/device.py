"""A USB device as the kernel's USB core sees it: chapter 9 of the USB 2.0 specification. Device classes derive from
Device and answer for their own endpoints and requests."""

import errno
import struct
from collections import OrderedDict

from usb.usbip import Unlink

STALL = None  # the answer to a control request that the device does not know

_GET_STATUS, _CLEAR_FEATURE, _GET_DESCRIPTOR, _GET_CONFIGURATION, _GET_INTERFACE = 0, 1, 6, 8, 10
_DEVICE, _CONFIGURATION, _STRING = 1, 2, 3
_TYPE_MASK, _STANDARD = 0x60, 0x00


def descriptor(kind, body):
    return struct.pack("BB", len(body) + 2, kind) + body


def device_descriptor(vendor, product, release):
    """A device whose classes are told by its interfaces; strings 1, 2, 3 name maker, product and serial."""
    return descriptor(_DEVICE, struct.pack("<HBBBBHHHBBBB", 0x0200, 0xEF, 2, 1, 64, vendor, product, release, 1, 2, 3, 1))


class Device:
    """Thread-bound. `link` is set by plugging in; until then nothing is sent."""

    def __init__(self, device, configuration, strings):
        self.link = None
        self.hung = False  # answers nothing any more, as a camera whose firmware died
        self._descriptors = {_DEVICE: device, _CONFIGURATION: configuration}
        self._strings = [b"\x09\x04", *(text.encode("utf-16-le") for text in strings)]
        self._pending = {}  # endpoint → OrderedDict of sequence → Urb that waits for data

    # What a device class answers for.

    def class_request(self, request_type, request, value, index, data, length):
        """The answer to a class request: bytes (empty for OUT), or STALL."""
        return STALL

    def urbs_arrived(self, endpoint):
        """Urbs wait on an endpoint other than 0."""

    def halt_cleared(self, endpoint):
        """The host has reset an endpoint: how uvcvideo ends a bulk stream."""

    # The link's events.

    def handle(self, message):
        if isinstance(message, Unlink):
            self.link.unlinked(message, any(urbs.pop(message.urb_sequence, None) for urbs in self._pending.values()))
        elif self.hung or message.endpoint:
            self._pending.setdefault(message.endpoint, OrderedDict())[message.sequence] = message
            if not self.hung:
                self.urbs_arrived(message.endpoint)
        else:
            answer = self._control(message)
            if answer is STALL:
                self.link.complete(message, -errno.EPIPE)
            else:
                self.link.complete(message, 0, answer[:message.length] if message.is_in else b"")

    def next_urb(self, endpoint):
        """Takes the oldest Urb that waits on an endpoint; None if none does."""
        urbs = self._pending.get(endpoint)
        return urbs.popitem(last=False)[1] if urbs else None

    def _control(self, urb):
        request_type, request, value, index, length = struct.unpack("<BBHHH", urb.setup)
        if request_type & _TYPE_MASK != _STANDARD:
            return self.class_request(request_type, request, value, index, urb.data, length)
        if request == _GET_DESCRIPTOR:
            kind, which = value >> 8, value & 0xFF
            if kind == _STRING:
                return descriptor(_STRING, self._strings[which]) if which < len(self._strings) else STALL
            return self._descriptors.get(kind, STALL)
        if request == _CLEAR_FEATURE and request_type == 0x02:
            self.halt_cleared(index & 0x0F)
        return {_GET_STATUS: b"\0\0", _GET_CONFIGURATION: b"\1", _GET_INTERFACE: b"\0"}.get(request, b"")
