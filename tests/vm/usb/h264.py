"""A clip of H.264 as a camera's encoder gives it: its access units, in the order in which they must be sent. Made where there
is an encoder (clips.py); here it is only cut up. Standard library only: the guest's Python needs nothing else."""

_DELIMITER = b"\0\0\0\1\x09"  # start code and type of an access unit delimiter
_DELIMITER_BYTES = len(_DELIMITER) + 1
_SLICES = (1, 5)  # NAL unit types; 5: of an IDR picture


def access_units(clip):
    """The access units of an Annex B stream that has a delimiter before each, without the delimiters: webcams send none."""
    units = [unit[_DELIMITER_BYTES - len(_DELIMITER):] for unit in clip.split(_DELIMITER)[1:]]
    if not units:
        raise ValueError("no H.264 with access unit delimiters")
    return units


def nal_units(stream):
    """The NAL units of an Annex B stream, without start codes."""
    parts = [part.rstrip(b"\0") for part in stream.split(b"\0\0\1")]
    return [part for part in parts if part]


def nal_type(unit):
    return unit[0] & 0x1F


def slices(stream):
    """What of a stream is picture, whatever parameter sets and messages stand between."""
    return [unit for unit in nal_units(stream) if nal_type(unit) in _SLICES]


def is_keyframe(access_unit):
    return any(nal_type(unit) == 5 for unit in nal_units(access_unit))
