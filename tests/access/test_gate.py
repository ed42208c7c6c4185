from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest

from fairview.access.door import CameraWish
from fairview.access.exports import media_name
from fairview.access.looks import OpenLook
from fairview.core.camera import PrivacyZone
from fairview.core.case import LOOK_LIVE_US, LookWish
from fairview.core.errors import (
    BadInput,
    Conflict,
    FairviewError,
    NotAllowed,
    NotFound,
    Unavailable,
)
from fairview.core.ids import CameraId, LookId
from fairview.core.limits import LOOK_STORED_US
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, Instant, Span
from fairview.record.live import LivePackets
from tests.access.footage import Footage, packets, walk
from tests.access.site import NAME, Site, annex_b, units_of
from tests.builders import NOON, register_entry

MINUTE = Span(start=NOON.plus(-US_PER_SECOND), end=NOON.plus(60 * US_PER_SECOND))
REAL = "rtsp://192.0.2.7/main"


@pytest.fixture(scope="module")
def footage() -> Footage:
    return walk(60)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.gate.close()


def wish(camera: str = NAME, **changes: object) -> LookWish:
    values: dict[str, object] = {
        "cameras": (CameraId(camera),),
        "rendition": "covered",
        "purpose": "operation",
    }
    return LookWish(**{**values, **changes})  # type: ignore[arg-type]  # tests name fields freely


def broken(entries: object) -> tuple[int, ...]:
    del entries
    raise Unavailable("the ledger's disk is full")


def test_nothing_is_handed_out_when_the_ledger_cant_be_written(
    site: Site, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    reads: list[str] = []
    read = site.blobs.read

    def noted(name: str, start: int = 0, length: int | None = None) -> bytes:
        reads.append(name)
        return read(name, start, length)

    monkeypatch.setattr(site.blobs, "read", noted)
    monkeypatch.setattr(site.ledger, "append", broken)
    for asked in (wish(), wish(span=MINUTE), wish(span=MINUTE, rendition="raw")):
        with pytest.raises(Unavailable):
            site.gate.look_open(site.mara.token, asked)
    assert reads == []
    assert site.connected == []


def test_an_export_that_cant_enter_the_ledger_hands_out_not_one_byte(
    site: Site, footage: Footage, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    token = site.look(MINUTE)
    monkeypatch.setattr(site.ledger, "append", broken)
    leaving = site.gate.export(token, NAME, "mp4")
    with pytest.raises(Unavailable):
        next(leaving)


def test_a_look_stands_in_the_ledger_before_its_first_byte(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    opened = site.gate.look_open(site.mara.token, wish(span=MINUTE, rendition="raw"))
    assert site.leaves()[opened.look.leaf].texts["look"] == opened.look.id
    assert opened.renditions == ("uncovered",)


def test_raw_parts_hold_the_cameras_own_units(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    token = site.look(MINUTE)
    parts = site.gate.parts(token, NAME)
    assert [part.init for part in parts] == [0] * len(parts)
    assert parts[0].span.start == NOON
    media = site.gate.part_init(token, NAME, 0)
    media += b"".join(piece for part in parts for piece in site.gate.part(token, NAME, part.number))
    with av.open(io.BytesIO(media), "r") as file:
        found = [bytes(packet) for packet in file.demux(video=0) if packet.size]
    wanted = [sample.data for one in footage.fragments for sample in one.samples]
    assert [units_of(one) for one in found] == [annex_b(one) for one in wanted]


def test_raw_bytes_outside_the_span_stay_inside_the_door(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    middle = Span(start=NOON.plus(1_500_000), end=NOON.plus(3_000_000))
    token = site.look(middle)
    parts = site.gate.parts(token, NAME)
    assert parts[0].span.start == NOON.plus(2_000_000)
    assert parts[-1].span.end == NOON.plus(3_000_000)
    site.gate.look_close(token)
    assert site.leaves()[-1].texts["bytes_read"] == 0


def test_the_closing_line_says_what_was_read(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    token = site.look(MINUTE)
    parts = site.gate.parts(token, NAME)
    size = len(site.gate.part_init(token, NAME, 0)) + len(b"".join(site.gate.part(token, NAME, 0)))
    site.gate.look_close(token)
    texts = site.leaves()[-1].texts
    assert texts["bytes_read"] == size
    assert texts["footage_read_us"] == parts[0].span.duration_us


Ask = Callable[[Site, str], object]
ASKS: tuple[Ask, ...] = (
    lambda site, token: site.gate.parts(token, NAME),
    lambda site, token: site.gate.part_init(token, NAME, 0),
    lambda site, token: b"".join(site.gate.part(token, NAME, 0)),
    lambda site, token: site.gate.picture(token, NAME, NOON.plus(1), 320),
    lambda site, token: next(site.gate.live(token, NAME)),
    lambda site, token: next(iter(site.gate.export(token, NAME, "mp4"))),
)


@pytest.mark.parametrize("ask", ASKS)
def test_every_byte_needs_a_living_token_of_its_own_camera(
    site: Site, footage: Footage, ask: Ask
) -> None:
    site.add()
    site.add("junction-2")
    site.record(NAME, footage.fragments)
    closed = site.look(MINUTE)
    site.gate.look_close(closed)
    other = site.look(MINUTE, "raw", "operation", CameraId("junction-2"))
    old = site.look(MINUTE)
    site.clock.advance(LOOK_STORED_US)
    said = set()
    for token in ("", "x", "0" * 97, f"{'0' * 32}.{'0' * 64}", closed, other, old):
        with pytest.raises(NotFound) as error:
            ask(site, token)
        said.add(str(error.value))
    assert len(said) == 1


def test_a_tokens_number_alone_opens_no_other_part(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    token = site.look(MINUTE)
    for number in (-1, 10_000):
        with pytest.raises(NotFound):
            b"".join(site.gate.part(token, NAME, number))


def test_a_live_token_opens_nothing_stored_and_the_other_way_round(
    site: Site, footage: Footage
) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    live, stored = site.look(None), site.look(MINUTE)
    for ask in (*ASKS[:4], ASKS[5]):
        with pytest.raises(BadInput):
            ask(site, live)
    with pytest.raises(BadInput):
        site.gate.live(stored, NAME)


def test_signing_out_ends_looks_and_their_tokens(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    session = site.session().token
    token = site.gate.look_open(session, wish(span=MINUTE, rendition="raw")).token
    site.gate.sign_out(session)
    with pytest.raises(NotFound):
        site.gate.parts(token, NAME)
    with pytest.raises(NotAllowed):
        site.gate.look_open(session, wish())


def test_raw_of_a_real_camera_is_denied_and_the_denial_written(site: Site) -> None:
    site.add(address=REAL)
    with pytest.raises(NotAllowed, match="two signatures"):
        site.look(None, "raw")
    assert site.kinds()[-1] == "look.denied"
    assert site.gate.cameras(site.mara.token)[0].may_see_raw is False
    assert site.look(None, "covered")


Question = Callable[[Site, str, CameraId], object]
QUESTIONS: tuple[Question, ...] = (
    lambda site, who, name: site.gate.look_open(who, wish(name)),
    lambda site, who, name: site.gate.look_open(who, wish(name, rendition="raw", span=MINUTE)),
    lambda site, who, name: site.gate.timeline(who, name, MINUTE),
    lambda site, who, name: site.gate.camera_remove(who, name),
    lambda site, who, name: site.gate.clean_picture_waiting(who, name),
    lambda site, who, name: site.gate.clean_picture_decide(who, name, approve=True),
)


@pytest.mark.parametrize("ask", QUESTIONS)
def test_a_foreign_camera_answers_as_one_that_does_not_exist(
    site: Site, footage: Footage, ask: Question
) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    guest = site.actor(
        "guest",
        "operator",
        "administrator",
        "privacy_officer",
        "auditor",
        cameras=frozenset({CameraId("elsewhere-1")}),
    )
    heard, written = [], []
    for name in (NAME, CameraId("nowhere-1")):
        size = site.ledger.size
        with pytest.raises(NotFound) as error:
            ask(site, guest, name)
        heard.append((type(error.value), str(error.value)))
        written.append([(one.kind, one.texts) for one in site.leaves()[size:]])
    assert heard[0] == heard[1]
    assert written[0] == written[1]
    assert site.gate.cameras(guest) == ()


def test_a_camera_is_in_the_ledger_and_has_keys_before_its_row(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(changes: object) -> None:
        raise Unavailable("the catalogue is away")

    monkeypatch.setattr(site.catalogue, "write", refuse)
    with pytest.raises(Unavailable):
        site.add()
    assert site.kinds()[-1] == "camera.added"
    assert site.folder.key_file(NAME).exists()
    monkeypatch.undo()
    site.add()
    with pytest.raises(Conflict):
        site.add()


def test_a_login_in_the_address_is_sealed_and_nowhere_in_clear(site: Site, tmp_path: Path) -> None:
    site.add(address="rtsp://root:hunter2secret@192.0.2.7/main")
    row = site.catalogue.camera(NAME)
    assert row.sealed_login is not None
    assert "hunter2secret" not in repr(row)
    assert b"hunter2secret" not in row.sealed_login
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"hunter2secret" not in kept


def test_commissioning_is_ledgered_and_ends(site: Site) -> None:
    added = CameraWish(
        name="yard-1",
        title="Yard",
        address=REAL,
        sub_address=None,
        login=None,
        register=register_entry(),
        commissioning=True,
    )
    site.gate.camera_add(site.mara.token, added)
    assert site.kinds()[-2:] == ["camera.added", "commissioning.started"]
    yard = CameraId("yard-1")
    assert site.look(None, "raw", "commissioning", yard)
    with pytest.raises(NotAllowed):
        site.look(None, "raw", "operation", yard)
    site.clock.advance(24 * US_PER_HOUR)
    session = site.session().token
    with pytest.raises(NotAllowed):
        site.gate.look_open(session, wish("yard-1", rendition="raw", purpose="commissioning"))


def test_a_raw_look_is_not_renewed_past_the_end_of_commissioning(site: Site) -> None:
    camera = site.add(address=REAL)
    site.change(camera, commissioning_until=NOON.plus(LOOK_LIVE_US // 2))
    opened = site.gate.look_open(site.mara.token, wish(rendition="raw", purpose="commissioning"))
    site.clock.advance(LOOK_LIVE_US * 3 // 4)
    with pytest.raises(NotAllowed):
        site.gate.look_renew(site.mara.token, opened.look.id)


def test_saying_less_than_persons_needs_the_privacy_officer(site: Site) -> None:
    engineer = site.actor("engineer", "administrator")
    entry = register_entry(presence="no_persons")
    asked = CameraWish(
        name="roof-1",
        title="Roof",
        address=REAL,
        sub_address=None,
        login=None,
        register=entry,
        commissioning=False,
    )
    with pytest.raises(NotAllowed):
        site.gate.camera_add(engineer, asked)
    with pytest.raises(BadInput, match="only a sim: address"):
        site.gate.camera_add(
            engineer, replace(asked, register=replace(entry, presence="simulated"))
        )
    assert site.gate.camera_add(site.mara.token, asked).may_see_raw


def batches(footage: Footage) -> list[LivePackets]:
    arriving = packets(footage, NOON)
    groups = [arriving[at : at + 3] for at in range(0, len(arriving), 3)]
    return [
        LivePackets(packets=tuple(group), is_start=number == 0, dropped=0)
        for number, group in enumerate(groups)
    ]


def test_raw_live_pieces_play_and_are_noted(site: Site, footage: Footage) -> None:
    site.add()
    site.live = batches(footage)
    token = site.look(None)
    pieces = list(site.gate.live(token, NAME))
    assert pieces[0].is_init
    assert pieces[0].codec.startswith("avc1.")
    assert all(not piece.is_init and piece.cover == "uncovered" for piece in pieces[1:])
    with av.open(io.BytesIO(b"".join(piece.data for piece in pieces)), "r") as file:
        times = [frame.pts for frame in file.decode(video=0) if frame.pts is not None]
    assert len(times) == 59
    assert times == sorted(set(times))
    site.gate.look_close(token)
    texts = site.leaves()[-1].texts
    assert texts["bytes_read"] == sum(len(piece.data) for piece in pieces)
    assert 5_000_000 < int(str(texts["footage_read_us"])) < 6_100_000


def test_a_live_look_ends_with_its_time_not_a_piece_later(site: Site, footage: Footage) -> None:
    site.add()
    site.live = batches(footage)
    live = site.gate.live(site.look(None), NAME)
    assert next(live).is_init
    next(live)
    site.clock.advance(LOOK_LIVE_US)
    assert list(live) == []
    assert site.connected[0].is_closed


def test_a_closed_look_wakes_and_ends_its_live_pieces(site: Site, footage: Footage) -> None:
    site.add()
    site.live = batches(footage)
    token = site.look(None)
    live = site.gate.live(token, NAME)
    next(live)
    site.gate.look_close(token)
    assert site.connected[0].is_closed
    assert list(live) == []


def test_a_removed_camera_shows_its_footage_but_nothing_live(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    site.gate.camera_remove(site.mara.token, NAME)
    site.gate.camera_remove(site.mara.token, NAME)
    assert site.kinds().count("camera.removed") == 1
    with pytest.raises(Conflict):
        site.look(None)
    assert site.gate.parts(site.look(MINUTE), NAME)
    assert site.gate.cameras(site.mara.token)[0].health == "stopped"


def test_looks_left_open_by_a_crash_are_told_at_the_next_start(site: Site) -> None:
    site.add()
    token = site.look(None, "covered")
    site.reopen()
    assert site.kinds()[-2:] == ["look.closed", "node.started"]
    assert site.leaves()[-1].texts["looks_left_open"] == 1
    with pytest.raises(NotFound):
        site.gate.live(token, NAME)


def test_sessions_live_on_over_a_restart_of_the_door(site: Site) -> None:
    site.reopen()
    assert site.gate.who(site.mara.token).id == "mara"


def test_the_timeline_and_the_tail_speak_of_what_is_there(site: Site, footage: Footage) -> None:
    site.add()
    site.record(NAME, footage.fragments)
    line = site.gate.timeline(site.mara.token, NAME, MINUTE)
    assert line.footage == (footage.span,)
    tail = site.gate.ledger_tail(2)
    assert tail.size == site.ledger.size
    assert [one.leaf for one in tail.lines] == [tail.size - 2, tail.size - 1]
    assert "junction-1" in tail.lines[-1].text
    assert hashlib.sha256(site.gate.ledger_file("checkpoint")).digest()
    for path in ("../door/ledger.key", "checkpoint/../x", "/etc/passwd", "ledger.key.txt"):
        with pytest.raises(NotFound):
            site.gate.ledger_file(path)


def test_the_doors_own_work_issues_keys_takes_roots_and_sweeps(
    site: Site, footage: Footage
) -> None:
    site.add()
    segment = site.record(NAME, footage.fragments)
    site.gate.work[0].turn()
    assert site.kinds()[-1] == "segments.root"
    assert site.catalogue.root_of(segment.id) is not None
    for _ in range(80):
        site.clock.advance(US_PER_HOUR)
        site.gate.work[0].turn()
    assert "keys.shredded" in site.kinds()
    assert site.catalogue.segments(NAME) == ()
    assert list(site.blobs.names()) == []


def test_viewing_stops_after_a_day_of_an_unbelievable_clock(site: Site) -> None:
    site.add()
    site.gate.work[0].turn()
    site.clock.step(400 * 24 * US_PER_HOUR)
    site.clock.advance(60 * US_PER_SECOND)
    site.gate.work[0].turn()
    site.clock.advance(24 * US_PER_HOUR + 1)
    session = site.session().token
    with pytest.raises(NotAllowed, match="clock"):
        site.gate.look_open(session, wish())


def test_a_camera_with_zones_never_gives_its_bit_exact_footage(site: Site) -> None:
    camera = site.add()
    corners = ((0.0, 0.0), (0.2, 0.0), (0.2, 0.2))
    site.change(camera, zones=(PrivacyZone(polygon_unit=corners),))
    token = site.look(MINUTE)
    opened: OpenLook = site.gate._parts.looks.find(token)
    assert media_name(opened, site.catalogue.camera(NAME).camera) == "raw.mp4"
    assert media_name(opened, camera) == "master.mp4"


def test_no_error_of_the_gate_names_a_path_or_a_key(site: Site, tmp_path: Path) -> None:
    site.add()
    errors: list[FairviewError] = []
    for ask in ASKS:
        with pytest.raises(FairviewError) as error:
            ask(site, "nonsense")
        errors.append(error.value)
    assert not any(str(tmp_path) in str(one) for one in errors)


def test_foreign_looks_are_not_renewed(site: Site) -> None:
    site.add()
    opened = site.gate.look_open(site.mara.token, wish())
    other = site.actor("otto", "operator")
    for name in (opened.look.id, LookId("0" * 32)):
        with pytest.raises(NotFound):
            site.gate.look_renew(other, name)
    again = site.gate.look_renew(site.mara.token, opened.look.id)
    assert again.token == opened.token
    assert isinstance(again.look.expires_at, Instant)
