"""One live camera's figures: pictures looked at become tracks, tracks become counts and speeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from fairview.analyse.detectors.contract import Picture
from fairview.analyse.gate import Gate, Rest
from fairview.analyse.ground.calibrate import calibrate
from fairview.analyse.health import HealthWatch
from fairview.analyse.measure.looked import Looked
from fairview.analyse.measure.measurer import Measurer
from fairview.analyse.measure.measures import MeasureContext, Measures, measure
from fairview.analyse.measure.merge import joined_counts, speed_bins
from fairview.analyse.sights import SightTap, sight_of
from fairview.analyse.track.tracker import Tracker
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import ANALYSIS_SO_FAR_US, MEASURE_TRACKS_MAX
from fairview.core.scene import Scene
from fairview.core.sight import Detections, Track, Unmeasurable
from fairview.core.time import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND, Instant, Span
from fairview.core.traffic import Accuracy, Count, Crossing
from fairview.run.analysing.rule_watch import RuleSigns
from fairview.store.contracts import Change, CountsSaved, EventSaved, SpeedsSaved

GAP_US = 3 * US_PER_SECOND
"""Two pictures further apart than this don't belong together: between them nobody looked."""

AWAY_US = US_PER_DAY
"""After this long without a picture counting begins anew, without rows for the time between."""

TOLD_LATE_US = 2 * US_PER_MINUTE
"""A fault of the camera is told within this time, and then holds for the time before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisParts:
    """What one camera's analysis works with. before: what an earlier run counted in the bin that is
    under way, so that the two become one.

    put hands on rows and never waits. gate: is told what was found; None: everything is decoded.
    rules: are asked while road users are in the picture, for a camera that is kept by them.
    """

    scene: Scene
    accuracy: Accuracy | None
    bin_us: int
    tap: SightTap
    before: tuple[Count, ...]
    put: Callable[[Change], None]
    gate: Gate | None = None
    rules: RuleSigns | None = None


class CameraAnalysis:
    """Follows one camera from when it has a scene to when it changes. Used by one thread.

    faults: what is wrong with the camera's picture now.
    """

    def __init__(self, parts: AnalysisParts) -> None:
        self._parts = parts
        self.camera: CameraId = parts.scene.camera.id
        ground = calibrate(parts.scene) if parts.scene.has_ground else None
        self._context = MeasureContext(bin_us=parts.bin_us, accuracy=parts.accuracy, ground=ground)
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._tracker = Tracker(self.camera)
        self._health = HealthWatch(self.camera)
        self.faults: set[str] = set()
        self._measurer = Measurer(self._parts.scene, self._context)
        self._so_far = _SoFar(self._parts.scene, self._context)
        self._crossings: list[Crossing] = []
        self._since: Instant | None = None
        self._last: Instant | None = None
        self._known_to: Instant | None = None
        self._rest = Rest()
        self._shown_at: Instant | None = None
        self._gate_was_on = False

    def seen(self, picture: Picture, found: Detections) -> None:
        """One picture more that was looked at, and what was found in it."""
        if self._last is not None and picture.at <= self._last:
            if self._last.since(picture.at) <= GAP_US:
                return
            # The clock was set back: what was measured stays, and time begins again.
            self._finish()
            self._begin_anew()
        elif self._known_to is not None and picture.at.since(self._known_to) > AWAY_US:
            # Away for a day, or a clock set ahead: nobody wants empty bins of all that time.
            self._finish()
            self._begin_anew()
        self._begin(picture.at)
        for change in self._health.see(picture.planes, picture.at):
            (self.faults.add if change.is_on else self.faults.discard)(change.fault)
            kind = "picture_bad" if change.is_on else "picture_good"
            self._parts.put(
                EventSaved(
                    event=HealthEvent(
                        kind=kind, camera=self.camera, at=change.at, because=change.fault
                    )
                )
            )
        self._tracker.advance(found)
        tracks = self._tracker.open
        self._parts.tap.put((sight_of(self.camera, picture.at, tracks),))
        if self._parts.gate is not None:
            moving, restless = self._rest.look(tracks, picture.at)
            self._parts.gate.found(picture.at, moving=moving, restless=restless)
        ended = self._tracker.take_finished()
        if self._parts.rules is not None:
            self._parts.rules.seen(self._tracker.so_far, ended, picture.at)
        self._take(ended)
        self._last = self._known_to = picture.at
        if self._shown_at is None or picture.at.since(self._shown_at) >= ANALYSIS_SO_FAR_US:
            self._shown_at = picture.at
            self._settle(picture.at)

    def quiet(self, span: Span) -> None:
        """Nothing was decoded in this stretch, because packets and key frames told that nothing
        moved: it counts as looked at. What the gate misses all the same is in its own audits.
        """
        if self._known_to is None or span.start.since(self._known_to) > GAP_US:
            return
        if span.end > self._known_to:
            self._known_to = span.end
            self._parts.tap.put((sight_of(self.camera, span.end, self._tracker.open),))

    def not_looked(self, stretch: Unmeasurable) -> None:
        """Pictures of this stretch were dropped because there was too much to look at."""
        self._measurer.unmeasurable(stretch)
        self._so_far.unmeasurable(stretch)
        if self._parts.rules is not None:
            self._parts.rules.not_looked(stretch.span.end)

    def close(self) -> None:
        """The camera or its scene goes: what is known of the bin under way is written."""
        self._finish()
        self._parts.tap.close()

    def _finish(self) -> None:
        self._end_stretch()
        self._take(self._tracker.close())
        self._write(self._measurer.rest())

    def _begin(self, at: Instant) -> None:
        """A stretch of looking begins or goes on."""
        if self._known_to is not None and at.since(self._known_to) > GAP_US:
            self._end_stretch()
            self._take(self._tracker.close())
        if self._since is None:
            self._since = at

    def _end_stretch(self) -> None:
        if self._since is not None and self._known_to is not None and self._since < self._known_to:
            self._watch(Span(start=self._since, end=self._known_to))
        self._since = None

    def _take(self, tracks: Sequence[Track]) -> None:
        for track in tracks:
            self._measurer.add(track)
            self._so_far.add(track)

    def _watch(self, span: Span) -> None:
        self._measurer.watched(span)
        self._so_far.watched(span)

    def _settle(self, now: Instant) -> None:
        """What is complete leaves for good; the bin under way leaves as it stands."""
        if self._since is not None and self._since < now:
            self._watch(Span(start=self._since, end=now))
            self._since = now
            for one in self._health.unmeasurable(Span(start=now.plus(-TOLD_LATE_US), end=now)):
                self.not_looked(one)
        self._tell_gate()
        self._write(self._measurer.ready(now))
        self._put_counts(self._so_far.measures(now), is_final=False)

    def _tell_gate(self) -> None:
        """When decoding begins or ceases to follow motion: why, and what its audits say."""
        gate = self._parts.gate
        if gate is None or gate.state.is_on == self._gate_was_on:
            return
        state = gate.state
        self._gate_was_on = state.is_on
        structlog.get_logger().info(
            "gate on" if state.is_on else "gate off",
            camera=self.camera,
            because=state.because,
            missed_frac=state.missed_frac,
            audited_s=state.audited_s,
        )

    def _write(self, measures: Measures) -> None:
        self._crossings += measures.crossings
        self._put_counts(measures, is_final=True)

    def _put_counts(self, measures: Measures, *, is_final: bool) -> None:
        counts = (*measures.counts, *measures.flows)
        if not counts:
            return
        crossings = self._crossings if is_final else measures.crossings
        starts = {count.span.start for count in counts}
        before = [one for one in self._parts.before if one.span.start in starts]
        self._parts.put(CountsSaved(camera=self.camera, counts=joined_counts(before, counts)))
        speeds = speed_bins(crossings, counts)
        if speeds:
            self._parts.put(SpeedsSaved(camera=self.camera, speeds=speeds))
        if is_final:
            end = max(count.span.end for count in counts)
            # A late track may still bring crossings of the bin before.
            keep_from = end.plus(-min(end.us, 2 * self._parts.bin_us))
            self._crossings = [one for one in self._crossings if one.at >= keep_from]


class _SoFar:
    """The bin under way, measured as if it ended now; its rows are replaced when it does."""

    def __init__(self, scene: Scene, context: MeasureContext) -> None:
        self._scene, self._context = scene, context
        self._tracks: list[Track] = []
        self._watched: list[Span] = []
        self._unmeasurable: list[Unmeasurable] = []

    def add(self, track: Track) -> None:
        if len(self._tracks) < MEASURE_TRACKS_MAX:
            self._tracks.append(track)

    def watched(self, span: Span) -> None:
        self._watched.append(span)

    def unmeasurable(self, stretch: Unmeasurable) -> None:
        self._unmeasurable.append(stretch)

    def measures(self, now: Instant) -> Measures:
        """Of the bin that holds `now`; its observed share is of the whole bin."""
        start = bin_start(now, self._context.bin_us)
        self._tracks = [one for one in self._tracks if one.end >= start]
        self._watched = [one for one in self._watched if one.end > start]
        self._unmeasurable = [one for one in self._unmeasurable if one.span.end > start]
        if not self._watched or not self._scene.lines:
            return Measures(start=start)
        looked = Looked(watched=tuple(self._watched), unmeasurable=tuple(self._unmeasurable))
        found = measure(self._tracks, self._scene, looked, replace(self._context, start=start))
        return replace(
            found,
            counts=tuple(one for one in found.counts if one.span.start == start),
            flows=tuple(one for one in found.flows if one.span.start == start),
        )


def bin_start(at: Instant, bin_us: int) -> Instant:
    """When the bin that holds a moment begins: bins keep step with the UTC day."""
    return Instant(at.us - at.us % bin_us)
