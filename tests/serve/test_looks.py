from __future__ import annotations

import httpx
import pytest

from fairview.core.limits import WEB_TICKET_US
from fairview.core.time import US_PER_MINUTE, ManualClock
from fairview.serve.looks_held import LooksHeld
from tests.builders import NOON
from tests.serve.talk import Talk

pytestmark = pytest.mark.anyio
SPAN = {"start": NOON.plus(-10 * US_PER_MINUTE).iso(), "end": NOON.plus(-9 * US_PER_MINUTE).iso()}


async def get(talk: Talk, path: str, token: str | None) -> httpx.Response:
    headers = {} if token is None else {"X-Fairview-Look": token}
    return await talk.http.get(f"/api/v1/looks/{path}", headers=headers)


async def test_a_look_names_its_ledger_line_and_what_the_pixels_are(ada: Talk) -> None:
    look = await ada.look(cameras=["junction-1", "depot-2"])
    assert look["renditions"] == ["silhouettes", "whole_frame"]
    assert look["leaf"] == len(ada.door.lines) - 1


async def test_a_recorded_span_plays_as_hls(ada: Talk) -> None:
    look = await ada.look(span=SPAN)
    where = f"{look['id']}/hls/junction-1"
    answer = await get(ada, f"{where}/index.m3u8", look["token"])
    assert answer.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert answer.headers["cache-control"] == "no-store"
    assert look["token"] not in answer.text
    init = await get(ada, f"{where}/init-0.mp4", look["token"])
    assert init.content[4:8] == b"ftyp"
    part = await get(ada, f"{where}/part-3.m4s", look["token"])
    assert part.content[4:8] == b"moof"
    assert (await get(ada, f"{where}/part-99.m4s", look["token"])).status_code == 404


async def test_nothing_is_shown_without_the_looks_token(ada: Talk) -> None:
    look = await ada.look(span=SPAN)
    for path in (
        f"{look['id']}/hls/junction-1/index.m3u8",
        f"{look['id']}/hls/junction-1/init-0.mp4",
        f"{look['id']}/hls/junction-1/part-0.m4s",
        f"{look['id']}/pictures/junction-1?at={SPAN['start']}",
    ):
        assert (await get(ada, path, None)).status_code == 400, path
        assert (await get(ada, path, "guessed")).status_code == 404, path
    assert "part" not in ada.door.calls
    assert "picture" not in ada.door.calls


async def test_a_token_is_worthless_in_another_session(ada: Talk) -> None:
    look = await ada.look(span=SPAN)
    ada.http.cookies.clear()
    wish = {"name": "ada", "password": "a long enough password"}
    assert (await ada.http.post("/api/v1/session", json=wish)).status_code == 200
    path = f"{look['id']}/hls/junction-1/index.m3u8"
    assert (await get(ada, path, look["token"])).status_code == 404


async def test_a_token_opens_only_its_own_look(ada: Talk) -> None:
    first, second = await ada.look(span=SPAN), await ada.look(span=SPAN)
    path = f"{second['id']}/hls/junction-1/index.m3u8"
    assert (await get(ada, path, first["token"])).status_code == 404


async def test_a_picture_comes_at_the_asked_width(ada: Talk) -> None:
    look = await ada.look(span=SPAN)
    path = f"{look['id']}/pictures/junction-1?at={SPAN['start']}&width_px=160"
    answer = await get(ada, path, look["token"])
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:2] == b"\xff\xd8"


async def test_a_closed_look_shows_nothing(ada: Talk) -> None:
    look = await ada.look(span=SPAN)
    headers = {"X-Fairview-Look": look["token"]}
    answer = await ada.http.delete(f"/api/v1/looks/{look['id']}", headers=headers)
    assert answer.status_code == 204
    path = f"{look['id']}/hls/junction-1/index.m3u8"
    assert (await get(ada, path, look["token"])).status_code == 404


async def test_renewing_keeps_the_look_and_moves_its_end(ada: Talk) -> None:
    look = await ada.look()
    assert isinstance(ada.door.clock, ManualClock)
    ada.door.clock.advance(5 * US_PER_MINUTE)
    headers = {"X-Fairview-Look": look["token"]}
    answer = await ada.http.post(f"/api/v1/looks/{look['id']}/renew", headers=headers)
    assert answer.json()["expires_at"] > look["expires_at"]


async def test_an_export_has_an_address_that_works_once_and_holds_no_token(ada: Talk) -> None:
    look = await ada.look(span=SPAN, purpose="export")
    headers = {"X-Fairview-Look": look["token"]}
    path = f"/api/v1/looks/{look['id']}/export/junction-1"
    answer = await ada.http.post(path, json={"kind": "mp4"}, headers=headers)
    href = answer.json()["href"]
    assert look["token"] not in href
    first = await ada.http.get(href)
    assert first.headers["content-type"] == "video/mp4"
    assert 'filename="junction-1.mp4"' in first.headers["content-disposition"]
    assert first.content[4:8] == b"ftyp"
    assert (await ada.http.get(href)).status_code == 404


def test_a_download_address_dies_after_its_time() -> None:
    clock = ManualClock(NOON)
    held = LooksHeld(clock)
    name = held.ticket("session", "token", "junction-1", "mp4")  # type: ignore[arg-type]  # a name
    clock.advance(WEB_TICKET_US + 1)
    with pytest.raises(Exception, match="is over"):
        held.redeem("session", name)


async def test_a_look_longer_than_an_hour_is_bad_input(ada: Talk) -> None:
    span = {"start": NOON.plus(-120 * US_PER_MINUTE).iso(), "end": NOON.iso()}
    wish = {"cameras": ["junction-1"], "span": span}
    answer = await ada.http.post("/api/v1/looks", json=wish)
    assert answer.status_code == 400
    assert "1 hour" in answer.json()["message"]


async def test_uncovered_pictures_without_a_right_are_not_allowed(ada: Talk) -> None:
    wish = {"cameras": ["depot-2"], "rendition": "raw"}
    assert (await ada.http.post("/api/v1/looks", json=wish)).status_code == 403
