"""What a scene's rules make of measured traffic: pure, one road user or one zone's bin at a time.

Each kind's settings, with units and defaults, stand in config/scene_rules.py. Kinds that are not
in `EVALUATED` are left out; who runs the rules says so. `camera_fault` is evaluated where
pictures are looked at.

An event is told once per road user and rule, and rests on figures that are certain enough: a
speed counts with the lower end of its interval, never with its middle. Hours are those of UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.config.scene_rules import RULE_FORMS
from fairview.core.errors import BadInput
from fairview.core.event import TrafficEvent
from fairview.core.ids import CameraId
from fairview.core.scene import Lane, Rule, RuleKind, Scene
from fairview.core.sight import KINDS, MOVING, VEHICLES, Track
from fairview.core.time import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND, Instant, Span
from fairview.core.traffic import PlaceSpeed, Stay, ZoneLevel

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

EVALUATED: frozenset[RuleKind] = frozenset(
    {
        "wrong_way",
        "speeding",
        "stopped",
        "blocked_crossing",
        "queue",
        "presence",
        "intrusion",
        "closed_lane",
        "camera_fault",
    }
)

REST_BOXES = 0.25
"""Without a ground a road user stands while its ground point stays within this share of its own
box height: a box that trembles by a few pixels stands, a car that creeps does not."""

TRAVEL_BOXES_MIN = 1.0
"""A way shorter than one's own box height has no direction worth telling."""

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenTrack:
    """One finished road user with what was measured of it. size_px: the scene's picture.

    Shapes:  point_kmh (n,), one for each point of the track, nan where not measurable.
    """

    track: Track
    stays: tuple[Stay, ...]
    speeds: tuple[PlaceSpeed, ...]
    point_kmh: Floats
    size_px: tuple[int, int]


def unevaluated(scene: Scene) -> tuple[Rule, ...]:
    """The scene's rules of kinds that this version does not evaluate."""
    return tuple(rule for rule in scene.rules if rule.kind not in EVALUATED)


def check_rules(scene: Scene) -> None:
    """Errors:  BadInput for a rule without the lane or limit it needs, and unreadable hours."""
    for rule in scene.rules:
        if rule.kind not in EVALUATED:
            continue
        _ = _hours(rule)
        lane = _lane(rule, scene)
        if rule.kind == "wrong_way" and lane is None:
            raise BadInput(f"rule {rule.name} needs a [[lane]] with zone = {rule.zone!r}")
        if rule.kind == "speeding" and _limit_kmh(rule, scene) is None:
            raise BadInput(
                f"rule {rule.name} needs limit_kmh, or a [[lane]] with a speed_limit_kmh"
            )


def events_of_track(seen: SeenTrack, scene: Scene) -> tuple[TrafficEvent, ...]:
    """What the scene's rules make of one finished road user."""
    found: list[TrafficEvent] = []
    for rule in scene.rules:
        if not _applies(rule, seen.track.kind, _whole(seen)):
            continue
        match rule.kind:
            case "wrong_way":
                found += _wrong_way(rule, seen, scene)
            case "speeding":
                found += _speeding(rule, seen, scene)
            case "stopped" | "blocked_crossing":
                found += _stopped(rule, seen)
            case "presence" | "intrusion" | "closed_lane":
                found += _stayed(rule, seen)
            case _:
                continue
    return tuple(found)


def events_of_levels(
    levels: Iterable[ZoneLevel], scene: Scene, camera: CameraId
) -> tuple[TrafficEvent, ...]:
    """Queues: bins of a zone in which the longest queue reached what a rule asks, joined.

    HOLE: a bin's longest queue says not for how long it was so long; after_s is not asked.
    """
    ordered = sorted(levels, key=lambda one: (one.zone, one.span))
    found: list[TrafficEvent] = []
    for rule in scene.rules:
        if rule.kind != "queue":
            continue
        runs: list[list[ZoneLevel]] = []
        for level in ordered:
            if level.zone != rule.zone or not _is_queue(rule, level):
                continue
            if runs and runs[-1][-1].span.end == level.span.start:
                runs[-1].append(level)
            else:
                runs.append([level])
        found += [_queue_event(rule, run, camera) for run in runs]
    return tuple(found)


def fault_event(
    scene: Scene, span: Span, because: str, details: tuple[tuple[str, float], ...]
) -> TrafficEvent | None:
    """What was wrong with the camera, told always; a rule's after_s and hours can silence it."""
    rule = next((one for one in scene.rules if one.kind == "camera_fault"), None)
    if rule is not None:
        is_short = span.duration_us < _number(rule, "after_s") * US_PER_SECOND
        if is_short or not _applies(rule, None, span):
            return None
    return TrafficEvent(
        kind="camera_fault",
        rule=rule.name if rule is not None else "camera_fault",
        camera=scene.camera.id,
        span=span,
        zone=None,
        line=None,
        seen_kind=None,
        tracks=(),
        first_track_start=None,
        values=(
            ("because", because),
            ("seconds", round(span.duration_us / US_PER_SECOND, 3)),
            *details,
        ),
        evidence=(span,),
    )


def _is_queue(rule: Rule, level: ZoneLevel) -> bool:
    if level.queue_max is None or not _applies(rule, None, level.span):
        return False
    metres = _number(rule, "length_m_min")
    is_long = metres <= 0 or (level.queue_m_max is not None and level.queue_m_max >= metres)
    return level.queue_max >= _number(rule, "count_min") and is_long


def _wrong_way(rule: Rule, seen: SeenTrack, scene: Scene) -> list[TrafficEvent]:
    """The way from where a road user entered the zone to where it left it, against the lane."""
    lane = _lane(rule, scene)
    if lane is None:
        return []
    points = _ground_px(seen)
    for stay in _stays_in(rule, seen, lasting_s=_number(rule, "after_s")):
        chosen = _during(seen.track, stay.span)
        inside = points[chosen]
        if len(inside) < 2 or _median(seen.point_kmh[chosen]) < _number(rule, "speed_kmh_min"):
            continue
        way = inside[-1] - inside[0]
        allowed = np.subtract(lane.to_px, lane.from_px)
        length = float(np.hypot(*way))
        if length < TRAVEL_BOXES_MIN * _box_height_px(seen):
            continue
        cosine = float(way @ allowed) / (length * float(np.hypot(*allowed)))
        angle = float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))
        if angle >= _number(rule, "angle_deg_min"):
            values = (("angle_deg", round(angle, 1)), ("travel_px", round(length, 1)))
            return [_event(rule, seen, stay.span, values)]
    return []


def _speeding(rule: Rule, seen: SeenTrack, scene: Scene) -> list[TrafficEvent]:
    """The speed in the rule's zone (without one: over the whole path), its low end above."""
    limit = _limit_kmh(rule, scene)
    if limit is None:
        return []
    place_kind = "zone" if rule.zone else "track"
    for one in seen.speeds:
        if one.place_kind != place_kind or one.place != (rule.zone or "") or one.speed is None:
            continue
        stays = _stays_in(rule, seen, lasting_s=0) if rule.zone else []
        if one.speed.low_kmh > limit + _number(rule, "over_kmh"):
            values = (
                ("speed_kmh", round(one.speed.kmh, 1)),
                ("speed_low_kmh", round(one.speed.low_kmh, 1)),
                ("speed_high_kmh", round(one.speed.high_kmh, 1)),
                ("limit_kmh", limit),
            )
            return [_event(rule, seen, stays[0].span if stays else _whole(seen), values)]
    return []


def _stopped(rule: Rule, seen: SeenTrack) -> list[TrafficEvent]:
    """The longest stretch in which a vehicle stood, in the rule's zone if it names one."""
    if seen.track.kind not in VEHICLES | {MOVING}:
        return []
    spans = [one.span for one in _stays_in(rule, seen, lasting_s=0)] if rule.zone else []
    longest: Span | None = None
    for span in spans if rule.zone else [_whole(seen)]:
        chosen = _during(seen.track, span)
        found = _rest(rule, seen, chosen)
        if found is not None and (longest is None or found.duration_us > longest.duration_us):
            longest = found
    if longest is None or longest.duration_us < _number(rule, "after_s") * US_PER_SECOND:
        return []
    values = (("seconds", round(longest.duration_us / US_PER_SECOND, 3)),)
    return [_event(rule, seen, longest, values)]


def _rest(rule: Rule, seen: SeenTrack, chosen: npt.NDArray[np.bool_]) -> Span | None:
    at_us, kmh = seen.track.at_us[chosen], seen.point_kmh[chosen]
    if np.isfinite(kmh).all():
        return _longest_slow(at_us, kmh, _number(rule, "speed_kmh_max"))
    return longest_rest(at_us, _ground_px(seen)[chosen], REST_BOXES * _box_height_px(seen))


def _stayed(rule: Rule, seen: SeenTrack) -> list[TrafficEvent]:
    """A stay in the rule's zone, in its hours: presence, intrusion, a closed lane."""
    if rule.kind == "closed_lane" and seen.track.kind not in VEHICLES | {MOVING}:
        return []
    for stay in _stays_in(rule, seen, lasting_s=_number(rule, "after_s")):
        values = (("seconds", round(stay.span.duration_us / US_PER_SECOND, 3)),)
        return [_event(rule, seen, stay.span, values)]
    return []


def _longest_slow(at_us: npt.NDArray[np.int64], kmh: Floats, kmh_max: float) -> Span | None:
    """The longest run of points no faster than kmh_max."""
    best: Span | None = None
    first: int | None = None
    for number, speed in enumerate(kmh):
        if speed > kmh_max:
            first = None
            continue
        first = number if first is None else first
        if number > first:
            span = Span(start=Instant(int(at_us[first])), end=Instant(int(at_us[number])))
            if best is None or span.duration_us > best.duration_us:
                best = span
    return best


def longest_rest(at_us: npt.NDArray[np.int64], points_px: Floats, within_px: float) -> Span | None:
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
    """Minutes of a UTC day; an end before the start is past midnight."""

    start_min: int
    end_min: int

    def overlaps(self, span: Span) -> bool:
        """Whether any moment of the span lies in these hours."""
        if span.duration_us >= US_PER_DAY:
            return True
        first, last = (_minute(moment) for moment in (span.start, span.end))
        if self._holds(first) or self._holds(last):
            return True
        return (self.start_min - first) % (24 * 60) <= (last - first) % (24 * 60)

    def _holds(self, minute: float) -> bool:
        if self.start_min <= self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min


def _minute(moment: Instant) -> float:
    return (moment.us % US_PER_DAY) / US_PER_MINUTE


def _hours(rule: Rule) -> tuple[_Hours, ...]:
    """The rule's hours; empty when it holds always. Errors: BadInput."""
    hours: list[_Hours] = []
    text = str(dict(rule.settings).get("hours", ""))
    for part in (piece.strip() for piece in text.split(",") if piece.strip()):
        found = _HOURS.match(part)
        if found is None:
            raise BadInput(f"rule {rule.name}: hours are written like 22:00-06:00, not {part!r}")
        one, two, three, four = (int(number) for number in found.groups())
        hours.append(_Hours(start_min=one * 60 + two, end_min=three * 60 + four))
    return tuple(hours)


def _applies(rule: Rule, kind: int | None, span: Span) -> bool:
    """Whether the rule means this class, and any moment of this span."""
    classes = str(dict(rule.settings).get("classes", ""))
    named = [name.strip() for name in classes.split(",") if name.strip()]
    if named and kind is not None and KINDS[kind] not in named:
        return False
    hours = _hours(rule)
    return not hours or any(one.overlaps(span) for one in hours)


def _number(rule: Rule, name: str) -> float:
    given = dict(rule.settings).get(name)
    default = RULE_FORMS[rule.kind].parameters[name].default
    return float(given if given is not None else default or 0.0)


def _lane(rule: Rule, scene: Scene) -> Lane | None:
    return next((lane for lane in scene.lanes if lane.zone == rule.zone), None)


def _limit_kmh(rule: Rule, scene: Scene) -> float | None:
    given = dict(rule.settings).get("limit_kmh")
    if given is not None:
        return float(given)
    lane = _lane(rule, scene)
    return lane.speed_limit_kmh if lane is not None else None


def _stays_in(rule: Rule, seen: SeenTrack, *, lasting_s: float) -> list[Stay]:
    return [
        stay
        for stay in seen.stays
        if stay.zone == rule.zone
        and stay.span.duration_us >= lasting_s * US_PER_SECOND
        and _applies(rule, seen.track.kind, stay.span)
    ]


def _whole(seen: SeenTrack) -> Span:
    return Span(start=seen.track.start, end=seen.track.end.plus(1))


def _median(values: Floats) -> float:
    """0 where nothing was measured."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else 0.0


def _during(track: Track, span: Span) -> npt.NDArray[np.bool_]:
    return np.asarray((track.at_us >= span.start.us) & (track.at_us <= span.end.us))


def _ground_px(seen: SeenTrack) -> Floats:
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
        seen_kind=seen.track.kind,
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
        seen_kind=None,
        tracks=(),
        first_track_start=None,
        values=tuple(values),
        evidence=(longest.span,),
    )
