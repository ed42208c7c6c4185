"""The parts of a scene that name others: lanes, flows, signals and rules."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from fairview.config.scene_rules import RULE_FORMS, Parameter, RuleForm
from fairview.config.scene_table import SceneTable, nearest_key
from fairview.core.errors import BadInput
from fairview.core.scene import Flow, Lane, Line, Point, Rule, RuleKind, Scene, SignalHead, Zone
from fairview.core.sight import KINDS

_HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)\Z")
_RULE_KEYS = ("name", "kind", "zone", "line")
Setting = float | str | bool


def _named(table: SceneTable, key: str, kind: str, names: Iterable[str]) -> str:
    """A key that names a line, zone or signal of the scene."""
    name, known = table.text(key), sorted(names)
    if name not in known:
        hint = f"; the nearest is {nearest_key(name, known)!r}" if known else ""
        raise table.wrong(key, f"there is no [[{kind}]] called {name!r}{hint}")
    return name


def lane_of(
    table: SceneTable,
    zones: Sequence[Zone],
    check: Callable[[SceneTable, str, Iterable[Point]], None],
) -> Lane:
    """Errors:  BadInput when its zone is missing or not of kind lane."""
    name = _named(table, "zone", "zone", (one.name for one in zones))
    table.renamed(f"[[lane]] {name!r}")
    zone = next(one for one in zones if one.name == name)
    if zone.kind != "lane":
        raise table.wrong("zone", f"zone {name!r} is of kind {zone.kind}; a lane needs kind lane")
    points = table.points("direction_px", 2)
    if len(points) != 2 or points[0] == points[1]:
        raise table.wrong("direction_px", "must be two different points, from and to")
    check(table, "direction_px", points)
    limit = table.positive("speed_limit_kmh", 300.0) if "speed_limit_kmh" in table else None
    return Lane(zone=name, from_px=points[0], to_px=points[1], speed_limit_kmh=limit)


def flow_of(table: SceneTable, lines: Sequence[Line]) -> Flow:
    name = table.name("name")
    table.renamed(f"[[flow]] {name!r}")
    names = [one.name for one in lines]
    return Flow(
        name=name,
        from_line=_named(table, "from_line", "line", names),
        to_line=_named(table, "to_line", "line", names),
    )


def signal_of(table: SceneTable, lines: Sequence[Line], folder: Path | None) -> SignalHead:
    name = table.name("name")
    table.renamed(f"[[signal]] {name!r}")
    source = table.text("source")
    return SignalHead(
        name=name,
        stop_line=_named(table, "stop_line", "line", (one.name for one in lines)),
        source=source if folder is None else str(folder / source),
    )


def rule_of(value: object, number: int, scene: Scene) -> Rule:
    """One [[rule]]; `number` counts from 1, `scene` holds the rules before it.

    Errors:  BadInput for an unknown kind, for a parameter that its kind has not, for presence
             elsewhere than in a closed zone with hours.
    """
    where = f"[[rule]] {number}"
    if not isinstance(value, Mapping):
        raise BadInput(f"{where} must be a table")
    every = sorted({name for form in RULE_FORMS.values() for name in form.parameters})
    kind_table = SceneTable(value, where, (*_RULE_KEYS, *every))
    kind = cast(RuleKind, kind_table.choice("kind", RuleKind))
    form = RULE_FORMS[kind]
    table = SceneTable(
        value, f"[[rule]] {number} of kind {kind}", (*_RULE_KEYS, *sorted(form.parameters))
    )
    of_its_kind = 1 + sum(1 for one in scene.rules if one.kind == kind)
    name = table.name("name", f"{kind}-{of_its_kind}")
    zone = _zone_of(table, form, scene)
    line = (
        _named(table, "line", "line", (one.name for one in scene.lines))
        if "line" in table
        else None
    )
    if form.needs_hours and "hours" not in table:
        raise table.wrong("hours", 'is needed, as in hours = "22:00-06:00"')
    settings = {
        key: _setting(table, key, parameter)
        for key, parameter in form.parameters.items()
        if key in table
    }
    if "signal" in settings and settings["signal"] not in {one.name for one in scene.signals}:
        raise table.wrong("signal", f"there is no [[signal]] called {settings['signal']!r}")
    return Rule(
        name=name, kind=kind, zone=zone, line=line, settings=tuple(sorted(settings.items()))
    )


def _zone_of(table: SceneTable, form: RuleForm, scene: Scene) -> str | None:
    if "zone" not in table:
        if form.needs_zone:
            raise table.wrong("zone", "is needed: this kind of rule works in a zone")
        return None
    name = _named(table, "zone", "zone", (one.name for one in scene.zones))
    kind = next(one.kind for one in scene.zones if one.name == name)
    if form.zone_kinds and kind not in form.zone_kinds:
        raise table.wrong(
            "zone",
            f"zone {name!r} is of kind {kind}; this kind of rule works only in zones of kind "
            f"{' or '.join(form.zone_kinds)}",
        )
    return name


def _setting(table: SceneTable, key: str, parameter: Parameter) -> Setting:
    if parameter.form == "number":
        return table.number(key, parameter.low, parameter.high)
    if parameter.form == "text":
        return table.text(key)
    words = _words(table, key)
    for word in words:
        if parameter.form == "classes":
            table.one_of(key, word, KINDS)
        elif not _HOURS.match(word):
            raise table.wrong(key, f"{word!r} is not a stretch of hours like 22:00-06:00")
    return ",".join(words)


def _words(table: SceneTable, key: str) -> list[str]:
    """A list of words, or one text with commas."""
    value = table.raw(key)
    if isinstance(value, list):
        if not value or not all(isinstance(one, str) for one in value):
            raise table.wrong(key, "must be a list of words")
        return [str(one) for one in value]
    return [one.strip() for one in table.text(key).split(",")]
