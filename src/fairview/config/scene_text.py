"""A scene as the text of a scene.toml, for the editor on the page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from fairview.core.scene import DetectorWish, Point, Scene


def scene_text(scene: Scene) -> str:
    """A scene file that reads back as the same scene (but for its digest).

    Known points are written in metres, also when they were given as latitude and longitude.
    """
    return "\n".join(_lines(scene)).strip() + "\n"


def _lines(scene: Scene) -> Iterator[str]:
    camera = scene.camera
    yield "version = 1"
    yield from ("", "[camera]", f"id = {_text(camera.id)}")
    yield f"size_px = [{camera.width_px}, {camera.height_px}]"
    if camera.fps is not None:
        yield f"fps = {_number(camera.fps)}"
    if camera.start is not None:
        yield f"start = {camera.start.iso()}"
    if scene.detector != DetectorWish():
        yield from ("", "[detector]", f"kind = {_text(scene.detector.kind)}")
        if scene.detector.model is not None:
            yield f"model = {_text(scene.detector.model)}"
        if scene.detector.confidence is not None:
            yield f"confidence = {_number(scene.detector.confidence)}"
    yield from _ground(scene)
    for line in scene.lines:
        yield from ("", "[[line]]", f"name = {_text(line.name)}")
        yield f"points_px = {_points(line.points_px)}"
    for zone in scene.zones:
        yield from ("", "[[zone]]", f"name = {_text(zone.name)}", f"kind = {_text(zone.kind)}")
        yield f"polygon_px = {_points(zone.polygon_px)}"
    yield from _named_parts(scene)
    for mask in scene.masks:
        yield from ("", "[[mask]]", f"polygon_px = {_points(mask.polygon_px)}")
        yield f"kind = {_text(mask.kind)}"


def _ground(scene: Scene) -> Iterator[str]:
    for length in scene.lengths:
        yield from ("", "[[ground.length]]", f"a_px = {_point(length.a_px)}")
        yield f"b_px = {_point(length.b_px)}"
        yield f"metres = {_number(length.metres)}"
    for known in scene.points:
        yield from ("", "[[ground.point]]", f"px = {_point(known.px)}")
        yield f"east_m = {_number(known.east_m)}"
        yield f"north_m = {_number(known.north_m)}"
    if scene.vanishing is not None:
        yield from ("", "[ground.vanishing]", f"vp1_px = {_point(scene.vanishing.vp1_px)}")
        yield f"vp2_px = {_point(scene.vanishing.vp2_px)}"
        yield f"principal_px = {_point(scene.vanishing.principal_px)}"


def _named_parts(scene: Scene) -> Iterator[str]:
    for lane in scene.lanes:
        yield from ("", "[[lane]]", f"zone = {_text(lane.zone)}")
        yield f"direction_px = {_points((lane.from_px, lane.to_px))}"
        if lane.speed_limit_kmh is not None:
            yield f"speed_limit_kmh = {_number(lane.speed_limit_kmh)}"
    for flow in scene.flows:
        yield from ("", "[[flow]]", f"name = {_text(flow.name)}")
        yield f"from_line = {_text(flow.from_line)}"
        yield f"to_line = {_text(flow.to_line)}"
    for signal in scene.signals:
        yield from ("", "[[signal]]", f"name = {_text(signal.name)}")
        yield f"stop_line = {_text(signal.stop_line)}"
        yield f"source = {_text(signal.source)}"
    for rule in scene.rules:
        yield from ("", "[[rule]]", f"name = {_text(rule.name)}", f"kind = {_text(rule.kind)}")
        if rule.zone is not None:
            yield f"zone = {_text(rule.zone)}"
        if rule.line is not None:
            yield f"line = {_text(rule.line)}"
        for key, value in rule.settings:
            yield f"{key} = {_value(value)}"


def _value(value: float | str | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, str) else _number(value)


def _number(value: float) -> str:
    """The shortest digits that read back as the same number; whole ones without a point."""
    return str(int(value)) if value == int(value) else repr(float(value))


def _point(point: Point) -> str:
    return f"[{_number(point[0])}, {_number(point[1])}]"


def _points(points: Sequence[Point]) -> str:
    return f"[{', '.join(_point(point) for point in points)}]"


def _text(value: str) -> str:
    """JSON's string is a TOML basic string when characters beyond ASCII stay as they are."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
