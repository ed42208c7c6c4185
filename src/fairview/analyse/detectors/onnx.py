"""Road users found by a network in ONNX, whatever its layout.

Class filter first: only the classes that the card maps are ever looked at, scored against one
another, or compared for overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.detectors.card import ModelCard
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.graph import ONNX_DEFAULTS, Graph, OnnxSettings
from fairview.analyse.detectors.layout import Wanted
from fairview.analyse.detectors.overlaps import kept
from fairview.analyse.detectors.picture_input import fed
from fairview.analyse.planes import Planes
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.sight import Detections

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundBoxes:
    """The boxes of one picture, best first. Shapes and units as in Detections."""

    boxes_unit: Boxes
    scores: npt.NDArray[np.float32]
    kinds: npt.NDArray[np.uint8]


class OnnxDetector:
    """A Detector that runs one network. Used by one thread; keeps nothing about a camera.

    Cost:    the network's own, and 1 ms around it for 640x360 to 416x416.
    """

    def __init__(
        self, card: ModelCard, data: bytes, settings: OnnxSettings = ONNX_DEFAULTS
    ) -> None:
        """Errors:  Corrupt for other bytes than the card's; BadInput for a card or graph that is
        not for road users; Unavailable for a missing provider."""
        if card.use != "road_users":
            raise BadInput(
                f"model {card.name} serves the cover only; for road users take one of layout "
                "yolox, picodet or fastestdet (fairview models list)"
            )
        self._graph = Graph(card, data, settings)
        confidence = card.confidence if settings.confidence is None else settings.confidence
        self._wanted = Wanted(
            columns=np.array([column for column, _ in card.classes], dtype=np.intp),
            kinds=np.array([kind for _, kind in card.classes], dtype=np.uint8),
            confidence=confidence,
        )

    @property
    def name(self) -> str:
        return self._graph.card.name

    @property
    def card(self) -> ModelCard:
        return self._graph.card

    @property
    def input_px(self) -> tuple[int, int] | None:
        """The network's input. Pictures keep their own shape: one that fills it in width or
        height loses next to nothing, a larger one costs more to decode and finds no more."""
        return self._graph.card.input_px

    def detect(self, pictures: Sequence[Picture]) -> tuple[Detections, ...]:
        """One answer per picture, in order; in one run where the graph takes batches."""
        found = self.find([picture.planes for picture in pictures])
        return tuple(
            Detections(
                camera=picture.camera,
                frame=picture.frame,
                at=picture.at,
                boxes_unit=one.boxes_unit,
                scores=one.scores,
                kinds=one.kinds,
                model=self.name,
            )
            for picture, one in zip(pictures, found, strict=True)
        )

    def find(self, planes: Sequence[Planes]) -> tuple[FoundBoxes, ...]:
        """The boxes of pictures that need no name."""
        return found_in(self._graph, planes, self._wanted)

    def forget(self, camera: CameraId) -> None:
        """Nothing is kept."""


def found_in(graph: Graph, planes: Sequence[Planes], wanted: Wanted) -> tuple[FoundBoxes, ...]:
    """Pictures through a graph: input, run, decoding, overlaps."""
    layout, input_px = graph.layout, graph.card.input_px
    inputs = [fed(one, input_px, layout.form) for one in planes]
    answers = graph.run([field for field, _ in inputs])
    found = []
    for outputs, (_, fit) in zip(answers, inputs, strict=True):
        one = layout.decoded(outputs, input_px, wanted)
        finite = np.isfinite(one.boxes_px).all(axis=1) & np.isfinite(one.scores)
        boxes = fit.to_unit(one.boxes_px[finite])
        scores, kinds = one.scores[finite], one.kinds[finite]
        # A box wholly within the letterbox's filling lies outside the picture.
        there = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
        boxes, scores, kinds = boxes[there], scores[there], kinds[there]
        stays = kept(boxes, scores, kinds, layout.overlap_max)
        found.append(
            FoundBoxes(
                boxes_unit=np.ascontiguousarray(boxes[stays], dtype=np.float32),
                scores=np.clip(scores[stays], 0, 1).astype(np.float32),
                kinds=kinds[stays].astype(np.uint8),
            )
        )
    return tuple(found)
