"""A UVC camera's configuration descriptor: USB Video Class 1.1, section 3. One video control interface with an interrupt
endpoint, one video streaming interface with a bulk endpoint."""

import struct
from dataclasses import dataclass

from usb.device import descriptor
from usb.pictures import raw_size
from usb.uvc_controls import CAMERA_TERMINAL, OUTPUT_TERMINAL, PROCESSING_UNIT

VIDEO_ENDPOINT, STATUS_ENDPOINT = 1, 2
CONTROL_INTERFACE, STREAMING_INTERFACE = 0, 1
PAYLOAD_BYTES = 16384  # what one Urb of uvcvideo's holds on a high-speed bulk endpoint
UVC_VERSION = 0x0110
_STATUS_BYTES = 16
_BULK_PACKET_BYTES = 512

_INTERFACE, _ENDPOINT, _ASSOCIATION, _CS_INTERFACE, _CS_ENDPOINT = 0x04, 0x05, 0x0B, 0x24, 0x25
_VIDEO_CLASS, _CONTROL_SUBCLASS, _STREAMING_SUBCLASS = 0x0E, 1, 2
_GUID_END = bytes.fromhex("00001000800000aa00389b71")
# V4L2's name → (GUID, bits per pixel) of the uncompressed formats
_UNCOMPRESSED = {"YUYV": (b"YUY2" + _GUID_END, 16), "NV12": (b"NV12" + _GUID_END, 12), "GREY": (b"Y800" + _GUID_END, 8)}
_FRAME_BASED = {"H264": b"H264" + _GUID_END}  # UVC's "Frame Based Payload": each access unit is one video frame
FORMATS = ("MJPG", *_UNCOMPRESSED, *_FRAME_BASED)


@dataclass(frozen=True)
class Mode:
    """One frame descriptor: a size in one format with its frame rates, best first."""
    fourcc: str
    width: int
    height: int
    rates_hz: tuple

    @property
    def max_frame_bytes(self):
        compressed = self.fourcc not in _UNCOMPRESSED
        return 2 * self.width * self.height if compressed else raw_size(self.fourcc, self.width, self.height)

    @property
    def intervals(self):
        """In 100 ns, UVC's unit, the shortest first."""
        return tuple(round(10_000_000 / rate) for rate in self.rates_hz)


def by_format(modes):
    """[(fourcc, [Mode])] in the order of the format and frame indices, which begin at 1."""
    groups = {}
    for mode in modes:
        groups.setdefault(mode.fourcc, []).append(mode)
    return list(groups.items())


def _class_specific(subtype, body):
    return descriptor(_CS_INTERFACE, bytes([subtype]) + body)


def _interface(number, endpoints, subclass):
    return descriptor(_INTERFACE, bytes([number, 0, endpoints, _VIDEO_CLASS, subclass, 0, 0]))


def _control_interface(controls):
    camera = struct.pack("<BHBBHHHB", CAMERA_TERMINAL, 0x0201, 0, 0, 0, 0, 0, 3) + controls.bitmap(CAMERA_TERMINAL, 3)
    processing = struct.pack("<BBHB", PROCESSING_UNIT, CAMERA_TERMINAL, 0, 2) + controls.bitmap(PROCESSING_UNIT, 2) + b"\0\0"
    output = struct.pack("<BHBBB", OUTPUT_TERMINAL, 0x0101, 0, PROCESSING_UNIT, 0)
    units = _class_specific(2, camera) + _class_specific(5, processing) + _class_specific(3, output)
    header = struct.pack("<HHIBB", UVC_VERSION, 13 + len(units), 48_000_000, 1, STREAMING_INTERFACE)
    status = descriptor(_ENDPOINT, struct.pack("<BBHB", 0x80 | STATUS_ENDPOINT, 3, _STATUS_BYTES, 8))
    status += descriptor(_CS_ENDPOINT, struct.pack("<BH", 3, _STATUS_BYTES))
    return _interface(CONTROL_INTERFACE, 1, _CONTROL_SUBCLASS) + _class_specific(1, header) + units + status


def _format(index, fourcc, modes):
    """A format descriptor, and a frame descriptor for each of its sizes."""
    if fourcc == "MJPG":
        text = _class_specific(6, bytes([index, len(modes), 1, 1, 0, 0, 0, 0]))
    elif fourcc in _FRAME_BASED:
        text = _class_specific(0x10, bytes([index, len(modes)]) + _FRAME_BASED[fourcc] + bytes([16, 1, 0, 0, 0, 0, 1]))  # of any length
    else:
        guid, bits = _UNCOMPRESSED[fourcc]
        text = _class_specific(4, bytes([index, len(modes)]) + guid + bytes([bits, 1, 0, 0, 0, 0]))
    for number, mode in enumerate(modes, 1):
        rates = [round(mode.max_frame_bytes * 8 * rate) & 0xFFFFFFFF for rate in (min(mode.rates_hz), max(mode.rates_hz))]
        intervals = mode.intervals
        head = struct.pack("<BBHHII", number, 0, mode.width, mode.height, *rates)
        if fourcc in _FRAME_BASED:  # no size of a frame, but one of a line, at another place
            kind, body = 0x11, head + struct.pack("<IBI", intervals[0], len(intervals), 0)
        else:
            kind, body = 7 if fourcc == "MJPG" else 5, head + struct.pack("<IIB", mode.max_frame_bytes, intervals[0], len(intervals))
        text += _class_specific(kind, body + struct.pack(f"<{len(intervals)}I", *intervals))
    return text + _class_specific(13, bytes([1, 1, 4]))


def _streaming_interface(modes):
    groups = by_format(modes)
    formats = b"".join(_format(index, fourcc, group) for index, (fourcc, group) in enumerate(groups, 1))
    # Still pictures are taken from the stream; the camera has a button, and says when it is pressed.
    body = bytes([0x80 | VIDEO_ENDPOINT, 0, OUTPUT_TERMINAL, 1, 1, 1, 1]) + bytes(len(groups))
    header = struct.pack("<BH", len(groups), 6 + len(body) + len(formats)) + body
    endpoint = descriptor(_ENDPOINT, struct.pack("<BBHB", 0x80 | VIDEO_ENDPOINT, 2, _BULK_PACKET_BYTES, 0))
    return _interface(STREAMING_INTERFACE, 1, _STREAMING_SUBCLASS) + _class_specific(1, header) + formats + endpoint


def configuration(controls, modes):
    body = descriptor(_ASSOCIATION, bytes([CONTROL_INTERFACE, 2, _VIDEO_CLASS, 3, 0, 0]))
    body += _control_interface(controls) + _streaming_interface(modes)
    return descriptor(2, struct.pack("<HBBBBB", 9 + len(body), 2, 1, 0, 0x80, 250)) + body
