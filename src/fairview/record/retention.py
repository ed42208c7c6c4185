"""Which camera-hours have had their time. Pure: it decides, the door carries out.

Source:  decision 6: retention is the death of keys, exact to an hour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass

from fairview.core.ids import CameraId, KeyPairId, SegmentId
from fairview.core.limits import SEGMENT_US_MAX
from fairview.core.media import Segment
from fairview.core.time import Instant

Counts = Callable[[Segment], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraHour:
    """All segments sealed to one key pair: what dies together.

    start, end: of their footage. has_open: a segment of it may still grow.
    """

    camera: CameraId
    key_pair: KeyPairId
    segments: tuple[Segment, ...]
    start: Instant
    end: Instant
    size_bytes: int
    has_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What must not die now. pairs: held, or in use for new segments (a spare). segments: kept
    under a case key, so their blobs stay when their pair dies."""

    pairs: frozenset[KeyPairId] = frozenset()
    segments: frozenset[SegmentId] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Death:
    """One camera-hour to shred, and the segments whose blobs go with it."""

    hour: CameraHour
    removed: tuple[Segment, ...]


def camera_hours(segments: Sequence[Segment]) -> tuple[CameraHour, ...]:
    """Segments by key pair, oldest footage first.

    The end of an open segment's row lags, so it counts as long as a segment may become.
    """
    by_pair: dict[KeyPairId, list[Segment]] = {}
    for segment in segments:
        by_pair.setdefault(segment.key_pair, []).append(segment)
    hours = [
        CameraHour(
            camera=sealed[0].camera,
            key_pair=pair,
            segments=tuple(sorted(sealed, key=lambda one: (one.span.start, one.id))),
            start=min(one.span.start for one in sealed),
            end=max(_end(one) for one in sealed),
            size_bytes=sum(one.size_bytes for one in sealed),
            has_open=any(one.is_open for one in sealed),
        )
        for pair, sealed in by_pair.items()
    ]
    return tuple(sorted(hours, key=lambda one: (one.start, one.key_pair)))


def past_retention(
    hours: Sequence[CameraHour],
    retention_us: Mapping[CameraId, int],
    now: Instant,
    kept: Kept | None = None,
) -> tuple[Death, ...]:
    """The camera-hours whose newest footage is past its camera's retention, oldest first.

    A camera without a retention keeps its footage: nobody said when it may go.
    """
    stays = kept or Kept()
    return tuple(
        _death(hour, stays)
        for hour in hours
        if hour.key_pair not in stays.pairs
        and hour.camera in retention_us
        and hour.end.us + retention_us[hour.camera] <= now.us
    )


def over_size(
    hours: Sequence[CameraHour],
    need_bytes: int,
    *,
    hour_now: Instant,
    dying: Set[KeyPairId] = frozenset(),
    kept: Kept | None = None,
    counts: Counts | None = None,
) -> tuple[Death, ...]:
    """Camera-hours to give up early, oldest first, until need_bytes come free.

    Never one that may still grow: open, or reaching into the hour that is under way. `dying`
    are those that go anyway; their bytes count. counts: of which segments the bytes are wanted
    (those on one disk, of one camera); None: of all. An hour dies whole, wherever it lies.

    Bounds:  may free less than needed, when everything else is held or growing.
    """
    stays = kept or Kept()
    freed = sum(_freed(_death(hour, stays), counts) for hour in hours if hour.key_pair in dying)
    chosen: list[Death] = []
    for hour in hours:
        if freed >= need_bytes:
            break
        if hour.key_pair in dying or hour.key_pair in stays.pairs:
            continue
        if hour.has_open or hour.end > hour_now:
            continue
        death = _death(hour, stays)
        coming = _freed(death, counts)
        if not coming:
            continue
        chosen.append(death)
        freed += coming
    return tuple(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """Footage is over a size by need_bytes. because: as it stands in the ledger."""

    because: str
    need_bytes: int
    counts: Counts | None = None


def over_bounds(
    hours: Sequence[CameraHour],
    bounds: Sequence[Bound],
    *,
    hour_now: Instant,
    dying: Set[KeyPairId] = frozenset(),
    kept: Kept | None = None,
) -> tuple[tuple[Death, str], ...]:
    """What goes early for each of the bounds, in their order; what one frees counts for the next.

    Bounds:  as `over_size`.
    """
    going = set(dying)
    found: list[tuple[Death, str]] = []
    for bound in bounds:
        if bound.need_bytes <= 0:
            continue
        deaths = over_size(
            hours,
            bound.need_bytes,
            hour_now=hour_now,
            dying=going,
            kept=kept,
            counts=bound.counts,
        )
        going |= {death.hour.key_pair for death in deaths}
        found += [(death, bound.because) for death in deaths]
    return tuple(found)


def _end(segment: Segment) -> Instant:
    if segment.is_open:
        return max(segment.span.end, segment.span.start.plus(SEGMENT_US_MAX))
    return segment.span.end


def _death(hour: CameraHour, kept: Kept) -> Death:
    return Death(
        hour=hour, removed=tuple(one for one in hour.segments if one.id not in kept.segments)
    )


def _freed(death: Death, counts: Counts | None) -> int:
    return sum(segment.size_bytes for segment in death.removed if counts is None or counts(segment))
