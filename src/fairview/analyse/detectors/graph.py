"""A model's graph, opened only if it is what its card says.

The bytes that are checked are the bytes that run. Outputs that are not boxes, scores or classes
of the layout are refused; the layout's own left-out outputs (landmarks) are never asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoModel,
    RuntimeException,
)
from onnxruntime.capi.onnxruntime_pybind11_state import (
    NotImplemented as NotBuilt,
)

from fairview.analyse.detectors import fastestdet, lpd, picodet, yolox, yunet
from fairview.analyse.detectors.card import ModelCard
from fairview.core.errors import BadInput, Corrupt, Unavailable

if TYPE_CHECKING:
    import numpy.typing as npt

    from fairview.analyse.detectors.layout import Field, Layout, Shape

_LAYOUTS = {one.LAYOUT.name: one.LAYOUT for one in (yolox, picodet, fastestdet, yunet, lpd)}

_ORT_FAILURES = (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
    NoModel,
    NotBuilt,
    RuntimeException,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxSettings:
    """How graphs are run.

    confidence None: the card's. providers: ONNX Runtime's names, first choice first.
    """

    confidence: float | None = None
    providers: tuple[str, ...] = ("CPUExecutionProvider",)

    def __post_init__(self) -> None:
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise BadInput(f"a confidence lies between 0 and 1, not {self.confidence}")


ONNX_DEFAULTS = OnnxSettings()


class Graph:
    """One session of one thread; used by one thread.

    One single-threaded session per core does more than one session over all cores, and threads
    that spin while they wait would double the CPU time on a busy machine.
    """

    def __init__(self, card: ModelCard, data: bytes, settings: OnnxSettings) -> None:
        """Errors:  Corrupt when the bytes are not the card's; BadInput when the graph is not its
        layout's; Unavailable when a provider is missing."""
        refuse_wrong_bytes(card, data)
        self.card = card
        self.layout: Layout = _LAYOUTS[card.layout]
        self._session = _opened(card, data, settings)
        self._input = _checked_input(card, self._session)
        self._names, self._has_batch = _checked_outputs(card, self.layout, self._session)

    @property
    def takes_batches(self) -> bool:
        """Whether several pictures go through in one run."""
        return self._has_batch and not isinstance(self._input.shape[0], int)

    @property
    def asked_for(self) -> tuple[str, ...]:
        """The outputs the session is told to compute."""
        return self._names

    def run(self, inputs: Sequence[Field]) -> tuple[tuple[Field, ...], ...]:
        """One tuple of outputs, without the batch, per input (3, height, width)."""
        if self.takes_batches and len(inputs) > 1:
            found = self._called(np.stack(inputs))
            return tuple(tuple(one[row] for one in found) for row in range(len(inputs)))
        answers = []
        for one in inputs:
            found = self._called(one[None])
            answers.append(tuple(field[0] if self._has_batch else field for field in found))
        return tuple(answers)

    def _called(self, fields: Field) -> list[npt.NDArray[np.float32]]:
        try:
            return list(self._session.run(list(self._names), {self._input.name: fields}))
        except _ORT_FAILURES as error:
            raise Unavailable(
                f"model {self.card.name} failed on a picture; if it does so again, pull it anew "
                f"(fairview models pull {self.card.name})"
            ) from error


def refuse_wrong_bytes(card: ModelCard, data: bytes) -> None:
    """Errors:  Corrupt when the bytes are not those of the card."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != card.sha256:
        raise Corrupt(
            f"{card.file} is not the file its card {card.name} names: SHA-256 {digest[:16]}… "
            f"instead of {card.sha256[:16]}…; pull it again (fairview models pull {card.name}), "
            "or correct the card beside it"
        )


def _opened(card: ModelCard, data: bytes, settings: OnnxSettings) -> Any:
    missing = [one for one in settings.providers if one not in ort.get_available_providers()]
    if missing or not settings.providers:
        raise Unavailable(
            f"ONNX Runtime here has no {', '.join(missing) or 'provider'}; it has "
            f"{', '.join(ort.get_available_providers())}"
        )
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(data, options, providers=list(settings.providers))
    except _ORT_FAILURES as error:
        raise BadInput(
            f"{card.file} (model {card.name}) can't be opened as an ONNX graph; "
            "is it the right file for this card?"
        ) from error


def _checked_input(card: ModelCard, session: Any) -> Any:
    inputs = session.get_inputs()
    width, height = card.input_px
    wanted = (1, 3, height, width)
    if (
        len(inputs) != 1
        or inputs[0].type != "tensor(float)"
        or not _fits(tuple(inputs[0].shape), wanted)
    ):
        told = "; ".join(f"{one.name} {list(one.shape)} {one.type}" for one in inputs) or "none"
        raise BadInput(
            f"model {card.name} must take one picture as [1, 3, {height}, {width}] float32, but "
            f"its graph takes: {told}; correct input_px in the card, or export it anew"
        )
    return inputs[0]


def _checked_outputs(card: ModelCard, layout: Layout, session: Any) -> tuple[tuple[str, ...], bool]:
    outputs = [one for one in session.get_outputs() if one.name not in layout.left_out]
    wanted = layout.outputs(card.input_px, card.outputs)
    for has_batch in (True, False):
        shapes = [(1, *shape) for shape in wanted] if has_batch else list(wanted)
        if len(outputs) == len(shapes) and all(
            one.type == "tensor(float)" and _fits(tuple(one.shape), shape)
            for one, shape in zip(outputs, shapes, strict=True)
        ):
            return tuple(one.name for one in outputs), has_batch
    told = "; ".join(f"{one.name} {list(one.shape)} {one.type}" for one in outputs)
    raise BadInput(
        f"model {card.name} is refused: a {layout.name} graph has the outputs "
        f"{', '.join(str(list(one)) for one in wanted)} (boxes, scores, classes) and no others, "
        f"but this one has: {told}. Export it without anything else"
    )


def _fits(shape: tuple[object, ...], wanted: Shape) -> bool:
    """A graph's shape may leave sizes open."""
    return len(shape) == len(wanted) and all(
        not isinstance(one, int) or one == size for one, size in zip(shape, wanted, strict=True)
    )
