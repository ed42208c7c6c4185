"""tracks.parquet and GeoJSON: exactly the columns that are promised, and back."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

import fairview.analyse.files.parquet as parquet_file
from fairview.analyse.files.geojson import GeoJsonTracks, Origin
from fairview.analyse.files.parquet import ParquetTracks, PointGround, read_parquet
from fairview.core.errors import BadInput
from fairview.core.sight import OTHER, Track
from fairview.core.time import Instant
from tests.analyse.files.tracks import FACTS, assert_same, some_tracks

COLUMNS = [
    *("track", "at_us", "class", "x1_px", "y1_px", "x2_px", "y2_px", "confidence"),
    *("east_m", "north_m", "speed_kmh"),
]


def one_track(n: int = 3, number: int = 1) -> Track:
    frames = np.arange(1, n + 1)
    boxes = np.linspace(0.1, 0.2, n)[:, None] + np.array([0.0, 0.1, 0.2, 0.3])
    return Track(
        camera=FACTS.camera,
        id=number,
        kind=3,
        kind_share=1.0,
        frames=frames.astype(np.int32),
        at_us=FACTS.at_us(frames.astype(np.int64)),
        boxes_unit=boxes.astype(np.float32),
        scores=np.full(n, 0.5, dtype=np.float32),
        is_seen=np.ones(n, dtype=np.bool_),
    )


@settings(deadline=None, max_examples=40)
@given(some_tracks())
def test_tracks_come_back_with_the_file_s_own_facts(tracks: list[Track]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.parquet"
        with ParquetTracks(path, FACTS) as file:
            for track in tracks:
                file.add(track)
        others = replace(FACTS, width_px=10, height_px=10, fps=1.0, start=Instant(0))
        found = read_parquet(path, others)
        assert (found.width_px, found.fps, found.start) == (1280, 25.0, FACTS.start)
        assert len(found.tracks) == len(tracks)
        for ours, theirs in zip(tracks, found.tracks, strict=True):
            assert_same(ours, theirs, px=0.001)


def test_the_columns_are_those_promised_and_unknown_ground_is_null(tmp_path: Path) -> None:
    path = tmp_path / "tracks.parquet"
    ground = PointGround(
        east_m=np.array([1.0, np.nan, 3.0]),
        north_m=np.array([4.0, 5.0, 6.0]),
        speed_kmh=np.array([np.nan, 30.5, np.nan]),
    )
    with ParquetTracks(path, FACTS) as file:
        file.add(one_track(), ground)
        file.add(one_track(number=2))
    table = pq.read_table(path)
    assert table.column_names == COLUMNS
    rows = table.to_pylist()
    assert rows[0]["class"] == "car"
    assert [row["east_m"] for row in rows] == [1.0, None, 3.0, None, None, None]
    assert [row["speed_kmh"] for row in rows] == [None, 30.5, None, None, None, None]
    assert rows[0]["x1_px"] == pytest.approx(128.0, abs=1e-3)


def test_rows_leave_memory_in_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_file, "ROWS_PER_GROUP", 50)
    path = tmp_path / "tracks.parquet"
    with ParquetTracks(path, FACTS) as file:
        for number in range(20):
            file.add(one_track(20, number + 1))
    with pq.ParquetFile(path) as written:
        assert written.metadata.num_row_groups >= 7
    assert sum(len(one) for one in read_parquet(path, FACTS).tracks) == 400


def test_another_tool_s_file_with_the_same_columns_is_read(tmp_path: Path) -> None:
    path = tmp_path / "theirs.parquet"
    columns = {
        "track": [5, 5],
        "at_us": [FACTS.start.us, FACTS.start.us + 13_000],
        "class": ["hovercraft", "hovercraft"],
        **{name: [10.0, 20.0] for name in ("x1_px", "y1_px")},
        **{name: [30.0, 40.0] for name in ("x2_px", "y2_px")},
    }
    pq.write_table(pa.table(columns), path)
    found = read_parquet(path, FACTS)
    (track,) = found.tracks
    assert (track.id, track.kind, track.frames.tolist()) == (5, OTHER, [1, 2])
    assert track.at_us.tolist()[1] - track.at_us.tolist()[0] == 13_000
    assert "hovercraft" in found.warnings[0]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"track": None}, "no column track"),
        ({"x1_px": [1.0, None]}, "empty cells"),
        ({"x1_px": [1.0, 9e6]}, "row 2: a box far outside"),
        ({"x1_px": [float("nan"), 1.0]}, "row 1: a box far outside"),
        ({"x1_px": [1.0, 50.0]}, "row 2: a box with a width"),
        ({"at_us": [7, 7]}, "track 5 is in frame 1 twice"),
        ({"at_us": [-7, 7]}, "row 1: times"),
        ({"confidence": [0.5, 7.0]}, "row 2: confidence"),
        ({"track": ["a", "b"]}, "not readable"),
    ],
)
def test_wrong_columns_are_named(change: dict[str, object], says: str, tmp_path: Path) -> None:
    columns: dict[str, object] = {"track": [5, 5], "at_us": [0, 40_000]}
    columns |= {name: [1.0, 2.0] for name in ("x1_px", "y1_px")}
    columns |= {name: [3.0, 4.0] for name in ("x2_px", "y2_px")}
    columns |= change
    pq.write_table(
        pa.table({name: values for name, values in columns.items() if values is not None}),
        tmp_path / "bad.parquet",
    )
    with pytest.raises(BadInput, match=says):
        read_parquet(tmp_path / "bad.parquet", FACTS)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(b"PAR1 but not really PAR1")
    with pytest.raises(BadInput, match="not readable as Parquet"):
        read_parquet(tmp_path / "x.parquet", FACTS)
    with pytest.raises(BadInput, match="no file"):
        read_parquet(tmp_path / "y.parquet", FACTS)


def test_geojson_says_what_its_numbers_are(tmp_path: Path) -> None:
    path = tmp_path / "tracks.geojson"
    metres = np.array([[0.0, 0.0], [np.nan, np.nan], [100.0, 50.0]])
    origin = Origin(latitude=48.0, longitude=11.0)
    with GeoJsonTracks(path, size_px=(1280, 720), origin=origin) as file:
        file.add(one_track())
        file.add(one_track(number=2), metres)
        file.add(one_track(number=3), np.full((3, 2), np.nan))
    pixels, degrees, unknown = json.loads(path.read_text())["features"]
    assert pixels["properties"]["coordinates"] == "pixels"
    assert pixels["geometry"]["coordinates"][0] == [256.0, 288.0]
    assert degrees["properties"]["coordinates"] == "longitude_latitude"
    (start, end) = degrees["geometry"]["coordinates"]
    assert start == [11.0, 48.0]
    assert end == pytest.approx([11.0 + 100 / 74_488, 48.0 + 50 / 111_320], abs=2e-6)
    assert len(degrees["properties"]["times"]) == 2
    assert unknown["geometry"] is None
    with GeoJsonTracks(path, size_px=(1280, 720)) as file:
        file.add(one_track(), np.zeros((3, 2)))
    assert json.loads(path.read_text())["features"][0]["properties"]["coordinates"] == (
        "local_metres"
    )
    with GeoJsonTracks(path, size_px=(1280, 720)):
        pass
    assert json.loads(path.read_text())["features"] == []


@pytest.mark.parametrize("numbers", [pa.int8(), pa.uint8(), pa.uint32(), pa.int64()])
def test_classes_numbered_by_other_tools_are_read(numbers: pa.DataType, tmp_path: Path) -> None:
    path = tmp_path / "tracks.parquet"
    with ParquetTracks(path, FACTS) as file:
        file.add(one_track())
    table = pq.read_table(path)
    codes = pa.array([0, None, 0], type=numbers)
    kinds = pa.DictionaryArray.from_arrays(codes, pa.array(["car"]))
    place = table.column_names.index("class")
    pq.write_table(table.set_column(place, "class", kinds), path)
    (track,) = read_parquet(path, FACTS).tracks
    assert track.kind == 3


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracks.parquet"
    with ParquetTracks(path, FACTS) as file:
        file.add(one_track())
    table = pq.read_table(path)
    pq.write_table(table.append_column("track", table.column("track")), path)
    with pytest.raises(BadInput, match="column track twice"):
        read_parquet(path, FACTS)


def test_a_picture_of_no_sensible_size_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tracks.parquet"
    with ParquetTracks(path, FACTS) as file:
        file.add(one_track())
    table = pq.read_table(path)
    metadata = table.schema.metadata | {b"fairview.width_px": b"9" * 400}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    with pytest.raises(BadInput, match="pixels wide and high"):
        read_parquet(path, FACTS)
