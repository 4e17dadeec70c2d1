"""The RTSP floor and the RTSP readers of the load generator: every packet arrives and is counted, a lost one is, too."""

import json
import socket
import struct
import subprocess
import threading

import pytest

import peers
from figures import rtsp
from harness.process import Process


def load(context, port, protocol, *options):
    command = [str(context.tool("bench_load")), "--protocol", protocol, "--port", str(port), "--path", "/cam0", "--warmup", "0", "--seconds", "1"]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("protocol,send", [("rtsp-tcp", "sendmsg"), ("rtsp-udp", "sendto"), ("rtsp-udp", "gso")])
def test_the_floor_delivers_whole_frames(context, tmp_path, protocol, send):
    with Process([str(context.tool("bench_floor")), "--protocol", protocol, "--send", send], tmp_path / "floor.log") as floor:
        port = int(floor.wait_for_line("port").split()[1])
        result = load(context, port, protocol, "--clients", "4")
    assert result["frames"] > 0 and result["rtp_lost"] == 0 and not result["faults"], result
    packets_per_frame = result["rtp_packets"] / result["frames"]
    assert 11 < packets_per_frame < 15, "16,667 bytes in packets of 1400"


def serve_with_gaps(listener):
    """Leaves every tenth sequence number out."""
    connection, _ = listener.accept()
    with connection:
        for _ in range(3):
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            connection.sendall(b"RTSP/1.0 200 OK\r\nSession: 1\r\n\r\n")
        try:
            sequence = 0
            while True:
                sequence += 2 if sequence % 10 == 9 else 1
                packet = struct.pack(">BBHII", 0x80, 0xE0, sequence & 0xFFFF, 0, 7) + b"x" * 100
                connection.sendall(b"$\0" + struct.pack(">H", len(packet)) + packet)
        except OSError:
            pass


def test_missing_packets_are_counted(context):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve_with_gaps, args=(listener,))
        server.start()
        result = load(context, listener.getsockname()[1], "rtsp-tcp", "--clients", "1")
        server.join()
    assert result["rtp_lost"] > 0
    assert abs(result["rtp_lost"] - result["rtp_packets"] / 9) < result["rtp_packets"] / 50, result


def test_mediamtx_is_one_of_the_peers_that_can_be_left_out():
    assert rtsp.MEDIAMTX in peers.PEERS
