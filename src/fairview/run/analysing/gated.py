"""A stream's packets to pictures, by its gate's leave: undecoded while nothing happens.

Asleep, packets are kept since the last key frame that looked like the picture the gate fell
asleep with; key frames in between are decoded by themselves and compared. Waking decodes what
was kept, so no picture is lost to waking late, and pictures still come in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.analyse.decode import Decoded, Decodes, PictureDecoder
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.gate import Gate
from fairview.analyse.planes import fitted, shrunk
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import (
    GATE_KEPT_BYTES_MAX,
    GATE_KEPT_PACKETS_MAX,
    GATE_NUISANCES_MAX,
)
from fairview.core.media import Packet, Sample
from fairview.core.time import US_PER_SECOND, Instant, Span

if TYPE_CHECKING:
    import numpy.typing as npt

SHOWN_US = 11 * US_PER_SECOND
"""Asleep, a key frame this often goes to the detector all the same: who stands is confirmed, the
camera's health is seen, and the empty scene follows the light."""

_SURE_SCORE = 0.35
"""As for beginning a track."""

_PLAIN_WIDTH_PX = 160
_PLAIN_LEVELS = 5.0
_PLAIN_PX = 3
"""Averaged to this width a sensor's grain is a level or two, and somebody of 8 x 16 pixels in a
picture of 640 is 2 x 4 pixels and some ten levels."""

_MARGIN = 0.3
"""Of a place's own size: a lamp's glow is not the same each time."""

Box = tuple[float, float, float, float]

MakeDecoder = Callable[[Decodes], PictureDecoder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gated:
    """A picture. is_late: it was kept while the gate slept, so that more come at once."""

    picture: Decoded
    is_late: bool


class GatedDecoder:
    """One stream's decoder behind its gate; used by one thread. Without a gate all is decoded."""

    def __init__(self, gate: Gate | None, make: MakeDecoder) -> None:
        self._gate = gate
        self._make = make
        self._decoder = make("all")
        self._keys: PictureDecoder | None = None
        self._kept: list[Packet] = []
        self._kept_bytes = 0
        self._is_apart = False
        self._is_asleep = False
        self._look: SameLook | None = None
        self._nuisances = Nuisances()
        self._news: list[Box] = []
        self._latest: Decoded | None = None
        self._shown_at: Instant | None = None
        self._quiet_from: Instant | None = None

    @property
    def is_asleep(self) -> bool:
        """Whether packets are kept undecoded, since nothing speaks for motion."""
        return self._is_asleep

    def begin(self) -> None:
        """What comes next does not continue what came; what was kept is gone, and nobody looked."""
        self._decoder = self._make("all")
        self._forget()
        if self._gate is not None and self._shown_at is not None:
            self._gate.wake(self._shown_at)
        self._latest = self._shown_at = None
        self._is_asleep = False

    def take(self, packet: Packet) -> Iterator[Gated | Span]:
        """Pictures to look at, in order; and spans in which packets and key frames told that
        nothing moved, each after the pictures before it.
        """
        if self._gate is None:
            for picture in self._decoder.decode(_sample(packet), packet.at):
                yield Gated(picture=picture, is_late=False)
            return
        verdict = self._gate.see(packet.at, len(packet.data), is_key=packet.is_key)
        if verdict.step == "decode":
            if verdict.wakes:
                yield from self._wake()
            yield from self._decode(packet, is_late=False)
            return
        if not self._is_asleep:
            self._fall_asleep()
        self._keep(packet)
        is_full = len(self._kept) > GATE_KEPT_PACKETS_MAX or self._kept_bytes > GATE_KEPT_BYTES_MAX
        if is_full:
            self._gate.wake(packet.at)
            yield from self._wake()
        elif verdict.step == "check":
            yield from self._check(packet, self._gate)

    def _fall_asleep(self) -> None:
        self._is_asleep = True
        if self._gate is not None and self._gate.woke_for_nothing:
            self._nuisances.add(self._news)
        self._news = []
        self._look = None if self._latest is None else SameLook(self._latest)
        self._quiet_from = None if self._latest is None else self._latest.at

    def _check(self, packet: Packet, gate: Gate) -> Iterator[Gated | Span]:
        if self._keys is None:
            self._keys = self._make("keys")
        seen = next(self._keys.decode(_sample(packet), packet.at), None)
        is_same = False
        if seen is not None and not seen.is_damaged and self._look is not None:
            self._news = self._look.news(seen, self._nuisances)
            is_same = not self._news
        if not gate.checked(packet.at, is_same=is_same) or seen is None:
            yield from self._wake()
            return
        self._kept, self._kept_bytes, self._is_apart = [packet], len(packet.data), True
        if self._quiet_from is not None and self._quiet_from < seen.at:
            yield Span(start=self._quiet_from, end=seen.at)
        self._quiet_from = seen.at
        if self._shown_at is None or seen.at.since(self._shown_at) >= SHOWN_US:
            self._shown_at = seen.at
            yield Gated(picture=seen, is_late=False)

    def _wake(self) -> Iterator[Gated | Span]:
        """What was kept, decoded; from its key frame on where the decoder was not at its start."""
        kept, is_apart = self._kept, self._is_apart
        self._forget()
        self._is_asleep = False
        if is_apart:
            self._decoder = self._make("all")
        for packet in kept:
            yield from self._decode(packet, is_late=True)

    def _decode(self, packet: Packet, *, is_late: bool) -> Iterator[Gated | Span]:
        for picture in self._decoder.decode(_sample(packet), packet.at):
            if not picture.is_damaged:
                self._latest = picture
            # The key frame that decoding goes on from may have been looked at already.
            if self._shown_at is None or picture.at > self._shown_at:
                self._shown_at = picture.at
                yield Gated(picture=picture, is_late=is_late)

    def _keep(self, packet: Packet) -> None:
        self._kept.append(packet)
        self._kept_bytes += len(packet.data)

    def _forget(self) -> None:
        self._kept, self._kept_bytes, self._is_apart = [], 0, False


class SameLook:
    """Where pictures differ from one of before, shadows, exposure and noise apart.

    Cost:    0.3 ms for a picture that is plainly the same; 4 for another.
    """

    def __init__(self, first: Decoded) -> None:
        self._first = first
        self._small = _small(first)
        self._detector: MotionDetector | None = None
        self._frame = 0

    def news(self, picture: Decoded, nuisances: Nuisances) -> list[Box]:
        """What differs, known nuisances apart."""
        if self._is_plainly_same(picture, nuisances):
            return []
        if self._detector is None:
            self._detector = MotionDetector(score_min=_SURE_SCORE)
            self._boxes(self._detector, self._first)
        return nuisances.without(self._boxes(self._detector, picture))

    def _is_plainly_same(self, picture: Decoded, nuisances: Nuisances) -> bool:
        away = _small(picture) - self._small
        away -= np.float32(np.median(away))
        soft = cv2.GaussianBlur(np.abs(away), (0, 0), 1.0) > _PLAIN_LEVELS
        return int(np.count_nonzero(nuisances.outside(soft))) < _PLAIN_PX

    def _boxes(self, detector: MotionDetector, picture: Decoded) -> list[Box]:
        self._frame += 1
        asked = Picture(
            camera=CameraId("same"), frame=self._frame, at=picture.at, planes=picture.planes
        )
        return [_box(row) for row in detector.detect([asked])[0].boxes_unit.tolist()]


class Nuisances:
    """Places that looked different and where nothing moved when it was decoded: lamps that
    change, a flag. What differs within them only wakes no gate; newest first.
    """

    def __init__(self) -> None:
        self._places: deque[Box] = deque(maxlen=GATE_NUISANCES_MAX)

    def add(self, boxes: list[Box]) -> None:
        for left, top, right, bottom in boxes:
            wide, high = _MARGIN * (right - left), _MARGIN * (bottom - top)
            self._places.append((left - wide, top - high, right + wide, bottom + high))

    def outside(self, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """A mask without what lies in known places. Shapes: (rows, columns) of any picture size."""
        if mask.any():
            rows, columns = mask.shape
            for left, top, right, bottom in self._places:
                down = slice(max(int(top * rows) - 2, 0), int(bottom * rows) + 3)
                mask[down, max(int(left * columns) - 2, 0) : int(right * columns) + 3] = False
        return mask

    def without(self, boxes: list[Box]) -> list[Box]:
        """Those that are not within a known place."""
        return [box for box in boxes if not any(_is_within(box, one) for one in self._places)]


def _small(picture: Decoded) -> npt.NDArray[np.float32]:
    planes = picture.planes
    size = fitted(planes.width_px, planes.height_px, _PLAIN_WIDTH_PX)
    return shrunk(planes, size).luma.astype(np.float32)


def _is_within(box: Box, place: Box) -> bool:
    return box[0] >= place[0] and box[1] >= place[1] and box[2] <= place[2] and box[3] <= place[3]


def _box(row: list[float]) -> Box:
    left, top, right, bottom = row
    return left, top, right, bottom


def _sample(packet: Packet) -> Sample:
    return Sample(
        ticks=packet.ticks,
        decode_ticks=packet.decode_ticks,
        duration_ticks=packet.duration_ticks,
        is_key=packet.is_key,
        data=packet.data,
    )
