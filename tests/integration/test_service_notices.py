"""What systemd sees: READY when it serves, WATCHDOG while it works, STOPPING at the end."""

import signal
import socket
import time

from helpers.server import PATIENCE


class Systemd:
    """Receives sd_notify's messages at the address in `env`."""

    def __init__(self, folder, watchdog_s):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(folder / "notify"))
        self.env = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": str(int(watchdog_s * 1e6))}

    def wait_for(self, word, within_s):
        """The moment at which `word` came."""
        end = time.monotonic() + within_s
        while (left_s := end - time.monotonic()) > 0:
            self.socket.settimeout(left_s)
            if word in self.socket.recv(4096).decode().split():
                return time.monotonic()
        raise AssertionError(f"no {word} within {within_s} s")


def test_ready_watchdog_and_stopping(server, tmp_path):
    systemd = Systemd(tmp_path, watchdog_s=2)
    running = server(wait=False, env=systemd.env)
    systemd.wait_for("READY=1", 30 * PATIENCE)
    assert running.get("/health").status == 200, "it serves when it says so"
    for _ in range(3):
        systemd.wait_for("WATCHDOG=1", 6 * PATIENCE)
    running.process.send_signal(signal.SIGTERM)
    systemd.wait_for("STOPPING=1", 15 * PATIENCE)
    assert running.process.wait(timeout=15 * PATIENCE) == 0

