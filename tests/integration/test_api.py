"""The server's own API and what every web client expects of HTTP."""

import json
import re
import socket
import time

import pytest
from helpers.pictures import decode
from helpers.processes import wait_until
from helpers.server import PATIENCE


@pytest.fixture
def two(server):
    running = server()
    running.wait_for_state("cam0", "streaming")
    running.wait_for_state("cam1", "streaming")
    return running


def test_health_and_version_are_exact(two):
    for path, body in (("/health", {"status": "ok"}), ("/version", {"project": "camera", "mode": "V1"})):
        answer = two.get(path)
        assert answer.status == 200 and answer.headers["Content-Type"].startswith("application/json")
        assert answer.json() == body


@pytest.mark.sanitized
def test_cameras(two):
    cameras = two.cameras()
    assert [camera["id"] for camera in cameras] == ["cam0", "cam1"]
    for index, camera in enumerate(cameras):
        assert camera == {**camera, "index": index, "state": "streaming", "driver": "pattern", "width": 640, "height": 480,
                          "restarts": 0, "next_retry_s": None}
        assert camera["expected_fps"] == pytest.approx(30)
        assert camera["last_frame_age_ms"] >= 0 and camera["dropped"] >= 0 and not camera["last_error"]
        wait_until(lambda: two.camera(camera["id"])["last_frame_age_ms"] < 1000, 10, "its newest frame is fresh")
    wait_until(lambda: two.camera("cam0")["fps"] == pytest.approx(30, rel=0.1), 10, "fps is measured")


def test_server(two):
    info = two.json("/api/v1/server")
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", info["version"])
    assert info["protected_mode"] is True
    assert info["uptime_s"] >= 0
    assert "pattern" in json.dumps(info["drivers"])
    assert str(two.port) in json.dumps(info["listeners"])


def test_unknown_things(two):
    for path in ("/api/v1/cameras/nobody", "/api/v1/cameras/nobody/snapshot.jpg", "/api/v1/nothing", "/api/v1/cameras/cam0/nothing"):
        answer = two.get(path)
        assert answer.status == 404 and answer.json()["detail"], path
    refused = two.request("DELETE", "/health")
    assert refused.status == 405 and "GET" in refused.headers["Allow"]


def test_snapshot(two):
    answer = two.get("/api/v1/cameras/cam0/snapshot.jpg")
    assert answer.status == 200 and answer.headers["Content-Type"] == "image/jpeg"
    assert "no-store" in answer.headers["Cache-Control"]
    assert decode(answer.body).shape == (480, 640, 3)
    assert decode(two.snapshot("cam0", "?size=320x240")).shape == (240, 320, 3)
    full = two.get("/api/v1/cameras/cam0/snapshot.jpg?full=1")
    assert full.status == 200 and decode(full.body).shape == (480, 640, 3)


def test_two_snapshots_are_two_moments(two):
    first = two.snapshot("cam0")
    wait_until(lambda: two.snapshot("cam0") != first, 2 * PATIENCE, "the picture moves")


@pytest.mark.parametrize("path", ["/health", "/", "/api/v1/cameras", "/api/v1/cameras/cam0/snapshot.jpg", "/openapi.json"])
def test_head_is_get_without_the_body(two, path):
    head, get = two.request("HEAD", path), two.get(path)
    assert head.status == get.status == 200
    assert head.body == b""
    assert head.headers["Content-Type"] == get.headers["Content-Type"]


def test_head_of_a_stream_ends(two):
    head = two.request("HEAD", "/api/v1/cameras/cam0/stream.mjpg")
    assert head.status == 200 and "multipart/x-mixed-replace" in head.headers["Content-Type"]
    assert two.camera("cam0")["renditions"] == []


def test_keep_alive_and_pipelining(two):
    paths = ["/health", "/version", "/nothing-here.json", "/api/v1/cameras/cam0", "/health"]
    with socket.create_connection(two.address, timeout=30) as connection:
        connection.sendall(b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths[:-1]))
        connection.sendall(f"GET {paths[-1]} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        data = b""
        while chunk := connection.recv(65536):
            data += chunk
    assert re.findall(rb"HTTP/1\.1 (\d+)", data) == [b"200", b"200", b"404", b"200", b"200"]
    assert data.index(b'"status"') < data.index(b'"project"') < data.index(b'"cam0"'), "answers come in order"


def test_cors_only_for_allowed_origins(server):
    running = server(server='allowed_origins = ["https://app.example"]')
    allowed = running.get("/api/v1/cameras", headers={"Origin": "https://app.example"})
    assert allowed.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Origin" in allowed.headers["Vary"]
    other = running.get("/api/v1/cameras", headers={"Origin": "https://evil.example"})
    assert other.headers["Access-Control-Allow-Origin"] is None
    preflight = running.request("OPTIONS", "/api/v1/cameras/cam0/controls", headers={
        "Origin": "https://app.example", "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "content-type"})
    assert preflight.status in (200, 204)
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    assert "content-type" in preflight.headers["Access-Control-Allow-Headers"].lower()


@pytest.mark.parametrize("method, path", [("PATCH", "/api/v1/cameras/cam0/controls"), ("DELETE", "/api/v1/cameras/cam0")])
def test_another_sites_page_can_change_nothing(two, method, path):
    refused = two.request(method, path, body="{}", headers={"Origin": "https://evil.example", "Content-Type": "application/json"})
    assert refused.status == 403 and refused.json()["detail"]
    assert [camera["id"] for camera in two.cameras()] == ["cam0", "cam1"]


def test_a_rebound_name_is_refused(two):
    refused = two.get("/api/v1/cameras", headers={"Host": f"evil.example:{two.port}"})
    assert refused.status == 403 and "evil.example" in refused.json()["detail"]


def test_metrics(two):
    two.snapshot("cam0")
    values = two.metrics()
    names = {name for name, _ in values}
    assert all(name.startswith("camweave_") for name in names if not name.startswith(("process_", "exposer_"))), names
    for word in ("restarts", "dropped", "fps"):
        assert any(word in name and ("camera", "cam0") in labels for name, labels in values), f"{word} of cam0 in {sorted(names)}"


def test_openapi_describes_what_is_there(two):
    api = two.json("/openapi.json")
    assert api["openapi"].startswith("3.") and api["info"]["title"] and api["info"]["version"]
    paths = api["paths"]
    for path in ("/api/v1/cameras", "/api/v1/cameras/{id}", "/api/v1/cameras/{id}/snapshot.jpg",
                 "/api/v1/cameras/{id}/stream.mjpg", "/api/v1/server", "/health", "/version"):
        assert "get" in paths[path], path
        assert paths[path]["get"]["responses"]
    for path, item in paths.items():
        names = set(re.findall(r"\{(\w+)\}", path))
        for method, operation in item.items():
            if method in ("get", "post", "patch", "delete", "put"):
                declared = {p["name"] for p in operation.get("parameters", []) + item.get("parameters", []) if p.get("in") == "path"}
                assert declared == names, f"{method} {path}: path parameters {declared}"
    references = set(re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(api)))
    for reference in references:
        place = api
        for key in reference.split("/"):
            place = place[key]


def read_events(server, until, within_s):
    """Server-sent events as (name, data) until `until(name, data)`."""
    events = []
    with socket.create_connection(server.address, timeout=within_s) as connection:
        connection.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        stream = connection.makefile("rb")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += stream.readline()
        assert b"200 OK" in head and b"text/event-stream" in head.lower()
        end = time.monotonic() + within_s
        name = "message"
        while time.monotonic() < end:
            line = stream.readline().decode().strip()
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                events.append((name, json.loads(line[5:])))
                if until(*events[-1]):
                    return events
                name = "message"
    raise AssertionError(f"not within {within_s} s; events: {events[-5:]}")


@pytest.mark.sanitized
def test_events_say_what_changes(two):
    import os
    import signal
    seen, killed = [], []

    def back(name, data):
        if not killed:  # the greeting: what comes from now on is heard
            killed.append(two.workers()[0])
            os.kill(killed[0], signal.SIGKILL)
        if name == "camera" and data.get("state"):
            seen.append((data["id"], data["state"]))
        hit = next((camera for camera, state in seen if state != "streaming"), None)
        return hit and seen[-1] == (hit, "streaming")

    read_events(two, back, 30 * PATIENCE)


def test_logs(two):
    logs = two.json("/api/v1/logs")
    lines = logs["lines"] if isinstance(logs, dict) else logs
    assert any("cam0" in json.dumps(line) for line in lines)


def test_a_camera_added_changed_and_removed_at_run_time(two):
    added = two.request("POST", "/api/v1/cameras", body=json.dumps({"id": "third", "source": "pattern:bars?size=320x240&fps=15"}),
                        headers={"Content-Type": "application/json"})
    assert added.status in (200, 201), added.text
    assert two.wait_for_state("third", "streaming")["width"] == 320
    assert decode(two.snapshot("third")).shape == (240, 320, 3)
    assert two.request("DELETE", "/api/v1/cameras/third").status in (200, 204)
    wait_until(lambda: two.get("/api/v1/cameras/third").status == 404, 5, "it is gone")
    wait_until(lambda: len(two.workers()) == 2, 5, "its worker ends")


@pytest.mark.parametrize("body, status", [("{", 400), ("[]", 422), ('{"id": "UPPER", "source": "pattern:bars"}', 422),
                                          ('{"id": "x"}', 422), ('{"id": "cam0", "source": "pattern:bars"}', 409)])
def test_a_bad_camera_is_refused(two, body, status):
    answer = two.request("POST", "/api/v1/cameras", body=body, headers={"Content-Type": "application/json"})
    assert answer.status == status or (status == 400 and answer.status == 422), answer.text
    assert answer.json()["detail"]
    assert len(two.cameras()) == 2


def test_api_key(server):
    running = server(server='api_key = "correct-horse"')
    refused = running.get("/api/v1/cameras")
    assert refused.status == 401 and refused.headers["WWW-Authenticate"] == "ApiKey"
    assert refused.json() == {"detail": "Invalid or missing API key"}
    assert running.get("/api/v1/cameras", headers={"X-API-Key": "wrong"}).status == 401
    assert running.get("/api/v1/cameras", headers={"X-API-Key": "correct-horse"}).status == 200
    assert running.get("/health").status == 200
    assert "correct-horse" not in running.log()
    assert "correct-horse" not in running.get("/api/v1/logs", headers={"X-API-Key": "correct-horse"}).text


def test_json_log(server):
    running = server(args=["--log", "json"])
    running.wait_for_state("cam0", "streaming")
    for line in running.log().splitlines():
        entry = json.loads(line)
        assert {"time", "level"} <= entry.keys(), line
