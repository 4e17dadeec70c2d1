"""The figures. One file and one row each: name, what it tells, the function that measures it.

A figure's function takes the Context and yields its rows, each as soon as it is complete.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from figures import (encode, encode_h264, fanout, footprint, idle, latency, memory, rtsp, scale, slow, start, thumb,
                     v4l2)
from harness.context import Context
from harness.rows import Row


@dataclass(frozen=True)
class Figure:
    name: str
    tells: str
    measure: Callable[[Context], Iterator[Row]]


FIGURES = (
    Figure("fanout", "CPU per GB delivered, over clients and protocols", fanout.measure),
    Figure("slow", "age of frames when 1, 10 or 50 slow clients stand among 50 fast ones", slow.measure),
    Figure("latency", "capture time stamp to the last byte at the last of N clients", latency.measure),
    Figure("rtsp", "RTSP over TCP and UDP: CPU per GB, losses, time to the first picture", rtsp.measure),
    Figure("idle", "CPU with two cameras attached and nobody watching", idle.measure),
    Figure("start", "process start to the first whole JPEG", start.measure),
    Figure("footprint", "memory of the server and one worker", footprint.measure),
    Figure("memory", "memory per viewer, after they left, and in the kernel for slow ones", memory.measure),
    Figure("scale", "CPU per camera with 1 to 64 cameras", scale.measure),
    Figure("encode", "YUYV 1080p to JPEG q80", encode.measure),
    Figure("encode-h264", "1080p30 to H.264 by x264, against ffmpeg", encode_h264.measure),
    Figure("thumb", "1080p MJPEG to a 640×480 rendition", thumb.measure),
    Figure("v4l2", "CPU per frame of a USB camera, passed through and encoded", v4l2.measure),
)
