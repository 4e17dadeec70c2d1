"""A webcam: a USB Video Class device that sends pictures with their number drawn in, and misbehaves on order.

It runs without threads: the owner passes in the kernel's messages (Device.handle) and the time (tick), and sends what
`emit` is given to whoever drives the test. A sensor that nobody reads goes on: its pictures' numbers rise all the same."""

import errno
import struct
from dataclasses import dataclass, field

from usb import h264, pictures
from usb.device import STALL, Device, device_descriptor
from usb.uvc_controls import GET_INFO, GET_LEN, SET_CUR, ControlSet
from usb.uvc_descriptors import (CONTROL_INTERFACE, PAYLOAD_BYTES, STATUS_ENDPOINT, STREAMING_INTERFACE, UVC_VERSION, VIDEO_ENDPOINT,
                                 Mode, by_format, configuration)

DEFAULT_MODES = (
    ("MJPG", 640, 480, (30, 15, 5)), ("MJPG", 320, 240, (60, 30, 15)), ("MJPG", 1280, 720, (30, 15)), ("MJPG", 1920, 1080, (30, 15)),
    ("YUYV", 640, 480, (30, 15, 5)), ("YUYV", 320, 240, (30, 15, 5)), ("YUYV", 1280, 720, (10, 5)),
)

_PROBE, _COMMIT, _ERROR_CODE = 1, 2, 2
_PROBE_LAYOUT = "<HBBIHHHHHIIIBBBB"
_HEADER_BYTES = 2
_TOGGLE, _END_OF_FRAME, _ERROR, _END_OF_HEADER = 0x01, 0x02, 0x40, 0x80


@dataclass
class Options:
    """How a camera is made; all of it may come from a test's JSON."""
    serial: str = "SN-0001"
    name: str = "Test Camera"
    maker: str = "Camweave"
    vendor_id: int = 0x1D6B
    product_id: int = 0x0104
    modes: list = field(default_factory=lambda: list(DEFAULT_MODES))  # [fourcc, width, height, [fps…]]
    controls: list = None  # names; None: all
    detail: int = 0  # noise in JPEGs, 0…20: about `detail` × 4 bits for each 8×8 pixels
    huffman_tables: bool = True
    padding_bytes: int = 0  # zeros after a JPEG's end, as many webcams send them
    pictures: list = None  # JPEG files to send in turn instead of numbered pictures
    h264: str = None  # file with the access units of H264 modes (usb/h264.py): begun anew with each start of the stream, repeated


@dataclass
class Faults:
    """What goes wrong with the next pictures; the counts fall to 0 again by themselves."""
    torn: int = 0  # pictures cut after `torn_fraction`, and ended properly
    torn_fraction: float = 0.5
    unended: int = 0  # pictures cut likewise, but the next one just begins
    error_bit: int = 0  # pictures with the error bit set in their payload headers
    usb_errors: int = 0  # Urbs that fail with EPROTO, as from a bad cable
    stalled: bool = False  # no pictures, everything else works
    vanish: bool = False  # half a picture, then the camera is gone


class UvcCamera(Device):
    """Thread-bound."""

    def __init__(self, options, emit, clock):
        self.options = options
        self.controls = ControlSet(options.controls)
        self.faults = Faults()
        self.number = 0
        self.control_requests = 0  # by the host, to class controls
        self._emit, self._clock = emit, clock
        modes = [Mode(fourcc, width, height, tuple(rates)) for fourcc, width, height, rates in options.modes]
        self._modes = by_format(modes)
        self._files = [open(path, "rb").read() for path in options.pictures or ()]
        self._clip = h264.access_units(open(options.h264, "rb").read()) if options.h264 else ()
        if not self._clip and any(mode.fourcc == "H264" for mode in modes):
            raise ValueError("a camera with H264 needs the option h264")
        self.access_units_begun = 0  # since the stream's start
        super().__init__(device_descriptor(options.vendor_id, options.product_id, 0x0100), configuration(self.controls, modes),
                         (options.maker, options.name, options.serial))
        self._wanted = self._committed = (1, 1, self._mode(1, 1).intervals[0])  # format, frame, interval in 100 ns
        self._streaming = False
        self._due = 0.0
        self._toggle = 0
        self._picture = None  # what is left of the picture being sent
        self._flags = 0

    # Requests.

    def class_request(self, request_type, request, value, index, data, length):
        self.control_requests += 1
        selector, unit, interface = value >> 8, index >> 8, index & 0xFF
        if interface == STREAMING_INTERFACE and selector in (_PROBE, _COMMIT):
            return self._negotiate(selector, request, data)
        if interface == CONTROL_INTERFACE and unit == 0 and selector == _ERROR_CODE:
            return bytes([self.controls.last_error])
        answer, changed = self.controls.request(unit, selector, request, data)
        if changed:
            self._emit({"event": "control", "name": changed.name, "value": changed.value})
        return STALL if answer is None else answer

    def _mode(self, format_index, frame_index):
        return self._modes[format_index - 1][1][frame_index - 1]

    def _negotiate(self, selector, request, data):
        if request == SET_CUR:
            self._wanted = self._nearest(data)
            if selector == _COMMIT:
                self._committed = self._wanted
            return b""
        if request == GET_LEN:
            return struct.pack("<H", struct.calcsize(_PROBE_LAYOUT))
        if request == GET_INFO:
            return b"\x03"
        format_index, frame_index, interval = self._committed if selector == _COMMIT else self._wanted
        size = self._mode(format_index, frame_index).max_frame_bytes
        return struct.pack(_PROBE_LAYOUT, 1, format_index, frame_index, interval, 0, 0, 0, 0, 0, size, PAYLOAD_BYTES, 48_000_000, 0, 0, 0, 0)

    def _nearest(self, data):
        _, format_index, frame_index, interval = struct.unpack_from("<HBBI", data)
        format_index = min(max(format_index, 1), len(self._modes))
        frame_index = min(max(frame_index, 1), len(self._modes[format_index - 1][1]))
        intervals = self._mode(format_index, frame_index).intervals
        return format_index, frame_index, min(intervals, key=lambda known: abs(known - interval))

    # The stream.

    @property
    def mode(self):
        return self._mode(*self._committed[:2])

    @property
    def _interval_s(self):
        return self._committed[2] / 1e7

    @property
    def next_due(self):
        """When tick() has something to do; None while nothing is read."""
        return self._due if self._streaming and not self.faults.stalled else None

    def urbs_arrived(self, endpoint):
        if endpoint != VIDEO_ENDPOINT:
            return
        if not self._streaming:
            self._streaming = True
            self.access_units_begun = 0
            self._due = self._clock()
            self._emit({"event": "streaming", "format": self.mode.fourcc, "width": self.mode.width, "height": self.mode.height,
                        "fps": round(1 / self._interval_s, 3), "control_requests": self.control_requests})
        if self.faults.usb_errors:
            self._fail_urbs()
        self._send()

    def halt_cleared(self, endpoint):
        if endpoint == VIDEO_ENDPOINT and self._streaming:
            self._streaming = False
            self._picture = None
            self._emit({"event": "stopped", "number": self.number})

    def tick(self):
        """Begins the next picture when it is due."""
        now = self._clock()
        if self.next_due is None or now < self._due:
            return
        self._due = max(self._due + self._interval_s, now - self._interval_s)
        self.number = (self.number + 1) & 0xFFFF
        if self._picture is None:
            self._begin()
            self._send()

    def picture_bytes(self, number):
        if self.mode.fourcc == "H264":
            return self._clip[self.access_units_begun % len(self._clip)]
        if self._files:
            return self._files[number % len(self._files)]
        mode, brightness = self.mode, self.controls.by_name.get("brightness")
        level = min(255, (brightness.value + 64) * 2) if brightness else 128
        data = pictures.picture(mode.fourcc, mode.width, mode.height, number, level, self.options.detail, self.options.huffman_tables)
        return data + bytes(self.options.padding_bytes) if mode.fourcc == "MJPG" else data

    def _begin(self):
        data, self._flags = self.picture_bytes(self.number), _END_OF_FRAME
        self.access_units_begun += 1  # an encoder leaves a picture out before it is coded, never after
        faults = self.faults
        cut = int(len(data) * faults.torn_fraction)
        if faults.torn:
            faults.torn -= 1
            data = data[:cut]
        elif faults.unended:
            faults.unended -= 1
            data, self._flags = data[:cut], 0
        elif faults.vanish:
            data = data[:len(data) // 2]
        if faults.error_bit:
            faults.error_bit -= 1
            self._flags |= _ERROR
        self._toggle ^= _TOGGLE
        self._picture = memoryview(data)

    def _send(self):
        """Fills waiting Urbs with the rest of the picture."""
        while self._picture is not None and self.link and (urb := self.next_urb(VIDEO_ENDPOINT)):
            room = min(urb.length, PAYLOAD_BYTES) - _HEADER_BYTES
            chunk, self._picture = self._picture[:room], self._picture[room:]
            last = not self._picture
            flags = _END_OF_HEADER | self._toggle | self._flags & _ERROR | (self._flags & _END_OF_FRAME if last else 0)
            if last and self.faults.vanish:
                self.faults.vanish = False
                self._picture = None
                self._emit({"event": "vanish"})
                return
            if last:
                self._picture = None
            self.link.complete(urb, 0, bytes([_HEADER_BYTES, flags]) + chunk)

    def _fail_urbs(self):
        while self.faults.usb_errors and (urb := self.next_urb(VIDEO_ENDPOINT)):
            self.faults.usb_errors -= 1
            self.link.complete(urb, -errno.EPROTO)

    # On order of a test.

    def set_faults(self, **faults):
        for name, value in faults.items():
            if not hasattr(self.faults, name):
                raise ValueError(f"no fault {name}; there are {sorted(vars(self.faults))}")
            setattr(self.faults, name, value)
        if self.faults.usb_errors:
            self._fail_urbs()
        if not self.faults.stalled:
            self._due = max(self._due, self._clock())

    def change_control(self, name, value):
        """The camera changes a control by itself (a button on it, its automatic exposure) and tells the host."""
        control = self.controls.by_name[name]
        control.value = value
        packed = struct.pack(control.code, value)
        return self._status(bytes([1, control.unit, 0, control.selector, 0]) + packed)

    def press_button(self, pressed):
        return self._status(bytes([2, STREAMING_INTERFACE, 0, int(pressed)]))

    def _status(self, packet):
        """False when nobody listens on the status endpoint (the kernel does while the device is open)."""
        urb = self.next_urb(STATUS_ENDPOINT)
        if urb:
            self.link.complete(urb, 0, packet)
        return urb is not None


assert UVC_VERSION >= 0x0110 and struct.calcsize(_PROBE_LAYOUT) == 34
