"""`fairview cover` as somebody types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from fairview.cli.main import build
from fairview.core.errors import BadInput, Conflict, NotFound
from tests.run.test_cover_file import film, shown, walkers

RUNNER = CliRunner()
SCHEMA = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cover-report.schema.json"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    film(tmp_path / "street.mp4", walkers(24))
    return tmp_path / "street.mp4"


def fairview(*words: object) -> Result:
    return RUNNER.invoke(build(), ["cover", *map(str, words)], catch_exceptions=True)


def test_a_film_goes_in_and_a_covered_one_comes_out(source: Path) -> None:
    out, report = source.with_name("out.mp4"), source.with_name("report.json")
    result = fairview(source, out, "--model", "none", "--approve-scene", "--report", report)
    assert result.exit_code == 0, result.output
    assert "24 pictures, 0 covered whole" in result.stdout
    assert len(shown(out)[0]) == 24
    told = json.loads(report.read_text())
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(told)
    assert told["cover"] == "silhouettes"


def test_a_short_film_is_warned_about(source: Path) -> None:
    out = source.with_name("out.mp4")
    result = fairview(source, out, "--model", "none", "--approve-scene")
    assert "note: the film is short" in result.stderr


def test_without_a_model_the_whole_frame_is_covered_until_somebody_approves_the_scene(
    source: Path,
) -> None:
    result = fairview(source, source.with_name("out.mp4"), "--model", "none")
    assert "24 pictures, 24 covered whole" in result.stdout
    assert "--approve-scene" in result.stderr


def test_without_the_model_nothing_is_made_and_it_is_said_how_to_fetch_it(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRVIEW_MODELS", str(source.parent))
    result = fairview(source, source.with_name("out.mp4"))
    assert isinstance(result.exception, NotFound)
    assert "fairview models pull picodet-s-416" in str(result.exception)
    assert not source.with_name("out.mp4").exists()


def test_what_is_there_is_not_replaced_without_a_word(source: Path) -> None:
    out = source.with_name("out.mp4")
    out.write_bytes(b"mine")
    assert isinstance(fairview(source, out, "--model", "none").exception, Conflict)
    assert fairview(source, out, "--model", "none", "--force").exit_code == 0


@pytest.mark.parametrize("looks", ["0", "1000"])
def test_looks_out_of_reason_are_refused(source: Path, looks: str) -> None:
    result = fairview(source, source.with_name("out.mp4"), "--looks", looks)
    assert isinstance(result.exception, BadInput)
