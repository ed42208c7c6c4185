"""Reads and tells sessions at a command line, as they are written in a text file.

    given: film.mp4                     what there is before the first command (see GIVENS)
    $ fairview record film.mp4          a command, run for real in a fresh folder
    … words that standard output and error must hold, in order; ... stands for anything
    [exit 0]                            the exit code, always said

A word {like-this} in a command or in what it says stands for something a given made.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Typed:
    """One command. settings: NAME=text words before it, as a shell takes them."""

    line: int
    text: str
    said: list[str] = field(default_factory=list)
    exit_code: int | None = None

    def words(self, names: dict[str, str]) -> tuple[dict[str, str], list[str]]:
        """Settings for its environment, and its words after `fairview`."""
        words = shlex.split(filled(self.text, names))
        settings = {}
        while "=" in words[0]:
            name, _, text = words.pop(0).partition("=")
            settings[name] = text
        assert words[0] == "fairview", f"line {self.line}: only fairview is told here"
        return settings, words[1:]


@dataclass(slots=True)
class Story:
    givens: list[str] = field(default_factory=list)
    typed: list[Typed] = field(default_factory=list)


def read_story(path: Path) -> Story:
    """A story from its file. Lines that begin with # are for the reader."""
    story = Story()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("given: "):
            story.givens.append(line.removeprefix("given: "))
        elif line.startswith("$ "):
            story.typed.append(Typed(line=number, text=line.removeprefix("$ ")))
        elif found := re.fullmatch(r"\[exit (\d+)\]", line):
            story.typed[-1].exit_code = int(found[1])
        elif line.strip() and not line.startswith("#"):
            assert story.typed[-1].exit_code is None, f"{path.name}:{number}: said after the exit"
            story.typed[-1].said.append(line)
    assert story.typed, f"{path.name} types nothing"
    assert all(one.exit_code is not None for one in story.typed), f"{path.name}: an exit is missing"
    return story


def filled(text: str, names: dict[str, str]) -> str:
    return re.sub(r"\{([a-z-]+)\}", lambda found: names[found[1]], text)


def holds(said: str, wanted: list[str], names: dict[str, str]) -> bool:
    """Whether what was said is these lines and no others; `...` alone is any lines or none."""
    pattern = ""
    for line in wanted:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            parts = filled(line, names).split("...")
            pattern += ".*?".join(re.escape(part) for part in parts) + r"\n"
    return (
        re.fullmatch(pattern, said if said.endswith("\n") or not said else said + "\n") is not None
    )
