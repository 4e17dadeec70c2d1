"""A UVC camera's controls: USB Video Class 1.1, sections 4.2.2.1 (camera terminal) and 4.2.2.3 (processing unit)."""

import struct
from dataclasses import dataclass, replace

CAMERA_TERMINAL, PROCESSING_UNIT, OUTPUT_TERMINAL = 1, 2, 3

SET_CUR, GET_CUR, GET_MIN, GET_MAX, GET_RES, GET_LEN, GET_INFO, GET_DEF = 0x01, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87

INFO_GET, INFO_SET, INFO_DISABLED, INFO_AUTO_UPDATE, INFO_ASYNCHRONOUS = 1, 2, 4, 8, 16

# bRequestErrorCode: what the camera says about its last stall
NO_ERROR, NOT_READY, WRONG_STATE, OUT_OF_RANGE, INVALID_CONTROL, INVALID_REQUEST = 0, 1, 2, 4, 6, 7

EXPOSURE_MANUAL, EXPOSURE_AUTO, EXPOSURE_APERTURE_PRIORITY = 1, 2, 8


@dataclass
class Control:
    name: str
    unit: int
    bit: int  # in the unit's bmControls
    selector: int
    code: str  # struct format of the value
    minimum: int
    maximum: int
    default: int
    step: int = 1
    # The control that makes this one the camera's business, and the values for which it is the user's.
    auto: str = ""
    manual_values: tuple = (0,)
    value: int = 0
    info: int = INFO_GET | INFO_SET

    def __post_init__(self):
        self.value = self.default
        if self.auto:
            self.info |= INFO_AUTO_UPDATE | INFO_ASYNCHRONOUS

    @property
    def is_bitmap(self):
        return self.name == "auto_exposure"

    def allows(self, value):
        if self.is_bitmap:
            return value in (1, 2, 4, 8) and bool(value & self.step)
        return self.minimum <= value <= self.maximum and (value - self.minimum) % self.step == 0


def _control(name, unit, bit, selector, code, minimum, maximum, default, step=1, auto="", manual_values=(0,)):
    return Control(name, unit, bit, selector, "<" + code, minimum, maximum, default, step, auto, manual_values)


_CT, _PU = CAMERA_TERMINAL, PROCESSING_UNIT
# V4L2's names. exposure_time_absolute is in 100 µs; auto_exposure's "step" is the bitmap of modes that the camera has.
ALL_CONTROLS = (
    _control("auto_exposure", _CT, 1, 0x02, "B", 1, 8, EXPOSURE_APERTURE_PRIORITY, EXPOSURE_MANUAL | EXPOSURE_APERTURE_PRIORITY),
    _control("exposure_dynamic_framerate", _CT, 2, 0x03, "B", 0, 1, 0),
    _control("exposure_time_absolute", _CT, 3, 0x04, "I", 1, 10000, 156, 1, "auto_exposure", (1, 4)),
    _control("focus_absolute", _CT, 5, 0x06, "H", 0, 250, 30, 5, "focus_automatic_continuous"),
    _control("focus_automatic_continuous", _CT, 17, 0x08, "B", 0, 1, 1),
    _control("zoom_absolute", _CT, 9, 0x0B, "H", 100, 500, 100),
    _control("privacy", _CT, 18, 0x11, "B", 0, 1, 0),
    _control("brightness", _PU, 0, 0x02, "h", -64, 64, 0),
    _control("contrast", _PU, 1, 0x03, "H", 0, 95, 32),
    _control("saturation", _PU, 3, 0x07, "H", 0, 100, 64),
    _control("hue", _PU, 2, 0x06, "h", -180, 180, 0),
    _control("sharpness", _PU, 4, 0x08, "H", 1, 7, 3),
    _control("gamma", _PU, 5, 0x09, "H", 64, 300, 100),
    _control("gain", _PU, 9, 0x04, "H", 0, 128, 16),
    _control("backlight_compensation", _PU, 8, 0x01, "H", 0, 2, 1),
    _control("power_line_frequency", _PU, 10, 0x05, "B", 0, 2, 1),
    _control("white_balance_temperature", _PU, 6, 0x0A, "H", 2800, 6500, 4600, 10, "white_balance_automatic"),
    _control("white_balance_automatic", _PU, 12, 0x0B, "B", 0, 1, 1),
)


class ControlSet:
    """The controls of one camera and its answers to requests about them. Thread-bound."""

    def __init__(self, names=None):
        known = {control.name: control for control in ALL_CONTROLS}
        unknown = set(names or ()) - set(known)
        if unknown:
            raise ValueError(f"no UVC control {sorted(unknown)}; there are {sorted(known)}")
        self.by_name = {name: replace(known[name]) for name in (known if names is None else names)}
        self._by_address = {(c.unit, c.selector): c for c in self.by_name.values()}
        self.last_error = NO_ERROR

    def bitmap(self, unit, size_bytes):
        """bmControls of a unit's descriptor."""
        return sum(1 << c.bit for c in self.by_name.values() if c.unit == unit).to_bytes(size_bytes, "little")

    def is_automatic(self, control):
        partner = self.by_name.get(control.auto)
        return partner is not None and partner.value not in control.manual_values

    def request(self, unit, selector, request, data):
        """(answer or None to stall, the control that was set or None)."""
        control = self._by_address.get((unit, selector))
        if control is None:
            self.last_error = INVALID_CONTROL
            return None, None
        if request == SET_CUR:
            return self._set(control, data)
        size = struct.calcsize(control.code)
        answers = {GET_CUR: control.value, GET_MIN: control.minimum, GET_MAX: control.maximum, GET_RES: control.step, GET_DEF: control.default}
        self.last_error = NO_ERROR
        if request == GET_LEN:
            return struct.pack("<H", size), None
        if request == GET_INFO:
            return bytes([control.info | (INFO_DISABLED if self.is_automatic(control) else 0)]), None
        if request in answers:
            return struct.pack(control.code, answers[request]), None
        self.last_error = INVALID_REQUEST
        return None, None

    def _set(self, control, data):
        size = struct.calcsize(control.code)
        self.last_error = NO_ERROR
        if len(data) != size:
            self.last_error = INVALID_REQUEST
        elif not control.allows(value := struct.unpack(control.code, data)[0]):
            self.last_error = OUT_OF_RANGE
        elif self.is_automatic(control):
            self.last_error = WRONG_STATE
        else:
            control.value = value
            return b"", control
        return None, None
