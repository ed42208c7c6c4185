from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fairview.analyse.files.mot import read_mot
from fairview.analyse.files.opentrafficcam import read_otdet, read_ottrk
from fairview.analyse.files.parquet import read_parquet
from fairview.analyse.files.read import FileFacts, ReadDetections, ReadTracks
from fairview.config.scene_file import read_scene
from fairview.core.errors import BadInput, Conflict, NotFound
from fairview.core.ids import CameraId
from fairview.core.time import Instant
from fairview.run.watch.convert_tracks import ConvertWish, camera_of, convert, origin_of

SCENE = """version = 1
[camera]
id = "junction-1"
size_px = [640, 360]
fps = 10
start = 2026-05-01T08:00:00Z

[[line]]
name = "north"
points_px = [[80, 285], [620, 285]]
[[line]]
name = "east"
points_px = [[600, 20], [600, 340]]
[[zone]]
name = "middle"
polygon_px = [[100, 100], [300, 100], [300, 200]]
kind = "any"
[[flow]]
name = "north-east"
from_line = "north"
to_line = "east"
"""
LENGTHS = """
[[ground.length]]
a_px = [200, 300]
b_px = [440, 300]
metres = 8
[[ground.length]]
a_px = [260, 180]
b_px = [380, 180]
metres = 8
[[ground.length]]
a_px = [200, 300]
b_px = [260, 180]
metres = 20
[[ground.length]]
a_px = [440, 300]
b_px = [380, 180]
metres = 20
"""


def facts() -> FileFacts:
    start = Instant(1_777_622_400_000_000)
    return FileFacts(camera=CameraId("c"), width_px=640, height_px=360, fps=10.0, start=start)


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    path = tmp_path / "scene.toml"
    path.write_text(SCENE)
    return path


def boxes(path: Path, numbers: tuple[int, ...]) -> Path:
    """Something that moves to the right for 30 frames, as MOTChallenge text."""
    rows = [
        f"{frame},{number},{50 + 8 * frame + 30 * place},{200 + 10 * place},40,30,0.9,car,-1,-1"
        for frame in range(1, 31)
        for place, number in enumerate(numbers)
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("ending", [".txt", ".ottrk", ".parquet"])
def test_tracks_stay_the_same_in_another_form(tmp_path: Path, scene: Path, ending: str) -> None:
    source, out = boxes(tmp_path / "in.txt", (3, 7)), tmp_path / f"out{ending}"
    told = convert(ConvertWish(source=source, out=out, scene=scene))
    assert told.what == "2 tracks"
    read = {".txt": read_mot, ".ottrk": read_ottrk, ".parquet": read_parquet}[ending]
    before, after = read_mot(source, facts()), read(out, facts())
    assert isinstance(before, ReadTracks)
    assert isinstance(after, ReadTracks)
    assert [track.id for track in after.tracks] == [3, 7]
    for one, other in zip(before.tracks, after.tracks, strict=True):
        assert one.at_us.tolist() == other.at_us.tolist()
        np.testing.assert_allclose(one.boxes_unit, other.boxes_unit, atol=1e-4)


def test_detections_become_otdet_or_tracks(tmp_path: Path, scene: Path) -> None:
    source = boxes(tmp_path / "in.txt", (-1,))
    out = tmp_path / "out.otdet"
    assert convert(ConvertWish(source=source, out=out, scene=scene)).what == "30 detections"
    found = read_otdet(out, facts())
    assert isinstance(found, ReadDetections)
    assert len(found.scores) == 30
    told = convert(ConvertWish(source=out, out=tmp_path / "t.ottrk", scene=scene))
    assert told.what == "1 tracks"


def test_tracks_lie_on_the_map(tmp_path: Path, scene: Path) -> None:
    scene.write_text(SCENE + LENGTHS)
    out = tmp_path / "out.geojson"
    wish = ConvertWish(
        source=boxes(tmp_path / "in.txt", (1,)),
        out=out,
        scene=scene,
        origin=origin_of("52.5163, 13.3777"),
    )
    convert(wish)
    (feature,) = json.loads(out.read_text())["features"]
    assert feature["properties"]["coordinates"] == "longitude_latitude"
    east, north = np.array(feature["geometry"]["coordinates"]).T
    assert np.all(np.abs(east - 13.3777) < 0.01)
    assert np.all(np.abs(north - 52.5163) < 0.01)


def test_a_scene_goes_to_otflow_and_back(tmp_path: Path, scene: Path) -> None:
    flows, back = tmp_path / "a.otflow", tmp_path / "back.toml"
    convert(ConvertWish(source=scene, out=flows))
    convert(ConvertWish(source=flows, out=back, camera=camera_of("junction-1", "640x360")))
    before, after = read_scene(scene), read_scene(back)
    assert (after.lines, after.zones, after.flows) == (before.lines, before.zones, before.flows)


def test_what_can_not_be_made_is_said_and_nothing_is_left(tmp_path: Path, scene: Path) -> None:
    source = boxes(tmp_path / "in.txt", (1,))
    for out, words, kind in (
        (tmp_path / "a.otdet", "no detector found", BadInput),
        (tmp_path / "a.docx", "geojson", BadInput),
        (source, "--force", Conflict),
        (tmp_path / "none" / "a.txt", "no folder", NotFound),
    ):
        with pytest.raises(kind, match=words):
            convert(ConvertWish(source=source, out=out, scene=scene))
    with pytest.raises(BadInput, match="--scene"):
        convert(ConvertWish(source=source, out=tmp_path / "a.txt"))
    with pytest.raises(BadInput, match="--size"):
        convert(ConvertWish(source=boxes(tmp_path / "x.otflow", (1,)), out=tmp_path / "a.toml"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "scene.toml", "x.otflow"]
