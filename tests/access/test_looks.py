from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.access.door import SessionOpened
from fairview.access.door_rows import DoorRows
from fairview.access.journal import Journal
from fairview.access.leaves import read_leaf
from fairview.access.looks import LookBook, OpenLook, merged
from fairview.core.case import LOOK_LIVE_US, Actor, LookWish
from fairview.core.errors import BadInput, NotFound, Overloaded, Unavailable
from fairview.core.ids import ActorId, CameraId, LookId
from fairview.core.limits import DENIALS_PER_MINUTE_MAX, LOOK_STORED_US
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, ManualClock, Span
from tests.access.doubles import Fault, MemoryLedger
from tests.builders import NOON

JUNCTION = CameraId("junction-1")
MARAS = "mara's token"
HOUR = Span(start=NOON.plus(-US_PER_HOUR), end=NOON)


class Room:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = ManualClock(NOON)
        self.ledger = MemoryLedger()
        self.rows = DoorRows(folder / "door.sqlite")
        self.journal = Journal(self.ledger, self.rows, self.clock)
        self.looks = LookBook(self.journal, self.rows, self.clock)

    def restarted(self) -> LookBook:
        return LookBook(self.journal, self.rows, self.clock)

    def open(self, span: Span | None = None, session: SessionOpened | None = None) -> OpenLook:
        return self.looks.open(session or self.session(), wish(span), "test")

    def session(self, token: str = MARAS, life_us: int = US_PER_HOUR * 2) -> SessionOpened:
        actor = Actor(id=ActorId("mara"), roles=frozenset({"operator"}))
        return SessionOpened(token=token, actor=actor, expires_at=self.clock.now().plus(life_us))

    def kinds(self) -> list[str]:
        return [read_leaf(entry).kind for entry in self.ledger.entries]


def wish(span: Span | None = None) -> LookWish:
    return LookWish(cameras=(JUNCTION,), rendition="covered", purpose="operation", span=span)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def test_a_look_is_in_the_ledger_before_its_token_exists(room: Room) -> None:
    opened = room.open()
    assert room.kinds() == ["look.opened"]
    assert opened.look.leaf == 0
    assert room.looks.find(opened.token, JUNCTION) is opened
    assert b"mara" not in room.ledger.entries[0]


@pytest.mark.parametrize("fault", ["failed", "failed_yet_stored"])
def test_no_look_opens_when_the_ledger_cant_be_written(room: Room, fault: Fault) -> None:
    room.ledger.fault = fault
    with pytest.raises(Unavailable):
        room.open()
    room.ledger.fault = "none"
    left = room.restarted().settle()
    assert left == (1 if fault == "failed_yet_stored" else 0)
    expected = ["look.opened", "look.closed"] if left else []
    assert room.kinds() == expected
    assert room.restarted().settle() == 0


def test_a_token_opens_its_own_look_only(room: Room) -> None:
    one = room.open()
    two = room.open(HOUR)
    assert one.token != two.token
    mixed = two.token.split(".")[0] + "." + one.token.split(".")[1]
    flipped = one.token[:-1] + ("0" if one.token[-1] != "0" else "1")
    for bad in ("", ".", "x", "é" * 40, one.token + "0", one.token[:-1], mixed, flipped):
        with pytest.raises(NotFound):
            room.looks.find(bad, JUNCTION)
    with pytest.raises(NotFound):
        room.looks.find(one.token, CameraId("junction-2"))


def test_a_token_of_before_the_restart_opens_nothing(room: Room) -> None:
    opened = room.open()
    with pytest.raises(NotFound):
        room.restarted().find(opened.token, JUNCTION)


def test_the_token_differs_with_session_camera_span_and_rendition(room: Room) -> None:
    name, digest = LookId("a" * 32), b"d" * 32
    token = room.looks._token
    base = token(name, digest, wish())
    raw = LookWish(cameras=(JUNCTION,), rendition="raw", purpose="operation")
    other = LookWish(cameras=(CameraId("b"),), rendition="covered", purpose="operation")
    changed = {
        token(name, b"e" * 32, wish()),
        token(name, digest, wish(HOUR)),
        token(name, digest, raw),
        token(name, digest, other),
        token(LookId("b" * 32), digest, wish()),
    }
    assert len(changed) == 5
    assert base not in changed


def test_a_live_look_ends_after_ten_minutes_unless_renewed(room: Room) -> None:
    opened = room.open()
    room.clock.advance(LOOK_LIVE_US - 1)
    room.looks.renew(room.session(), opened.look.id)
    room.clock.advance(LOOK_LIVE_US - 1)
    assert room.looks.find(opened.token, JUNCTION) is opened
    room.clock.advance(1)
    with pytest.raises(NotFound):
        room.looks.find(opened.token, JUNCTION)
    assert room.kinds() == ["look.opened", "look.renewed", "look.closed"]
    assert opened.ended.is_set()


def test_only_the_session_that_opened_a_look_renews_it(room: Room) -> None:
    opened = room.open()
    with pytest.raises(NotFound):
        room.looks.renew(room.session("another token"), opened.look.id)
    with pytest.raises(NotFound):
        room.looks.renew(room.session(), LookId("f" * 32))


def test_a_stored_look_is_not_renewed_and_ends_after_its_time(room: Room) -> None:
    opened = room.open(HOUR)
    with pytest.raises(BadInput):
        room.looks.renew(room.session(), opened.look.id)
    room.clock.advance(LOOK_STORED_US)
    room.looks.close_over()
    assert room.kinds() == ["look.opened", "look.closed"]


def test_a_look_never_outlives_its_session(room: Room) -> None:
    opened = room.open(session=room.session(life_us=US_PER_MINUTE))
    assert opened.look.expires_at == NOON.plus(US_PER_MINUTE)
    room.looks.renew(room.session(), opened.look.id)
    assert opened.look.expires_at == NOON.plus(US_PER_MINUTE)


def test_signing_out_ends_the_looks_of_that_session(room: Room) -> None:
    mine, other = room.open(), room.open(session=room.session("another token"))
    room.looks.close_session(MARAS)
    with pytest.raises(NotFound):
        room.looks.find(mine.token)
    assert room.looks.find(other.token) is other


def test_the_closing_line_says_what_was_really_read(room: Room) -> None:
    opened = room.open(HOUR)
    for first in (0, 2, 4, 10):
        start = HOUR.start.plus(first * US_PER_SECOND)
        span = Span(start=start, end=start.plus(2 * US_PER_SECOND))
        room.looks.note_read(opened, JUNCTION, span, 1_000)
    room.looks.note_read(opened, JUNCTION, None, 7)
    room.looks.close(opened.token)
    room.looks.close(opened.token)
    texts = read_leaf(room.ledger.entries[1]).texts
    assert texts["bytes_read"] == 4_007
    assert texts["footage_read_us"] == 8 * US_PER_SECOND
    assert room.journal.details(1)[1].count(b"junction-1") == 2
    assert len(room.ledger.entries) == 2


def test_looks_open_at_a_crash_are_closed_as_unknown(room: Room) -> None:
    opened = room.open()
    again = room.restarted()
    assert again.settle() == 1
    texts = read_leaf(room.ledger.entries[-1]).texts
    assert texts["look"] == opened.look.id
    assert texts["because"] == "unknown, door restarted"
    assert texts["bytes_read"] is None
    assert again.settle() == 0


@pytest.mark.parametrize("fault", ["failed", "failed_yet_stored"])
def test_a_closing_line_that_cant_be_written_waits(room: Room, fault: Fault) -> None:
    opened = room.open()
    room.ledger.fault = fault
    room.looks.close(opened.token)
    with pytest.raises(NotFound):
        room.looks.find(opened.token)
    room.ledger.fault = "none"
    room.looks.close_over()
    assert room.kinds() == ["look.opened", "look.closed"]


def test_denied_wishes_are_written_without_the_cameras_name_and_bounded(room: Room) -> None:
    actor = Actor(id=ActorId("mara"), roles=frozenset())
    for _ in range(DENIALS_PER_MINUTE_MAX):
        room.looks.deny(actor, wish(), "no role")
    with pytest.raises(Overloaded):
        room.looks.deny(actor, wish(), "no role")
    assert b"junction" not in room.ledger.entries[0]
    room.clock.advance(US_PER_MINUTE)
    room.looks.deny(actor, wish(), "no role")


SPANS = st.lists(
    st.tuples(st.integers(0, 1_000), st.integers(1, 50)).map(
        lambda pair: Span(start=NOON.plus(pair[0]), end=NOON.plus(pair[0] + pair[1]))
    ),
    max_size=30,
)


@given(spans=SPANS, most=st.integers(1, 8))
def test_merged_spans_hold_every_span_and_never_overlap(spans: list[Span], most: int) -> None:
    joined = merged(list(spans), most)
    assert len(joined) <= most or not spans
    assert all(any(one.start <= s.start and s.end <= one.end for one in joined) for s in spans)
    for one, later in pairwise(joined):
        assert one.end < later.start
