"""`convert`: tracks, detections and scenes in the words of other tools.

The new file stands beside its place first and is then renamed, so that a half file never looks
whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fairview.analyse.files.geojson import GeoJsonTracks, Origin
from fairview.analyse.files.mot import MotWriter, write_mot
from fairview.analyse.files.opentrafficcam import write_otdet, write_ottrk
from fairview.analyse.files.otflow import read_otflow, write_otflow
from fairview.analyse.files.parquet import ParquetTracks, PointGround
from fairview.analyse.files.read import FileFacts, ReadDetections, ReadTracks
from fairview.analyse.ground.calibrate import calibrate
from fairview.analyse.ground.ground import Ground
from fairview.config.scene_file import read_scene, scene_of
from fairview.config.scene_text import scene_text
from fairview.core.errors import BadInput, Conflict, NotFound
from fairview.core.ids import CameraId
from fairview.core.scene import Scene, SceneCamera
from fairview.core.sight import Track
from fairview.run.watch.point_speeds import point_speeds
from fairview.run.watch.read_tracks import read_boxes, tracked
from fairview.store.durable import replace_file, told_as_ours

SCENES = frozenset({".toml", ".otflow"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertWish:
    """source, out: what they hold follows from their endings.

    scene: whose pictures the boxes are in; not needed between scenes. camera: for a scene made of
    an .otflow, which does not say whose picture its points are in. origin: where the scene's local
    metres 0, 0 lie, for GeoJSON on a map.
    """

    source: Path
    out: Path
    scene: Path | None = None
    camera: SceneCamera | None = None
    origin: Origin | None = None
    is_forced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """what: what was written, in words."""

    what: str
    warnings: tuple[str, ...]


def convert(wish: ConvertWish) -> Converted:
    """Write one file in another tool's form.

    Errors:  NotFound; BadInput for endings that can't be made of one another, with those that can;
    Conflict when `out` is there.
    """
    if not wish.source.exists():
        raise NotFound(f"{wish.source} is not there: name a file of tracks, detections or a scene")
    if wish.out.exists() and not wish.is_forced:
        raise Conflict(f"{wish.out} is there already: name another file, or say --force")
    if not wish.out.parent.is_dir():
        raise NotFound(f"there is no folder {wish.out.parent} to write {wish.out.name} into")
    if wish.source.suffix.lower() in SCENES:
        return _scene(wish)
    if wish.scene is None:
        raise BadInput("boxes need the scene they were seen in: --scene scene.toml")
    scene = read_scene(wish.scene)
    read = read_boxes(wish.source, scene)
    return _boxes(wish, scene, read)


def camera_of(name: str, size: str) -> SceneCamera:
    """A camera from `1280x720`. Errors: BadInput."""
    width, mark, height = size.lower().partition("x")
    if not (mark and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise BadInput(f"--size is width and height in pixels, such as 1280x720, not {size!r}")
    return SceneCamera(id=CameraId(name), width_px=int(width), height_px=int(height))


def origin_of(text: str) -> Origin:
    """A place from `52.5163,13.3777`. Errors: BadInput."""
    north, _, east = text.partition(",")
    try:
        return Origin(latitude=float(north), longitude=float(east))
    except ValueError as error:
        raise BadInput(
            f"--origin is latitude and longitude in degrees, such as 52.5163,13.3777, not {text!r}"
        ) from error


def _scene(wish: ConvertWish) -> Converted:
    ends = (wish.source.suffix.lower(), wish.out.suffix.lower())
    if ends == (".toml", ".otflow"):
        scene = read_scene(wish.source)
        _written(wish.out, lambda part: write_otflow(part, scene))
        return _scene_told(scene, ())
    if ends == (".otflow", ".toml"):
        if wish.camera is None:
            raise BadInput("an .otflow does not say how large its picture is: --size 1280x720")
        found = read_otflow(wish.source)
        scene = Scene(
            camera=wish.camera, digest="", lines=found.lines, zones=found.zones, flows=found.flows
        )
        text = scene_text(scene).encode()
        scene_of(text)
        replace_file(wish.out, text, mode=0o644)
        return _scene_told(scene, found.warnings)
    raise BadInput(f"a scene becomes .otflow and an .otflow becomes .toml, not {ends[1]!r}")


def _scene_told(scene: Scene, warnings: tuple[str, ...]) -> Converted:
    what = f"{len(scene.lines)} lines, {len(scene.zones)} zones, {len(scene.flows)} flows"
    return Converted(what=what, warnings=warnings)


def _boxes(wish: ConvertWish, scene: Scene, read: ReadTracks | ReadDetections) -> Converted:
    facts = FileFacts(
        camera=read.camera,
        width_px=read.width_px,
        height_px=read.height_px,
        fps=read.fps,
        start=read.start,
    )
    ending = wish.out.suffix.lower()
    if isinstance(read, ReadDetections) and ending in (".otdet", ".txt"):
        _detections(wish.out, read, facts)
        return Converted(what=f"{len(read.scores)} detections", warnings=read.warnings)
    tracks = read.tracks if isinstance(read, ReadTracks) else tracked(read)
    writers: dict[str, Callable[[Path], None]] = {
        ".txt": lambda part: write_mot(
            part, tracks, width_px=facts.width_px, height_px=facts.height_px
        ),
        ".ottrk": lambda part: write_ottrk(part, tracks, facts),
        ".parquet": lambda part: _parquet(part, tracks, scene, facts),
        ".geojson": lambda part: _geojson(part, tracks, scene, wish.origin),
    }
    if ending == ".otdet":
        raise BadInput("tracks hold boxes that no detector found, so they don't become .otdet")
    if ending not in writers:
        raise BadInput(
            f"{wish.out.name}: boxes become .txt (MOTChallenge), .ottrk, .parquet or .geojson, "
            "detections also .otdet"
        )
    _written(wish.out, writers[ending])
    return Converted(what=f"{len(tracks)} tracks", warnings=read.warnings)


def _detections(out: Path, read: ReadDetections, facts: FileFacts) -> None:
    if out.suffix.lower() == ".otdet":
        _written(out, lambda part: write_otdet(part, read.pictures(), facts))
        return

    def write(part: Path) -> None:
        with MotWriter(part, width_px=facts.width_px, height_px=facts.height_px) as writer:
            for found in read.pictures():
                writer.add_detections(found)

    _written(out, write)


def _parquet(part: Path, tracks: Iterable[Track], scene: Scene, facts: FileFacts) -> None:
    ground = _ground(scene)
    with ParquetTracks(part, facts) as table:
        for track in tracks:
            at = point_speeds(track, scene, ground)
            table.add(
                track,
                PointGround(east_m=at.metres[:, 0], north_m=at.metres[:, 1], speed_kmh=at.kmh),
            )


def _geojson(part: Path, tracks: Iterable[Track], scene: Scene, origin: Origin | None) -> None:
    ground = _ground(scene)
    if origin is not None and ground is None:
        raise BadInput("a place on the map needs the scene's ground: lengths or known points")
    size = (scene.camera.width_px, scene.camera.height_px)
    with GeoJsonTracks(part, size_px=size, origin=origin) as writer:
        for track in tracks:
            metres = None if ground is None else point_speeds(track, scene, ground).metres
            writer.add(track, metres)


def _ground(scene: Scene) -> Ground | None:
    return calibrate(scene) if scene.has_ground else None


def _written(out: Path, write: Callable[[Path], object]) -> None:
    part = out.with_name(f".{out.name}.part")
    try:
        with told_as_ours(out, "writing"):
            write(part)
            part.replace(out)
    finally:
        part.unlink(missing_ok=True)
