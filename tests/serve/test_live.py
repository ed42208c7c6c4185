from __future__ import annotations

import json

import pytest

from fairview.core.errors import NotAllowed
from tests.serve.talk import Socket, Talk, with_socket

pytestmark = pytest.mark.anyio


def path_of(look: dict[str, str], camera: str = "junction-1") -> str:
    return f"/api/v1/looks/{look['id']}/live/{camera}"


async def test_a_live_picture_is_an_init_and_then_fragments(ada: Talk) -> None:
    look = await ada.look()

    async def story(socket: Socket) -> None:
        assert await socket.hear() == "accepted"
        await socket.say(json.dumps({"token": look["token"]}))
        header = await socket.hear()
        assert header["type"] == "init"
        assert header["codec"].startswith("avc1.")
        assert header["cover"] == "silhouettes"
        init = await socket.hear()
        assert init[4:8] == b"ftyp"
        assert len(init) == header["size_bytes"]
        for _ in range(3):
            header = await socket.hear()
            assert header["type"] == "fragment"
            assert (await socket.hear())[4:8] == b"moof"
        assert ada.door.live_open == 1

    await with_socket(ada, path_of(look), story)
    assert ada.door.live_open == 0
    assert ada.app.state.web.calls.streams_open == 0


async def test_a_wrong_token_hears_why_and_sees_nothing(ada: Talk) -> None:
    look = await ada.look()

    async def story(socket: Socket) -> None:
        await socket.hear()
        await socket.say(json.dumps({"token": "guessed"}))
        assert (await socket.hear())["error"] == "not_found"
        assert await socket.hear() is None
        assert socket.closed_with == 4404

    await with_socket(ada, path_of(look), story)
    assert "live" not in ada.door.calls


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"token": 7}'])
async def test_a_first_message_that_is_no_token_is_bad_input(ada: Talk, text: str) -> None:
    look = await ada.look()

    async def story(socket: Socket) -> None:
        await socket.hear()
        await socket.say(text)
        assert (await socket.hear())["error"] == "bad_input"

    await with_socket(ada, path_of(look), story)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": ""},
        {"host": "rebound.example"},
        {"cookie": ""},
    ],
)
async def test_a_strangers_socket_is_never_accepted(ada: Talk, headers: dict[str, str]) -> None:
    look = await ada.look()

    async def story(socket: Socket) -> None:
        assert await socket.hear() is None

    await with_socket(ada, path_of(look), story, headers)


async def test_an_away_camera_is_said_and_the_socket_ends(ada: Talk) -> None:
    look = await ada.look(cameras=["harbour-3"])

    async def story(socket: Socket) -> None:
        await socket.hear()
        await socket.say(json.dumps({"token": look["token"]}))
        assert (await socket.hear())["error"] == "unavailable"
        assert await socket.hear() is None
        assert socket.closed_with == 4503

    await with_socket(ada, path_of(look, "harbour-3"), story)


async def test_a_look_that_ends_says_so(ada: Talk) -> None:
    look = await ada.look()

    async def story(socket: Socket) -> None:
        await socket.hear()
        await socket.say(json.dumps({"token": look["token"]}))
        await socket.hear()
        ada.door.look_close(look["token"])
        heard = await socket.hear()
        while not (isinstance(heard, dict) and heard["type"] == "end"):
            heard = await socket.hear()
        assert heard["error"] is None
        assert await socket.hear() is None
        assert socket.closed_with == 1000

    await with_socket(ada, path_of(look), story)


async def test_a_door_that_refuses_mid_stream_is_heard(ada: Talk) -> None:
    look = await ada.look()
    ada.door.refuse["live"] = NotAllowed("the case is over")

    async def story(socket: Socket) -> None:
        await socket.hear()
        await socket.say(json.dumps({"token": look["token"]}))
        assert (await socket.hear())["message"] == "the case is over"

    await with_socket(ada, path_of(look), story)
