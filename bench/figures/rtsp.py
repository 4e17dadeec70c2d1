"""rtsp: CPU per GB over TCP and UDP, RTP losses, and the time from connect to the first whole picture at a 2 s GOP."""

import random
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import limits
import peers
from harness import media, rtsp, turns
from harness.context import Context
from harness.load import Clients, LoadFailed
from harness.rows import OURS, Row
from peers.floor import RtspFloor
from peers.mediamtx import MediaMtx

READERS = (10, 50, 200)
CONNECTS = 50
LONGEST_GAP_S = 1.0
MJPEG = "camweave, MJPEG"
OWN_H264 = "camweave, the file's own H.264"
SENDTO, GSO, SENDMSG = RtspFloor("sendto"), RtspFloor("gso"), RtspFloor("sendmsg")
MEDIAMTX = next(peer for peer in peers.PEERS if isinstance(peer, MediaMtx))  # --no-peers leaves it out


def _camweave(context: Context, protocol: str, cpus=None):
    return peers.OURS.serve_sources(context, [f"file:{context.h264()}?loop=1"], protocol, cpus)


def _deliver(context: Context, serving, readers: int, placement: str, rows: list[Row], name: str) -> list[float]:
    """CPU of the server alone: what makes the pictures (our worker, MediaMTX's feed) is another process everywhere."""
    # Whole GOPs: in half of one the keyframe is all or nothing.
    seconds = media.GOP_S * max(1, round(context.seconds / media.GOP_S))
    with serving as running:
        delivery = context.load(running.target, Clients(readers), placement, running.pids, seconds=seconds, with_children=False)
    frame_kb = delivery.result["bytes"] / delivery.result["frames"] / 1e3
    rows[0].remarks[name] = f"at {delivery.fps:.1f} fps of {frame_kb:.1f} KB"
    return [delivery.cpu_s_per_gb, delivery.result.get("rtp_lost", 0)]


def _fan_out(context: Context, transport: str, readers: int, placement: str) -> list[Row]:
    case = f"{readers} readers of 4 Mbit/s, {placement}"
    reference = MJPEG if transport == "tcp" else SENDTO.name
    rows = [Row("rtsp", f"{transport}, CPU, {case}", "CPU-s/GB", reference=reference),
            Row("rtsp", f"{transport}, packets lost, {case}", "packets")]
    for row in rows:
        row.limit = limits.limit_of("rtsp", row.case)
    rows[0].facts = {"clients": readers}
    protocol = f"rtsp-{transport}"
    cpus = context.cpus(placement)[0]
    measured = {}
    if peers.able(context, [peers.OURS], protocol, rows[0].absent):
        measured[OURS] = lambda: _deliver(context, _camweave(context, protocol, cpus), readers, placement, rows, OURS)
        if transport == "tcp":
            content = context.rtsp_sized()
            measured[MJPEG] = lambda: _deliver(context, peers.OURS.serve(context, content, "mjpeg", cpus), readers, placement, rows, MJPEG)
    for floor in (SENDMSG,) if transport == "tcp" else (SENDTO, GSO):
        measured[floor.name] = lambda f=floor: _deliver(context, f.serve(context, None, protocol, cpus), readers, placement, rows, f.name)
    for peer in peers.able(context, [MEDIAMTX], protocol, rows[0].absent):
        measured[peer.name] = lambda p=peer: _deliver(context, p.serve(context, context.h264(), protocol, cpus), readers, placement, rows, p.name)
    turns.take_together(rows, context.rounds, measured, context.say)
    rows[1].samples.pop(MJPEG, None)
    return rows


@contextmanager
def _standing_reader(port: int, path: str):
    """Somebody who watches all the time, so that the GOP goes on."""
    connection = rtsp.play(port, path)
    stopped = threading.Event()

    def drain():
        try:
            while not stopped.is_set():
                connection.packet()
        except (OSError, rtsp.RtspFailed):
            pass

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        connection.socket.shutdown(2)
        thread.join()
        connection.socket.close()


def _first_pictures(serving, connects: int) -> list[float]:
    moments = random.Random(1)
    with serving as running:
        port, path = running.target.port, running.target.paths[0]
        try:
            with _standing_reader(port, path):
                times = []
                for _ in range(connects):
                    time.sleep(moments.uniform(0, LONGEST_GAP_S))
                    times.append(rtsp.first_picture_ms(port, path))
        except (OSError, rtsp.RtspFailed) as failed:
            raise LoadFailed(str(failed)) from failed
    return [statistics.median(times), max(times)]


def _first_picture(context: Context) -> list[Row]:
    connects = 5 if context.brief else CONNECTS
    rows = [Row("rtsp", f"first picture, {which} of {connects} connects", "ms") for which in ("median", "worst")]
    for row in rows:
        row.limit = limits.limit_of("rtsp", row.case)
    measured = {}
    if peers.able(context, [peers.OURS], "rtsp-tcp", rows[0].absent):
        pattern = ["pattern:bars?size=1280x720&fps=30"]
        measured[OURS] = lambda: _first_pictures(peers.OURS.serve_sources(context, pattern, "rtsp-tcp"), connects)
        measured[OWN_H264] = lambda: _first_pictures(_camweave(context, "rtsp-tcp"), connects)
    for peer in peers.able(context, [MEDIAMTX], "rtsp-tcp", rows[0].absent):
        measured[peer.name] = lambda p=peer: _first_pictures(p.serve(context, context.h264(), "rtsp-tcp", None), connects)
    turns.take_together(rows, context.rounds, measured, context.say)
    return rows


def measure(context: Context) -> Iterator[Row]:
    for transport in ("tcp", "udp"):
        for readers in READERS:
            for placement in context.placements():
                if context.wanted(f"{transport}, CPU, {readers} readers of 4 Mbit/s, {placement}"):
                    yield from _fan_out(context, transport, readers, placement)
    if context.wanted("first picture"):
        yield from _first_picture(context)
