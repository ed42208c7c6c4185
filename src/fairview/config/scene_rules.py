"""The parameters of every kind of rule, in one table: names with units, defaults, bounds.

scene_file.py checks a scene's rules against it; whoever runs the rules takes the defaults here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fairview.core.scene import RuleKind, ZoneKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a rule. default None: off unless given.

    form: number, text, hours ("22:00-06:00", several with commas), classes (names with commas).
    low, high: bounds of a number.
    """

    what: str
    form: Literal["number", "text", "hours", "classes"] = "number"
    default: float | str | None = None
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleForm:
    """What one kind of rule takes. zone_kinds: the kinds its zone may have; empty: any."""

    what: str
    parameters: Mapping[str, Parameter]
    needs_zone: bool = False
    zone_kinds: tuple[ZoneKind, ...] = ()
    needs_hours: bool = False


_CLASSES = Parameter(what="only these classes", form="classes")
_HOURS = Parameter(what="only in these hours of the day, UTC", form="hours")


def _after(default_s: float, what: str = "seconds it must last") -> Parameter:
    return Parameter(what=what, default=default_s, low=0.0, high=3_600.0)


def _kmh(what: str, default: float | None) -> Parameter:
    return Parameter(what=what, default=default, low=0.0, high=300.0)


def _with_shared(**own: Parameter) -> Mapping[str, Parameter]:
    return {**own, "classes": _CLASSES, "hours": _HOURS}


RULE_FORMS: Mapping[RuleKind, RuleForm] = {
    "red_light": RuleForm(
        what="passes a stop line while its signal shows red",
        parameters=_with_shared(
            signal=Parameter(what="the [[signal]] meant; default: the line's", form="text"),
            grace_s=Parameter(
                what="seconds after red begins that are let pass", default=0.5, high=5.0
            ),
            speed_kmh_min=_kmh("slower is creeping, not running the light", 0.0),
        ),
    ),
    "wrong_way": RuleForm(
        what="drives against a lane's allowed way",
        parameters=_with_shared(
            angle_deg_min=Parameter(
                what="angle to the allowed way", default=120.0, low=90.0, high=180.0
            ),
            after_s=_after(1.0),
            speed_kmh_min=_kmh("slower is rolling back, not driving", 0.0),
        ),
        needs_zone=True,
        zone_kinds=("lane",),
    ),
    "stopped": RuleForm(
        what="stands where nothing should",
        parameters=_with_shared(
            after_s=_after(10.0),
            speed_kmh_max=_kmh("up to this is standing", 3.0),
        ),
    ),
    "blocked_crossing": RuleForm(
        what="a vehicle stands on a crossing or in a junction",
        parameters=_with_shared(
            after_s=_after(5.0), speed_kmh_max=_kmh("up to this is standing", 3.0)
        ),
        needs_zone=True,
    ),
    "speeding": RuleForm(
        what="faster than allowed, with the whole interval above it",
        parameters=_with_shared(
            limit_kmh=_kmh("the limit; default: the lane's", None),
            over_kmh=_kmh("how much above the limit is let pass", 5.0),
        ),
    ),
    "closed_lane": RuleForm(
        what="uses a closed lane",
        parameters=_with_shared(after_s=_after(1.0)),
        needs_zone=True,
        zone_kinds=("lane", "closed"),
    ),
    "queue": RuleForm(
        what="a queue longer than it should be",
        parameters=_with_shared(
            count_min=Parameter(what="road users standing or crawling", default=5.0, high=1_000.0),
            length_m_min=Parameter(what="length in metres (needs a ground)", high=10_000.0),
            after_s=_after(30.0),
        ),
        needs_zone=True,
        zone_kinds=("queue", "lane", "stop_area", "any"),
    ),
    "off_crossing": RuleForm(
        what="a person crosses the road away from the crossing",
        parameters=_with_shared(after_s=_after(1.0)),
        needs_zone=True,
    ),
    "near_miss": RuleForm(
        what="two road users come close in time (a ranking aid)",
        parameters=_with_shared(
            ttc_s_max=Parameter(what="time to collision", default=1.5, low=0.1, high=10.0),
            pet_s_max=Parameter(what="post-encroachment time", default=1.0, low=0.1, high=10.0),
            drac_mps2_min=Parameter(
                what="deceleration needed to avoid the crash", default=3.35, low=0.1, high=20.0
            ),
            speed_kmh_min=_kmh("both slower than this: no near miss", 5.0),
        ),
    ),
    "density": RuleForm(
        what="too many persons on too little room",
        parameters=_with_shared(
            persons_per_m2_max=Parameter(
                what="persons per square metre (needs a ground)", default=4.0, low=0.1, high=12.0
            ),
            count_max=Parameter(what="persons in the zone", low=1.0, high=100_000.0),
            after_s=_after(10.0),
        ),
    ),
    "counter_flow": RuleForm(
        what="goes against the way most others go",
        parameters=_with_shared(
            angle_deg_min=Parameter(
                what="angle to the way of most", default=120.0, low=90.0, high=180.0
            ),
            share_min=Parameter(what="share that goes the usual way", default=0.8, high=1.0),
            after_s=_after(2.0),
        ),
    ),
    "intrusion": RuleForm(
        what="enters a zone",
        parameters=_with_shared(after_s=_after(1.0)),
        needs_zone=True,
    ),
    "presence": RuleForm(
        what="somebody stays in a closed zone during its hours",
        parameters=_with_shared(after_s=_after(10.0)),
        needs_zone=True,
        zone_kinds=("closed",),
        needs_hours=True,
    ),
    "object_left": RuleForm(
        what="a thing comes to rest and stays",
        parameters=_with_shared(
            after_s=_after(60.0),
            alone_m_min=Parameter(
                what="no person nearer than this, metres (needs a ground)", high=100.0
            ),
        ),
    ),
    "object_removed": RuleForm(
        what="a thing that stood is gone",
        parameters=_with_shared(after_s=_after(30.0)),
    ),
    "camera_fault": RuleForm(
        what="the camera is frozen, blind, covered, moved, dark, out of focus or off in time",
        parameters={"after_s": _after(30.0), "hours": _HOURS},
    ),
}
"""By kind, in the order of FORMATS."""
