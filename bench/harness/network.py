"""A network of our own for the run: loopback only, one congestion control for every socket of both sides.

Needs root; without it the run uses the machine's loopback and its congestion control, and says so.
"""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
SYSCTL = Path("/proc/sys/net/ipv4")


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sH22x", b"lo", 0))
        flags = struct.unpack("16sH22x", request)[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | IFF_UP))


def _write(name: str, value: str) -> bool:
    try:
        (SYSCTL / name).write_text(value)
        return True
    except OSError:
        return False


def congestion_control() -> str:
    return (SYSCTL / "tcp_congestion_control").read_text().strip()


def isolate() -> str:
    """Enters the namespace; the sentence says what the run's sockets use."""
    if os.geteuid() != 0:
        return f"not root: the machine's own loopback, congestion control {congestion_control()} on both sides"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return f"no network namespace ({os.strerror(ctypes.get_errno())}): {congestion_control()} on both sides"
    _bring_loopback_up()
    # Cubic where the machine allows it in a namespace, else Reno, which every kernel does. Loopback loses nothing, so
    # the two behave alike; BBR, which paces by timers, would not.
    _write("tcp_congestion_control", "cubic") or _write("tcp_congestion_control", "reno")
    _write("ip_local_port_range", "2048 65535")
    return f"own network namespace, congestion control {congestion_control()} on both sides"


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
