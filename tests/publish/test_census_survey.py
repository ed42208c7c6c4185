from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench import census_data

from fairview.core.errors import BadInput
from fairview.core.time import ManualClock, instant
from fairview.publish.census.claim import Per
from fairview.publish.census.folder import read_census
from fairview.publish.census.importing import ImportWish, import_file
from fairview.publish.census.lists import Wanted
from fairview.publish.census.matching import Standing, matched, overlap_cells
from fairview.publish.census.outputs import as_csv, as_parquet, as_text, list_rows
from fairview.publish.census.reading import read_ranking
from fairview.publish.census.survey_lists import survey_lists

NOW = instant("2026-05-01T12:00:00Z")
CLOCK = ManualClock(NOW)
SAMPLES = """place,place_kind,country,counted,source,points,found,found_squared,recall_known,\
recall_found,year,covered_km,road_km
Aby,city,AA,visible cameras,Walkers,5000,300,340,200,126,2025,250,2500
Beton,city,AA,visible cameras,Walkers,5000,40,44,200,126,2025,250,1800
Bad,city,AA,visible cameras,Walkers,5000,40,4,200,126,2025,250,1800
"""


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A folder with a hundred boundaries, their people, and a map extract."""
    folder = tmp_path / "census"
    outlines, people = tmp_path / "cities.geojson", tmp_path / "people.csv"
    census_data.boundaries(outlines)
    census_data.populations(people)
    extract = tmp_path / "map.osm.pbf"
    census_data.extract(extract, 3_000)
    for path in (outlines, people, extract):
        import_file(folder, ImportWish(path=path), CLOCK)
    return folder


def test_every_camera_is_counted_in_the_boundary_it_stands_in(town: Path) -> None:
    lon, lat = census_data.places(3_000, 1)
    column = ((lon - census_data.WEST) / census_data.CELL).astype(int)
    line = ((lat - census_data.SOUTH) / census_data.CELL).astype(int)
    truth = np.bincount(line * census_data.GRID + column, minlength=100)
    (found,) = survey_lists(read_census(town), NOW, Wanted(per=Per.NUMBER))
    counts = {entry.place: entry.estimate.value for entry in found.entries}
    assert counts == {census_data.city(at): truth[at] for at in range(100)}


def test_a_list_is_made_for_each_denominator_there_is(town: Path) -> None:
    lists = survey_lists(read_census(town), NOW)
    assert {made.key.per for made in lists} == set(Per)
    by_area = next(made for made in lists if made.key.per is Per.KM2)
    by_road = next(made for made in lists if made.key.per is Per.ROAD_KM)
    assert len(by_area.entries) == len(by_road.entries) == 100
    assert by_road.entries[0].estimate.how.endswith("20% added")


def test_places_too_close_to_tell_apart_get_ranges_or_no_rank(town: Path) -> None:
    (found,) = survey_lists(read_census(town), NOW, Wanted(per=Per.NUMBER))
    ranks = [entry.rank for entry in found.entries]
    assert any(rank is not None and rank.worst != rank.best for rank in ranks)


def test_a_place_without_people_is_named_and_left_out(town: Path, tmp_path: Path) -> None:
    extra = {
        "type": "Feature",
        "properties": {"name": "Nowhere", "country": "AA"},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]],
        },
    }
    path = tmp_path / "more.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [extra]}))
    import_file(town, ImportWish(path=path), CLOCK)
    (found,) = survey_lists(read_census(town), NOW, Wanted(per=Per.RESIDENTS))
    assert found.left_out == ("Nowhere",)


def two_lists(tmp_path: Path, town: Path, rates: tuple[float, ...]) -> None:
    """Registers of the same made-up cameras, each holding a share of them, a few metres off."""
    generator = np.random.default_rng(9)
    lon, lat = census_data.places(4_000, 3)
    for which, rate in enumerate(rates):
        held = generator.random(lon.size) < rate
        lines = ["id,x,y,area,mount"]
        for at in np.flatnonzero(held):
            x = lon[at] + generator.normal(0, 2e-5)
            y = lat[at] + generator.normal(0, 2e-5)
            lines.append(f"c{at},{x:.6f},{y:.6f},town,dome")
        path, mapping = tmp_path / f"r{which}.csv", tmp_path / f"m{which}.toml"
        path.write_text("\n".join(lines))
        mapping.write_text(census_data.MAPPING.replace("A made-up", f"Register {which} of"))
        import_file(town, ImportWish(path=path, mapping=mapping), CLOCK)


@pytest.mark.parametrize(
    "rates", [(0.6, 0.5), pytest.param((0.6, 0.5, 0.4), marks=pytest.mark.slow)]
)
def test_sources_that_count_the_same_tell_by_their_overlap_what_they_miss(
    town: Path, tmp_path: Path, rates: tuple[float, ...]
) -> None:
    two_lists(tmp_path, town, rates)
    lon, lat = census_data.places(4_000, 3)
    column = ((lon - census_data.WEST) / census_data.CELL).astype(int)
    line = ((lat - census_data.SOUTH) / census_data.CELL).astype(int)
    truth = np.bincount(line * census_data.GRID + column, minlength=100)
    wanted = Wanted(per=Per.NUMBER, basis="made-up cameras")
    (found,) = survey_lists(read_census(town), NOW, wanted)
    held = [
        entry.estimate.low <= truth[int(entry.place[-2:])] <= entry.estimate.top
        for entry in found.entries
    ]
    assert sum(held) >= 90
    assert "sources" in found.entries[0].estimate.how


def test_each_point_is_in_one_pair_and_the_nearest_go_together() -> None:
    first = Standing(np.array([0.0, 0.0001]), np.array([50.0, 50.0]))
    second = Standing(np.array([0.00009, 0.5]), np.array([50.0, 50.0]))
    assert matched(first, second) == [(1, 0)]
    assert matched(first, Standing(np.empty(0), np.empty(0))) == []


def test_three_lists_fall_into_their_cells() -> None:
    def standing(*lons: float) -> Standing:
        return Standing(np.array(lons), np.full(len(lons), 50.0))

    cells = overlap_cells((standing(1, 2, 3), standing(2, 3, 4), standing(3, 4, 5)))
    assert {cell: count for cell, count in cells.items() if count} == {
        (1, 0, 0): 1,
        (1, 1, 0): 1,
        (1, 1, 1): 1,
        (0, 1, 1): 1,
        (0, 0, 1): 1,
    }


def test_searched_streets_are_ranked_per_road_with_their_intervals(tmp_path: Path) -> None:
    path = tmp_path / "samples.csv"
    path.write_text(SAMPLES)
    source = import_file(tmp_path / "census", ImportWish(path=path), CLOCK)
    assert source.provenance.rows_aside == 1
    lists = survey_lists(read_census(tmp_path / "census"), NOW, Wanted(per=Per.ROAD_KM))
    (found,) = lists
    assert [entry.place for entry in found.entries] == ["Aby", "Beton"]
    assert found.entries[0].estimate.value == pytest.approx(300 / 0.63 / 250)
    assert [str(entry.rank) for entry in found.entries] == ["1", "2"]


def test_cameras_without_boundaries_cannot_be_ranked(tmp_path: Path) -> None:
    extract = tmp_path / "map.osm.pbf"
    census_data.extract(extract, 5)
    import_file(tmp_path / "census", ImportWish(path=extract), CLOCK)
    with pytest.raises(BadInput, match="no boundaries"):
        survey_lists(read_census(tmp_path / "census"), NOW)


def test_text_csv_and_parquet_say_the_same(town: Path) -> None:
    ranking = read_ranking(town, CLOCK, Wanted(per=Per.RESIDENTS))
    rows = list_rows(ranking.lists, ranking.flags)
    assert as_csv(rows).count(b"\n") == len(rows) + 1
    assert as_parquet(rows)[:4] == b"PAR1"
    text = as_text(ranking.lists, ranking.flags)
    assert all(entry.place in text for made in ranking.lists for entry in made.entries)
