"""A scene's rules while road users are still in the picture, for a camera that is kept by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fairview.analyse.ground.calibrate import calibrate
from fairview.analyse.measure.looked import Looked
from fairview.analyse.measure.measures import MeasureContext, measure
from fairview.analyse.trigger_taps import TriggerTap
from fairview.core.limits_keeping import RULE_TRACKS_MAX, RULES_LOOK_US
from fairview.core.scene import Scene
from fairview.core.sight import Track
from fairview.core.time import Instant, Span
from fairview.core.trigger_sign import TriggerSign
from fairview.events.rules import EVALUATED
from fairview.run.watch.point_speeds import point_speeds
from fairview.run.watch.rule_events import rule_events


class RuleSigns:
    """One camera's rules as signs. `seen` is for the thread that looks, the rest for any.

    A rule holds from when its event began until the road user is gone: one that stands too long is
    kept until it leaves. A queue holds for the rest of its counting interval.

    Cost:    2 ms a road user every RULES_LOOK_US.
    """

    def __init__(self, scene: Scene, tap: TriggerTap) -> None:
        self._scene, self._tap = scene, tap
        self._ground = calibrate(scene) if scene.has_ground else None
        self._context = MeasureContext(ground=self._ground)
        self._has_rules = any(
            rule.kind in EVALUATED and rule.kind != "camera_fault" for rule in scene.rules
        )
        self._ended: list[Track] = []
        self._looked: Instant | None = None

    def seen(
        self, under_way: Callable[[], Sequence[Track]], ended: Sequence[Track], at: Instant
    ) -> None:
        """One more picture was looked at. under_way: the tracks so far; ended: those that just
        ended."""
        self._ended = [*self._ended, *ended][-RULE_TRACKS_MAX:]
        if self._looked is not None and 0 <= at.since(self._looked) < RULES_LOOK_US:
            return
        self._looked = at
        tracks = [*self._ended, *under_way()][-RULE_TRACKS_MAX:]
        self._ended = []
        self._say(at, self._since(tracks, at))

    def quiet(self, at: Instant) -> None:
        """Nothing moved up to here, as packets and key frames tell."""
        self._say(at, None)

    def not_looked(self, at: Instant) -> None:
        """Pictures were dropped because there was too much to look at."""
        self._say(at, None, blind="there was too much to look at")

    def _since(self, tracks: Sequence[Track], at: Instant) -> Instant | None:
        if not tracks or not self._has_rules:
            return None
        start = min(track.start for track in tracks)
        end = max([at, *(track.end for track in tracks)]).plus(1)
        measures = measure(
            tracks, self._scene, Looked(watched=(Span(start=start, end=end),)), self._context
        )
        points = {one.id: point_speeds(one, self._scene, self._ground) for one in tracks}
        found = rule_events(self._scene, tracks, measures, points)
        return min((event.span.start for event in found), default=None)

    def _say(self, at: Instant, since: Instant | None, *, blind: str = "") -> None:
        if not self._has_rules:
            blind = "its scene has no rule that is looked at"
        self._tap.put(
            (
                TriggerSign(
                    camera=self._scene.camera.id,
                    trigger="rule",
                    looked_until=at,
                    since=since,
                    blind=blind,
                ),
            )
        )
