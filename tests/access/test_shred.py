from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fairview.access.door_rows import shreds
from fairview.access.leaves import read_leaf
from fairview.access.roots import Roots
from fairview.access.shred import (
    ALL_SIZE,
    CAMERA_SIZE,
    SIZE,
    DiskNeed,
    Shredder,
    ShredParts,
)
from fairview.access.time_floor import TimeFloor
from fairview.core.camera import KEEP_BYTES_MIN, Camera
from fairview.core.errors import NotFound, Unavailable
from fairview.core.limits import SEGMENT_US_MAX
from fairview.core.media import Gap, GapBecause, Segment
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, Instant, Span
from fairview.store.blobs import MemoryBlobs
from fairview.store.contracts import Catalogue, GapSaved, SegmentSaved
from tests.access.doubles import Fault
from tests.access.house import House, moved
from tests.builders import NOON, camera, fragment, register_entry

KEEP_US = 2 * US_PER_HOUR
FAULTS: tuple[Fault, ...] = ("failed", "failed_yet_stored")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def shredder(house: House, free_bytes_min: int = 0, **more: Any) -> Shredder:
    return Shredder(
        ShredParts(
            catalogue=house.catalogue,
            blobs=house.blobs,
            keys=house.keys,
            journal=house.journal,
            rows=house.rows,
            floor=TimeFloor(house.heads, house.clock),
            clock=house.clock,
            free_bytes_min=free_bytes_min,
            **more,
        )
    )


def junction(house: House) -> Camera:
    return house.add(camera(register=register_entry(retention_us=KEEP_US)))


def stored(house: House, name: Camera, start: Instant, *, on_spare: bool = False) -> Segment:
    return house.store(name.id, start, [moved(fragment(), start)], on_spare=on_spare)


def header(house: House, segment: Segment) -> bytes:
    data: bytes = house.blobs.read(segment.blob)
    return data


def is_readable(house: House, head: bytes) -> bool:
    from fairview.store.segment_format import read_header

    try:
        house.keys.segment_key(head[: read_header(head).size_bytes])
    except NotFound:
        return False
    return True


def certificates(house: House) -> list[dict[str, object]]:
    leaves = [read_leaf(entry) for entry in house.ledger.entries]
    return [
        one.texts for one in leaves if one.kind == "keys.shredded" and one.texts["segments"] != 0
    ]


def test_footage_past_its_retention_dies_with_its_hour_and_nothing_else(house: House) -> None:
    name = junction(house)
    old = stored(house, name, NOON.plus(10 * US_PER_MINUTE))
    last = stored(house, name, NOON.plus(50 * US_PER_MINUTE))
    young = stored(house, name, NOON.plus(US_PER_HOUR))
    heads = {one.id: header(house, one) for one in (old, last, young)}
    # Its hour counts to the end of what can begin in it, whatever a clock says when that was.
    house.clock.advance(KEEP_US + US_PER_HOUR + SEGMENT_US_MAX - US_PER_MINUTE)
    sweep = shredder(house)
    sweep.sweep()
    assert all(is_readable(house, head) for head in heads.values())
    house.clock.advance(US_PER_MINUTE)
    sweep.sweep()
    assert not is_readable(house, heads[old.id])
    assert not is_readable(house, heads[last.id])
    assert is_readable(house, heads[young.id])
    assert [one.id for one in house.catalogue.segments(name.id)] == [young.id]
    assert list(house.blobs.names()) == [young.blob]
    assert len(certificates(house)) == 1
    assert certificates(house)[0]["hour"] == NOON.iso()
    assert certificates(house)[0]["segments"] == 2


def test_gaps_go_with_the_footage_they_stood_between(house: House) -> None:
    name = junction(house)
    minutes = (5, 30, 65, 90)
    spans = [
        Span(start=NOON.plus(one * US_PER_MINUTE), end=NOON.plus((one + 5) * US_PER_MINUTE))
        for one in minutes
    ]
    gaps = [
        Gap(camera=name.id, stream="main", span=span, because=GapBecause.CAMERA_AWAY)
        for span in spans
    ]
    stored(house, name, NOON.plus(10 * US_PER_MINUTE))
    stored(house, name, NOON.plus(70 * US_PER_MINUTE))
    house.catalogue.write([GapSaved(gap=gap) for gap in gaps])
    sweep = shredder(house)
    house.clock.advance(KEEP_US + US_PER_HOUR + SEGMENT_US_MAX)
    sweep.sweep()
    assert house.catalogue.gaps(name.id) == tuple(gaps[3:])
    house.clock.advance(US_PER_DAY)
    sweep.sweep()
    assert house.catalogue.gaps(name.id) == tuple(gaps[3:]), "the newest may be going on"


def test_a_sweep_again_writes_no_second_certificate(house: House) -> None:
    name = junction(house)
    stored(house, name, NOON)
    house.clock.advance(2 * US_PER_DAY)
    sweep = shredder(house)
    sweep.sweep()
    size = len(house.ledger.entries)
    assert sweep.sweep() == 0
    assert len(house.ledger.entries) == size
    assert len(certificates(house)) == 1


def test_the_spare_of_a_day_dies_when_its_footage_is_past_and_another_took_over(
    house: House,
) -> None:
    name = junction(house)
    segment = stored(house, name, NOON, on_spare=True)
    head = header(house, segment)
    house.clock.advance(KEEP_US + US_PER_HOUR)
    sweep = shredder(house)
    sweep.sweep()
    assert is_readable(house, head), "recorders may still seal to today's spare"
    house.clock.advance(US_PER_DAY)
    house.keys.issue(name.id, house.clock.now())
    sweep.sweep()
    assert not is_readable(house, head)
    assert certificates(house)[0]["hour"] is None


def test_a_spare_with_younger_footage_lives_on(house: House) -> None:
    name = junction(house)
    stored(house, name, NOON, on_spare=True)
    house.clock.advance(2 * US_PER_DAY)
    late = house.clock.now().plus(-US_PER_MINUTE)
    segment = house.store(name.id, NOON, [moved(fragment(), late)], on_spare=True)
    assert segment.key_pair == house.catalogue.segments(name.id)[0].key_pair
    house.keys.issue(name.id, house.clock.now())
    shredder(house).sweep()
    assert is_readable(house, header(house, segment))


def test_pairs_that_sealed_nothing_die_too(house: House) -> None:
    name = junction(house)
    before = {one.id for one in house.keys.pairs(name.id)}
    house.clock.advance(3 * US_PER_DAY)
    house.keys.issue(name.id, house.clock.now())
    shredder(house).sweep()
    left = {one.id for one in house.keys.pairs(name.id)}
    assert len(before & left) <= 3
    assert len(left) >= 48


def test_a_removed_cameras_footage_and_keys_end_with_their_time(house: House) -> None:
    from dataclasses import replace

    from fairview.store.contracts import CameraSaved

    name = junction(house)
    head = header(house, stored(house, name, NOON, on_spare=True))
    gone = replace(name, is_active=False, revision=2)
    house.catalogue.write([CameraSaved(camera=gone, sealed_login=None)])
    sweep = shredder(house)
    sweep.sweep()
    assert is_readable(house, head)
    assert len(house.keys.pairs(name.id)) <= 4
    house.clock.advance(3 * US_PER_DAY)
    sweep.sweep()
    assert not is_readable(house, head)
    assert house.keys.pairs(name.id) == ()


def test_the_oldest_hours_die_early_when_the_disk_needs_room(house: House) -> None:
    name = junction(house)
    old = stored(house, name, NOON)
    young = stored(house, name, NOON.plus(US_PER_HOUR))
    house.clock.advance(2 * US_PER_HOUR)

    class Tight(MemoryBlobs):
        def free_bytes(self) -> int:
            return 0

    house.blobs.__class__ = Tight
    shredder(house, free_bytes_min=old.size_bytes).sweep()
    assert [one.id for one in house.catalogue.segments(name.id)] == [young.id]
    assert certificates(house)[0]["because"] == "the disk needs room"


def test_a_full_disk_gets_room_also_while_the_clock_is_in_doubt(house: House) -> None:
    name = junction(house)
    old = stored(house, name, NOON)
    young = stored(house, name, NOON.plus(US_PER_HOUR))
    house.clock.advance(2 * US_PER_HOUR)
    shredder(house).sweep()
    house.clock.step(400 * US_PER_DAY)

    class Tight(MemoryBlobs):
        def free_bytes(self) -> int:
            return 0

    house.blobs.__class__ = Tight
    shredder(house, free_bytes_min=old.size_bytes).sweep()
    assert [one.id for one in house.catalogue.segments(name.id)] == [young.id]


def test_a_clock_that_jumps_ahead_shreds_nothing_and_says_so_once(house: House) -> None:
    name = junction(house)
    head = header(house, stored(house, name, NOON))
    sweep = shredder(house)
    sweep.sweep()
    house.clock.step(400 * US_PER_DAY)
    sweep.sweep()
    sweep.sweep()
    assert is_readable(house, head)
    events = house.catalogue.events(NOON, 10)
    assert [one.kind for one in events] == ["shredding_paused"]
    house.clock.step(-400 * US_PER_DAY)
    house.clock.advance(KEEP_US + US_PER_DAY)
    sweep.sweep()
    assert not is_readable(house, head)


def fail_blobs(house: House, fault: Fault) -> None:
    remove = house.blobs.remove

    def broken(name: str) -> None:
        house.blobs.remove = remove  # type: ignore[method-assign]  # the fault strikes once
        if fault == "failed_yet_stored":
            remove(name)
        raise Unavailable("the disk failed")

    house.blobs.remove = broken  # type: ignore[method-assign]  # a fault put in place


def fail_catalogue(house: House, fault: Fault) -> None:
    write = house.catalogue.write

    def broken(changes: object) -> None:
        house.catalogue.write = write  # type: ignore[method-assign]  # the fault strikes once
        if fault == "failed_yet_stored":
            write(changes)  # type: ignore[arg-type]  # handed on as it came
        raise Unavailable("the catalogue is away")

    house.catalogue.write = broken  # type: ignore[method-assign]  # a fault put in place


def fail_ledger(house: House, fault: Fault) -> None:
    house.ledger.fault = fault


def fail_kill(house: House, fault: Fault) -> None:
    house.rows.fault = fault


def fail_forget(house: House, fault: Fault) -> None:
    house.rows.fault, house.rows.countdown = fault, 1


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    "strike", [fail_kill, fail_blobs, fail_catalogue, fail_ledger, fail_forget]
)
def test_a_sweep_that_stops_anywhere_is_finished_after_a_restart(
    house: House, strike: Callable[[House, Fault], None], fault: Fault
) -> None:
    name = junction(house)
    # Only the hour of the footage is left, so that each write happens once.
    head = header(house, stored(house, name, NOON))
    house.clock.advance(KEEP_US + US_PER_HOUR + SEGMENT_US_MAX)
    house.keys.kill([one.id for one in house.keys.pairs() if one.hour and one.hour < NOON])
    sweep = shredder(house)
    strike(house, fault)
    with pytest.raises(Unavailable):
        sweep.sweep()
    house.ledger.fault = "none"
    house.open()
    again = shredder(house)
    again.finish()
    again.sweep()
    assert not is_readable(house, head)
    assert list(house.blobs.names()) == []
    assert house.catalogue.segments(name.id) == ()
    assert len(certificates(house)) == 1
    with house.rows.read() as connection:
        assert connection.execute(shreds.select()).all() == []


def test_keys_die_before_blobs_are_touched(house: House) -> None:
    name = junction(house)
    head = header(house, stored(house, name, NOON))
    house.clock.advance(2 * US_PER_DAY)
    fail_blobs(house, "failed")
    with pytest.raises(Unavailable):
        shredder(house).sweep()
    assert not is_readable(house, head)
    assert list(house.blobs.names())


def test_a_root_covers_each_ended_segment_once(house: House) -> None:
    name = junction(house)
    first = stored(house, name, NOON)
    house.store(
        name.id, NOON.plus(US_PER_MINUTE), [moved(fragment(), NOON.plus(US_PER_MINUTE))], ended=None
    )
    roots = Roots(house.catalogue, house.journal, house.rows, house.clock)
    taken = roots.take()
    assert taken is not None
    assert taken.segments == (first.id,)
    assert roots.take() is None
    catalogue: Catalogue = house.catalogue
    assert catalogue.root_of(first.id) == taken
    assert house.kinds() == ["segments.root"]


def test_what_a_cover_hides_dies_with_the_footage_it_hides(house: House) -> None:
    name = junction(house)
    picture = stored(house, name, NOON)
    cover = house.store(name.id, NOON, [moved(fragment(), NOON)], stream="cover")
    head = header(house, cover)
    assert cover.key_pair == picture.key_pair
    house.clock.advance(KEEP_US + 2 * US_PER_HOUR)
    shredder(house).sweep()
    assert house.catalogue.segments(name.id) == ()
    assert not is_readable(house, head)
    with pytest.raises(NotFound):
        house.blobs.read(cover.blob)


def three_hours(house: House, name: Camera) -> list[Segment]:
    return [stored(house, name, NOON.plus(hour * US_PER_HOUR)) for hour in range(3)]


def test_a_camera_over_its_own_size_gives_up_its_oldest_hours(house: House) -> None:
    register = register_entry(retention_us=US_PER_DAY)
    bounded = house.add(camera(register=register, keep_bytes_max=KEEP_BYTES_MIN))
    other = house.add(camera("junction-2", register=register))
    rows, others = three_hours(house, bounded), three_hours(house, other)
    huge = [replace(row, size_bytes=KEEP_BYTES_MIN // 2) for row in rows]
    house.catalogue.write([SegmentSaved(segment=row) for row in huge])
    house.clock.advance(4 * US_PER_HOUR)
    shredder(house).sweep()
    assert [one.id for one in house.catalogue.segments(bounded.id)] == [one.id for one in rows[1:]]
    assert len(house.catalogue.segments(other.id)) == len(others)
    assert [one["because"] for one in certificates(house)] == [CAMERA_SIZE]


def test_over_the_size_of_all_the_oldest_hours_of_any_camera_go(house: House) -> None:
    register = register_entry(retention_us=US_PER_DAY)
    cameras = [house.add(camera(name, register=register)) for name in ("a-1", "b-1")]
    rows = [row for one in cameras for row in three_hours(house, one)]
    house.clock.advance(4 * US_PER_HOUR)
    total = sum(row.size_bytes for row in rows)
    shredder(house, keep_bytes_max=total - rows[0].size_bytes - 1).sweep()
    left = {row.id for one in cameras for row in house.catalogue.segments(one.id)}
    assert left == {row.id for row in rows if row.span.start >= NOON.plus(US_PER_HOUR)}
    assert {one["because"] for one in certificates(house)} == {ALL_SIZE}


class OneShort:
    """One disk is short; it holds the last two hours."""

    def __init__(self, held: set[str], need_bytes: int) -> None:
        self.held, self.need_bytes, self.settled = held, need_bytes, 0

    def needs(self) -> list[DiskNeed]:
        holds = self.held.__contains__
        return [
            DiskNeed(name="tank", need_bytes=self.need_bytes, holds=lambda row: holds(row.blob))
        ]

    def settle(self) -> None:
        self.settled += 1


def test_a_disk_short_of_room_loses_its_oldest_and_other_disks_nothing(house: House) -> None:
    one = house.add(camera(register=register_entry(retention_us=US_PER_DAY)))
    rows = three_hours(house, one)
    house.clock.advance(4 * US_PER_HOUR)
    disks = OneShort({row.blob for row in rows[1:]}, need_bytes=1)
    shredder(house, disks=disks).sweep()
    assert [row.id for row in house.catalogue.segments(one.id)] == [rows[0].id, rows[2].id]
    assert [one["because"] for one in certificates(house)] == [SIZE]
    assert disks.settled >= 1
