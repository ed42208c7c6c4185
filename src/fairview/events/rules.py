"""What a scene's rules make of measured traffic: pure, one road user or one zone's bin at a time.

Every kind has its own settings, with units in their names and defaults here. An unknown setting
is refused with the nearest known one. Kinds that are not in `SETTINGS` are not evaluated; who runs
the rules says so. `camera_fault` is evaluated where pictures are looked at.

An event is told once per road user and rule, and rests on figures that are certain enough: a
speed counts with the lower end of its interval, never with its middle.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.core.errors import BadInput
from fairview.core.event import TrafficEvent
from fairview.core.ids import CameraId
from fairview.core.scene import Lane, Rule, RuleKind, Scene
from fairview.core.sight import MOVING, VEHICLES, Track
from fairview.core.time import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND, Instant, Span
from fairview.core.traffic import PlaceSpeed, Stay, ZoneLevel

if TYPE_CHECKING:
    import numpy.typing as npt

    Points = npt.NDArray[np.float64]

Setting = float | str | bool

SETTINGS: dict[RuleKind, dict[str, Setting]] = {
    "wrong_way": {"travel_boxes_min": 1.0, "angle_deg_min": 120.0},
    "speeding": {"over_kmh": 0.0},
    "stopped": {"seconds_min": 10.0, "travel_boxes_max": 0.25},
    "queue": {"road_users_min": 5.0},
    "presence": {"hours": "", "offset_minutes": 0.0, "seconds_min": 1.0},
    "intrusion": {"seconds_min": 1.0},
    "closed_lane": {"hours": "", "offset_minutes": 0.0, "seconds_min": 1.0},
    "camera_fault": {},
}
"""The kinds that are evaluated, with their settings and defaults.

travel_boxes_*: a way through the picture, in the road user's own median box height, so that near
and far count alike. hours: `22:00-06:00`, on a clock offset_minutes ahead of UTC; empty: always.
"""

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTrack:
    """One finished road user with what was measured of it. size_px: the scene's picture."""

    track: Track
    stays: tuple[Stay, ...]
    speeds: tuple[PlaceSpeed, ...]
    size_px: tuple[int, int]


def unevaluated(scene: Scene) -> tuple[Rule, ...]:
    """The scene's rules of kinds that this version does not evaluate."""
    return tuple(rule for rule in scene.rules if rule.kind not in SETTINGS)


def check_rules(scene: Scene) -> None:
    """Errors:  BadInput for a setting that its kind has not, of another type, or for a rule
    without the zone or lane that it needs.
    """
    for rule in scene.rules:
        if rule.kind not in SETTINGS:
            continue
        known = SETTINGS[rule.kind]
        for name, value in rule.settings:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
                hint = f"did you mean {near[0]}?" if near else "it has no settings"
                raise BadInput(f"rule {rule.name} ({rule.kind}) has no setting {name}: {hint}")
            if isinstance(known[name], str) != isinstance(value, str):
                raise BadInput(f"rule {rule.name}: {name} can't be {value!r}")
        _ = _hours(rule)
        _check_place(rule, scene)


def events_of_track(seen: SeenTrack, scene: Scene) -> tuple[TrafficEvent, ...]:
    """What the scene's rules make of one finished road user."""
    found: list[TrafficEvent] = []
    for rule in scene.rules:
        match rule.kind:
            case "wrong_way":
                found += _wrong_way(rule, seen, scene)
            case "speeding":
                found += _speeding(rule, seen, scene)
            case "stopped":
                found += _stopped(rule, seen, scene)
            case "presence" | "intrusion" | "closed_lane":
                found += _stayed(rule, seen, scene)
            case _:
                continue
    return tuple(found)


def events_of_levels(
    levels: Iterable[ZoneLevel], scene: Scene, camera: CameraId
) -> tuple[TrafficEvent, ...]:
    """Queues: bins of a zone in which the longest queue reached what a rule asks, joined."""
    ordered = sorted(levels, key=lambda one: (one.zone, one.span))
    found: list[TrafficEvent] = []
    for rule in scene.rules:
        if rule.kind != "queue":
            continue
        least = _number(rule, "road_users_min")
        run: list[ZoneLevel] = []
        for level in ordered:
            if level.zone != rule.zone:
                continue
            if run and run[-1].span.end != level.span.start:
                found.append(_queue_event(rule, run, camera))
                run = []
            if level.queue_max is not None and level.queue_max >= least:
                run.append(level)
            elif run:
                found.append(_queue_event(rule, run, camera))
                run = []
        if run:
            found.append(_queue_event(rule, run, camera))
    return tuple(found)


def _check_place(rule: Rule, scene: Scene) -> None:
    zone = next((one for one in scene.zones if one.name == rule.zone), None)
    if rule.zone is not None and zone is None:
        raise BadInput(f"rule {rule.name} names a zone {rule.zone!r} that the scene has not")
    if rule.kind == "camera_fault":
        return
    if zone is None and rule.kind != "stopped":
        raise BadInput(f'rule {rule.name} ({rule.kind}) needs a zone: add zone = "…" to it')
    if rule.kind == "presence" and zone is not None and zone.kind != "closed":
        raise BadInput(
            f"rule {rule.name}: presence works only in zones of kind closed, and {zone.name} is "
            f"{zone.kind}"
        )
    if rule.kind == "presence" and _hours(rule) is None:
        raise BadInput(f'rule {rule.name}: presence needs hours, as in hours = "22:00-06:00"')
    lane = _lane(rule, scene)
    if rule.kind in ("wrong_way", "speeding") and lane is None:
        raise BadInput(f"rule {rule.name} ({rule.kind}) needs a [[lane]] with zone = {rule.zone!r}")
    if rule.kind == "speeding" and lane is not None and lane.speed_limit_kmh is None:
        raise BadInput(f"rule {rule.name}: its lane has no speed_limit_kmh")


def _wrong_way(rule: Rule, seen: SeenTrack, scene: Scene) -> list[TrafficEvent]:
    """The way from where a road user entered the zone to where it left it, against the lane."""
    lane = _lane(rule, scene)
    if lane is None:
        return []
    points = _ground_px(seen)
    for stay in _stays_in(rule, seen):
        inside = points[_during(seen.track, stay.span)]
        if len(inside) < 2:
            continue
        way = inside[-1] - inside[0]
        allowed = np.subtract(lane.to_px, lane.from_px)
        length = float(np.hypot(*way))
        if length < _number(rule, "travel_boxes_min") * _box_height_px(seen):
            continue
        cosine = float(way @ allowed) / (length * float(np.hypot(*allowed)))
        angle = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
        if angle >= _number(rule, "angle_deg_min"):
            values = (("angle_deg", round(angle, 1)), ("travel_px", round(length, 1)))
            return [_event(rule, seen, stay.span, values)]
    return []


def _speeding(rule: Rule, seen: SeenTrack, scene: Scene) -> list[TrafficEvent]:
    lane = _lane(rule, scene)
    if lane is None or lane.speed_limit_kmh is None:
        return []
    limit = lane.speed_limit_kmh + _number(rule, "over_kmh")
    for one in seen.speeds:
        if one.place_kind != "zone" or one.place != rule.zone or one.speed is None:
            continue
        stays = _stays_in(rule, seen)
        if one.speed.low_kmh > limit and stays:
            values = (
                ("speed_kmh", round(one.speed.kmh, 1)),
                ("speed_low_kmh", round(one.speed.low_kmh, 1)),
                ("speed_high_kmh", round(one.speed.high_kmh, 1)),
                ("limit_kmh", lane.speed_limit_kmh),
            )
            return [_event(rule, seen, stays[0].span, values)]
    return []


def _stopped(rule: Rule, seen: SeenTrack, scene: Scene) -> list[TrafficEvent]:
    """The longest stretch in which a vehicle's ground point stayed within a small circle."""
    if seen.track.kind not in VEHICLES | {MOVING}:
        return []
    within = _number(rule, "travel_boxes_max") * _box_height_px(seen)
    whole = Span(start=seen.track.start, end=seen.track.end.plus(1))
    spans = [one.span for one in _stays_in(rule, seen)] if rule.zone else [whole]
    longest: Span | None = None
    for span in spans:
        chosen = _during(seen.track, span)
        found = longest_rest(seen.track.at_us[chosen], _ground_px(seen)[chosen], within)
        if found is not None and (longest is None or found.duration_us > longest.duration_us):
            longest = found
    if longest is None or longest.duration_us < _number(rule, "seconds_min") * US_PER_SECOND:
        return []
    values = (("seconds", round(longest.duration_us / US_PER_SECOND, 3)),)
    return [_event(rule, seen, longest, values)]


def _stayed(rule: Rule, seen: SeenTrack, scene: Scene) -> list[TrafficEvent]:
    """A stay in the rule's zone, in its hours: presence, intrusion, a closed lane."""
    if rule.kind == "closed_lane" and seen.track.kind not in VEHICLES | {MOVING}:
        return []
    hours = _hours(rule)
    least_us = _number(rule, "seconds_min") * US_PER_SECOND
    for stay in _stays_in(rule, seen):
        if stay.span.duration_us < least_us:
            continue
        if hours is not None and not hours.holds(stay.span.start, stay.span.end):
            continue
        values = (("seconds", round(stay.span.duration_us / US_PER_SECOND, 3)),)
        return [_event(rule, seen, stay.span, values)]
    return []


def longest_rest(at_us: npt.NDArray[np.int64], points_px: Points, within_px: float) -> Span | None:
    """The longest stretch whose every point lay within within_px of where the stretch began, or of
    a later beginning that took its place; one that drifts on slowly is cut where it left.

    Cost:    two fingers over the points; each step compares one point with one.
    """
    best: Span | None = None
    first = 0
    for last in range(1, len(at_us)):
        while first < last and np.hypot(*(points_px[last] - points_px[first])) > within_px:
            first += 1
        if first < last:
            span = Span(start=Instant(int(at_us[first])), end=Instant(int(at_us[last])))
            if best is None or span.duration_us > best.duration_us:
                best = span
    return best


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hours:
    """Minutes of a day, on a clock ahead of UTC; an end before the start is past midnight."""

    start_min: int
    end_min: int
    offset_us: int

    def holds(self, start: Instant, end: Instant) -> bool:
        """Whether any moment of the stay lies in these hours."""
        if end.since(start) >= US_PER_DAY:
            return True
        first, last = (self._minute(moment) for moment in (start, end))
        if self._is_in(first) or self._is_in(last):
            return True
        until = (self.start_min - first) % (24 * 60)
        return until <= (last - first) % (24 * 60)

    def _minute(self, moment: Instant) -> float:
        return ((moment.us + self.offset_us) % US_PER_DAY) / US_PER_MINUTE

    def _is_in(self, minute: float) -> bool:
        if self.start_min <= self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min


def _hours(rule: Rule) -> _Hours | None:
    if "hours" not in SETTINGS[rule.kind]:
        return None
    text = str(_setting(rule, "hours"))
    if not text:
        return None
    found = _HOURS.match(text)
    if found is None:
        raise BadInput(f"rule {rule.name}: hours are written like 22:00-06:00, not {text!r}")
    one, two, three, four = (int(part) for part in found.groups())
    offset = round(_number(rule, "offset_minutes") * US_PER_MINUTE)
    return _Hours(start_min=one * 60 + two, end_min=three * 60 + four, offset_us=offset)


def _setting(rule: Rule, name: str) -> Setting:
    return dict(rule.settings).get(name, SETTINGS[rule.kind][name])


def _number(rule: Rule, name: str) -> float:
    return float(_setting(rule, name))


def _lane(rule: Rule, scene: Scene) -> Lane | None:
    return next((lane for lane in scene.lanes if lane.zone == rule.zone), None)


def _stays_in(rule: Rule, seen: SeenTrack) -> list[Stay]:
    return [stay for stay in seen.stays if stay.zone == rule.zone]


def _during(track: Track, span: Span) -> npt.NDArray[np.bool_]:
    return np.asarray((track.at_us >= span.start.us) & (track.at_us <= span.end.us))


def _ground_px(seen: SeenTrack) -> Points:
    return seen.track.ground_unit * np.array(seen.size_px, dtype=np.float64)


def _box_height_px(seen: SeenTrack) -> float:
    boxes = seen.track.boxes_unit
    return float(np.median(boxes[:, 3] - boxes[:, 1])) * seen.size_px[1]


def _event(
    rule: Rule, seen: SeenTrack, span: Span, values: tuple[tuple[str, float | str], ...]
) -> TrafficEvent:
    return TrafficEvent(
        kind=rule.kind,
        rule=rule.name,
        camera=seen.track.camera,
        span=span,
        zone=rule.zone,
        line=rule.line,
        road_user=seen.track.kind,
        tracks=(seen.track.id,),
        first_track_start=seen.track.start,
        values=values,
        evidence=(span,),
    )


def _queue_event(rule: Rule, run: list[ZoneLevel], camera: CameraId) -> TrafficEvent:
    span = Span(start=run[0].span.start, end=run[-1].span.end)
    longest = max(run, key=lambda one: one.queue_max or 0)
    values: list[tuple[str, float | str]] = [("queue_road_users", float(longest.queue_max or 0))]
    if longest.queue_m_max is not None:
        values.append(("queue_m", round(longest.queue_m_max, 1)))
    return TrafficEvent(
        kind=rule.kind,
        rule=rule.name,
        camera=camera,
        span=span,
        zone=rule.zone,
        line=rule.line,
        road_user=None,
        tracks=(),
        first_track_start=None,
        values=tuple(values),
        evidence=(longest.span,),
    )
