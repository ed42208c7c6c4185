"""Faces and number plates, found for the cover and for nothing else.

What comes out is where to cover, with how sure the network is. There is no class, no name, no
landmark, no corner, and no way to hand these boxes to a tracker: they are not `Detections`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.detectors.card import ModelCard
from fairview.analyse.detectors.graph import ONNX_DEFAULTS, Graph, OnnxSettings
from fairview.analyse.detectors.layout import Wanted
from fairview.analyse.detectors.onnx import found_in
from fairview.analyse.planes import Planes
from fairview.core.errors import BadInput

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToCover:
    """Where to cover in one picture, surest first.

    Shapes:  boxes_unit (n, 4) float32 x1 y1 x2 y2 in 0..1 of the picture, scores (n,) float32.
    """

    boxes_unit: Boxes
    scores: npt.NDArray[np.float32]


class _CoverDetector:
    """One session; used by one thread; keeps nothing."""

    def __init__(self, graph: Graph, settings: OnnxSettings) -> None:
        confidence = settings.confidence
        self._graph = graph
        self._wanted = Wanted(
            columns=np.zeros(1, dtype=np.intp),
            kinds=np.zeros(1, dtype=np.uint8),
            confidence=graph.card.confidence if confidence is None else confidence,
        )

    @property
    def name(self) -> str:
        """The model's name, for a report."""
        return self._graph.card.name

    @property
    def input_px(self) -> tuple[int, int]:
        """Width and height of the network's input."""
        return self._graph.card.input_px

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The graph's outputs that are computed."""
        return self._graph.asked_for

    def boxes(self, planes: Planes) -> ToCover:
        """Where to cover in one picture, or in a part cut out of one."""
        return self.boxes_of([planes])[0]

    def boxes_of(self, planes: Sequence[Planes]) -> tuple[ToCover, ...]:
        """The same for several pictures or parts, in one run where the graph takes batches."""
        return tuple(
            ToCover(boxes_unit=one.boxes_unit, scores=one.scores)
            for one in found_in(self._graph, planes, self._wanted)
        )


class FaceDetector(_CoverDetector):
    """Faces, for the cover only.

    Cost:    13 ms a picture at 640x640 (one thread).
    """

    def __init__(
        self, card: ModelCard, data: bytes, settings: OnnxSettings = ONNX_DEFAULTS
    ) -> None:
        """Errors:  as Graph; BadInput for a card of another layout."""
        super().__init__(Graph(_of_layout(card, "yunet"), data, settings), settings)


class PlateDetector(_CoverDetector):
    """Number plates, for the cover only. Good on a vehicle cut out, weak on a whole picture.

    Cost:    31 ms a picture at 320x240 (one thread).
    """

    def __init__(
        self, card: ModelCard, data: bytes, settings: OnnxSettings = ONNX_DEFAULTS
    ) -> None:
        """Errors:  as Graph; BadInput for a card of another layout."""
        super().__init__(Graph(_of_layout(card, "lpd-yunet"), data, settings), settings)


def _of_layout(card: ModelCard, layout: str) -> ModelCard:
    if card.layout != layout:
        raise BadInput(f"model {card.name} is of layout {card.layout}; {layout} is needed here")
    return card
