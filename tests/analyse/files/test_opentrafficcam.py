"""OpenTrafficCam's and OpenDataCam's files."""

from __future__ import annotations

import bz2
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.analyse.files.opendatacam import read_opendatacam
from fairview.analyse.files.opentrafficcam import (
    read_otdet,
    read_ottrk,
    write_otdet,
    write_ottrk,
)
from fairview.analyse.files.otflow import read_otflow, write_otflow
from fairview.core.errors import BadInput
from fairview.core.scene import Flow, Line, Scene, SceneCamera, Zone
from fairview.core.sight import BICYCLE, CAR, OTHER, PERSON, VAN, Track
from fairview.core.time import Instant, instant
from tests.analyse.files.tracks import FACTS, assert_same, some_tracks, traffic

SAMPLE = "opentrafficcam/Testvideo_Cars-Cyclist_FR20_2020-01-01_00-00-00"
ELSEWHERE = replace(FACTS, width_px=10, height_px=10, fps=1.0, start=Instant(5))
NEW_YEAR = instant("2020-01-01T00:00:00Z")


def test_their_tracks_are_read_with_size_time_and_filled_in_points() -> None:
    found = read_ottrk(traffic(f"{SAMPLE}.ottrk"), ELSEWHERE)
    assert (found.width_px, found.height_px, found.fps, found.start) == (800, 600, 20.0, NEW_YEAR)
    assert sum(len(one) for one in found.tracks) == 418
    first = found.tracks[0]
    assert (first.id, first.kind, first.start) == (1, CAR, NEW_YEAR)
    # Version 1.0: x and y are the box's middle.
    np.testing.assert_allclose(
        first.boxes_unit[0] * [800, 600, 800, 600],
        [153.025 - 38.255, 136.315 - 22.61, 153.025 + 38.255, 136.315 + 22.61],
        atol=0.01,
    )
    assert first.at_us[1] - first.at_us[0] == 50_000


def test_their_detections_are_read_and_go_through_our_writer(tmp_path: Path) -> None:
    found = read_otdet(traffic(f"{SAMPLE}.otdet"), ELSEWHERE)
    assert (found.frames, found.width_px, found.fps, found.model) == (60, 800, 20.0, "YOLOv8")
    pictures = list(found.pictures())
    assert len(pictures[0]) == 6
    assert {PERSON, BICYCLE, CAR} <= {int(kind) for one in pictures for kind in one.kinds}
    # Since version 1.1 x and y are the box's left upper corner.
    np.testing.assert_allclose(
        pictures[0].boxes_unit[0] * [800, 600, 800, 600],
        [116.056, 111.81, 116.056 + 75.368, 111.81 + 48.698],
        atol=0.01,
    )
    facts = replace(FACTS, width_px=800, height_px=600, fps=20.0, start=NEW_YEAR)
    write_otdet(tmp_path / "again.otdet", pictures, facts)
    again = read_otdet(tmp_path / "again.otdet", ELSEWHERE)
    np.testing.assert_allclose(again.boxes_unit, found.boxes_unit, atol=1e-6)
    np.testing.assert_array_equal(again.at_us, found.at_us)
    np.testing.assert_array_equal(again.kinds, found.kinds)


def test_what_we_write_has_every_key_of_theirs(tmp_path: Path) -> None:
    tracks = read_ottrk(traffic(f"{SAMPLE}.ottrk"), ELSEWHERE).tracks
    write_ottrk(tmp_path / "ours.ottrk", tracks, FACTS)
    theirs = json.loads(bz2.decompress(traffic(f"{SAMPLE}.ottrk").read_bytes()))
    ours = json.loads(bz2.decompress((tmp_path / "ours.ottrk").read_bytes()))
    for path in ((), ("metadata",), ("metadata", "video"), ("metadata", "detection")):
        one, other = theirs, ours
        for key in path:
            one, other = one[key], other[key]
        assert set(one) <= set(other)
    assert set(theirs["metadata"]["tracking"]) <= set(ours["metadata"]["tracking"])
    assert set(theirs["data"]["detections"][0]) <= set(ours["data"]["detections"][0])


@settings(deadline=None, max_examples=30)
@given(some_tracks())
def test_tracks_come_back(tracks: list[Track]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.ottrk"
        write_ottrk(path, tracks, FACTS)
        found = read_ottrk(path, ELSEWHERE)
        assert len(found.tracks) == len(tracks)
        for ours, theirs in zip(tracks, found.tracks, strict=True):
            assert_same(ours, theirs, px=0.001)


def ottrk(folder: Path, **changes: object) -> Path:
    entry: dict[str, object] = {
        "class": "delivery_van",
        "confidence": 0.5,
        "x": 10,
        "y": 20,
        "w": 30,
        "h": 40,
        "frame": 1,
        "occurrence": 1577836800.0,
        "interpolated-detection": False,
        "track-id": 4,
    }
    entry |= changes
    document = {
        "metadata": {"otdet_version": "1.2", "video": {"width": 100, "height": 100}},
        "data": {"detections": [{k: v for k, v in entry.items() if v is not None}]},
    }
    path = folder / "one.ottrk"
    path.write_bytes(bz2.compress(json.dumps(document).encode()))
    return path


def test_class_names_are_mapped_and_unknown_ones_told(tmp_path: Path) -> None:
    (track,) = read_ottrk(ottrk(tmp_path), FACTS).tracks
    assert track.kind == VAN
    found = read_ottrk(ottrk(tmp_path, **{"class": "tram_driver"}), FACTS)
    assert found.tracks[0].kind == OTHER
    assert "tram_driver" in found.warnings[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"x": "far"}, "detection 1: 'x' is 'far', not a number"),
        ({"x": None}, "detection 1: 'x'"),
        ({"w": -1}, "detection 1: a box's width"),
        ({"x": 1e9}, "detection 1: a box far outside"),
        ({"confidence": 2}, "detection 1: confidence"),
        ({"class": 3}, "detection 1: 'class'"),
        ({"frame": 1.5}, "detection 1: frame is a whole number"),
        ({"track-id": "x"}, "detection 1: 'track-id'"),
        ({"occurrence": "yesterday"}, "yesterday"),
        ({"occurrence": [1]}, "not a time"),
    ],
)
def test_a_wrong_entry_is_named(change: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=says):
        read_ottrk(ottrk(tmp_path, **change), FACTS)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=100), st.booleans())
def test_any_bytes_are_read_or_refused(data: bytes, is_packed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "any.ottrk"
        path.write_bytes(bz2.compress(data) if is_packed else data)
        for read in (read_ottrk, read_otdet, read_opendatacam):
            said = ""
            try:
                read(path, FACTS)
            except BadInput as error:
                said = str(error)
            assert not said or "any.ottrk" in said
        with pytest.raises(BadInput, match=r"any\.ottrk"):
            read_otflow(path)


def test_a_cut_file_is_refused(tmp_path: Path) -> None:
    path = ottrk(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match=r"one\.ottrk"):
        read_ottrk(path, FACTS)


def test_their_sections_become_lines_and_their_flows_ours() -> None:
    found = read_otflow(traffic(f"{SAMPLE}.otflow"))
    assert [one.name for one in found.lines] == ["Süd", "West", "Nord", "Ost"]
    assert list(found.lines[0].points_px) == [(43, 184), (137, 200), (352, 145), (362, 89)]
    assert [(one.from_line, one.to_line) for one in found.flows] == [
        ("Nord", "Süd"),
        ("Süd", "Nord"),
    ]
    assert len(found.warnings) == 4
    packed = read_otflow(traffic("opentrafficcam/section.json.bz2.otflow"))
    assert [one.name for one in packed.lines] == ["north"]


def test_lines_zones_and_flows_come_back(tmp_path: Path) -> None:
    scene = Scene(
        camera=SceneCamera(id=FACTS.camera, width_px=800, height_px=600),
        digest="",
        lines=(
            Line(name="north", points_px=((0, 1), (5.5, 2))),
            Line(name="Süd", points_px=((0, 1), (5, 2), (9, 9))),
        ),
        zones=(Zone(name="box", polygon_px=((0, 0), (1, 0), (1, 1)), kind="any"),),
        flows=(Flow(name="n-s", from_line="north", to_line="Süd"),),
    )
    write_otflow(tmp_path / "x.otflow", scene)
    found = read_otflow(tmp_path / "x.otflow")
    assert (found.lines, found.zones, found.flows) == (scene.lines, scene.zones, scene.flows)
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"sections": 3}, "no list 'sections'"),
        ({"sections": [3]}, "sections are objects"),
        ({"sections": [{"id": "a", "coordinates": [{"x": 1, "y": 2}]}]}, "section 1: a line"),
        ({"sections": [{"id": "a", "coordinates": [7]}]}, "section 1: coordinates"),
        ({"sections": [], "flows": [{"start": "a", "end": "b"}]}, "flow 1"),
    ],
)
def test_a_wrong_flow_file_is_refused(document: object, says: str, tmp_path: Path) -> None:
    (tmp_path / "x.otflow").write_text(json.dumps(document))
    with pytest.raises(BadInput, match=says):
        read_otflow(tmp_path / "x.otflow")


def test_opendatacam_s_two_kinds_of_recorded_detections_are_read() -> None:
    facts = replace(FACTS, width_px=1920, height_px=1080, fps=30.0)
    lines = read_opendatacam(traffic("opendatacam/rawdetections.txt"), facts)
    assert lines.frames == 2_573
    first = next(lines.pictures())
    np.testing.assert_allclose(
        first.boxes_unit[0] * [1920, 1080, 1920, 1080],
        [1061 - 25.5, 316 - 16.5, 1061 + 25.5, 316 + 16.5],
        atol=0.01,
    )
    assert float(first.scores[0]) == pytest.approx(0.29)
    darknet = read_opendatacam(traffic("opendatacam/alexeydetections30FPS.json"), facts)
    assert (darknet.frames, len(darknet.boxes_unit)) == (437, 10_245)
    assert len(darknet.warnings) == 0


@pytest.mark.parametrize("version", ["\u00b2", "9" * 5_000, "1.\u0663", "", "1"])
def test_a_version_that_is_no_number_is_taken_as_the_first(version: str, tmp_path: Path) -> None:
    document = json.loads(bz2.decompress(ottrk(tmp_path).read_bytes()))
    document["metadata"]["otdet_version"] = version
    path = tmp_path / "odd.ottrk"
    path.write_bytes(bz2.compress(json.dumps(document).encode()))
    assert len(read_ottrk(path, FACTS).tracks) == 1


@pytest.mark.parametrize("key", ["0" * 19 + "1" + "9" * 7, "1" * 6_000, "\u0661", "0", "-1"])
def test_a_frame_number_beyond_all_bounds_is_refused(key: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.otdet"
    path.write_text(json.dumps({"metadata": {"video": {}}, "data": {key: {"detections": []}}}))
    with pytest.raises(BadInput, match="frames are numbers from 1"):
        read_otdet(path, FACTS)


@pytest.mark.parametrize("frame", ["1e300", "99999999999999999999", "-1", "1.5"])
def test_an_opendatacam_frame_beyond_all_bounds_is_refused(frame: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(f'{{"frame": {frame}, "detections": []}}\n')
    with pytest.raises(BadInput, match="frame is a whole number from 0"):
        read_opendatacam(path, FACTS)
