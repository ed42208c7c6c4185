"""A first day at a real node over HTTP: set up, add a camera, look, play, take away, verify."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.ingest.movies import write_film
from tests.servers.running import gst_server
from tests.stories.browsing import (
    NAME,
    PASSWORD,
    REGISTER,
    Browser,
    copy_ledger,
    live_pieces,
    pictures,
    wait_until,
)
from tests.stories.commands import fairview, good
from tests.stories.givens import told_node

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.xdist_group("http-story"),
]
CAMERA = "junction-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """A node with one commissioned camera that has some seconds of footage; ada is signed in."""

    folder: Path
    ada: Browser
    others: ExitStack

    def stranger(self) -> Browser:
        """A browser that nobody signed in with; closed with the town."""
        return self.others.enter_context(Browser(self.ada.port))

    def camera(self) -> dict[str, Any]:
        answer = self.ada.get("/api/v1/cameras")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["cameras"][0]
        return found

    def span(self, seconds: float) -> dict[str, str]:
        """The newest seconds of footage."""
        end = datetime.fromisoformat(self.camera()["newest"])
        start = end - timedelta(seconds=seconds)
        return {"start": start.isoformat(), "end": end.isoformat()}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    film = write_film(folder / "film.mp4", pictures=250, size_px=(320, 192))
    settings = {"FAIRVIEW_CAMERAS__ALLOW_LOOPBACK": "true"}
    with (
        gst_server(film, "--loop", "--for", "300") as camera,
        told_node(folder, folder / "data", settings) as (port, told),
        Browser(port) as ada,
        ExitStack() as others,
    ):
        link = told[1].rpartition(" ")[2].strip()
        assert ada.get("/api/v1/session").json()["needs_set_up"]
        set_up(ada, link)
        add_camera(ada, camera.address)
        made = Town(folder=folder, ada=ada, others=others)
        wait_until(lambda: made.camera()["newest"] is not None, 60)
        began = datetime.fromisoformat(made.camera()["newest"])
        enough = timedelta(seconds=6)
        wait_until(lambda: datetime.fromisoformat(made.camera()["newest"]) - began > enough, 60)
        yield made


def set_up(ada: Browser, link: str) -> None:
    """Through the printed link, once; then out and in again with the password."""
    assert link.startswith(f"{ada.origin}/set-up#")
    body = {"link_token": link.partition("#")[2], "name": NAME, "password": PASSWORD}
    assert ada.post("/api/v1/set-up", {**body, "link_token": "guessed"}).status_code in (403, 404)
    answer = ada.post("/api/v1/set-up", body)
    assert answer.status_code == 200, answer.text
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    with Browser(ada.port) as late:
        assert late.post("/api/v1/set-up", body).status_code in (403, 404, 409)
    ada.http.delete("/api/v1/session").raise_for_status()
    assert ada.get("/api/v1/cameras").status_code == 403
    wrong = ada.sign_in("not the password at all")
    assert wrong.status_code == 403
    assert ada.get("/api/v1/cameras").status_code == 403
    assert ada.sign_in().status_code == 200


def add_camera(ada: Browser, address: str) -> None:
    found = ada.post("/api/v1/cameras/probe", {"address": address})
    assert found.status_code == 200, found.text
    assert (found.json()["width_px"], found.json()["height_px"]) == (320, 192)
    wish = {"name": CAMERA, "title": "First and Main", "address": address, "commissioning": True}
    answer = ada.post("/api/v1/cameras", {**wish, "register_entry": REGISTER})
    assert answer.status_code == 201, answer.text


def test_a_look_is_in_the_public_ledger_before_its_first_byte(town: Town, tmp_path: Path) -> None:
    look = town.ada.look(CAMERA)
    stranger = town.stranger()
    copy = copy_ledger(stranger.http, tmp_path)
    leaf = copy.entries[look["leaf"]]
    assert (leaf["kind"], leaf["look"], leaf["cameras"]) == ("look.opened", look["id"], [CAMERA])
    assert (leaf["rendition"], leaf["is_live"]) == ("covered", True)
    assert "commit" in leaf
    assert NAME not in str(leaf)
    with town.ada.live(look, CAMERA) as socket:
        live_pieces(socket, look["token"], 1)


@pytest.mark.parametrize(
    ("rendition", "purpose", "cover"),
    [("covered", "operation", "whole_frame"), ("raw", "commissioning", "uncovered")],
)
def test_live_pictures_decode_and_say_what_covers_them(
    town: Town, rendition: str, purpose: str, cover: str
) -> None:
    look = town.ada.look(CAMERA, rendition=rendition, purpose=purpose)
    assert look["renditions"] == [cover]
    with town.ada.live(look, CAMERA) as socket:
        told, film = live_pieces(socket, look["token"], 3)
    assert told == cover
    assert pictures(film) >= 3
    assert is_drawn(film) == (cover == "uncovered")


def is_drawn(film: bytes) -> bool:
    """Whether the moving gradient shows: a picture of many tones."""
    with av.open(io.BytesIO(film), "r") as container:
        frame = next(container.decode(video=0))
        return bool(np.asarray(frame.to_ndarray(format="gray")).std() > 40)


def test_recorded_footage_plays_as_hls(town: Town) -> None:
    look = town.ada.look(CAMERA, span=town.span(6))
    base = f"/api/v1/looks/{look['id']}/hls/{CAMERA}"
    playlist = town.ada.get(f"{base}/index.m3u8", look)
    assert playlist.status_code == 200, playlist.text
    lines = playlist.text.splitlines()
    assert (lines[0], lines[-1]) == ("#EXTM3U", "#EXT-X-ENDLIST")
    parts = [line for line in lines if line.endswith(".m4s")]
    lasts_s = sum(float(line[8:-1]) for line in lines if line.startswith("#EXTINF:"))
    assert 5 < lasts_s < 9
    init = town.ada.get(f"{base}/init-0.mp4", look).content
    for name in parts:
        part = town.ada.get(f"{base}/{name}", look)
        assert part.status_code == 200, part.text
        assert pictures(init + part.content) > 0
    whole = init + b"".join(town.ada.get(f"{base}/{name}", look).content for name in parts)
    assert pictures(whole) > 5
    assert not is_drawn(whole)


def test_one_picture_is_a_jpeg(town: Town) -> None:
    span = town.span(4)
    look = town.ada.look(CAMERA, span=span)
    path = f"/api/v1/looks/{look['id']}/pictures/{CAMERA}"
    answer = town.ada.get(path, look, at=span["start"], width_px=160)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "image/jpeg"
    with av.open(io.BytesIO(answer.content), "r") as container:
        frame = next(container.decode(video=0))
    assert frame.width == 160
    outside = datetime.fromisoformat(span["start"]) - timedelta(hours=1)
    assert town.ada.get(path, look, at=outside.isoformat()).status_code in (400, 403, 404)


def test_the_timeline_holds_what_was_recorded(town: Town) -> None:
    span = town.span(3_600)
    answer = town.ada.get(f"/api/v1/cameras/{CAMERA}/timeline", None, **span)
    assert answer.status_code == 200, answer.text
    footage = answer.json()["footage"]
    lengths = [
        datetime.fromisoformat(one["end"]) - datetime.fromisoformat(one["start"]) for one in footage
    ]
    assert sum(lengths, timedelta()) > timedelta(seconds=5)


@pytest.mark.parametrize("kind", ["mp4", "zip"])
def test_a_download_comes_once_and_evidence_verifies(town: Town, tmp_path: Path, kind: str) -> None:
    look = town.ada.look(CAMERA, span=town.span(4), purpose="export")
    prepared = town.ada.post(f"/api/v1/looks/{look['id']}/export/{CAMERA}", {"kind": kind}, look)
    assert prepared.status_code == 201, prepared.text
    href = prepared.json()["href"]
    assert look["token"] not in href
    assert town.stranger().get(href).status_code == 403
    answer = town.ada.get(href)
    assert answer.status_code == 200, answer.text
    assert town.ada.get(href).status_code == 404
    place = tmp_path / f"taken.{kind}"
    place.write_bytes(answer.content)
    if kind == "mp4":
        assert pictures(answer.content) > 20
        return
    good("verify", place, cwd=tmp_path)
    damaged = bytearray(answer.content)
    damaged[len(damaged) // 2] ^= 1
    place.write_bytes(damaged)
    assert fairview("verify", place, cwd=tmp_path).exit_code == 8


def test_anybody_can_copy_the_ledger_and_verify_it(town: Town, tmp_path: Path) -> None:
    copy = copy_ledger(town.stranger().http, tmp_path / "ledger")
    assert len(copy.entries) == copy.size
    kinds = [entry["kind"] for entry in copy.entries]
    for kind in ("node.started", "actor.set_up", "camera.added", "commissioning.started"):
        assert kind in kinds
    key = (town.folder / "data" / "ledger" / "ledger.key.txt").read_text().strip()
    said = good("verify", "ledger", "--key", key, cwd=tmp_path)
    assert f"{copy.size} entries" in said.out
    files = [path for path in (tmp_path / "ledger").rglob("*") if path.is_file()]
    whole = b"".join(path.read_bytes() for path in files)
    for secret in (PASSWORD, REGISTER["contact"], REGISTER["area"]):
        assert secret.encode() not in whole


def test_a_stranger_gets_nothing(town: Town) -> None:
    look, stranger = town.ada.look(CAMERA, span=town.span(3)), town.stranger()
    base = f"/api/v1/looks/{look['id']}"
    asked = [
        stranger.get("/api/v1/cameras"),
        stranger.get("/api/v1/events"),
        stranger.get(f"/api/v1/cameras/{CAMERA}/timeline", None, **town.span(60)),
        stranger.get(f"/api/v1/cameras/{CAMERA}/clean-picture"),
        stranger.get(f"{base}/hls/{CAMERA}/index.m3u8", look),
        stranger.get(f"{base}/hls/{CAMERA}/init-0.mp4", look),
        stranger.get(f"{base}/hls/{CAMERA}/part-0.m4s", look),
        stranger.get(f"{base}/pictures/{CAMERA}", look, at=town.span(3)["start"]),
        stranger.post("/api/v1/looks", {"cameras": [CAMERA]}),
        stranger.post("/api/v1/cameras/probe", {"address": "rtsp://192.0.2.1/"}),
        stranger.post(f"{base}/export/{CAMERA}", {"kind": "mp4"}, look),
        stranger.post(f"{base}/renew", {}, look),
        stranger.http.delete(f"/api/v1/cameras/{CAMERA}"),
        stranger.http.delete(base, headers={"X-Fairview-Look": look["token"]}),
    ]
    for answer in asked:
        assert answer.status_code in (401, 403, 404), answer.request.url
        assert set(answer.json()) == {"error", "message", "do"}, answer.request.url
    with pytest.raises(InvalidStatus) as refused:
        stranger.live(look, CAMERA)
    assert refused.value.response.status_code == 403
    assert town.ada.get(f"{base}/hls/{CAMERA}/index.m3u8", look).status_code == 200


def test_a_token_is_worthless_in_another_session(town: Town) -> None:
    look, other = town.ada.look(CAMERA, span=town.span(3)), town.stranger()
    live = town.ada.look(CAMERA)
    assert other.sign_in().status_code == 200
    base = f"/api/v1/looks/{look['id']}"
    for path in (f"{base}/hls/{CAMERA}/index.m3u8", f"{base}/hls/{CAMERA}/part-0.m4s"):
        assert other.get(path, look).status_code == 404
        assert town.ada.get(path, {**look, "token": "guessed"}).status_code == 404
        assert town.ada.get(path).status_code == 400
    assert other.post(f"{base}/export/{CAMERA}", {"kind": "mp4"}, look).status_code == 404
    with other.live(live, CAMERA) as socket:
        with pytest.raises(AssertionError, match="not_found"):
            live_pieces(socket, live["token"], 1)
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4404


def test_other_sites_and_names_are_refused(town: Town) -> None:
    ada, wish = town.ada, {"cameras": [CAMERA]}
    for origin in ("https://evil.example", "null", f"http://localhost:{ada.port}"):
        assert ada.post("/api/v1/looks", wish, Origin=origin).status_code == 403
        assert ada.http.get("/api/v1/cameras", headers={"Origin": origin}).status_code == 403
        with pytest.raises(InvalidStatus) as refused:
            ada.live(ada.look(CAMERA), CAMERA, origin)
        assert refused.value.response.status_code == 403
    for host in ("evil.example", f"fairview.evil.example:{ada.port}", "127.0.0.1.evil.example"):
        for path in ("/api/v1/cameras", "/api/v1/session", "/", "/ledger/checkpoint"):
            answer = ada.http.get(path, headers={"Host": host, "Origin": f"http://{host}"})
            assert answer.status_code == 403, (host, path)


def test_a_closed_look_shows_nothing_more_and_says_what_was_read(
    town: Town, tmp_path: Path
) -> None:
    look = town.ada.look(CAMERA, span=town.span(3))
    path = f"/api/v1/looks/{look['id']}/hls/{CAMERA}/part-0.m4s"
    assert town.ada.get(path, look).status_code == 200
    closed = town.ada.http.delete(
        f"/api/v1/looks/{look['id']}", headers={"X-Fairview-Look": look["token"]}
    )
    assert closed.status_code == 204
    assert town.ada.get(path, look).status_code == 404
    entries = copy_ledger(town.stranger().http, tmp_path).entries
    ends = [entry for entry in entries if entry.get("look") == look["id"]]
    assert [entry["kind"] for entry in ends] == ["look.opened", "look.closed"]
