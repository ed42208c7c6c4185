"""The cover's detectors, from the models on this machine: road users, faces, plates."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.analyse.cover_finds import (
    PERSON_SCORE_MIN,
    VEHICLE_SCORE_MIN,
    Finders,
    Sighted,
)
from fairview.analyse.detectors.card import ModelCard
from fairview.analyse.detectors.choose import FACES_DEFAULT, PLATES_DEFAULT
from fairview.analyse.detectors.cover_only import FaceDetector, PlateDetector
from fairview.analyse.detectors.graph import OnnxSettings
from fairview.analyse.detectors.models import ModelStore
from fairview.analyse.detectors.onnx import OnnxDetector
from fairview.analyse.planes import Planes

FACE_SCORE_MIN = 0.45
"""A face taken for one costs some pixels; a missed one is a person seen."""

PLATE_SCORE_SHOWN_MIN = 0.3
"""From here on a box is hidden; sure enough to spare the vehicle's band is much higher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverDetectors:
    """Finders for one thread, and the cards of what they run."""

    finders: Finders
    cards: tuple[ModelCard, ...]


def cover_detectors(models: ModelStore, model: str) -> CoverDetectors:
    """The finders with a model for road users, and the face and plate models beside it.

    Errors:  NotFound when one of the three is not on this machine, saying how to fetch it;
    Corrupt for other bytes than on its card; BadInput for a model of another use.
    """
    traffic = OnnxDetector(
        *models.read(model),
        OnnxSettings(confidence=min(PERSON_SCORE_MIN, VEHICLE_SCORE_MIN)),
    )
    face_card, face_data = models.read(FACES_DEFAULT)
    plate_card, plate_data = models.read(PLATES_DEFAULT)
    faces = FaceDetector(face_card, face_data, OnnxSettings(confidence=FACE_SCORE_MIN))
    plates = PlateDetector(plate_card, plate_data, OnnxSettings(confidence=PLATE_SCORE_SHOWN_MIN))
    return CoverDetectors(
        finders=Finders(
            traffic=_Found(traffic),
            faces=_Hidden(faces),
            plates=_Hidden(plates),
        ),
        cards=(traffic.card, face_card, plate_card),
    )


class _Found:
    """A detector of road users as the cover asks it."""

    def __init__(self, detector: OnnxDetector) -> None:
        self._detector = detector

    def __call__(self, planes: Planes) -> Sighted:
        (one,) = self._detector.find([planes])
        return Sighted(boxes_unit=one.boxes_unit, scores=one.scores, kinds=one.kinds)


class _Hidden:
    """A finder of faces or plates as the cover asks it: boxes without any class."""

    def __init__(self, detector: FaceDetector | PlateDetector) -> None:
        self._detector = detector

    def __call__(self, planes: Planes) -> Sighted:
        one = self._detector.boxes(planes)
        return Sighted(
            boxes_unit=one.boxes_unit,
            scores=one.scores,
            kinds=(one.scores * 0).astype("uint8"),
        )
