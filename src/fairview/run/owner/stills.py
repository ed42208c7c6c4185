"""`snapshot` and `timelapse`: single pictures and films of them, by the folder's owner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairview.access.door import TimeLapseWish
from fairview.access.time_lapse import CAUSES
from fairview.core.case import Rendition
from fairview.core.errors import NotFound
from fairview.core.ids import CameraId
from fairview.core.limits import PICTURE_LEAD_US, PICTURE_WIDTH_PX_MAX
from fairview.core.time import Instant, Span
from fairview.run.owner.office import OwnerLooks, put_file


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotWish:
    """at None: the newest picture that is kept."""

    camera: CameraId
    at: Instant | None
    rendition: Rendition
    out: Path
    width_px: int = PICTURE_WIDTH_PX_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """at: the moment that was asked for."""

    out: Path
    at: Instant
    size_bytes: int


def snapshot(office: OwnerLooks, wish: SnapshotWish) -> Taken:
    """One picture as JPEG; its look is in the ledger first.

    Errors:  NotFound when nothing is kept of the moment, saying why and what lies near.
    """
    at = wish.at or office.footage(wish.camera).end.plus(-1)
    _refuse_gap(office, wish.camera, at)
    span = Span(start=Instant(max(0, at.us - PICTURE_LEAD_US)), end=at.plus(1))
    jpeg = office.picture(wish.camera, span, wish.rendition, wish.width_px)
    return Taken(out=wish.out, at=at, size_bytes=put_file(wish.out, jpeg))


def time_lapse(
    office: OwnerLooks, wish: TimeLapseWish, out: Path, progress: Callable[[float, str], None]
) -> int:
    """A film; its size in bytes. Errors: NotFound when nothing of the span is kept."""
    whole = b"".join(office.time_lapse(wish, progress))
    return put_file(out, whole)


def _refuse_gap(office: OwnerLooks, camera: CameraId, at: Instant) -> None:
    """An older picture in place of one that was not kept would be a lie. Errors: NotFound."""
    there = office.footage(camera)
    near = Span(start=Instant(max(0, at.us - PICTURE_LEAD_US)), end=at.plus(PICTURE_LEAD_US))
    seen = office.timeline(camera, near)
    if any(one.holds(at) for one in seen.footage):
        return
    gap = next((one for one in seen.gaps if one.span.holds(at)), None)
    why = "" if gap is None else f": {CAUSES[gap.because]}"
    raise NotFound(
        f"no picture of {camera} was kept at {at.iso()[:19]}Z{why}; "
        f"what there is lies between {there.start.iso()[:19]}Z and {there.end.iso()[:19]}Z"
    )
