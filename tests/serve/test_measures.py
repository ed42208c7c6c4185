from __future__ import annotations

import json

import pytest

from tests.serve.talk import Socket, Talk, with_socket

pytestmark = pytest.mark.anyio

SHAPES = {
    "size_px": [1280, 720],
    "lines": [{"name": "north", "points_px": [[80, 285], [620, 285]]}],
    "zones": [
        {"name": "wait", "polygon_px": [[10, 10], [90, 10], [90, 60]], "kind": "queue"},
    ],
    "masks": [],
    "lengths": [{"a_px": [100, 400], "b_px": [300, 420], "metres": 3.5}],
}
SCENE = "/api/v1/cameras/junction-1/scene"


async def test_a_camera_without_a_scene_has_revision_0(ada: Talk) -> None:
    answer = (await ada.http.get(SCENE)).json()
    assert (answer["revision"], answer["text"], answer["shapes"]) == (0, "", None)


async def test_drawn_shapes_become_a_scene_and_come_back_as_drawn(ada: Talk) -> None:
    saved = await ada.http.put(SCENE, json={"from_revision": 0, "shapes": SHAPES})
    assert saved.status_code == 200, saved.text
    answer = (await ada.http.get(SCENE)).json()
    assert answer["revision"] == 1
    assert answer["shapes"] == {**SHAPES, "masks": []}
    assert 'name = "north"' in answer["text"]


async def test_redrawing_keeps_the_rest_of_the_scene(ada: Talk) -> None:
    text = (
        'version = 1\n[camera]\nid = "junction-1"\nsize_px = [1280, 720]\nfps = 12.5\n'
        '[detector]\nkind = "onnx"\nmodel = "picodet-s-416"\n'
    )
    await ada.http.put(SCENE, json={"from_revision": 0, "text": text})
    saved = await ada.http.put(SCENE, json={"from_revision": 1, "shapes": SHAPES})
    assert "picodet-s-416" in saved.json()["text"]
    assert "12.5" in saved.json()["text"]


@pytest.mark.parametrize(
    ("wish", "status", "because"),
    [
        ({"from_revision": 0}, 400, "either text or shapes"),
        ({"from_revision": 3, "shapes": SHAPES}, 409, "meanwhile"),
        ({"from_revision": -1, "shapes": SHAPES}, 400, "from_revision"),
        ({"from_revision": 0, "shapes": {**SHAPES, "colour": 1}}, 400, "colour"),
    ],
)
async def test_a_wrong_wish_says_what_is_wrong(
    ada: Talk, wish: dict[str, object], status: int, because: str
) -> None:
    answer = await ada.http.put(SCENE, json=wish)
    assert answer.status_code == status
    assert because in answer.json()["message"]


async def test_shapes_on_another_picture_size_are_refused(ada: Talk) -> None:
    await ada.http.put(SCENE, json={"from_revision": 0, "shapes": SHAPES})
    other = {**SHAPES, "size_px": [640, 360]}
    answer = await ada.http.put(SCENE, json={"from_revision": 1, "shapes": other})
    assert answer.status_code == 400
    assert "1280x720" in answer.json()["message"]


async def test_measures_come_with_their_bounds_and_small_numbers_unsaid(ada: Talk) -> None:
    span = {"start": "2026-05-01T00:00:00Z", "end": "2026-05-02T00:00:00Z"}
    answer = (await ada.http.get("/api/v1/cameras/junction-1/measures", params=span)).json()
    car, person = answer["counts"]
    assert (car["n"], car["low"], car["high"], car["observed_frac"]) == (12, 11.0, 14.5, 0.9)
    assert (person["n"], person["is_few"]) == (None, True)
    assert answer["speeds"][0]["p85_kmh"] == 48.0


async def test_boxes_come_over_a_socket_of_their_own_and_end_with_the_look(ada: Talk) -> None:
    look = await ada.look()

    async def story(socket: Socket) -> None:
        assert await socket.hear() == "accepted"
        await socket.say(json.dumps({"token": look["token"]}))
        for _ in range(3):
            sight = await socket.hear()
            assert sight["type"] == "sight"
            assert sight["boxes"][0]["kind"] == "car"
            assert set(sight["boxes"][0]) == {"id", "kind", "box_unit", "trail_unit"}
        assert (await socket.hear())["type"] == "end"

    await with_socket(ada, f"/api/v1/looks/{look['id']}/sights/junction-1", story)
    assert ada.app.state.web.calls.streams_open == 0


async def test_boxes_without_the_looks_token_are_not_found(ada: Talk) -> None:
    look = await ada.look()

    async def story(socket: Socket) -> None:
        await socket.hear()
        await socket.say(json.dumps({"token": "guessed"}))
        assert (await socket.hear())["error"] == "not_found"

    await with_socket(ada, f"/api/v1/looks/{look['id']}/sights/junction-1", story)
    assert "sights" not in ada.door.calls


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity"])
async def test_a_point_that_is_no_number_is_refused(ada: Talk, number: str) -> None:
    body = json.dumps({"from_revision": 0, "shapes": SHAPES}).replace("620", number)
    headers = {"content-type": "application/json"}
    answer = await ada.http.put(SCENE, content=body, headers=headers)
    assert answer.status_code == 400
    assert "points_px" in answer.json()["message"]


async def test_a_revision_beyond_all_bounds_is_refused(ada: Talk) -> None:
    answer = await ada.http.put(SCENE, json={"from_revision": 2**70, "shapes": SHAPES})
    assert answer.status_code == 400
