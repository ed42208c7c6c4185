"""Models and pictures that are not part of the project, where a machine has them."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from fairview.analyse.detectors.models import ModelStore
from tests.shared_data import shared


def store() -> ModelStore:
    return ModelStore(shared("models"))


def pixels(name: str) -> npt.NDArray[np.uint8]:
    """A still as RGB."""
    path = shared(name)
    found = cv2.imread(str(path))
    assert found is not None
    return np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)
