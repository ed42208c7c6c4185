"""scene.toml: what a camera looks at, read and checked to the last key (FORMATS)."""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

from fairview.config.scene_parts import flow_of, lane_of, rule_of, signal_of
from fairview.config.scene_shapes import Geodetic, crossing_of, local_metres
from fairview.config.scene_table import NUMBER_MAX, SceneTable
from fairview.core.errors import BadInput, NotFound
from fairview.core.ids import camera_id
from fairview.core.limits_seeing import SCENE_BYTES_MAX
from fairview.core.scene import (
    DetectorWish,
    KnownPoint,
    Line,
    Point,
    Scene,
    SceneCamera,
    SceneMask,
    TapedLength,
    Vanishing,
    Zone,
    ZoneKind,
)
from fairview.core.time import Instant, instant

SCENE_VERSION = 1
_TOP = (
    "version",
    "camera",
    "detector",
    "ground",
    "line",
    "zone",
    "lane",
    "flow",
    "signal",
    "rule",
    "mask",
)
_SIDE_PX_MAX = 16_384
_FPS_MAX = 1_000.0
_METRES_MAX = 100_000.0


def read_scene(path: Path) -> Scene:
    """The scene in a file. A model's or a signal's path is taken from the file's folder.

    Errors:  NotFound when there is no such file; BadInput, naming the file, for all else.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name the scene file in it, as {path / 'scene.toml'}")
    try:
        with path.open("rb") as file:
            text = file.read(SCENE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise NotFound(f"there is no scene file {path}; check the path") from error
    except OSError as error:
        raise BadInput(f"the scene file {path} cannot be read: {error.strerror}") from error
    try:
        return scene_of(text, folder=path.parent)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error


def scene_of(text: bytes, folder: Path | None = None) -> Scene:
    """The scene that the text of a scene file says.

    folder: what relative paths in it begin from; None leaves them as written.

    Units:   points in pixels of size_px, edges included.
    Bounds:  SCENE_BYTES_MAX, SCENE_THINGS_MAX of a kind, SCENE_POINTS_MAX a polygon.
    Errors:  BadInput that names the table, the key and what is allowed there.
    """
    top = SceneTable(_parsed(text), "the scene", _TOP)
    version = top.raw("version")
    if version != SCENE_VERSION or isinstance(version, bool):
        raise BadInput(
            f"the scene has version {version!r}; this program reads version {SCENE_VERSION}"
        )
    camera = _camera(top.table("camera", ("id", "size_px", "fps", "start")))
    inside = _Inside(camera)
    lines = tuple(_line(one, inside) for one in top.tables("line", ("name", "points_px"), "line"))
    zones = tuple(
        _zone(one, inside) for one in top.tables("zone", ("name", "polygon_px", "kind"), "zone")
    )
    _all_apart("line", (one.name for one in lines))
    _all_apart("zone", (one.name for one in zones))
    lane_tables = top.tables("lane", ("zone", "direction_px", "speed_limit_kmh"), "lane")
    lanes = tuple(lane_of(one, zones, inside.check) for one in lane_tables)
    _all_apart("lane", (one.zone for one in lanes))
    flow_tables = top.tables("flow", ("name", "from_line", "to_line"), "flow")
    flows = tuple(flow_of(one, lines) for one in flow_tables)
    _all_apart("flow", (one.name for one in flows))
    signal_tables = top.tables("signal", ("name", "stop_line", "source"), "signal")
    signals = tuple(signal_of(one, lines, folder) for one in signal_tables)
    _all_apart("signal", (one.name for one in signals))
    scene = Scene(
        camera=camera,
        digest=hashlib.sha256(text).hexdigest(),
        detector=_detector(top, folder),
        lines=lines,
        zones=zones,
        lanes=lanes,
        flows=flows,
        signals=signals,
        masks=tuple(
            _mask(one, inside) for one in top.tables("mask", ("polygon_px", "kind"), "mask")
        ),
    )
    return _with_rules(_with_ground(scene, top, inside), top)


def _parsed(text: bytes) -> dict[str, object]:
    if len(text) > SCENE_BYTES_MAX:
        raise BadInput(f"the scene is larger than {SCENE_BYTES_MAX} bytes; is it a scene file?")
    try:
        return tomllib.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadInput(
            f"byte {error.start} of the scene is not UTF-8; save the file as UTF-8"
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"the scene is not TOML: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput("the scene holds numbers or tables beyond what TOML allows") from error


class _Inside:
    """Says of points whether they lie in the picture, its edge included."""

    def __init__(self, camera: SceneCamera) -> None:
        self._size = (camera.width_px, camera.height_px)

    def check(self, table: SceneTable, key: str, points: Iterable[Point]) -> None:
        """Errors:  BadInput that says which point lies outside, and by how much."""
        for number, point in enumerate(points, 1):
            for axis, value, most in zip("xy", point, self._size, strict=True):
                away = max(-value, value - most)
                if away > 0:
                    raise table.wrong(
                        key,
                        f"point {number} [{point[0]:g}, {point[1]:g}] lies {away:g} px outside "
                        f"the picture: {axis} must lie between 0 and {most} (size_px)",
                    )


def _camera(table: SceneTable) -> SceneCamera:
    size = table.point("size_px")
    if any(side != int(side) or not 1 <= side <= _SIDE_PX_MAX for side in size):
        raise table.wrong("size_px", f"must be two whole numbers between 1 and {_SIDE_PX_MAX}")
    try:
        name = camera_id(table.text("id"))
    except BadInput as error:
        raise table.wrong("id", str(error)) from error
    return SceneCamera(
        id=name,
        width_px=int(size[0]),
        height_px=int(size[1]),
        fps=table.positive("fps", _FPS_MAX) if "fps" in table else None,
        start=_start(table) if "start" in table else None,
    )


def _start(table: SceneTable) -> Instant:
    value = table.raw("start")
    try:
        if isinstance(value, str):
            return instant(value)
        if not isinstance(value, datetime):
            raise BadInput("must be a date and time like 2026-05-01T08:00:00Z")
        return instant(value.isoformat())
    except BadInput as error:
        raise table.wrong("start", str(error)) from error


def _detector(top: SceneTable, folder: Path | None) -> DetectorWish:
    if "detector" not in top:
        return DetectorWish()
    table = top.table("detector", ("kind", "model", "confidence"))
    kind = table.choice("kind", Literal["motion", "onnx"], "motion")
    model = table.text("model") if "model" in table else None
    if model is not None and folder is not None and (model.endswith(".onnx") or "/" in model):
        model = str(folder / model)
    return DetectorWish(
        kind=cast(Literal["motion", "onnx"], kind),
        model=model,
        confidence=table.number("confidence", 0.0, 1.0) if "confidence" in table else None,
    )


def _line(table: SceneTable, inside: _Inside) -> Line:
    name = table.name("name")
    table.renamed(f"[[line]] {name!r}")
    points = table.points("points_px", 2)
    inside.check(table, "points_px", points)
    for number, (a, b) in enumerate(itertools.pairwise(points), 1):
        if a == b:
            raise table.wrong("points_px", f"points {number} and {number + 1} are the same")
    return Line(name=name, points_px=points)


def _polygon(table: SceneTable, inside: _Inside) -> tuple[Point, ...]:
    points = table.points("polygon_px", 3)
    inside.check(table, "polygon_px", points)
    crossing = crossing_of(points)
    if crossing is not None:
        raise table.wrong(
            "polygon_px", f"the polygon crosses itself: {crossing}; order its corners along its rim"
        )
    return points


def _zone(table: SceneTable, inside: _Inside) -> Zone:
    name = table.name("name")
    table.renamed(f"[[zone]] {name!r}")
    kind = table.choice("kind", ZoneKind, "any")
    return Zone(name=name, polygon_px=_polygon(table, inside), kind=cast(ZoneKind, kind))


def _mask(table: SceneTable, inside: _Inside) -> SceneMask:
    kind = table.choice("kind", Literal["on_view", "in_camera"], "on_view")
    return SceneMask(
        polygon_px=_polygon(table, inside), kind=cast(Literal["on_view", "in_camera"], kind)
    )


def _all_apart(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise BadInput(f"two [[{kind}]] are called {name!r}; give each its own name")
        seen.add(name)


def _with_rules(scene: Scene, top: SceneTable) -> Scene:
    for number, value in enumerate(top.items("rule"), 1):
        scene = replace(scene, rules=(*scene.rules, rule_of(value, number, scene)))
    _all_apart("rule", (one.name for one in scene.rules))
    return scene


def _with_ground(scene: Scene, top: SceneTable, inside: _Inside) -> Scene:
    if "ground" not in top:
        return scene
    ground = top.table("ground", ("length", "point", "vanishing"))
    lengths = []
    for table in ground.tables("length", ("a_px", "b_px", "metres"), "ground.length"):
        a, b = table.point("a_px"), table.point("b_px")
        inside.check(table, "a_px, b_px", (a, b))
        if a == b:
            raise table.wrong("b_px", "is the same point as a_px; a length has two ends")
        metres = table.positive("metres", _METRES_MAX)
        lengths.append(TapedLength(a_px=a, b_px=b, metres=metres))
    return replace(
        scene,
        lengths=tuple(lengths),
        points=_known_points(ground, inside),
        vanishing=_vanishing(ground) if "vanishing" in ground else None,
    )


def _known_points(ground: SceneTable, inside: _Inside) -> tuple[KnownPoint, ...]:
    """Latitude and longitude are turned into metres from the first such point."""
    origin: Geodetic | None = None
    known: list[KnownPoint] = []
    keys = ("px", "east_m", "north_m", "lat", "lon")
    for table in ground.tables("point", keys, "ground.point"):
        px = table.point("px")
        inside.check(table, "px", (px,))
        is_geodetic = "lat" in table or "lon" in table
        if is_geodetic and ("east_m" in table or "north_m" in table):
            raise table.wrong("lat", "give east_m and north_m, or lat and lon, not both")
        if known and is_geodetic != (origin is not None):
            raise table.wrong(
                "px", "all points take metres, or all take lat and lon: their frames differ"
            )
        if is_geodetic:
            place = Geodetic(
                lat=table.number("lat", -90.0, 90.0), lon=table.number("lon", -180.0, 180.0)
            )
            origin = origin or place
            east_m, north_m = local_metres(origin, place)
            if max(abs(east_m), abs(north_m)) > _METRES_MAX:
                raise table.wrong(
                    "lat", "lies over 100 km from the first point; are they mixed up?"
                )
        else:
            east_m = table.number("east_m", -NUMBER_MAX, NUMBER_MAX)
            north_m = table.number("north_m", -NUMBER_MAX, NUMBER_MAX)
        known.append(KnownPoint(px=px, east_m=east_m, north_m=north_m))
    return tuple(known)


def _vanishing(ground: SceneTable) -> Vanishing:
    """Vanishing points lie outside most pictures, so they are not checked against its size."""
    table = SceneTable(
        ground.raw("vanishing"), "[ground.vanishing]", ("vp1_px", "vp2_px", "principal_px")
    )
    return Vanishing(
        vp1_px=table.point("vp1_px"),
        vp2_px=table.point("vp2_px"),
        principal_px=table.point("principal_px"),
    )
