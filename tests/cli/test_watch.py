"""`fairview watch`, `measure` and `sample` as somebody types them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fairview.cli.main import build
from fairview.core.errors import BadInput
from tests.run import roads

RUNNER = CliRunner()


def fairview(*words: object) -> Result:
    return RUNNER.invoke(build(), [str(word) for word in words], catch_exceptions=True)


@pytest.fixture
def road(tmp_path: Path) -> Path:
    roads.write_tracks(tmp_path / "tracks.txt")
    roads.write_scene(tmp_path / "scene.toml")
    return tmp_path


def test_measure_says_what_came_of_it_and_what_to_be_careful_about(road: Path) -> None:
    words = ("--scene", road / "scene.toml", "--out", road / "out", "--bin", "5m")
    result = fairview("measure", road / "tracks.txt", *words)
    assert result.exit_code == 0, result.output
    assert "3 tracks, 3 crossings, 3 stays, 0 events" in result.stdout
    assert "speeds are empty" in result.stderr
    assert "05:00.000000Z" in (road / "out" / "counts.csv").read_text()


def test_a_bin_that_does_not_divide_the_day_is_refused_before_anything_is_read(road: Path) -> None:
    words = ("--scene", road / "scene.toml", "--out", road / "out", "--bin", "7m")
    result = fairview("measure", road / "none.txt", *words)
    assert isinstance(result.exception, BadInput)
    assert "divides the day" in str(result.exception)


def test_a_detector_that_is_none_is_refused(road: Path) -> None:
    film = roads.write_film(road / "film.mp4", count=3)
    words = ("--scene", road / "scene.toml", "--out", road / "out", "--detector", "magic")
    result = fairview("watch", film, *words)
    assert isinstance(result.exception, BadInput)
    assert "motion or onnx" in str(result.exception)


@pytest.mark.slow
def test_ctrl_c_ends_a_films_watching_with_130_and_leaves_nothing(road: Path) -> None:
    film = roads.write_film(road / "film.mp4", count=1_200)
    command = [sys.executable, "-m", "fairview.cli.main", "watch", str(film), "--covered"]
    words = ["--scene", str(road / "scene.toml"), "--out", str(road / "out")]
    process = subprocess.Popen(
        [*command, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in its background has Ctrl-C ignored for all of them.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    assert process.stderr.readline().startswith("looking")
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert sorted(path.name for path in road.iterdir()) == ["film.mp4", "scene.toml", "tracks.txt"]


@pytest.mark.slow
def test_the_sample_can_be_watched_with_its_own_scene(tmp_path: Path) -> None:
    made = fairview("sample", "--out", tmp_path / "sample")
    assert made.exit_code == 0, made.output
    film, scene = tmp_path / "sample" / "junction.mp4", tmp_path / "sample" / "scene.toml"
    words = ("--scene", scene, "--out", tmp_path / "out", "--at-fps", "6")
    result = fairview("watch", film, *words)
    assert result.exit_code == 0, result.output
    speeds = (tmp_path / "out" / "speeds.csv").read_text().splitlines()
    assert any(line.split(",")[3] == "line" and line.split(",")[5] for line in speeds[1:])
