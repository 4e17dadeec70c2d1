"""What each figure must reach, in one table. bench/run prints it beside the measured value; it judges nothing.

A limit is one of two kinds: RATIO compares ours with the row's reference of the same run (only ratios carry from one
machine to another), VALUE compares ours with a number in the row's own unit. A case matches the first entry of its
figure whose words all stand in the case's name.
"""

from dataclasses import dataclass

RATIO = "ratio"
VALUE = "value"


@dataclass(frozen=True)
class Limit:
    figure: str
    words: str
    kind: str
    at_most: float

    def text(self) -> str:
        return f"≤ {self.at_most:g} ×" if self.kind == RATIO else f"≤ {self.at_most:g}"


LIMITED_CLIENTS = (50, 200, 1000)

LIMITS = (
    # CPU per GB delivered against the sendmsg floor.
    *(Limit("fanout", f", {clients} clients, 1080p, same CPU", RATIO, 0.85) for clients in LIMITED_CLIENTS),
    *(Limit("fanout", f", {clients} clients, 1080p, two CPUs", RATIO, 1.05) for clients in LIMITED_CLIENTS),
    # Age of frames at 50 fast clients while others are slow, against the same without slow ones (p99).
    Limit("slow", "fast p99", RATIO, 1.10),
    # Percent of one core, two cameras attached, nobody watching.
    Limit("idle", "", VALUE, 1.0),
    # Milliseconds from process start to the first whole JPEG.
    Limit("start", "", VALUE, 150.0),
    # Private memory of server and one worker, MB.
    Limit("footprint", "private", VALUE, 20.0),
    # User RSS per idle viewer, KB; and what is left when they have gone, against the start.
    Limit("memory", "per viewer", VALUE, 8.0),
    Limit("memory", "after", RATIO, 1.05),
    # RTSP over TCP against our own MJPEG at the same frame size; over UDP against one sendto per packet (4 × its bytes per
    # CPU-second); packets lost; connect to first whole picture in ms at a 2 s GOP.
    Limit("rtsp", "tcp, CPU", RATIO, 1.15),
    Limit("rtsp", "udp, CPU", RATIO, 0.25),
    Limit("rtsp", "packets lost", VALUE, 0.0),
    Limit("rtsp", "first picture, median", VALUE, 100.0),
    Limit("rtsp", "first picture, worst", VALUE, 600.0),
    # CPU per camera against one camera alone.
    Limit("scale", "cameras", RATIO, 1.10),
    # Against libjpeg-turbo from planes.
    Limit("encode", "1080p", RATIO, 1.05),
    # Against ffmpeg's libx264 with the same settings; and milliseconds from picture to packet.
    Limit("encode-h264", "1080p30", RATIO, 1.05),
    Limit("encode-h264", "picture to packet", VALUE, 10.0),
)

# What the limits that depend on the content are made of.
SLOW_FRAME_INTERVALS = 1.5
LATENCY_BASE_MS = 2.0
LATENCY_BYTES_PER_S = 4.5e9


def limit_of(figure: str, case: str) -> Limit | None:
    for limit in LIMITS:
        if limit.figure == figure and limit.words in case:
            return limit
    return None


def slow_age_ms(frame_bytes: float, link_bits_per_s: float, fps: float) -> float:
    """The time that the link needs for one frame, and 1.5 frame intervals."""
    return frame_bytes * 8e3 / link_bits_per_s + SLOW_FRAME_INTERVALS * 1e3 / fps


def latency_ms(clients: int, frame_bytes: float) -> float:
    return LATENCY_BASE_MS + clients * frame_bytes / LATENCY_BYTES_PER_S * 1e3
