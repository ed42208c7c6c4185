from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fairview.core.errors import OUTCOMES, Unavailable
from fairview.core.limits import WEB_BODY_BYTES_MAX
from fairview.serve.guard import CONTENT_SECURITY_POLICY
from fairview.serve.settings import WebSettings, host_name
from tests.serve.pretend_door import PretendDoor
from tests.serve.talk import NAME, PASSWORD, Talk

pytestmark = pytest.mark.anyio
SIGN_IN = {"name": NAME, "password": PASSWORD}


async def test_an_unknown_host_is_refused_everywhere(talk: Talk) -> None:
    for path in ("/", "/api/v1/session", "/ledger/checkpoint", "/healthz"):
        answer = await talk.http.get(path, headers={"Host": "rebound.example"})
        assert answer.status_code == 403, path


async def test_a_listed_host_is_taken_with_any_port(door: PretendDoor) -> None:
    talk = Talk(door, WebSettings(hosts=("cameras.city.example",)))
    headers = {"Host": "Cameras.City.example:8443", "Origin": "http://cameras.city.example:8443"}
    assert (await talk.http.get("/healthz", headers=headers)).status_code == 200
    assert (await talk.http.get("/healthz")).status_code == 403


async def test_plain_addresses_are_hosts_only_when_asked_for(door: PretendDoor) -> None:
    plain = WebSettings(hosts=("localhost",))
    open_ = WebSettings(hosts=("localhost",), allow_address_hosts=True)
    assert not plain.knows_host("192.0.2.4:8443")
    assert open_.knows_host("192.0.2.4:8443")
    assert open_.knows_host("[2001:db8::1]:8443")
    assert not open_.knows_host("rebound.example")


@pytest.mark.parametrize(
    "text", ["", ":80", "a:b", "[::1", "[::1]x", "[evil]", "a:123456", "a:80:80"]
)
def test_malformed_hosts_have_no_name(text: str) -> None:
    assert host_name(text) is None


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1:81"]
)
async def test_a_change_from_another_origin_is_refused(ada: Talk, origin: str) -> None:
    headers = {"Origin": origin}
    answer = await ada.http.post("/api/v1/session", json=SIGN_IN, headers=headers)
    assert answer.status_code == 403
    assert ada.door.calls.count("sign_in") == 0


async def test_a_change_without_an_origin_is_refused(ada: Talk) -> None:
    del ada.http.headers["Origin"]
    assert (await ada.http.delete("/api/v1/session")).status_code == 403
    assert (await ada.http.get("/api/v1/cameras")).status_code == 200


async def test_reading_across_sites_is_refused(ada: Talk) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert (await ada.http.get("/api/v1/cameras", headers=headers)).status_code == 403
    assert (await ada.http.get("/", headers=headers)).status_code == 200


async def test_the_ledger_is_for_other_sites_too(talk: Talk) -> None:
    headers = {"Origin": "https://witness.example"}
    answer = await talk.http.get("/ledger/checkpoint", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


async def test_every_answer_carries_the_security_headers(ada: Talk) -> None:
    for path in ("/", "/api/v1/cameras", "/api/v1/nowhere", "/ledger/checkpoint"):
        headers = (await ada.http.get(path)).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


async def test_private_answers_and_errors_are_never_stored(ada: Talk) -> None:
    for path in ("/api/v1/session", "/api/v1/cameras", "/api/v1/nowhere", "/api/v1/ledger"):
        assert (await ada.http.get(path)).headers["cache-control"] == "no-store"


async def test_a_long_body_is_refused_by_its_stated_length(talk: Talk) -> None:
    body = b" " * (WEB_BODY_BYTES_MAX + 1)
    answer = await talk.http.post("/api/v1/session", content=body)
    assert answer.status_code == 400


async def test_a_long_body_is_refused_without_a_stated_length(talk: Talk) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1_000

    answer = await talk.http.post("/api/v1/session", content=body())
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_input"


@pytest.mark.parametrize("kind", list(OUTCOMES))
async def test_every_error_becomes_its_row_of_the_table(ada: Talk, kind: type) -> None:
    ada.door.refuse["cameras"] = kind("said by the door")
    answer = await ada.http.get("/api/v1/cameras")
    assert answer.status_code == OUTCOMES[kind].http_status
    body = answer.json()
    assert body["error"] == OUTCOMES[kind].name
    assert body["message"] == "said by the door"
    assert body["do"]
    assert ("retry-after" in answer.headers) == (answer.status_code == 503)


async def test_our_own_mistakes_say_nothing_about_themselves(
    ada: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(session: str) -> None:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(PretendDoor, "cameras", lambda self, session: broken(session))
    answer = await ada.http.get("/api/v1/cameras")
    assert answer.status_code == 500
    assert answer.json()["error"] == "our_mistake"
    assert "secret" not in answer.text


async def test_an_unknown_field_is_bad_input_and_named(ada: Talk) -> None:
    answer = await ada.http.post("/api/v1/session", json={**SIGN_IN, "plate": "x"})
    assert answer.status_code == 400
    assert "plate" in answer.json()["message"]


async def test_unknown_addresses_under_the_api_are_not_found(ada: Talk) -> None:
    answer = await ada.http.get("/api/v1/nowhere")
    assert answer.status_code == 404
    assert answer.json()["error"] == "not_found"
    answer = await ada.http.put("/api/v1/cameras", json={})
    assert answer.status_code == 405


async def test_health_follows_the_door(talk: Talk) -> None:
    assert (await talk.http.get("/healthz")).json() == {"status": "ok"}
    talk.door.refuse["needs_set_up"] = Unavailable("the door is away")
    assert (await talk.http.get("/healthz")).status_code == 503


async def test_figures_are_for_this_machine_or_someone_signed_in(
    talk: Talk, door: PretendDoor
) -> None:
    assert (await talk.http.get("/metrics")).status_code == 403
    await talk.set_up()
    answer = await talk.http.get("/metrics")
    assert answer.status_code == 200
    assert "fairview_web_answers_total" in answer.text
