from __future__ import annotations

import io
import threading
from collections.abc import Generator, Iterator
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fairview.access.door_client import DoorClient
from fairview.access.door_server import serve_door
from fairview.access.render import CleanPicture, PartWish, RenderedPart, RenderPool
from fairview.core.camera import PrivacyZone
from fairview.core.case import LookWish
from fairview.core.errors import BadInput, NotAllowed, NotFound
from fairview.core.ids import CameraId
from fairview.core.limits import STRIP_PICTURES_MAX, STRIP_WIDTH_PX_MAX, WAITING_KNOWN_US
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_SECOND, Span, SystemClock
from fairview.record.live import LivePackets
from tests.access.footage import Footage, packets, walk
from tests.access.site import NAME, PASSWORD, Site, stretched
from tests.analyse.scenes import street
from tests.builders import NOON

pytestmark = pytest.mark.slow
MINUTE = Span(start=NOON.plus(-US_PER_SECOND), end=NOON.plus(60 * US_PER_SECOND))
REAL = "rtsp://192.0.2.7/main"


@pytest.fixture(scope="module")
def pool() -> Iterator[RenderPool]:
    made = RenderPool(clock=SystemClock(), children_max=4)
    yield made
    made.close()


@pytest.fixture(scope="module")
def footage() -> Footage:
    return walk(60)


@pytest.fixture
def site(tmp_path: Path, pool: RenderPool) -> Iterator[Site]:
    made = Site(tmp_path, pool)
    yield made
    made.gate.close()


def frames(media: bytes) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
    with av.open(io.BytesIO(media), "r") as file:
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
            for frame in file.decode(video=0)
        ]


def red_pixels(picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> int:
    """The walker's red, which is nowhere in the street."""
    red, green, blue = (picture[:, :, one].astype(int) for one in range(3))
    return int(((red > 140) & (green < 80) & (blue < 80)).sum())


def test_the_walker_is_red_enough_to_be_found(footage: Footage) -> None:
    assert min(red_pixels(one) for one in footage.pictures) > 200


def test_covered_parts_share_an_initialisation_and_never_show_the_walker(
    site: Site, footage: Footage
) -> None:
    site.add()
    site.record(NAME, footage.fragments[:3])
    site.record(NAME, footage.fragments[3:])
    token = site.look(MINUTE, "covered")
    parts = site.gate.parts(token, NAME)
    assert {part.init for part in parts} == {0}
    media = site.gate.part_init(token, NAME, 0)
    for part in parts:
        media += b"".join(site.gate.part(token, NAME, part.number))
    shown = frames(media)
    assert len(shown) > 40
    assert max(red_pixels(one) for one in shown) == 0


def test_a_part_is_rendered_once_for_two_questions(
    site: Site, footage: Footage, pool: RenderPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    token = site.look(MINUTE, "covered")
    made: list[Span] = []
    whole, in_pieces = pool.part, pool.part_pieces

    def counted_whole(wish: PartWish) -> RenderedPart:
        made.append(wish.span)
        return whole(wish)

    def counted_pieces(wish: PartWish) -> Generator[RenderedPart, None, None]:
        made.append(wish.span)
        return in_pieces(wish)

    monkeypatch.setattr(pool, "part", counted_whole)
    monkeypatch.setattr(pool, "part_pieces", counted_pieces)
    number = site.gate.parts(token, NAME)[-1].number
    got: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: got.append(b"".join(site.gate.part(token, NAME, number))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 2, "the part, and once its initialisation"
    assert len(got) == 3
    assert len(set(got)) == 1


def test_a_part_left_in_the_middle_is_noted_as_far_as_it_went_and_can_be_asked_again(
    site: Site, footage: Footage
) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    token = site.look(MINUTE, "covered")
    pieces = site.gate.part(token, NAME, 0)
    first = next(pieces)
    assert isinstance(pieces, Generator)
    pieces.close()
    assert len(first) < len(b"".join(site.gate.part(token, NAME, 0)))


def test_a_picture_of_a_moment_is_covered_and_inside_the_span(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    token = site.look(MINUTE, "covered")
    jpeg = site.gate.picture(token, NAME, NOON.plus(2_500_000), 320)
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[1] == 320
    assert red_pixels(np.asarray(picture[:, :, ::-1], np.uint8)) == 0
    raw = site.gate.picture(site.look(MINUTE), NAME, NOON.plus(2_500_000), 320)
    shown = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert red_pixels(np.asarray(shown[:, :, ::-1], np.uint8)) > 100
    late = Span(start=NOON.plus(3_000_000), end=NOON.plus(4_000_000))
    with pytest.raises(NotFound):
        site.gate.picture(site.look(late, "covered"), NAME, NOON.plus(2_500_000), 320)
    with pytest.raises(NotFound):
        site.gate.picture(token, NAME, NOON.plus(-500_000), 320)


def test_a_strip_has_small_single_pictures_only_and_not_too_many(
    site: Site, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    day = Span(start=NOON, end=NOON.plus(US_PER_DAY - 1))
    wish = LookWish(cameras=(NAME,), rendition="raw", purpose="operation", span=day, is_strip=True)
    token = site.gate.look_open(site.mara.token, wish).token
    with pytest.raises(BadInput, match="single pictures"):
        site.gate.parts(token, NAME)
    with pytest.raises(BadInput, match="single pictures"):
        b"".join(site.gate.part(token, NAME, 0))
    with pytest.raises(BadInput, match="single pictures"):
        site.gate.export(token, NAME, "mp4")
    # Hours after the last picture it is still the last one.
    jpeg = site.gate.picture(token, NAME, NOON.plus(5 * US_PER_HOUR), 1_920)
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape[1] <= STRIP_WIDTH_PX_MAX
    monkeypatch.setattr(
        "fairview.access.render.RenderPool.picture", lambda *values, **named: b"jpeg"
    )
    for _ in range(STRIP_PICTURES_MAX - 1):
        site.gate.picture(token, NAME, NOON.plus(1), 64)
    with pytest.raises(BadInput, match="at most"):
        site.gate.picture(token, NAME, NOON.plus(1), 64)


def test_raw_with_privacy_zones_is_rendered_under_them(site: Site, footage: Footage) -> None:
    camera = site.add()
    site.record(NAME, footage.fragments)
    everything = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    site.change(camera, zones=(PrivacyZone(polygon_unit=everything),))
    token = site.look(MINUTE)
    parts = site.gate.parts(token, NAME)
    media = site.gate.part_init(token, NAME, parts[0].init)
    media += b"".join(site.gate.part(token, NAME, 0))
    assert max(red_pixels(one) for one in frames(media)) == 0
    export = b"".join(site.gate.export(token, NAME, "mp4"))
    assert max(red_pixels(one) for one in frames(export)) == 0
    assert site.leaves()[-1].texts["media"] == "raw.mp4"


def test_a_covered_export_is_one_mp4_at_true_times(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments[:3])
    late = stretched(footage.fragments[3:], NOON.plus(10 * US_PER_SECOND))
    site.record(NAME, late)
    export = b"".join(site.gate.export(site.look(MINUTE, "covered"), NAME, "mp4"))
    shown = frames(export)
    assert max(red_pixels(one) for one in shown) == 0
    with av.open(io.BytesIO(export), "r") as file:
        times = [float(frame.time or 0) for frame in file.decode(video=0)]
    assert times[0] == pytest.approx(0, abs=0.01)
    assert any(later - one > 6.5 for one, later in pairwise(times))
    assert times[-1] == pytest.approx(12.9, abs=0.2)


def test_live_covered_pieces_come_from_the_shared_rendering(
    tmp_path: Path, pool: RenderPool, footage: Footage
) -> None:
    site = Site(tmp_path, pool)
    site.add()
    arriving = packets(footage, SystemClock().now())
    site.live = [LivePackets(packets=tuple(arriving), is_start=True, dropped=0)]
    live = site.gate.live(site.look(None, "covered"), NAME)
    pieces = list(live)
    assert pieces[0].is_init
    assert {piece.cover for piece in pieces} == {"whole_frame"}
    assert max(red_pixels(one) for one in frames(b"".join(one.data for one in pieces))) == 0
    site.gate.close()


def test_a_clean_picture_waits_is_shown_as_a_look_and_approved(
    site: Site, footage: Footage
) -> None:
    camera = site.add(address=REAL)
    parts = site.gate._parts
    row = parts.pictures._sealed(NAME, CleanPicture(pixels=street(), made_at=NOON), None)
    site.catalogue.write([row])
    site.clock.advance(WAITING_KNOWN_US)
    view = site.gate.cameras(site.mara.token)[0]
    assert (view.waits_for_approval, view.has_clean_picture) == (True, False)
    waiting = site.gate.clean_picture_waiting(site.mara.token, NAME)
    assert waiting is not None
    assert site.kinds()[-2:] == ["look.opened", "look.closed"]
    assert site.leaves()[-1].texts["bytes_read"] == len(waiting.jpeg)
    otto = site.actor("otto", "operator")
    with pytest.raises(NotAllowed):
        site.gate.clean_picture_waiting(otto, NAME)
    with pytest.raises(NotAllowed):
        site.gate.clean_picture_decide(otto, NAME, approve=True)
    site.gate.clean_picture_decide(site.mara.token, NAME, approve=True)
    assert site.kinds()[-1] == "clean_picture.approved"
    opened = site.gate.look_open(
        site.mara.token,
        LookWish(cameras=(camera.id,), rendition="covered", purpose="operation"),
    )
    assert opened.renditions == ("silhouettes",)
    with pytest.raises(NotFound):
        site.gate.clean_picture_decide(site.mara.token, NAME, approve=True)


def test_a_refused_clean_picture_can_never_be_opened_again(site: Site) -> None:
    site.add(address=REAL)
    pictures = site.gate._parts.pictures
    row = pictures._sealed(NAME, CleanPicture(pixels=street(), made_at=NOON), None)
    site.catalogue.write([row])
    site.gate.clean_picture_decide(site.mara.token, NAME, approve=False)
    assert site.kinds()[-1] == "clean_picture.refused"
    assert pictures._opened(row) is None
    assert site.gate.clean_picture_waiting(site.mara.token, NAME) is None


def test_only_a_simulated_camera_brings_its_own_clean_picture(site: Site) -> None:
    site.add()
    site.add("real-1", REAL)
    street_picture = CleanPicture(pixels=street(), made_at=NOON)
    site.gate.put_clean_picture(NAME, street_picture)
    site.gate.put_clean_picture(NAME, street_picture)
    assert site.kinds().count("clean_picture.approved") == 1
    assert site.gate.cameras(site.mara.token)[0].has_clean_picture
    with pytest.raises(NotAllowed):
        site.gate.put_clean_picture(CameraId("real-1"), street_picture)


def test_a_clean_picture_is_made_from_footage_and_waits(site: Site, footage: Footage) -> None:
    camera = site.add(address=REAL)
    for number in range(30):
        start = NOON.plus(number * 10 * US_PER_SECOND)
        site.record(NAME, stretched(footage.fragments[number % 6 : number % 6 + 1], start))
    site.clock.advance(310 * US_PER_SECOND)
    parts = site.gate._parts
    footage_of, rendering = parts.watching._views.footage, parts.watching._views.rendering
    assert parts.pictures.make(camera, footage_of, rendering, 200 * US_PER_SECOND)
    waiting = site.gate.clean_picture_waiting(site.mara.token, NAME)
    assert waiting is not None
    picture = cv2.imdecode(np.frombuffer(waiting.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert red_pixels(np.asarray(picture[:, :, ::-1], np.uint8)) == 0
    assert not parts.pictures.make(camera, footage_of, rendering, 200 * US_PER_SECOND)


def test_the_door_across_its_socket_is_the_same_door(
    site: Site, footage: Footage, tmp_path: Path
) -> None:
    secret = b"s" * 32
    server = serve_door(tmp_path / "door.sock", site.gate, secret=secret)
    client = DoorClient(tmp_path / "door.sock", secret)
    try:
        assert not client.needs_set_up()
        session = client.sign_in("mara", PASSWORD).token
        assert client.who(session) == site.gate.who(session)
        site.add()
        site.record(NAME, footage.fragments)
        assert client.cameras(session) == site.gate.cameras(session)
        wish = LookWish(cameras=(NAME,), rendition="raw", purpose="trial", span=MINUTE)
        token = client.look_open(session, wish).token
        assert client.parts(token, NAME) == site.gate.parts(token, NAME)
        assert b"".join(client.part(token, NAME, 0)) == b"".join(site.gate.part(token, NAME, 0))
        assert client.timeline(session, NAME, MINUTE).footage == (footage.span,)
        assert b"".join(client.export(token, NAME, "mp4"))[4:8] == b"ftyp"
        with pytest.raises(NotFound, match="no such look"):
            list(client.export("nonsense", NAME, "mp4"))
        with pytest.raises(NotFound, match="no such camera"):
            client.camera_remove(session, CameraId("nowhere-1"))
        assert client.clean_picture_waiting(session, NAME) is None
        assert client.ledger_tail(3) == site.gate.ledger_tail(3)
        assert client.ledger_file("checkpoint") == site.gate.ledger_file("checkpoint")
        assert client.events(session, 5) == ()
        arriving = packets(footage, NOON)
        site.live = [LivePackets(packets=tuple(arriving), is_start=True, dropped=0)]
        live = client.look_open(
            session, LookWish(cameras=(NAME,), rendition="raw", purpose="trial")
        )
        pieces = list(client.live(live.token, NAME))
        assert pieces[0].is_init
        client.look_close(live.token)
        client.sign_out(session)
        with pytest.raises(NotAllowed):
            client.who(session)
    finally:
        client.close()
        server.close()
