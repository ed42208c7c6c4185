"""`fairview models …` as somebody types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fairview.cli.main import build
from fairview.core.errors import Corrupt, NotFound

RUNNER = CliRunner()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FAIRVIEW_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def fairview(*words: object) -> Result:
    return RUNNER.invoke(build(), ["models", *map(str, words)], catch_exceptions=True)


def said(*words: object) -> str:
    result = fairview(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_list_says_where_each_model_comes_from_and_whether_it_is_here(folder: Path) -> None:
    lines = {line.split("\t")[0]: line.split("\t") for line in said("list").splitlines()}
    yolox = lines["yolox-nano"]
    assert yolox[1:4] == ["road users", "no", "Apache-2.0"]
    assert "measured on 465 boxes" in yolox[4]
    assert lines["yunet"][4] == "not measured"
    assert yolox[6].startswith("https://")
    assert len(yolox[7]) == 64
    assert lines["yunet"][1] == "cover"
    folder.mkdir()
    (folder / "yolox_nano.onnx").write_bytes(b"x")
    here = [one for one in json.loads(said("list", "--json")) if one["here"]]
    assert [one["name"] for one in here] == ["yolox-nano"]


def test_info_says_what_a_model_finds_and_how_its_file_is_made() -> None:
    text = said("info", "picodet-s-416")
    assert "classes: person, bicycle, motorcycle, car, bus, truck, animal" in text
    assert "made from sha256: cdab77bd" in text
    assert "digest compared with publisher: no" in text
    facts = json.loads(said("info", "yunet", "--json"))
    assert (facts["classes"], facts["for"]) == ([], "cover")
    assert facts["digest_compared_with_publisher"] is True


def test_pull_from_a_wrong_file_is_refused(tmp_path: Path, folder: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"wrong")
    result = fairview("pull", "yolox-nano", "--from", wrong)
    assert isinstance(result.exception, Corrupt)
    assert list(folder.glob("*.onnx")) == []


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    for command in ("pull", "info"):
        result = fairview(command, "picodet-416")
        assert isinstance(result.exception, NotFound)
        assert "did you mean picodet-s-416" in str(result.exception)
