from __future__ import annotations

import httpx
import pytest

from fairview.serve.app import create_app
from fairview.serve.settings import WebSettings
from tests.serve.pretend_door import PretendDoor
from tests.serve.talk import NAME, PASSWORD, Talk

pytestmark = pytest.mark.anyio


async def test_a_fresh_node_says_it_needs_set_up_and_nobody_is_signed_in(talk: Talk) -> None:
    answer = await talk.http.get("/api/v1/session")
    assert answer.json() == {"actor": None, "needs_set_up": True, "expires_at": None}


async def test_set_up_signs_in_by_a_cookie_that_scripts_cannot_read(talk: Talk) -> None:
    answer = await talk.set_up()
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie
    found = (await talk.http.get("/api/v1/session")).json()
    assert found["actor"]["id"] == NAME
    assert not found["needs_set_up"]


async def test_with_https_the_cookie_is_secure_and_bound_to_the_host(door: PretendDoor) -> None:
    talk = Talk(door, WebSettings(is_https=True))
    answer = await talk.set_up()
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-fairview=")
    assert "secure" in cookie.lower()


async def test_a_used_set_up_link_is_not_allowed(ada: Talk) -> None:
    answer = await ada.set_up()
    assert answer.status_code == 403
    assert answer.json()["error"] == "not_allowed"


async def test_sign_in_with_a_wrong_password_says_what_to_do(ada: Talk) -> None:
    wish = {"name": NAME, "password": "wrong"}
    answer = await ada.http.post("/api/v1/session", json=wish)
    assert answer.status_code == 403
    assert set(answer.json()) == {"error", "message", "do"}
    assert "set-cookie" not in answer.headers


async def test_signing_out_closes_the_looks_of_that_session(ada: Talk) -> None:
    look = await ada.look()
    answer = await ada.http.delete("/api/v1/session")
    assert answer.status_code == 204
    assert ada.door.closed == [look["token"]]
    assert not ada.door.sessions
    assert (await ada.http.get("/api/v1/cameras")).status_code == 403


async def test_signing_out_twice_is_safe(talk: Talk) -> None:
    assert (await talk.http.delete("/api/v1/session")).status_code == 204


async def test_private_things_need_a_session(talk: Talk) -> None:
    span = "?start=2026-05-01T00:00:00Z&end=2026-05-01T01:00:00Z"
    for path in ("cameras", "events", f"cameras/junction-1/timeline{span}"):
        answer = await talk.http.get(f"/api/v1/{path}")
        assert answer.status_code == 403, path
    for path in ("cameras", "events"):
        talk.http.cookies.set("fairview", "made up")
        assert (await talk.http.get(f"/api/v1/{path}")).status_code == 403


async def test_passwords_are_never_repeated_in_an_error(talk: Talk) -> None:
    wish = {"name": "", "password": PASSWORD}
    answer = await talk.http.post("/api/v1/session", json=wish)
    assert answer.status_code == 400
    assert PASSWORD not in answer.text


async def test_a_session_of_another_application_is_unknown(door: PretendDoor, ada: Talk) -> None:
    other = PretendDoor(door.clock)
    transport = httpx.ASGITransport(app=create_app(other))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        http.cookies.update(ada.http.cookies)
        assert (await http.get("/api/v1/cameras")).status_code == 403
