"""Sessions at the command line, told in text files: what people do wrong, and what they hear."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.stories.commands import environment
from tests.stories.givens import GIVENS
from tests.stories.telling import Typed, holds, read_story

STORIES = sorted(Path(__file__).parent.glob("*.txt"))
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def marked(path: Path) -> object:
    """A story with a real server needs what servers need."""
    server = pytest.mark.server if "given: a camera" in path.read_text().splitlines() else ()
    return pytest.param(path, id=path.stem, marks=server)


@pytest.mark.parametrize("path", [marked(path) for path in STORIES])
def test_story_goes_as_told(path: Path, prompt: Prompt, tmp_path: Path) -> None:
    story = read_story(path)
    names: dict[str, str] = {}
    with ExitStack() as stack:
        for given in story.givens:
            names |= stack.enter_context(GIVENS[given](tmp_path))
        for typed in story.typed:
            assert_goes_as_told(typed, names, prompt, tmp_path, path.name)


def assert_goes_as_told(
    typed: Typed, names: dict[str, str], prompt: Prompt, folder: Path, story: str
) -> None:
    settings, words = typed.words(names)
    exit_code, said = prompt.type(words, folder, settings)
    told = f"{story}:{typed.line}: $ {typed.text}\n{said}[exit {exit_code}]"
    assert exit_code == typed.exit_code, told
    assert holds(said, typed.said, names), told
    assert "Traceback" not in said, told


class Prompt:
    """See forking.py. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        self._out = folder / "said.txt"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.stories.forking"],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def type(self, words: list[str], folder: Path, settings: dict[str, str]) -> tuple[int, str]:
        """The exit code, and what was said on either stream."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {
            "argv": words,
            "cwd": str(folder),
            "environment": environment(settings),
            "out": str(self._out),
        }
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        exit_code = int(self._process.stdout.readline())
        return exit_code, self._out.read_text(encoding="utf-8")

    def close(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def prompt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prompt]:
    made = Prompt(tmp_path_factory.mktemp("prompt"))
    yield made
    made.close()
