"""The files of the project as git would take them, and their parsed Python."""

from __future__ import annotations

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@functools.cache
def files() -> tuple[Path, ...]:
    """Every tracked or not-ignored file, relative to the root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    return tuple(
        sorted(Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file())
    )


def python_files(*folders: str) -> tuple[Path, ...]:
    return tuple(path for path in files() if path.suffix == ".py" and path.parts[0] in folders)


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"), filename=str(path))


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")
