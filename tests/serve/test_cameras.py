from __future__ import annotations

import pytest

from fairview.core.time import US_PER_HOUR
from tests.builders import NOON
from tests.serve.talk import Talk

pytestmark = pytest.mark.anyio

REGISTER = {
    "purpose": "traffic counts",
    "legal_basis": "city order 7",
    "operator": "City of Fairview, roads",
    "contact": "roads@fairview.example",
    "area": "the mill bridge",
    "retention_h": 72,
    "review_at": "2027-05-01T00:00:00Z",
}
WISH = {"name": "mill-4", "title": "Mill bridge", "address": "rtsp://192.0.2.7/1"}


async def test_cameras_come_with_their_register_entry_and_health(ada: Talk) -> None:
    cameras = (await ada.http.get("/api/v1/cameras")).json()["cameras"]
    assert [one["id"] for one in cameras] == ["junction-1", "depot-2", "harbour-3"]
    assert cameras[0]["register_entry"]["presence"] == "simulated"
    assert cameras[0]["may_see_raw"]
    assert cameras[2]["health"] == "away"


async def test_a_camera_is_added_with_its_register_entry(ada: Talk) -> None:
    wish = {**WISH, "register_entry": REGISTER, "login": {"name": "u", "password": "hunter-2"}}
    answer = await ada.http.post("/api/v1/cameras", json=wish)
    assert answer.status_code == 201
    assert answer.json()["register_entry"]["retention_h"] == 72
    assert "hunter-2" not in answer.text
    assert ada.door.views[-1].camera.register.retention_us == 72 * US_PER_HOUR


async def test_a_camera_without_a_register_entry_is_refused_by_the_door(ada: Talk) -> None:
    answer = await ada.http.post("/api/v1/cameras", json=WISH)
    assert answer.status_code == 400
    assert "register" in answer.json()["message"]


async def test_a_register_entry_without_a_purpose_is_bad_input(ada: Talk) -> None:
    wish = {**WISH, "register_entry": {**REGISTER, "purpose": " "}}
    answer = await ada.http.post("/api/v1/cameras", json=wish)
    assert answer.status_code == 400
    assert "purpose" in answer.json()["message"]


async def test_a_probe_says_what_it_found(ada: Talk) -> None:
    wish = {"address": "rtsp://192.0.2.7/1", "login": {"name": "u", "password": "p"}}
    answer = await ada.http.post("/api/v1/cameras/probe", json=wish)
    assert answer.json()["width_px"] == 1920
    bad = await ada.http.post("/api/v1/cameras/probe", json={"address": "file:///etc/passwd"})
    assert bad.status_code == 400


async def test_a_removed_camera_is_gone_from_the_list(ada: Talk) -> None:
    assert (await ada.http.delete("/api/v1/cameras/depot-2")).status_code == 204
    assert (await ada.http.delete("/api/v1/cameras/depot-2")).status_code == 404


async def test_the_timeline_names_the_cause_of_every_gap(ada: Talk) -> None:
    day = {"start": NOON.plus(-24 * US_PER_HOUR).iso(), "end": NOON.iso()}
    answer = await ada.http.get("/api/v1/cameras/junction-1/timeline", params=day)
    found = answer.json()
    assert len(found["footage"]) == 3
    assert [gap["because"] for gap in found["gaps"]] == ["camera_away", "crashed"]


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-05-01T00:00:00Z", "2026-04-30T00:00:00Z"),
        ("2026-05-01T00:00:00", "2026-05-01T01:00:00"),
        ("2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z"),
    ],
)
async def test_a_reversed_zoneless_or_endless_timeline_is_bad_input(
    ada: Talk, start: str, end: str
) -> None:
    day = {"start": start, "end": end}
    answer = await ada.http.get("/api/v1/cameras/junction-1/timeline", params=day)
    assert answer.status_code == 400


async def test_a_clean_picture_waits_until_a_person_decides(ada: Talk) -> None:
    path = "/api/v1/cameras/depot-2/clean-picture"
    shown = await ada.http.get(path)
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["x-fairview-made-at"] == NOON.iso()
    assert (await ada.http.put(path, json={"approve": True})).status_code == 204
    assert (await ada.http.get(path)).status_code == 404


async def test_events_are_told_newest_first(ada: Talk) -> None:
    found = (await ada.http.get("/api/v1/events")).json()["events"]
    assert [one["kind"] for one in found] == ["camera_away", "disk_low"]
    assert found[1]["camera"] is None


async def test_the_ledger_is_public_in_words_and_in_files(talk: Talk) -> None:
    found = (await talk.http.get("/api/v1/ledger", params={"lines": 2})).json()
    assert found["size"] == 4
    assert [line["leaf"] for line in found["lines"]] == [2, 3]
    tile = await talk.http.get("/ledger/tile/0/000.p/4")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert "immutable" in tile.headers["cache-control"]
    checkpoint = await talk.http.get("/ledger/checkpoint")
    assert checkpoint.headers["cache-control"] == "no-cache"
    assert (await talk.http.get("/ledger/%2e%2e/door/site.key")).status_code == 404
