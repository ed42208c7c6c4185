from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench import census_data
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Conflict, Corrupt
from fairview.core.time import ManualClock, instant
from fairview.publish.census.boundaries import area_km2, read_boundaries
from fairview.publish.census.extras import optional
from fairview.publish.census.folder import Source, read_census
from fairview.publish.census.importing import FileKind, ImportWish, import_file
from fairview.publish.census.json_stream import JsonItems
from fairview.publish.census.read_claims import own_text
from fairview.publish.census.surveyed import direction_of
from tests.publish.claims import as_csv, row

CLOCK = ManualClock(instant("2026-05-01T12:00:00Z"))
FIELDS = '[fields]\nref = "id"\nlon = "x"\nlat = "y"\nzone = "area"\n'
HEAD = 'title = "A register"\nlicence = "CC0"\nas_of = "2026-01-01"\ncounted = "poles"\n'


def taken(source: Source) -> list[dict[str, object]]:
    table = optional("pyarrow.parquet").read_table(source.cameras_path)
    rows: list[dict[str, object]] = table.to_pylist()
    return rows


def aside(source: Source) -> list[str]:
    return (source.folder / "aside.csv").read_text().splitlines()[1:]


def bring(folder: Path, name: str, text: str, **wish: object) -> Source:
    path = folder / name
    path.write_text(text)
    return import_file(folder / "census", ImportWish(path=path, **wish), CLOCK)  # type: ignore[arg-type]  # tests name fields freely


def mapped(folder: Path, text: str) -> Path:
    path = folder / "mapping.toml"
    path.write_text(text)
    return path


def test_an_extract_gives_its_cameras_and_keeps_the_rest_aside(tmp_path: Path) -> None:
    path = tmp_path / "town.osm.pbf"
    census_data.extract(path, 30, others=10, bad=2)
    source = import_file(tmp_path / "census", ImportWish(path=path), CLOCK)
    about = source.provenance
    assert (about.rows_read, about.rows_taken, about.rows_aside) == (32, 30, 2)
    assert about.as_of == "2026-01-01"
    assert about.licence.startswith("ODbL")
    first = taken(source)[0]
    assert first["ref"] == "node/11"
    assert first["surveillance"] == "public"
    assert first["zone"] == "traffic"
    assert first["mount"] == "fixed"
    assert "periscope" in aside(source)[0]


def test_an_overpass_reply_is_read_like_an_extract(tmp_path: Path) -> None:
    node = {"type": "node", "id": 7, "lon": 9.5, "lat": 50.1}
    tags = {
        "man_made": "surveillance",
        "surveillance:type": "camera",
        "camera:direction": "NE",
        "operator": "City",
    }
    reply = {
        "osm3s": {"timestamp_osm_base": "2026-03-04T05:06:07Z"},
        "elements": [
            {**node, "tags": tags},
            {**node, "id": 8, "tags": {"highway": "crossing"}},
            {**node, "id": 9, "tags": {**tags, "surveillance:type": "guard"}},
            {"type": "way", "id": 3, "tags": tags},
            {"type": "way", "id": 4, "tags": tags, "center": {"lon": 9.6, "lat": 50.2}},
            {**node, "id": 5, "lat": "north", "tags": tags},
        ],
    }
    source = bring(tmp_path, "reply.json", json.dumps(reply))
    about = source.provenance
    assert about.as_of == "2026-03-04"
    assert (about.rows_taken, about.rows_aside, about.rows_passed) == (2, 2, 2)
    assert [camera["ref"] for camera in taken(source)] == ["node/7", "way/4"]
    assert taken(source)[0]["direction"] == 45.0


def test_a_csv_register_keeps_its_bad_rows_aside_and_passes_what_is_not_asked_for(
    tmp_path: Path,
) -> None:
    mapping = mapped(tmp_path, f'{HEAD}shape = "csv"\n{FIELDS}[keep]\nstate = ["Active"]\n')
    text = (
        "id,x,y,area,state\n"
        "a,9.5,50.1,Town,Active\n"
        "b,,50.1,Town,Active\n"
        ",9.5,50.1,Town,Active\n"
        "d,9.5,50.1,Town,Removed\n"
        "e,0,0,Town,Active\n"
        "f,950,50.1,Town,Active\n"
    )
    source = bring(tmp_path, "register.csv", text, mapping=mapping)
    about = source.provenance
    assert (about.rows_read, about.rows_taken, about.rows_aside, about.rows_passed) == (6, 1, 4, 1)
    assert [line.split(",")[0] for line in aside(source)] == ["2", "3", "5", "6"]
    assert "longitude '' is not a number" in aside(source)[0]
    assert "nobody filled in" in aside(source)[2]
    assert len(about.mapping_sha256) == 64


def test_an_arcgis_register_in_web_metres_comes_out_in_degrees(tmp_path: Path) -> None:
    mapping = mapped(tmp_path, f'{HEAD}shape = "arcgis"\n[fields]\nref = "id"\n')
    reply = {
        "spatialReference": {"wkid": 102100, "latestWkid": 3857},
        "features": [
            {"attributes": {"id": 1}, "geometry": {"x": -13627665.271, "y": 4547675.354}},
            {"attributes": {"id": 2}},
        ],
    }
    source = bring(tmp_path, "layer.json", json.dumps(reply), mapping=mapping)
    (camera,) = taken(source)
    assert camera["lon"] == pytest.approx(-122.4194, abs=1e-3)
    assert camera["lat"] == pytest.approx(37.7749, abs=1e-2)
    assert "no point" in aside(source)[0]


def test_an_unknown_reference_system_is_refused(tmp_path: Path) -> None:
    mapping = mapped(tmp_path, f'{HEAD}shape = "arcgis"\n[fields]\nref = "id"\n')
    reply = {"spatialReference": {"wkid": 2227}, "features": [{"attributes": {"id": 1}}]}
    with pytest.raises(BadInput, match="2227"):
        bring(tmp_path, "layer.json", json.dumps(reply), mapping=mapping)


def test_a_geojson_register_is_read_by_its_points(tmp_path: Path) -> None:
    mapping = mapped(tmp_path, f'{HEAD}shape = "geojson"\n[fields]\nref = "id"\n')
    path = tmp_path / "poles.json"
    census_data.register_features(path, 25)
    source = import_file(tmp_path / "census", ImportWish(path=path, mapping=mapping), CLOCK)
    assert source.provenance.rows_taken == 25


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("title = ", "is not TOML"),
        (f'{HEAD}shape = "csv"\n[fields]\nref = "id"\n', "fields.lon and fields.lat"),
        (f'{HEAD}shape = "csv"\ncolour = "red"\n{FIELDS}', "colour"),
        (HEAD.replace("2026-01-01", "lately") + f'shape = "csv"\n{FIELDS}', "as_of 'lately'"),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path: Path, text: str, because: str) -> None:
    with pytest.raises(BadInput, match=because):
        bring(tmp_path, "r.csv", "id,x,y,area\n", mapping=mapped(tmp_path, text))


def test_a_register_without_a_mapped_column_is_refused(tmp_path: Path) -> None:
    mapping = mapped(tmp_path, f'{HEAD}shape = "csv"\n{FIELDS}')
    with pytest.raises(BadInput, match="lacks the columns area"):
        bring(tmp_path, "r.csv", "id,x,y\na,1,2\n", mapping=mapping)


def test_the_same_file_is_imported_once(tmp_path: Path) -> None:
    text = as_csv({**row(cameras="7"), "claim_id": "mine-1"})
    bring(tmp_path, "claims.csv", text)
    with pytest.raises(Conflict, match="imported already"):
        bring(tmp_path, "claims.csv", text)


def test_an_import_that_did_not_end_is_not_there_and_can_be_done_again(tmp_path: Path) -> None:
    path = tmp_path / "town.osm.pbf"
    census_data.extract(path, 3)
    folder = tmp_path / "census"
    source = import_file(folder, ImportWish(path=path), CLOCK)
    (source.folder / "source.json").unlink()
    assert read_census(folder).sources == ()
    assert import_file(folder, ImportWish(path=path), CLOCK).provenance.rows_taken == 3


def test_a_changed_source_file_is_corrupt(tmp_path: Path) -> None:
    source = bring(tmp_path, "claims.csv", own_text("claims.csv"))
    (source.folder / "source.json").write_text('{"file": 3}')
    with pytest.raises(Corrupt, match=r"source\.json"):
        read_census(tmp_path / "census")


def test_kinds_are_told_from_the_file(tmp_path: Path) -> None:
    claims = bring(tmp_path, "a.csv", own_text("claims.csv"))
    facts = bring(tmp_path, "b.csv", own_text("populations.csv"))
    outlines = tmp_path / "c.geojson"
    census_data.boundaries(outlines)
    made = import_file(tmp_path / "census", ImportWish(path=outlines), CLOCK)
    assert [one.kind.value for one in (claims, facts, made)] == ["claims", "facts", "boundaries"]
    with pytest.raises(BadInput, match="could be anything"):
        bring(tmp_path, "d.txt", "hello")


def test_boundaries_that_are_none_are_kept_aside(tmp_path: Path) -> None:
    def feature(name: str, *points: list[int]) -> dict[str, object]:
        geometry = {"type": "Polygon", "coordinates": [[*points]]}
        return {"type": "Feature", "properties": {"name": name}, "geometry": geometry}

    square = ([0, 0], [1, 0], [1, 1], [0, 1], [0, 0])
    bow = ([0, 0], [1, 1], [1, 0], [0, 1], [0, 0])
    far = ([0, 0], [500, 0], [500, 1], [0, 0])
    path = tmp_path / "b.geojson"
    features = [
        feature("Good", *square),
        feature("Good", *square),
        feature("Bow", *bow),
        feature("", *square),
        feature("Far", *far),
        {"type": "Feature", "properties": {"name": "Dot"}, "geometry": None},
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = read_boundaries(path)
    assert [boundary.place for boundary in found.boundaries] == ["Good"]
    reasons = [one.because for one in found.aside]
    assert "stands there twice" in reasons[0]
    assert "Self-intersection" in reasons[1]
    assert [one.row for one in found.aside] == [2, 3, 4, 5, 6]


def test_areas_are_those_of_the_ellipsoid() -> None:
    """Against the integral of the two radii of curvature, and WGS 84's whole surface."""
    shapely = optional("shapely")
    axis_km, squared = 6_378.137, 0.00669437999014
    for south, north in ((0.0, 1.0), (59.5, 60.5), (-35.0, -33.0)):
        steps = np.radians(np.linspace(south, north, 20_001))
        middles = (steps[:-1] + steps[1:]) / 2
        flattened = 1 - squared * np.sin(middles) ** 2
        strip = axis_km**2 * (1 - squared) / flattened**2 * np.cos(middles) * np.diff(steps)
        expected = strip.sum() * np.radians(1.0)
        assert area_km2(shapely.box(7, south, 8, north)) == pytest.approx(expected, rel=1e-8)
    whole = area_km2(shapely.box(-180, -90, 180, 90))
    assert whole == pytest.approx(510_065_621.7, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "degrees"),
    [("90", 90), ("90°", 90), ("N", 0), ("wsw", 247.5), ("450", 90), ("90-180", None), ("", None)],
)
def test_directions_are_read_as_people_write_them(text: str, degrees: float | None) -> None:
    assert direction_of(text) == degrees


@given(
    items=st.lists(
        st.recursive(
            st.none() | st.integers() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
            max_leaves=6,
        ),
        max_size=12,
    ),
    spaced=st.booleans(),
)
def test_streamed_items_are_what_a_whole_parser_reads(
    tmp_path_factory: pytest.TempPathFactory, items: list[object], spaced: bool
) -> None:
    path = tmp_path_factory.mktemp("json") / "f.json"
    whole = {"before": {"a": [1]}, "features": items, "after": 12}
    path.write_text(json.dumps(whole, indent=3 if spaced else None))
    stream = JsonItems(path, "features")
    assert list(stream) == items
    assert stream.rest == {"before": {"a": [1]}, "after": 12}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"features": [1', '{"features": [1 2]}', '{"a": 1}', "\xff"]
)
def test_json_that_is_not_the_expected_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=r"f\.json"):
        list(JsonItems(path, "features"))


def test_a_long_item_is_read_over_many_chunks(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    items = [{"text": "x" * 700_000}, 1, {"text": "ü" * 300_000}]
    path.write_text(json.dumps({"features": items}, ensure_ascii=False), encoding="utf-8")
    assert list(JsonItems(path, "features")) == items


def test_an_extract_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a readable OpenStreetMap extract"):
        bring(tmp_path, "x.osm.pbf", "hello", kind=FileKind.OSM)
