"""Runs the real command, as a person would, and reads what it wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COMMAND = (sys.executable, "-m", "fairview.cli.main")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """exit_code, and standard output and error as text."""

    exit_code: int
    out: str
    err: str

    @property
    def everything(self) -> str:
        return self.out + self.err


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's, without settings that whoever runs the tests may have set."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("FAIRVIEW_")}
    return {**kept, **(more or {})}


def fairview(*words: str | Path, cwd: Path, timeout_s: float = 120) -> Said:
    """One command to its end."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return Said(exit_code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def good(*words: str | Path, cwd: Path, timeout_s: float = 120) -> Said:
    """One command that must succeed."""
    said = fairview(*words, cwd=cwd, timeout_s=timeout_s)
    assert said.exit_code == 0, f"{words}: {said.everything}"
    return said
