"""Models and pictures that are not part of the project, where a machine has them."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from fairview.analyse.detectors.models import ModelStore

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"


def store() -> ModelStore:
    _need(DATA / "models")
    return ModelStore(DATA / "models")


def pixels(name: str) -> npt.NDArray[np.uint8]:
    """A still as RGB."""
    path = DATA / name
    _need(path)
    found = cv2.imread(str(path))
    assert found is not None
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _need(path: Path) -> None:
    if not path.exists():
        words = f"the shared test data is not on this machine ({path.name})"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
