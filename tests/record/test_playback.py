from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.ids import CameraId, KeyPairId, SegmentId, new_hex_id
from fairview.core.limits import HOLE_US_MIN, PART_US_MAX
from fairview.core.media import EndedBecause, Fragment, Gap, GapBecause, Segment
from fairview.core.time import Span
from fairview.record.playback import (
    IndexedSegment,
    footage,
    indexed,
    merged,
    part_at,
    parts,
    timeline,
    without,
)
from fairview.store.sealing import SegmentSealer, new_key_pair
from fairview.store.segment_walk import walk
from tests.builders import NOON, fragment

CAMERA = CameraId("junction-1")
PUBLIC = new_key_pair()[1]
SIGNER = Ed25519PrivateKey.generate()


def span(start_s: float, end_s: float) -> Span:
    return Span(start=NOON.plus(int(start_s * 1e6)), end=NOON.plus(int(end_s * 1e6)))


def segment_of(
    fragments: list[Fragment], because: EndedBecause | None = EndedBecause.ROTATED
) -> IndexedSegment:
    name = SegmentId(new_hex_id())
    pair = KeyPairId(new_hex_id())
    sealer = SegmentSealer(
        camera=CAMERA,
        stream="main",
        segment=name,
        key_pair=pair,
        public_half=PUBLIC,
        signer=SIGNER,
        created_at=fragments[0].start_at,
    )
    data = sealer.header + b"".join(sealer.seal(one) for one in fragments)
    if because is not None:
        data += sealer.end(because)
    found = walk(lambda start, length: data[start : start + length], len(data))
    row = Segment(
        id=name,
        camera=CAMERA,
        stream="main",
        span=Span(start=fragments[0].start_at, end=fragments[-1].span.end),
        size_bytes=len(data),
        fragments=len(fragments),
        key_pair=pair,
        blob="x",
        head=found.head.hex() if because else None,
        ended_because=because,
    )
    return indexed(row, found)


def minute(first_s: int, seconds: int = 20, **changes: object) -> IndexedSegment:
    """A segment of one-second groups of pictures."""
    return segment_of(
        [fragment(25 * (first_s + number)) for number in range(seconds)],
        **changes,  # type: ignore[arg-type]  # because only
    )


def gap(start_s: float, end_s: float, because: GapBecause = GapBecause.CAMERA_AWAY) -> Gap:
    return Gap(camera=CAMERA, stream="main", span=span(start_s, end_s), because=because)


def test_footage_within_a_second_counts_as_one() -> None:
    rows = [minute(0).row, minute(20).row, minute(41).row, minute(63).row]
    assert footage(rows) == (span(0, 61), span(63, 83))


def test_timeline_shows_footage_over_gaps_and_the_newer_cause() -> None:
    seen = timeline(
        [minute(0).row, minute(30).row],
        [gap(20, 30), gap(45, 70), gap(60, 80, GapBecause.CRASHED)],
        span(10, 75),
    )
    assert seen.footage == (span(10, 20), span(30, 50))
    assert [(one.span, one.because) for one in seen.gaps] == [
        (span(20, 30), GapBecause.CAMERA_AWAY),
        (span(50, 60), GapBecause.CAMERA_AWAY),
        (span(60, 75), GapBecause.CRASHED),
    ]


def test_a_gap_that_nothing_follows_is_shown_up_to_now() -> None:
    rows, now = [minute(0).row], NOON.plus(90_000_000)
    seen = timeline(rows, [gap(20, 30)], span(0, 3_600), now)
    assert [one.span for one in seen.gaps] == [span(20, 90)]
    rows.append(minute(40).row)
    assert [one.span for one in timeline(rows, [gap(20, 30)], span(0, 99), now).gaps] == [
        span(20, 30)
    ]


def test_parts_begin_at_the_key_frame_before_and_hold_whole_groups() -> None:
    found = parts([minute(0), minute(20)], span(3.5, 23))
    assert found[0].covers.start == NOON.plus(3_000_000)
    assert found[0].span.start == NOON.plus(3_500_000)
    assert [len(part.records) for part in found] == [6, 6, 5, 3]
    assert all(part.records[0].is_key for part in found)
    assert [part.number for part in found] == [0, 1, 2, 3]
    assert not any(part.discontinuity for part in found)
    assert {part.run for part in found} == {0}
    assert found[-1].span.end == NOON.plus(23_000_000)


def test_a_gap_and_a_new_format_are_discontinuities() -> None:
    found = parts(
        [minute(0, 5, because=EndedBecause.FORMAT_CHANGED), minute(5, 5), minute(60, 5)],
        span(0, 100),
    )
    assert [part.discontinuity for part in found] == [False, True, True]
    assert [part.run for part in found] == [0, 1, 2]


def test_a_hole_inside_a_segment_divides_parts() -> None:
    found = parts(
        [segment_of([fragment(0), fragment(25), fragment(100), fragment(125)])], span(0, 9)
    )
    assert [len(part.records) for part in found] == [2, 2]
    assert [part.discontinuity for part in found] == [False, True]
    assert found[1].run == 0


def test_a_long_group_of_pictures_is_one_part() -> None:
    key, *others = [fragment(25 * number) for number in range(10)]
    plain = [
        replace(one, samples=tuple(replace(sample, is_key=False) for sample in one.samples))
        for one in others
    ]
    found = parts([segment_of([key, *plain])], span(7, 8))
    assert len(found) == 1
    assert found[0].covers == span(0, 10)
    assert found[0].span == span(7, 8)


def test_an_open_segment_plays_as_far_as_it_is_stored() -> None:
    found = parts([minute(0, 8, because=None)], span(0, 60))
    assert [part.covers for part in found] == [span(0, 6), span(6, 8)]


def test_the_part_of_an_instant_is_the_last_that_began() -> None:
    found = parts([minute(0), minute(60)], span(0, 80))
    at = part_at(found, NOON.plus(30_000_000))
    assert at is not None
    assert at.covers.end == NOON.plus(20_000_000)
    assert part_at(found, NOON.plus(-1)) is None


SPANS = st.lists(
    st.tuples(st.integers(0, 500), st.integers(1, 80)).map(lambda one: span(one[0], sum(one))),
    max_size=12,
)


@given(SPANS, SPANS)
def test_merged_and_without_agree_with_counting(spans: list[Span], holes: list[Span]) -> None:
    def seconds(some: list[Span]) -> set[int]:
        return {
            second
            for one in some
            for second in range(one.start.us // 1_000_000, one.end.us // 1_000_000)
        }

    joined = merged(spans, 0)
    assert seconds(list(joined)) == seconds(spans)
    assert all(one.end < other.start for one, other in pairwise(joined))
    left = without(joined, merged(holes, 0))
    assert seconds(list(left)) == seconds(spans) - seconds(holes)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 12)), min_size=1, max_size=5),
    st.integers(0, 60),
    st.integers(1, 60),
)
def test_parts_show_exactly_the_footage_of_the_span(
    runs: list[tuple[int, int]], start_s: int, length_s: int
) -> None:
    segments, at = [], 0
    for hole, seconds in runs:
        at += hole
        segments.append(minute(at, seconds))
        at += seconds
    wanted = span(start_s, start_s + length_s)
    found = parts(segments, wanted)
    assert merged(part.span for part in found) == merged(
        clip for segment in segments if (clip := segment.row.span.clipped(wanted)) is not None
    )
    for part in found:
        assert part.covers.duration_us <= PART_US_MAX
        assert part.records[0].is_key
    for before, after in pairwise(found):
        assert before.covers.end <= after.covers.start
        hole_us = after.covers.start.since(before.covers.end)
        assert after.discontinuity == (hole_us > HOLE_US_MIN)
