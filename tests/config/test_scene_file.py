"""Scene files: what is read, what is refused and in which words, and writing them back."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.config.scene_file import read_scene, scene_of
from fairview.config.scene_rules import RULE_FORMS
from fairview.config.scene_shapes import Geodetic, crossing_of, local_metres
from fairview.config.scene_text import scene_text
from fairview.core.errors import BadInput, NotFound
from fairview.core.scene import (
    DetectorWish,
    Flow,
    KnownPoint,
    Lane,
    Line,
    Scene,
    SceneCamera,
    SceneMask,
    SignalHead,
    TapedLength,
    Zone,
)
from fairview.core.time import instant

HEAD = """version = 1
[camera]
id = "junction-1"
size_px = [1280, 720]
"""
WHOLE = (
    HEAD
    + """fps = 25.0
start = 2026-05-01T08:00:00Z

[detector]
kind = "onnx"
model = "yolox-nano"
confidence = 0.35

[[ground.length]]
a_px = [412, 610]
b_px = [655, 598]
metres = 3.50

[[ground.point]]
px = [100, 420]
east_m = 0.0
north_m = 12.5

[ground.vanishing]
vp1_px = [1022.1, -88.4]
vp2_px = [-4210.0, 301.7]
principal_px = [640, 360]

[[line]]
name = "north"
points_px = [[80, 285], [620, 285]]

[[line]]
name = "east"
points_px = [[900, 100], [910, 300], [1280, 720]]

[[zone]]
name = "lane-1"
polygon_px = [[10, 10], [200, 10], [200, 90], [10, 90]]
kind = "lane"

[[zone]]
name = "yard"
polygon_px = [[300, 300], [400, 300], [350, 400]]
kind = "closed"

[[lane]]
zone = "lane-1"
direction_px = [[100, 600], [300, 200]]
speed_limit_kmh = 50

[[flow]]
name = "north-east"
from_line = "north"
to_line = "east"

[[signal]]
name = "north-head"
stop_line = "north"
source = "signals.csv"

[[rule]]
name = "no-wrong-way"
kind = "wrong_way"
zone = "lane-1"
after_s = 2

[[rule]]
kind = "presence"
zone = "yard"
hours = "22:00-06:00"
classes = ["person", "car"]

[[rule]]
kind = "presence"
zone = "yard"
hours = "12:00-13:00,14:00-24:00"

[[mask]]
polygon_px = [[0, 0], [60, 0], [60, 60], [0, 60]]
kind = "in_camera"
"""
)


def read(text: str) -> Scene:
    return scene_of(text.encode())


def refusal(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        read(text)
    return str(caught.value)


def test_every_table_is_read() -> None:
    scene = read(WHOLE)
    assert scene.camera == SceneCamera(
        id=scene.camera.id,
        width_px=1280,
        height_px=720,
        fps=25.0,
        start=instant("2026-05-01T08:00:00Z"),
    )
    assert scene.detector == DetectorWish(kind="onnx", model="yolox-nano", confidence=0.35)
    assert scene.lengths == (TapedLength(a_px=(412, 610), b_px=(655, 598), metres=3.5),)
    assert scene.points == (KnownPoint(px=(100, 420), east_m=0.0, north_m=12.5),)
    assert scene.vanishing is not None
    assert scene.vanishing.vp2_px == (-4210.0, 301.7)
    assert [line.name for line in scene.lines] == ["north", "east"]
    assert scene.lanes == (
        Lane(zone="lane-1", from_px=(100, 600), to_px=(300, 200), speed_limit_kmh=50.0),
    )
    assert scene.flows == (Flow(name="north-east", from_line="north", to_line="east"),)
    assert scene.signals == (
        SignalHead(name="north-head", stop_line="north", source="signals.csv"),
    )
    assert [rule.name for rule in scene.rules] == ["no-wrong-way", "presence-1", "presence-2"]
    assert scene.rules[0].settings == (("after_s", 2.0),)
    assert scene.rules[1].settings == (("classes", "person,car"), ("hours", "22:00-06:00"))
    assert scene.masks[0].kind == "in_camera"
    assert scene.has_ground


def test_the_least_scene_is_a_camera() -> None:
    scene = read(HEAD)
    assert scene.detector == DetectorWish(kind="motion", model=None, confidence=None)
    assert not scene.has_ground
    assert scene.lines == ()


def test_a_scene_written_and_read_is_the_same() -> None:
    scene = read(WHOLE)
    again = read(scene_text(scene))
    assert replace(again, digest=scene.digest) == scene


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("version = 1", "version = 2", "version 2; this program reads version 1"),
        ("version = 1", "version = true", "version True"),
        ("version = 1", "", "the scene needs version"),
        ('id = "junction-1"', 'id = "Junction 1"', "not a camera name"),
        ("[1280, 720]", "[1280, 720.5]", "two whole numbers"),
        ("[1280, 720]", "[1280]", "must be a point"),
        ("fps = 25.0", 'fps = "25"', "[camera] fps: must be a number, not text"),
        ("fps = 25.0", "fsp = 25.0", "[camera] has no key 'fsp'; the nearest known one is 'fps'"),
        ("fps = 25.0", "fps = 0", "must lie above 0"),
        ("fps = 25.0", "fps = nan", "must be a number"),
        ("08:00:00Z", "08:00:00", "no time zone"),
        ("[[flow]]", "[[flo]]", "the nearest known one is 'flow'"),
        ("[detector]", "[detectr]", "the nearest known one is 'detector'"),
        ('kind = "onnx"', 'kind = "yolo"', "not one of motion, onnx"),
        ("confidence = 0.35", "confidence = 35", "between 0 and 1"),
        ("confidence = 0.35", "confidence = true", "must be a number, not true or false"),
        ("metres = 3.50", "meters = 3.50", "the nearest known one is 'metres'"),
        ("metres = 3.50", "metres = -3.50", "must lie between 0"),
        ("b_px = [655, 598]", "b_px = [412, 610]", "a length has two ends"),
        ("north_m = 12.5", "north_m = 12.5\nlat = 1.0", "not both"),
        ("north_m = 12.5", "", "needs north_m"),
        ("vp1_px = ", "vpp1_px = ", "the nearest known one is 'vp1_px'"),
        ('name = "east"', 'name = "north"', "two [[line]] are called 'north'"),
        ('name = "yard"', 'name = "lane-1"', "two [[zone]] are called 'lane-1'"),
        ("[[80, 285], [620, 285]]", "[[80, 285]]", "has 1 points, must have 2"),
        ("[[80, 285], [620, 285]]", "[[80, 285], [80, 285]]", "points 1 and 2 are the same"),
        (
            "[1280, 720]]",
            "[1290.5, 720]]",
            "[[line]] 'east' points_px: point 3 [1290.5, 720] lies 10.5 px outside the picture: "
            "x must lie between 0 and 1280",
        ),
        (
            "[200, 10], [200, 90], [10, 90]",
            "[200, 90], [200, 10], [10, 90]",
            "crosses itself: side 1 ([10, 10] to [200, 90]) crosses side 3 ([200, 10] to [10, 90])",
        ),
        ('zone = "lane-1"\ndirection', 'zone = "yard"\ndirection', "a lane needs kind lane"),
        ('zone = "lane-1"\ndirection', 'zone = "lane-2"\ndirection', "the nearest is 'lane-1'"),
        ('to_line = "east"', 'to_line = "eats"', "the nearest is 'east'"),
        ('stop_line = "north"', 'stop_line = "south"', "no [[line]] called 'south'"),
        ('kind = "closed"', 'kind = "clsed"', "the nearest is 'closed'"),
        ('kind = "closed"', 'kind = "room"', "works only in zones of kind closed"),
        ('hours = "22:00-06:00"', "", "hours: is needed"),
        ('hours = "22:00-06:00"', 'hours = "22-6"', "like 22:00-06:00"),
        ('"person", "car"', '"person", "cat"', "the nearest is 'car'"),
        ("after_s = 2", "after_sec = 2", "the nearest known one is 'after_s'"),
        ("after_s = 2", "ttc_s_max = 2", "of kind wrong_way has no key 'ttc_s_max'"),
        ("after_s = 2", "after_s = 2e9", "must lie between 0 and 3600"),
        ('kind = "wrong_way"', 'kind = "wrongway"', "the nearest is 'wrong_way'"),
        ('kind = "in_camera"', 'kind = "in-camera"', "the nearest is 'in_camera'"),
        ("[[mask]]", "[mask]", "two brackets"),
    ],
)
def test_a_slip_is_named_with_its_place(old: str, new: str, says: str) -> None:
    assert old in WHOLE
    assert says in refusal(WHOLE.replace(old, new, 1))


def test_what_is_no_scene_file_is_refused() -> None:
    assert "not TOML" in refusal("version = ")
    with pytest.raises(BadInput, match="not UTF-8"):
        scene_of(b"version = 1 # \xff")
    with pytest.raises(BadInput, match="larger than"):
        scene_of(b"#" * (1024 * 1024 + 1))
    assert "256" in refusal(HEAD + '[[line]]\nname = "a"\npoints_px = [[1, 1], [2, 2]]\n' * 257)


def test_paths_are_taken_from_the_scene_files_folder(tmp_path: Path) -> None:
    file = tmp_path / "scene.toml"
    file.write_text(WHOLE.replace('"yolox-nano"', '"models/own.onnx"'))
    scene = read_scene(file)
    assert scene.detector.model == str(tmp_path / "models" / "own.onnx")
    assert scene.signals[0].source == str(tmp_path / "signals.csv")
    file.write_text(WHOLE)
    assert read_scene(file).detector.model == "yolox-nano"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no scene file"):
        read_scene(tmp_path / "none.toml")
    with pytest.raises(BadInput, match="is a folder"):
        read_scene(tmp_path)
    (tmp_path / "bad.toml").write_bytes(b"version = 3")
    with pytest.raises(BadInput, match=r"bad\.toml: the scene has version 3"):
        read_scene(tmp_path / "bad.toml")


def test_every_rule_kind_has_its_parameters_with_units_and_bounds() -> None:
    for kind, form in RULE_FORMS.items():
        for name, parameter in form.parameters.items():
            assert parameter.what, (kind, name)
            if parameter.form == "number":
                assert parameter.low < parameter.high, (kind, name)
                assert parameter.default is None or isinstance(parameter.default, float)
                if parameter.default is not None:
                    assert parameter.low <= float(parameter.default) <= parameter.high


def test_latitude_and_longitude_become_metres_from_the_first_point() -> None:
    geodetic = HEAD + (
        "[[ground.point]]\npx = [1, 1]\nlat = 52.5\nlon = 13.4\n"
        "[[ground.point]]\npx = [9, 1]\nlat = 52.509\nlon = 13.4\n"
    )
    first, second = read(geodetic).points
    assert (first.east_m, first.north_m) == (0.0, 0.0)
    # The length of 0.009 degrees of the meridian at 52.5045 degrees, by its radius of curvature.
    assert second.north_m == pytest.approx(1_001.4923, abs=0.01)
    assert abs(second.east_m) < 1e-6
    mixed = geodetic.replace("lat = 52.509\nlon = 13.4", "east_m = 0\nnorth_m = 1")
    assert "their frames differ" in refusal(mixed)


@given(lat=st.floats(-80, 80), north=st.floats(-0.009, 0.009), east=st.floats(-0.009, 0.009))
def test_local_metres_agree_with_the_radii_of_curvature(
    lat: float, north: float, east: float
) -> None:
    """Over 1 km the plane and the ellipsoid's radii at the middle latitude differ under 1 cm."""
    origin = Geodetic(lat=lat, lon=5.0)
    east_m, north_m = local_metres(origin, Geodetic(lat=lat + north, lon=5.0 + east))
    middle = math.radians(lat + north / 2)
    flat = 1 - 0.00669437999014 * math.sin(middle) ** 2
    meridian = 6_378_137.0 * (1 - 0.00669437999014) / flat**1.5
    across = 6_378_137.0 / math.sqrt(flat)
    along = math.hypot(
        math.radians(north) * meridian, math.radians(east) * across * math.cos(middle)
    )
    assert math.hypot(east_m, north_m) == pytest.approx(along, abs=0.01)


def test_polygons_that_touch_or_fold_are_not_simple() -> None:
    assert crossing_of([(0, 0), (10, 0), (10, 10), (0, 10)]) is None
    assert crossing_of([(0, 0), (10, 0), (5, 0), (5, 5)]) is not None
    assert crossing_of([(0, 0), (10, 0), (10, 10), (5, 0), (0, 10)]) is not None
    assert crossing_of([(0, 0), (0, 0), (10, 0), (10, 10)]) is not None
    assert crossing_of([(0, 0), (5, 0), (10, 0), (10, 10)]) is None


names = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20
).filter(lambda name: name[0] not in "=+-@")
points = st.tuples(st.floats(0, 1280), st.floats(0, 720))


@st.composite
def stars(draw: st.DrawFn) -> tuple[tuple[float, float], ...]:
    """Simple polygons: corners in order of angle about a middle, at any distance."""
    n = draw(st.integers(3, 8))
    shares = draw(st.lists(st.floats(0.2, 1.0), min_size=n, max_size=n))
    return tuple(
        (
            640 + 300 * share * math.cos(2 * math.pi * k / n),
            360 + 300 * share * math.sin(2 * math.pi * k / n),
        )
        for k, share in enumerate(shares)
    )


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    line_names = draw(st.lists(names, unique=True, max_size=3))
    zone_names = draw(st.lists(names, unique=True, max_size=3))
    return Scene(
        camera=read(HEAD).camera,
        digest="",
        detector=DetectorWish(confidence=draw(st.none() | st.floats(0, 1))),
        lengths=tuple(
            TapedLength(a_px=a, b_px=b, metres=metres)
            for a, b, metres in draw(
                st.lists(st.tuples(points, points, st.floats(0.01, 99)), max_size=2)
            )
            if a != b
        ),
        lines=tuple(
            Line(name=name, points_px=((0.0, 1.0), draw(points.filter(lambda p: p != (0.0, 1.0)))))
            for name in line_names
        ),
        zones=tuple(Zone(name=name, polygon_px=draw(stars()), kind="lane") for name in zone_names),
        lanes=tuple(
            Lane(zone=name, from_px=(1.5, 2.0), to_px=(3.0, 4.0), speed_limit_kmh=None)
            for name in zone_names
        ),
        flows=tuple(Flow(name=f"f{name}", from_line=name, to_line=name) for name in line_names),
        masks=(SceneMask(polygon_px=draw(stars()), kind="on_view"),),
    )


@settings(deadline=None)
@given(scenes())
def test_any_scene_reads_back_as_written(scene: Scene) -> None:
    assert replace(read(scene_text(scene)), digest="") == scene


@settings(deadline=None)
@given(stars(), st.data())
def test_a_polygon_with_two_corners_swapped_is_simple_or_named(
    star: tuple[tuple[float, float], ...], data: st.DataObject
) -> None:
    assert crossing_of(star) is None
    if len(star) > 3:
        k = data.draw(st.integers(0, len(star) - 2))
        swapped = [*star[:k], star[k + 1], star[k], *star[k + 2 :]]
        text = crossing_of(swapped)
        assert text is None or "crosses" in text


@settings(deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_rubbish_is_refused_and_never_breaks(text: bytes) -> None:
    with pytest.raises(BadInput):
        scene_of(text)
    with pytest.raises(BadInput):
        scene_of(HEAD.encode() + b"[[rule]]\n" + text)


@pytest.mark.parametrize("name", ["=cmd()", "+1", "-1+2", "@SUM(A1)", " =1"])
@pytest.mark.parametrize("kind", ["line", "zone"])
def test_a_name_that_a_spreadsheet_would_run_is_refused(kind: str, name: str) -> None:
    key = "points_px" if kind == "line" else "polygon_px"
    text = (
        'version = 1\n[camera]\nid = "a"\nsize_px = [100, 100]\n'
        f'[[{kind}]]\nname = "{name}"\n{key} = [[1, 1], [90, 1], [90, 90]]\n'
    )
    with pytest.raises(BadInput, match="begins like a formula"):
        scene_of(text.encode())
