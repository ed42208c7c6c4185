"""A camera as one actor may know it: what it does now, and what may be seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fairview.access.clean_pictures import CleanPictures
from fairview.access.door import CameraView, Health, Timeline, TimelineGap
from fairview.access.keeping import played_stream
from fairview.access.may import Allowed, raw_because
from fairview.core.camera import Camera
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId
from fairview.core.limits import CAMERA_FRESH_US, CAMERA_STARTING_US, EVENTS_LOOKED_AT_MAX
from fairview.core.media import GapBecause, Segment
from fairview.core.time import US_PER_DAY, Clock, Instant, Span
from fairview.record.playback import timeline
from fairview.store.contracts import Catalogue

RESTS: dict[GapBecause, str] = {
    GapBecause.NO_EVENT: "nothing happens; it is kept around events",
    GapBecause.NOT_SCHEDULED: "it is kept by hours, and this is outside them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    health: Health
    because: str


class CameraViews:
    """Safe from several threads."""

    def __init__(self, catalogue: Catalogue, pictures: CleanPictures, clock: Clock) -> None:
        self._catalogue = catalogue
        self._pictures = pictures
        self._clock = clock

    def views(self, cameras: Sequence[Camera]) -> tuple[CameraView, ...]:
        """Cost: a few catalogue questions per camera, and one for all."""
        now = self._clock.now()
        since = Instant(max(0, now.us - US_PER_DAY))
        events = self._catalogue.events(since, EVENTS_LOOKED_AT_MAX)
        return tuple(self._view(camera, events, now) for camera in cameras)

    def timeline(self, camera: CameraId, span: Span) -> Timeline:
        """Footage and gaps of the stream that is played, inside a span."""
        stream = played_stream(self._catalogue.camera(camera).camera)
        seen = timeline(
            self._catalogue.segments(camera, stream, span),
            self._catalogue.gaps(camera, stream, span),
            span,
        )
        gaps = tuple(TimelineGap(span=gap.span, because=gap.because) for gap in seen.gaps)
        return Timeline(footage=seen.footage, gaps=gaps)

    def _view(self, camera: Camera, events: Sequence[HealthEvent], now: Instant) -> CameraView:
        newest = self._newest(camera, now)
        mine = [one for one in events if one.camera == camera.id]
        rests = self._rests(camera, newest, now)
        seen = rests or _health(camera, newest, mine, now)
        raw = raw_because(camera, now)
        has_clean = self._pictures.approved(camera.id) is not None
        return CameraView(
            camera=camera,
            health=seen.health,
            health_because=seen.because,
            may_see_raw=isinstance(raw, Allowed),
            raw_because=raw.because,
            has_clean_picture=has_clean,
            waits_for_approval=self._pictures.is_waiting(camera.id),
            newest=None if newest is None else newest.span.end,
        )

    def _rests(self, camera: Camera, newest: Segment | None, now: Instant) -> _Seen | None:
        """Set while nothing is kept because its plan says so."""
        if camera.recording.mode == "continuous" or not camera.is_active:
            return None
        lately = Span(start=Instant(max(0, now.us - CAMERA_FRESH_US)), end=now.plus(1))
        gaps = self._catalogue.gaps(camera.id, played_stream(camera), lately)
        last = max(gaps, key=lambda one: one.span.end, default=None)
        if last is None or last.because not in RESTS:
            return None
        if newest is not None and newest.span.end > last.span.end:
            return None
        return _Seen(health="resting", because=RESTS[last.because])

    def _newest(self, camera: Camera, now: Instant) -> Segment | None:
        lately = Span(start=Instant(max(0, now.us - CAMERA_STARTING_US)), end=now.plus(US_PER_DAY))
        stream = played_stream(camera)
        found = self._catalogue.segments(camera.id, stream, lately)
        if not found:
            found = self._catalogue.segments(camera.id, stream, None)
        return max(found, key=lambda one: one.span.end, default=None)


def _health(
    camera: Camera, newest: Segment | None, events: Sequence[HealthEvent], now: Instant
) -> _Seen:
    if not camera.is_active:
        return _Seen(health="stopped", because="it was removed; its footage is kept for its time")
    if camera.register.review_at <= now:
        return _Seen(health="stopped", because="its register entry is past its review date")
    last = max(
        (one for one in events if one.kind in ("camera_away", "camera_back")),
        key=lambda one: one.at,
        default=None,
    )
    is_fresh = newest is not None and now.since(newest.span.end) <= CAMERA_FRESH_US
    if is_fresh and (last is None or last.kind == "camera_back"):
        return _Seen(health="recording", because="")
    if last is not None and last.kind == "camera_away":
        return _Seen(health="away", because=last.because)
    if is_fresh:
        return _Seen(health="recording", because="")
    if newest is None:
        return _Seen(health="starting", because="nothing was recorded of it yet")
    return _Seen(health="away", because=f"nothing was recorded since {newest.span.end.iso()[:19]}Z")
