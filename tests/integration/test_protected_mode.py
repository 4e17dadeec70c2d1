"""Without credentials only loopback, private and link-local addresses are served. Peers come from a network namespace."""

import os
import subprocess
import sys
import uuid

import pytest

from helpers.server import free_port


def run(*command, check=True):
    return subprocess.run(command, capture_output=True, text=True, check=check)


@pytest.fixture
def namespace():
    """exec(peer, here, *command): runs a command in a namespace whose address is `peer`, wired to `here` on this side."""
    if os.getuid() != 0 or run("ip", "netns", "list", check=False).returncode != 0:
        pytest.skip("making a network namespace needs root")
    tag = uuid.uuid4().hex[:6]
    name, outer, inner = f"cw-{tag}", f"cwo{tag}", f"cwi{tag}"
    made = run("ip", "netns", "add", name, check=False)
    if made.returncode != 0:
        pytest.skip(f"no network namespaces here: {made.stderr.strip()}")
    try:
        pair = run("ip", "link", "add", outer, "type", "veth", "peer", "name", inner, "netns", name, check=False)
        if pair.returncode != 0:
            pytest.skip(f"no veth here: {pair.stderr.strip()}")
        run("ip", "link", "set", outer, "up")
        run("ip", "-n", name, "link", "set", inner, "up")

        def execute(peer, here, *command):
            run("ip", "addr", "add", f"{here}/30", "dev", outer)
            run("ip", "-n", name, "addr", "add", f"{peer}/30", "dev", inner)
            try:
                return run("ip", "netns", "exec", name, *command, check=False)
            finally:
                run("ip", "-n", name, "addr", "del", f"{peer}/30", "dev", inner)
                run("ip", "addr", "del", f"{here}/30", "dev", outer)

        yield execute
    finally:
        run("ip", "netns", "del", name, check=False)
        run("ip", "link", "del", outer, check=False)


def fetch(namespace, peer, here, port, path, *options):
    done = namespace(peer, here, "curl", "-sS", "--noproxy", "*", "--max-time", "5", "-w", "\n%{http_code}", *options, f"http://{here}:{port}{path}")
    assert done.returncode == 0, done.stderr
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


@pytest.mark.parametrize("path", ["/", "/health", "/api/v1/cameras", "/api/v1/cameras/cam0/stream.mjpg", "/nothing"])
def test_a_public_address_is_refused_with_the_reason(server, namespace, path):
    running = server(listen="0.0.0.0")
    status, body = fetch(namespace, "198.51.100.2", "198.51.100.1", running.port, path)
    assert status == 403
    assert "protected" in body and "api_key" in body, "the reason and the cure"


@pytest.mark.parametrize("peer, here", [("10.77.0.2", "10.77.0.1"), ("169.254.77.2", "169.254.77.1"), ("172.31.77.2", "172.31.77.1")])
def test_private_and_link_local_are_served(server, namespace, peer, here):
    running = server(listen="0.0.0.0")
    status, body = fetch(namespace, peer, here, running.port, "/health")
    assert (status, body) == (200, '{"status":"ok"}')


def test_with_a_key_configured_a_public_address_needs_it(server, namespace):
    running = server(listen="0.0.0.0", server='api_key = "correct-horse"')
    assert fetch(namespace, "198.51.100.2", "198.51.100.1", running.port, "/api/v1/cameras")[0] in (401, 403)
    assert fetch(namespace, "198.51.100.2", "198.51.100.1", running.port, "/api/v1/cameras", "-H", "X-API-Key: correct-horse")[0] == 200


def test_a_forwarded_header_changes_nothing(server, namespace):
    running = server(listen="0.0.0.0")
    assert fetch(namespace, "198.51.100.2", "198.51.100.1", running.port, "/health", "-H", "X-Forwarded-For: 127.0.0.1")[0] == 403


@pytest.mark.parametrize("peer,here,status", [("198.51.100.2", "198.51.100.1", 403), ("10.77.77.2", "10.77.77.1", 200)],
                         ids=["public", "private"])
def test_rtsp_is_protected_too(server, namespace, peer, here, status):
    port = free_port()
    server(listen="0.0.0.0", server=f'rtsp = "0.0.0.0:{port}"')
    ask = (f"import socket; s = socket.create_connection(('{here}', {port}), 5); s.sendall(b'OPTIONS * RTSP/1.0\\r\\nCSeq: 1\\r\\n\\r\\n'); "
           "print(s.recv(4096).decode())")
    done = namespace(peer, here, sys.executable, "-c", ask)
    assert done.stdout.startswith(f"RTSP/1.0 {status}"), done.stdout + done.stderr
    if status == 403:
        assert "protected" in done.stdout and "api_key" in done.stdout, "the reason and the cure"
