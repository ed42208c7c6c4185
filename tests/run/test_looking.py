"""Bounds of counts rest on how well was counted, and on nothing else."""

from __future__ import annotations

import numpy as np

from fairview.analyse.detectors.card import read_card
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.detectors.onnx import OnnxDetector
from fairview.run.watch.looking import accuracy_of
from tests.analyse.detectors.graphs import card_text, fixed

COUNTED = '[counted]\nrecall = 0.8\nprecision = 0.5\npassings = 100\non = "a bridge"\n'
MEASURED = '[measured]\nrecall = 0.3\nprecision = 0.9\nboxes = 400\non = "streets"\n'


def detector(more: str) -> OnnxDetector:
    data = fixed({"out": np.zeros((1, 21, 7), np.float32)})
    return OnnxDetector(read_card((card_text(data) + more).encode(), "tiny.toml"), data)


def test_what_was_counted_bounds_counts() -> None:
    accuracy = accuracy_of(detector(MEASURED + COUNTED))
    assert accuracy is not None
    assert (accuracy.recall, accuracy.precision, accuracy.source) == (0.8, 0.5, "a bridge")
    assert (accuracy.truth_n, accuracy.found_n) == (100, 160)


def test_without_counting_there_are_no_bounds() -> None:
    assert accuracy_of(detector(MEASURED)) is None
    assert accuracy_of(MotionDetector()) is None
