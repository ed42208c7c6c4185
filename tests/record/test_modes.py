"""What is kept around events and by hours, and that nothing of it is lost or out of order."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.core.ids import CameraId, StreamName
from fairview.core.limits_keeping import SIGNS_SILENT_US, SIGNS_TOLD_US, TRIGGER_DELAY_US
from fairview.core.media import GapBecause, Packet
from fairview.core.recording import Trigger
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, Instant, ManualClock
from fairview.core.trigger_sign import TriggerSign
from fairview.core.week_hours import week_hours
from fairview.record.modes import Always, AroundEvents, ByHours, KeptFrom, NotKept
from fairview.record.pre_roll import PreRoll
from fairview.record.schedule import WeekSchedule
from fairview.record.triggers import TriggerBoard
from tests.builders import NOON, packet

CAMERA = CameraId("junction-1")
FPS = 25


class Kept:
    """A recorder and a live tap that remember what they were given."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.said: list[tuple[str, GapBecause | None, int]] = []
        self.is_closed = False

    def packet(self, packet: Packet) -> None:
        self.packets.append(packet)

    def away(self, camera: CameraId, stream: StreamName, because: GapBecause, at: Instant) -> None:
        self.said.append(("away", because, len(self.packets)))

    def rest(self, because: GapBecause, at: Instant) -> None:
        if not self.said or self.said[-1] != ("rest", because, len(self.packets)):
            self.said.append(("rest", because, len(self.packets)))

    def close(self) -> None:
        self.is_closed = True

    @property
    def seconds(self) -> list[int]:
        """The whole seconds (groups of pictures) of which anything was kept."""
        return sorted({one.at.since(NOON) // US_PER_SECOND for one in self.packets})


class Street:
    """A camera that is kept around events, and an analyser that looks at it every second."""

    def __init__(
        self, *, pre_s: int = 5, post_s: int = 10, triggers: tuple[Trigger, ...] = ("motion",)
    ) -> None:
        self.clock = ManualClock(NOON)
        self.recorder, self.live = Kept(), Kept()
        self.told: list[tuple[str, str]] = []
        self.board = TriggerBoard(
            triggers,
            post_s * US_PER_SECOND,
            self.clock,
            lambda kind, because: self.told.append((kind, because)),
        )
        kept = KeptFrom(recorder=self.recorder, live=self.live, clock=self.clock)
        rolls_us = (pre_s * US_PER_SECOND, post_s * US_PER_SECOND)
        self.sink = AroundEvents(kept, self.board, rolls_us)
        self.number = 0
        self.is_looked_at = True

    def sign(self, trigger: Trigger = "motion", *, since_s: float | None = None) -> None:
        since = None if since_s is None else NOON.plus(int(since_s * US_PER_SECOND))
        now = self.clock.now()
        self.board.hear(TriggerSign(camera=CAMERA, trigger=trigger, looked_until=now, since=since))

    def run_to(self, second: int) -> None:
        while self.number < second * FPS:
            one = packet(self.number)
            self.clock.advance(max(0, one.at.since(self.clock.now())))
            if self.number % FPS == 0 and self.is_looked_at:
                self.sign()
            self.sink.packet(one)
            self.number += 1


def test_an_event_is_kept_from_pre_roll_to_post_roll_and_nothing_else() -> None:
    street = Street()
    street.run_to(60)
    street.sign(since_s=58.5)
    street.run_to(120)
    # 0 to 10 s is its start; then it rests, and keeps from 5 s before 58.5 until 10 s after it was
    # told, to the end of a group of pictures.
    assert street.recorder.seconds == [*range(10), *range(53, 70)]
    assert [one.ticks for one in street.recorder.packets] == sorted(
        one.ticks for one in street.recorder.packets
    )
    assert street.recorder.packets[10 * FPS].is_key
    assert [said[:2] for said in street.recorder.said] == [
        ("rest", GapBecause.NO_EVENT),
        ("rest", GapBecause.NO_EVENT),
    ]


def test_viewers_see_every_packet_whatever_is_kept() -> None:
    street = Street()
    street.run_to(40)
    assert len(street.live.packets) == 40 * FPS
    assert len(street.recorder.packets) < 40 * FPS
    street.sink.close()
    assert street.live.is_closed
    assert street.recorder.is_closed


def test_an_event_that_is_told_late_still_has_its_whole_pre_roll() -> None:
    street = Street(pre_s=5)
    street.run_to(60)
    street.sign(since_s=60 - TRIGGER_DELAY_US / US_PER_SECOND)
    street.run_to(62)
    assert 60 - 10 - 5 in street.recorder.seconds


def test_an_event_that_goes_on_is_kept_until_post_roll_after_its_end() -> None:
    street = Street(post_s=10)
    street.run_to(30)
    for second in range(30, 50):
        street.run_to(second)
        street.sign(since_s=29)
    street.run_to(80)
    assert street.recorder.seconds[-1] == 58


def test_between_two_events_close_to_each_other_nothing_is_missing() -> None:
    street = Street(post_s=2)
    street.run_to(30)
    street.sign(since_s=29)
    street.run_to(33)
    street.sign(since_s=32)
    street.run_to(60)
    kept = [one.ticks for one in street.recorder.packets if one.at.since(NOON) > 20 * 1_000_000]
    assert len(kept) == len(set(kept))
    assert kept == list(range(kept[0], kept[-1] + 1, kept[1] - kept[0]))


def test_without_anybody_who_looks_the_camera_is_kept_always_and_it_is_told() -> None:
    street = Street()
    street.run_to(30)
    street.is_looked_at = False
    street.run_to(90)
    silent_from = 29 + SIGNS_SILENT_US // US_PER_SECOND
    # What was in memory when it fell silent is kept as well.
    assert set(range(silent_from, 90)) <= set(street.recorder.seconds)
    assert [kind for kind, _ in street.told] == ["triggers_away"]
    street.is_looked_at = True
    street.run_to(140)
    assert [kind for kind, _ in street.told] == ["triggers_away", "triggers_back"]
    assert street.recorder.seconds[-1] < 100
    assert SIGNS_TOLD_US < 60 * US_PER_SECOND


def test_a_blind_or_late_trigger_keeps_the_camera() -> None:
    street = Street()
    street.run_to(30)
    street.is_looked_at = False
    for second in range(30, 40):
        street.run_to(second)
        now = street.clock.now()
        street.board.hear(
            TriggerSign(camera=CAMERA, trigger="motion", looked_until=now, blind="too much")
        )
    assert set(range(31, 39)) <= set(street.recorder.seconds)
    for second in range(40, 70):
        street.run_to(second)
        street.board.hear(
            TriggerSign(camera=CAMERA, trigger="motion", looked_until=NOON.plus(39_000_000))
        )
    assert 68 in street.recorder.seconds


def test_of_two_triggers_each_is_enough_and_both_must_be_heard() -> None:
    street = Street(triggers=("motion", "rule"))
    street.run_to(30)
    assert street.recorder.seconds == list(range(30)), "nobody looks for rules yet"
    for second in range(30, 61):
        street.run_to(second)
        street.sign("rule", since_s=50 if second == 50 else None)
    assert set(range(46, 60)) <= set(street.recorder.seconds)
    assert 43 not in street.recorder.seconds


def test_a_camera_that_goes_away_leaves_what_was_in_memory() -> None:
    street = Street(pre_s=5)
    street.run_to(60)
    street.sink.away(CAMERA, "main", GapBecause.CAMERA_AWAY, street.clock.now())
    assert street.recorder.seconds[-5:] == [55, 56, 57, 58, 59]
    assert street.recorder.said[-1][:2] == ("away", GapBecause.CAMERA_AWAY)
    assert street.live.said[-1][:2] == ("away", GapBecause.CAMERA_AWAY)
    street.run_to(90)
    assert set(range(60, 70)) <= set(street.recorder.seconds), "it came back: that is kept"
    assert street.recorder.seconds[-1] < 75


def test_a_rest_begins_at_a_key_frame_so_that_no_picture_lies_between() -> None:
    street = Street(post_s=10, pre_s=60)
    street.run_to(15)
    street.sign(since_s=14)
    street.run_to(16)
    assert [one.ticks for one in street.recorder.packets] == [
        packet(number).ticks for number in range(16 * FPS)
    ]


def test_hours_are_kept_from_their_first_key_frame_to_their_last_picture() -> None:
    clock = ManualClock(NOON)
    recorder, live = Kept(), Kept()
    kept = KeptFrom(recorder=recorder, live=live, clock=clock)
    # NOON is a Friday, 12:00 UTC, 14:00 in Berlin.
    sink = ByHours(kept, WeekSchedule(week_hours("fri 14:01-14:02"), "Europe/Berlin"))
    for number in range(10, 3 * 60 * FPS):
        one = packet(number)
        clock.advance(max(0, one.at.since(clock.now())))
        sink.packet(one)
    assert recorder.seconds == list(range(60, 120))
    assert recorder.packets[0].is_key
    assert len(recorder.packets) == 60 * FPS
    assert {said[1] for said in recorder.said} == {GapBecause.NOT_SCHEDULED}
    assert len(live.packets) == 3 * 60 * FPS - 10


def test_a_picture_that_steps_back_over_the_end_of_hours_begins_nothing() -> None:
    recorder = Kept()
    kept = KeptFrom(recorder=recorder, live=Kept(), clock=ManualClock(NOON))
    sink = ByHours(kept, WeekSchedule(week_hours("fri 12:00-12:01"), "UTC"))
    sink.packet(packet(0))
    late = packet(1, at=NOON.plus(60 * US_PER_SECOND))
    early = packet(2, at=NOON.plus(60 * US_PER_SECOND - 40_000))
    sink.packet(late)
    sink.packet(early)
    assert recorder.packets == [packet(0)]


def test_a_stream_that_is_not_recorded_is_seen_live() -> None:
    live = Kept()
    sink = NotKept(live)
    sink.packet(packet(0))
    sink.away(CAMERA, "sub", GapBecause.CAMERA_AWAY, NOON)
    sink.close()
    assert (len(live.packets), len(live.said), live.is_closed) == (1, 1, True)


def test_what_is_kept_always_reaches_both_the_recorder_and_viewers() -> None:
    recorder, live = Kept(), Kept()
    sink = Always(KeptFrom(recorder=recorder, live=live, clock=ManualClock(NOON)))
    sink.packet(packet(0))
    sink.away(CAMERA, "main", GapBecause.CAMERA_AWAY, NOON)
    sink.close()
    for one in (recorder, live):
        assert (len(one.packets), len(one.said), one.is_closed) == (1, 1, True)


@given(
    groups=st.lists(st.integers(1, 12), min_size=1, max_size=30),
    reach_s=st.integers(0, 8),
    size_max=st.integers(500, 8_000),
    take_at=st.integers(0, 120),
)
@settings(max_examples=80, deadline=None)
def test_memory_holds_whole_groups_in_order_within_its_bounds(
    groups: list[int], reach_s: int, size_max: int, take_at: int
) -> None:
    """Orders of packets: whatever comes out begins at a key frame, misses nothing up to the newest
    and is as long as asked, unless memory was too small."""
    roll = PreRoll(reach_s * US_PER_SECOND, size_max)
    given_all: list[Packet] = []
    for length in groups:
        for place in range(length):
            number = len(given_all)
            one = replace(packet(number, fps=1, is_key=place == 0), data=b"\x01" * 100)
            given_all.append(one)
            roll.add(one, one.at.since(NOON))
            assert roll.size_bytes <= size_max
    taken = list(roll.take(None))
    assert taken == given_all[len(given_all) - len(taken) :]
    assert not taken or taken[0].is_key
    if roll.dropped_groups == 0:
        newest = given_all[-1].at.since(NOON)
        assert taken[0].at.since(NOON) <= max(0, newest - reach_s * US_PER_SECOND)
    assert list(roll.take(None)) == []
    assert roll.size_bytes == 0
    for one in taken:
        roll.add(one, one.at.since(NOON))
    since = NOON.plus(take_at * US_PER_SECOND)
    cut = list(roll.take(since))
    assert cut == taken[len(taken) - len(cut) :]
    if cut and cut != taken:
        assert cut[0].is_key
        assert cut[0].at <= since


def test_pictures_before_the_first_key_frame_are_not_held() -> None:
    roll = PreRoll(US_PER_HOUR)
    roll.add(packet(1), 0)
    assert list(roll.take(None)) == []


@pytest.mark.parametrize("jump_us", [-US_PER_HOUR, US_PER_HOUR])
def test_a_camera_whose_clock_jumps_loses_no_pre_roll(jump_us: int) -> None:
    street = Street(pre_s=5)
    street.run_to(60)
    jumped = [replace(packet(n), at=packet(n).at.plus(jump_us)) for n in range(60 * FPS, 62 * FPS)]
    for one in jumped:
        street.clock.advance(40_000)
        now = one.at
        street.board.hear(TriggerSign(camera=CAMERA, trigger="motion", looked_until=now))
        street.sink.packet(one)
    street.board.hear(
        TriggerSign(camera=CAMERA, trigger="motion", looked_until=jumped[-1].at, since=jumped[0].at)
    )
    street.sink.packet(replace(packet(62 * FPS), at=packet(62 * FPS).at.plus(jump_us)))
    ticks = [one.ticks for one in street.recorder.packets if one.ticks >= packet(57 * FPS).ticks]
    assert ticks == [packet(n).ticks for n in range(57 * FPS, 62 * FPS + 1)]
