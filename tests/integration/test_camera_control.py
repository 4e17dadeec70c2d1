"""The camera-control API as its own clients use it, on a real server with the pattern camera."""

import json

import pytest
from helpers.pattern_reader import bar_colours, load
from helpers.processes import wait_until
from helpers.server import PATIENCE

ONE = """
[[camera]]
id = "front"
source = "pattern:bars?size=640x480&fps=30"
"""
TWO_AND_ONE_AWAY = ONE + """
[[camera]]
id = "side"
source = "pattern:bars?size=320x240&fps=15"

[[camera]]
id = "gone"
source = "v4l2:/dev/video9999"
"""
KEYS = ["lux", "exposure_us", "analogue_gain", "colour_temperature", "auto_exposure", "streaming"]
VERSIONS = ["", "/v1"]


def post(running, path, body=None, headers=None):
    text = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
    return running.request("POST", path, body=text, headers={"Content-Type": "application/json", **(headers or {})})


def ok(running, path, body=None):
    answer = post(running, path, body)
    assert answer.status == 200, f"{path}: {answer.status} {answer.text}"
    return answer.json()


@pytest.fixture
def front(server):
    running = server(config=ONE)
    running.wait_for_state("front", "streaming")
    return running


def measured_status(running, version=""):
    """A status with what the sensor says: it is there within a moment of the first frame."""
    path = f"{version}/camera/status"
    return wait_until(lambda: (status := running.json(path))["exposure_us"] is not None and status, 5 * PATIENCE, "a status")


@pytest.mark.parametrize("version", VERSIONS)
def test_status_without_any_viewer(front, version):
    status = measured_status(front, version)
    assert list(status) == KEYS
    assert status["auto_exposure"] is True and status["streaming"] is False
    assert 100 <= status["exposure_us"] <= 1_000_000 and 1 <= status["analogue_gain"] <= 16
    assert 2000 <= status["colour_temperature"] <= 10_000 and status["lux"] > 0
    assert front.camera("front")["renditions"] == [], "a status makes the camera encode nothing"


@pytest.mark.parametrize("version", VERSIONS)
def test_manual_exposure_shows_in_status_and_picture(front, version):
    measured_status(front)

    def brightness():
        return sum(map(sum, bar_colours(load(front.snapshot("front")))))

    def set_and_check(exposure_us, gain):
        assert ok(front, f"{version}/camera/manual_exposure", {"exposure_us": exposure_us, "gain": gain}) == {
            "status": "ok", "exposure_us": exposure_us, "gain": gain}
        def shows():
            status = front.json(f"{version}/camera/status")
            return (status["exposure_us"] == pytest.approx(exposure_us, rel=0.1) and status["auto_exposure"] is False
                    and status["analogue_gain"] == pytest.approx(gain, rel=0.1))

        wait_until(shows, 0.5 * PATIENCE, "the status shows it half a second later")
        return brightness()

    dark, bright = set_and_check(1000, 1.0), set_and_check(20000, 2.0)
    assert dark < 0.5 * bright
    assert ok(front, f"{version}/camera/auto_exposure", {"enabled": True}) == {"status": "ok", "auto_exposure": True}
    wait_until(lambda: front.json("/camera/status")["auto_exposure"] is True, 5 * PATIENCE, "automatic again")


def test_gain_left_out_is_one(front):
    ok(front, "/camera/manual_exposure", {"exposure_us": 5000, "gain": 4.0})
    assert ok(front, "/camera/manual_exposure", {"exposure_us": 5000}) == {"status": "ok", "exposure_us": 5000, "gain": 1.0}
    wait_until(lambda: front.json("/camera/status")["analogue_gain"] == 1.0, 5 * PATIENCE, "gain is 1.0")


@pytest.mark.parametrize("version", VERSIONS)
def test_white_balance(front, version):
    for enabled in (False, True):
        assert ok(front, f"{version}/camera/awb", {"enabled": enabled}) == {"status": "ok", "awb_enabled": enabled}
        controls = {control["name"]: control for control in front.json("/api/v1/cameras/front/controls")["controls"]}
        assert controls["auto_white_balance"]["value"] is enabled


def test_first_versions_refusals(front):
    measured_status(front)
    before = front.json("/api/v1/cameras/front/controls")["controls"][0]
    for path, body, field in (("manual_exposure", {"exposure_us": 0}, "exposure_us"), ("manual_exposure", {"exposure_us": -1}, "exposure_us"),
                              ("manual_exposure", {"exposure_us": 1000, "gain": 0}, "gain"),
                              ("manual_exposure", {"gain": 1.0}, "exposure_us"), ("manual_exposure", {"exposure_us": "x"}, "exposure_us"),
                              ("auto_exposure", {}, "enabled"), ("awb", {"enabled": "maybe"}, "enabled"), ("awb", "{", "the body")):
        answer = post(front, f"/camera/{path}", body)
        assert answer.status == 400 and list(answer.json()) == ["detail"], answer.text
        assert answer.json()["detail"].startswith(field)
    assert front.json("/camera/status")["auto_exposure"] is True
    assert front.json("/api/v1/cameras/front/controls")["controls"][0] == before, "nothing changes on an error"


def test_later_versions_refusals(front):
    measured_status(front)
    for body, detail in (({"exposure_us": 99}, "exposure_us must be >= 100"), ({"exposure_us": 0}, "exposure_us must be >= 100"),
                         ({"exposure_us": 1_000_001}, "exposure_us must be <= 1000000"),
                         ({"exposure_us": 1000, "gain": 0.9}, "gain must be >= 1.0"),
                         ({"exposure_us": 1000, "gain": 16.1}, "gain must be <= 16.0")):
        answer = post(front, "/v1/camera/manual_exposure", body)
        assert (answer.status, answer.json()) == (422, {"detail": detail})
    missing = post(front, "/v1/camera/manual_exposure", {"gain": 2.0})
    assert missing.status == 422
    assert missing.json() == {"detail": [{"type": "missing", "loc": ["body", "exposure_us"], "msg": "Field required",
                                          "input": {"gain": 2.0}}]}
    wrong = post(front, "/v1/camera/awb", {"enabled": "maybe"})
    assert wrong.status == 422
    assert wrong.json()["detail"] == [{"type": "bool_parsing", "loc": ["body", "enabled"], "input": "maybe",
                                       "msg": "Input should be a valid boolean, unable to interpret input"}]
    assert post(front, "/v1/camera/awb").json()["detail"][0]["loc"] == ["body"]
    assert front.json("/v1/camera/status")["auto_exposure"] is True


@pytest.mark.parametrize("version", VERSIONS)
def test_wrong_methods(front, version):
    assert post(front, f"{version}/camera/status").status == 405
    for path in ("camera/auto_exposure", "camera/manual_exposure", "camera/awb", "streaming/start", "streaming/stop"):
        answer = front.get(f"{version}/{path}")
        assert answer.status == 405 and "POST" in answer.headers["Allow"] and answer.json()["detail"]


def test_another_camera_an_unknown_one_and_one_that_is_away(server):
    running = server(config=TWO_AND_ONE_AWAY, server='default_camera = "side"')
    running.wait_for_state("front", "streaming")
    running.wait_for_state("side", "streaming")
    running.wait_for_state("gone", "away")
    ok(running, "/camera/manual_exposure", {"exposure_us": 700})
    wait_until(lambda: running.json("/camera/status")["exposure_us"] == 700, 5 * PATIENCE, "the default camera is side")
    assert running.json("/camera/status?camera=side")["exposure_us"] == 700
    assert running.json("/v1/camera/status?camera=front")["auto_exposure"] is True
    for version in VERSIONS:
        unknown = running.get(f"{version}/camera/status?camera=nobody")
        assert unknown.status == 404 and "nobody" in unknown.json()["detail"]
        for answer in (running.get(f"{version}/camera/status?camera=gone"),
                       post(running, f"{version}/camera/awb?camera=gone", {"enabled": True}),
                       post(running, f"{version}/camera/manual_exposure?camera=gone", {"exposure_us": 500})):
            assert answer.status == 503 and "gone is away" in answer.json()["detail"], answer.text


def test_api_key(server):
    running = server(config=ONE, server='api_key = "secret"')
    assert running.get("/health").json() == {"status": "ok"}
    for version in VERSIONS:
        for headers in ({}, {"X-API-Key": "wrong"}):
            for answer in (running.get(f"{version}/camera/status", headers=headers),
                           post(running, f"{version}/camera/awb", {"enabled": True}, headers),
                           post(running, f"{version}/streaming/start", None, headers)):
                assert answer.status == 401 and answer.json() == {"detail": "Invalid or missing API key"}
                assert answer.headers["WWW-Authenticate"] == "ApiKey"
        right = {"X-API-Key": "secret"}
        assert running.get(f"{version}/camera/status", headers=right).status in (200, 503)


def test_health_for_this_apis_clients(server):
    running = server(config=ONE, server='health = "camera-control"')
    assert running.json("/health") == {"status": "healthy", "camera_configured": True, "streaming_active": False,
                                       "version": "1.0.0"}


def test_what_was_set_outlives_a_restart(front):
    measured_status(front)
    ok(front, "/camera/manual_exposure", {"exposure_us": 3000, "gain": 2.5})
    front.stop()
    front.start()
    front.wait_for_state("front", "streaming")

    def is_as_set():
        status = measured_status(front)
        return (status["auto_exposure"] is False and status["exposure_us"] == pytest.approx(3000, rel=0.1)
                and status["analogue_gain"] == pytest.approx(2.5, rel=0.1))

    wait_until(is_as_set, 5 * PATIENCE, "what was set is set again")


def test_it_is_described(front):
    paths = front.json("/openapi.json")["paths"]
    for version in VERSIONS:
        assert "get" in paths[f"{version}/camera/status"]
        for path in ("camera/auto_exposure", "camera/manual_exposure", "camera/awb", "streaming/start", "streaming/stop"):
            assert "post" in paths[f"{version}/{path}"]
