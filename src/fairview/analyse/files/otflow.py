"""OpenTrafficCam's `.otflow`: sections (our lines and zones) and flows, JSON or bzip2 of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairview.analyse.files.json_values import Table, a_list, a_number, a_text, read_json
from fairview.core.errors import BadInput
from fairview.core.scene import Flow, Line, Point, Scene, Zone

_GROUND = {"x": 0.5, "y": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFlows:
    """Lines, zones and flows for a scene, points in the file's pixels. warnings: sentences."""

    lines: tuple[Line, ...]
    zones: tuple[Zone, ...]
    flows: tuple[Flow, ...]
    warnings: tuple[str, ...]


def read_otflow(path: Path) -> ReadFlows:
    """Sections of type line become lines, of type area zones; names are the sections' own.

    Errors:  BadInput naming the section or flow.
    """
    document = read_json(path)
    lines: list[Line] = []
    zones: list[Zone] = []
    names: dict[str, str] = {}
    warnings: list[str] = []
    for place, section in enumerate(_objects(document, "sections", path), start=1):
        where = f"{path.name}, section {place}"
        number = _id(section, where)
        name = section["name"] if isinstance(section.get("name"), str) else number
        if number in names or name in names.values():
            raise BadInput(f"{where}: {name!r} is there twice; rename one")
        names[number] = str(name)
        points = tuple(_point(one, where) for one in a_list(section, "coordinates", where))
        if section.get("type") == "area":
            zones.append(Zone(name=names[number], polygon_px=_polygon(points, where), kind="any"))
        elif len(points) >= 2:
            lines.append(Line(name=names[number], points_px=points))
        else:
            raise BadInput(f"{where}: a line has two points or more")
        if not _is_ground(section):
            warnings.append(
                f"section {names[number]!r} looks at another point of the box than its lower "
                "edge's middle, where road users meet the ground; the latter is used"
            )
    flows = []
    line_names = {one.name for one in lines}
    for place, flow in enumerate(_objects(document, "flows", path), start=1):
        where = f"{path.name}, flow {place}"
        ends = [names.get(str(flow.get(key))) for key in ("start", "end")]
        if None in ends:
            raise BadInput(f"{where}: its start or end is no section of this file")
        if not line_names.issuperset(ends):
            warnings.append(f"flow {flow.get('name')!r} begins or ends in an area and is left out")
            continue
        name = flow["name"] if isinstance(flow.get("name"), str) else _id(flow, where)
        flows.append(Flow(name=str(name), from_line=str(ends[0]), to_line=str(ends[1])))
    return ReadFlows(
        lines=tuple(lines), zones=tuple(zones), flows=tuple(flows), warnings=tuple(warnings)
    )


def write_otflow(path: Path, scene: Scene) -> None:
    """A scene's lines, zones and flows as OTAnalytics reads them."""
    numbers: dict[str, str] = {}
    sections: list[Table] = []
    for line in scene.lines:
        numbers[line.name] = str(len(sections) + 1)
        sections.append(_section(numbers[line.name], line.name, "line", line.points_px))
    for zone in scene.zones:
        closed = (*zone.polygon_px, zone.polygon_px[0])
        sections.append(_section(str(len(sections) + 1), zone.name, "area", closed))
    flows: list[Table] = [
        {
            "id": flow.name,
            "name": flow.name,
            "start": numbers[flow.from_line],
            "end": numbers[flow.to_line],
            "distance": None,
        }
        for flow in scene.flows
    ]
    with path.open("w", encoding="utf-8") as file:
        json.dump({"sections": sections, "flows": flows}, file, indent=2, ensure_ascii=False)


def _objects(document: Table, key: str, path: Path) -> list[Table]:
    if key == "flows" and key not in document:
        return []
    found = a_list(document, key, path.name)
    if not all(isinstance(one, dict) for one in found):
        raise BadInput(f"{path.name}: {key} are objects; export the file again")
    return [one for one in found if isinstance(one, dict)]


def _id(entry: Table, where: str) -> str:
    value = entry.get("id")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return a_text(entry, "id", where)


def _point(value: object, where: str) -> Point:
    if not isinstance(value, dict):
        raise BadInput(f"{where}: coordinates are objects with x and y")
    return a_number(value, "x", where), a_number(value, "y", where)


def _polygon(points: tuple[Point, ...], where: str) -> tuple[Point, ...]:
    """Ours close by themselves; theirs repeat the first point."""
    if len(points) > 1 and points[0] == points[-1]:
        points = points[:-1]
    if len(points) < 3:
        raise BadInput(f"{where}: an area has three points or more")
    return points


def _is_ground(section: Table) -> bool:
    offsets = section.get("relative_offset_coordinates")
    if not isinstance(offsets, dict) or "section-enter" not in offsets:
        return True
    return bool(offsets["section-enter"] == _GROUND)


def _section(number: str, name: str, kind: str, points: Sequence[Point]) -> Table:
    return {
        "id": number,
        "name": name,
        "type": kind,
        "relative_offset_coordinates": {"section-enter": dict(_GROUND)},
        "coordinates": [{"x": x, "y": y} for x, y in points],
        "plugin_data": {},
    }
