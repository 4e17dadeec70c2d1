"""Clips of H.264 for the USB cameras, made by ffmpeg on the host: every picture has its number drawn in (usb/pictures.py)."""

import functools
import subprocess

from usb import h264, pictures

WIDTH, HEIGHT = 320, 240


def _ffmpeg(*arguments, data):
    return subprocess.run(["ffmpeg", "-v", "error", *arguments], input=data, stdout=subprocess.PIPE, check=True, timeout=60).stdout


@functools.lru_cache
def clip(count, keyframe_every):
    """Pictures 0 to `count` − 1 as webcams code them: baseline, one slice, parameter sets before each keyframe; noise gives them
    a camera's size (a keyframe needs several USB transfers). For Options.h264."""
    raw = b"".join(pictures.nv12(WIDTH, HEIGHT, number) for number in range(count))
    parameters = f"aud=1:keyint={keyframe_every}:min-keyint={keyframe_every}:scenecut=0:slices=1:sliced-threads=0"
    source = ("-f", "rawvideo", "-pix_fmt", "nv12", "-s", f"{WIDTH}x{HEIGHT}", "-i", "-", "-vf", "noise=alls=4:allf=t:all_seed=1")
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-profile:v", "baseline", "-tune", "zerolatency", "-crf", "20")
    return _ffmpeg(*source, *encoder, "-x264-params", parameters, "-f", "h264", "-", data=raw)


def parameter_sets_once(clip_bytes):
    """The same as from a camera that sends parameter sets only when its stream starts."""
    delimiter = b"\0\0\0\1\x09\x10"
    first, *rest = h264.access_units(clip_bytes)
    bare = [b"".join(b"\0\0\0\1" + unit for unit in h264.nal_units(one) if h264.nal_type(unit) in (1, 5)) for one in rest]
    return b"".join(delimiter + one for one in (first, *bare))


def numbers_in(stream):
    """The numbers drawn into the pictures of a stream of access units, by ffmpeg's decoder."""
    grey = _ffmpeg("-f", "h264", "-i", "-", "-fps_mode", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "-", data=stream)
    size = WIDTH * HEIGHT
    return [pictures.read_raw_number("GREY", grey[at:at + size], WIDTH) for at in range(0, len(grey), size)]
