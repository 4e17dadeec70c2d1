"""Logging in with the API key as a browser does: a session's cookie opens what X-API-Key opens."""

import asyncio
import signal

import pytest

from helpers.processes import wait_until
from helpers.websockets_client import connect

KEY = "correct horse"


@pytest.fixture
def locked(server):
    return server(server=f'api_key = "{KEY}"')


def log_in(server, key=KEY, **headers):
    return server.request("POST", "/api/v1/login", body=f'{{"key": "{key}"}}', headers={"Content-Type": "application/json"} | headers)


def cookie_of(answer):
    return answer.headers["Set-Cookie"].split(";")[0]


def test_the_key_once_and_then_the_cookie(locked):
    assert locked.get("/").status == 200  # the page, which asks for the key
    assert locked.get("/api/v1/login").json() == {"needed": True, "logged_in": False}
    assert locked.get("/api/v1/cameras").status == 401
    answer = log_in(locked)
    assert answer.status == 200 and KEY not in answer.headers["Set-Cookie"]
    attributes = answer.headers["Set-Cookie"].split("; ")
    assert attributes[0].startswith(f"camweave_session_{locked.port}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes) and "Secure" not in attributes
    session = {"Cookie": cookie_of(answer)}
    wait_until(lambda: locked.get("/api/v1/cameras/cam0", headers=session).json()["state"] == "streaming", 10, "the camera is open")
    for path in ("/api/v1/cameras", "/api/v1/cameras/cam0/snapshot.jpg", "/api/v1/server"):
        assert locked.get(path, headers=session).status == 200
    assert locked.get("/api/v1/login", headers=session).json() == {"needed": True, "logged_in": True}

    async def picture():
        url = locked.url("/api/v1/cameras/cam0/jpeg", "ws")
        async with connect(url, session) as socket:
            return await asyncio.wait_for(socket.recv(), 30)

    assert asyncio.run(picture())[:2] == b"\xff\xd8"
    out = locked.request("POST", "/api/v1/logout", headers=session)
    assert out.status == 200 and "Max-Age=0" in out.headers["Set-Cookie"]
    assert locked.get("/api/v1/cameras", headers=session).status == 401


def test_wrong_keys_are_refused_and_slowed_down(locked):
    for body in ("", "[]", "{}", '{"key": 5}', '{"key": null}'):
        assert locked.request("POST", "/api/v1/login", body=body).status == 422
    for _ in range(10):
        answer = log_in(locked, "wrong")
        assert answer.status == 401 and "Set-Cookie" not in answer.headers
    answer = log_in(locked)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert locked.get("/api/v1/cameras", headers={"X-API-Key": KEY}).status == 200
    assert "a wrong key from 127.0.0.1" in locked.log() and KEY not in locked.log()


def test_another_sites_page_cannot_log_in_or_use_the_cookie(locked):
    assert log_in(locked, Origin="http://evil.example").status == 403
    session = {"Cookie": cookie_of(log_in(locked))}
    foreign = session | {"Origin": f"http://127.0.0.1:{locked.port + 1}"}
    assert locked.request("PATCH", "/api/v1/cameras/cam0/controls", body='{"gain": 2}', headers=foreign).status == 403
    own = session | {"Origin": f"http://127.0.0.1:{locked.port}"}
    body = '{"auto_exposure": true}'
    wait_until(lambda: locked.request("PATCH", "/api/v1/cameras/cam0/controls", body=body, headers=own).status == 200, 5, "the camera is open")


def test_behind_https_the_cookie_is_for_https_only(locked):
    answer = log_in(locked, Host="127.0.0.1", Origin="https://127.0.0.1")
    assert answer.status == 200 and answer.headers["Set-Cookie"].endswith("; Secure")
    assert answer.headers["Set-Cookie"].startswith("camweave_session=")


def test_without_a_key_there_is_nothing_to_log_in_to(server):
    open_server = server()
    assert open_server.get("/api/v1/login").json() == {"needed": False, "logged_in": False}
    assert log_in(open_server).status == 409


def test_another_key_ends_every_session(locked):
    session = {"Cookie": cookie_of(log_in(locked))}
    locked.config_path.write_text(locked.config_path.read_text().replace(KEY, "another"))
    locked.process.send_signal(signal.SIGHUP)
    wait_until(lambda: locked.get("/api/v1/cameras", headers={"X-API-Key": "another"}).status == 200, 5, "the new key holds")
    assert locked.get("/api/v1/cameras", headers=session).status == 401
    assert log_in(locked, "another").status == 200
