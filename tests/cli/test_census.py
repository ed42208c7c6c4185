"""`fairview census …` as somebody types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench import census_data
from typer.testing import CliRunner, Result

from fairview.cli.main import build
from fairview.core.errors import BadInput, Conflict

RUNNER = CliRunner()


def fairview(*words: object) -> Result:
    return RUNNER.invoke(build(), ["census", *map(str, words)], catch_exceptions=True)


def said(*words: object) -> str:
    result = fairview(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_rank_says_the_order_of_2019_and_what_turns_it_round() -> None:
    lines = said("rank", "--publisher", "PreciseSecurity", "--per", "residents").splitlines()
    assert [line.split()[0] for line in lines[2:7]] == ["1", "2", "3", "4", "5"]
    assert lines[2].split()[1:3] == ["United", "States"]
    assert any("IHS Markit (2018) puts China" in line for line in lines)


def test_rank_writes_json_csv_and_a_chart(tmp_path: Path) -> None:
    words = ("--publisher", "Comparitech", "--year", "2019", "--per", "residents")
    rows = json.loads(said("rank", *words, "--format", "json"))["lists"]
    assert rows[0]["place"] == "Chongqing"
    assert said("rank", *words, "--format", "csv").count("\n") == len(rows) + 1
    out = tmp_path / "chart.svg"
    said("rank", *words, "--format", "svg", "--out", out)
    assert out.read_text().startswith("<svg")
    assert "London" in out.read_text()


def test_a_chart_of_many_lists_asks_which() -> None:
    result = fairview("rank", "--format", "svg")
    assert isinstance(result.exception, BadInput)
    assert "choose with --publisher" in str(result.exception)


def test_a_census_is_imported_ranked_and_published(tmp_path: Path) -> None:
    outlines, people, extract = (
        tmp_path / name for name in ("cities.geojson", "people.csv", "map.osm.pbf")
    )
    census_data.boundaries(outlines)
    census_data.populations(people)
    census_data.extract(extract, 500, bad=3)
    census = tmp_path / "census"
    told = [fairview("import", path, "--into", census) for path in (outlines, people, extract)]
    assert [result.exit_code for result in told] == [0, 0, 0]
    assert "500 of 503 rows taken" in told[2].stdout
    assert "3 rows could not be read" in told[2].output
    again = fairview("import", extract, "--into", census)
    assert isinstance(again.exception, Conflict)
    ranked = json.loads(said("rank", "--census", census, "--no-own", "--format", "json"))
    assert {row["per"] for row in ranked["lists"]} == {"residents", "km2", "road_km", "number"}
    out = tmp_path / "pages"
    place = ("--base-url", "https://city.example/census", "--contact", "census@city.example")
    assert "pages" in said("publish", "--census", census, "--out", out, *place)
    assert (out / "index.html").is_file()


@pytest.mark.parametrize(
    ("words", "because"),
    [
        (("--base-url", "city.example", "--contact", "a@b.example"), "must begin with https://"),
        (("--base-url", "https://city.example", "--contact", "me"), "neither a mail address"),
    ],
)
def test_publish_refuses_addresses_that_are_none(
    tmp_path: Path, words: tuple[str, ...], because: str
) -> None:
    result = fairview("publish", "--out", tmp_path / "out", *words)
    assert isinstance(result.exception, BadInput)
    assert because in str(result.exception)
    assert not (tmp_path / "out").exists()
