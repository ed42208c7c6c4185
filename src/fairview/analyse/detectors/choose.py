"""The detector that a scene wishes for."""

from __future__ import annotations

from fairview.analyse.detectors.contract import Detector
from fairview.analyse.detectors.graph import ONNX_DEFAULTS, OnnxSettings
from fairview.analyse.detectors.models import ModelStore
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.detectors.onnx import OnnxDetector
from fairview.core.errors import BadInput
from fairview.core.scene import DetectorWish

MODEL_DEFAULT = "picodet-s-416"
FACES_DEFAULT = "yunet"
PLATES_DEFAULT = "lpd-yunet"


def detector_for(
    wish: DetectorWish,
    models: ModelStore,
    providers: tuple[str, ...] = ONNX_DEFAULTS.providers,
) -> Detector:
    """A detector of one's own thread: call once per thread.

    Errors:  NotFound when the model is not here, saying how to fetch it; BadInput, Corrupt and
    Unavailable as OnnxDetector.
    """
    if wish.kind == "motion":
        if wish.model is not None:
            raise BadInput(
                f"kind motion runs no model; leave model = {wish.model!r} out, or say kind onnx"
            )
        return MotionDetector(score_min=wish.confidence or 0.0)
    card, data = models.read(wish.model or MODEL_DEFAULT)
    settings = OnnxSettings(confidence=wish.confidence, providers=providers)
    return OnnxDetector(card, data, settings)
