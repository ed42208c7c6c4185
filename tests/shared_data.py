"""Real videos, pictures, models and truth that are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"
"""Beside the project's root, where a machine has it."""


def shared(name: str | Path) -> Path:
    """The path of a file or folder in the shared data (a whole path stays as it is).

    Skips the asking test where it is absent; under CI that is a failure.
    """
    path = SHARED / name
    if not path.exists():
        words = f"the shared test data is not on this machine ({name})"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return path
