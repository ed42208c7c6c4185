"""Single pictures to a film: covered ones as they came, and plain frames where there is none.

Holds no key and sees nothing that was not rendered, so that it needs no child process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.access.render_encode import TICKS_PER_SECOND, PictureEncoder
from fairview.analyse.planes import Planes, planes_of_rgb
from fairview.core.errors import Corrupt
from fairview.core.media import Fragment, Sample
from fairview.core.time import US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

_KEY_EVERY = 50
"""A film can be wound to every 50th frame."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_GROUND, _INK, _SOFT = (44, 40, 34), (230, 236, 236), (178, 176, 170)


class Film:
    """Frames in order become fragments of two seconds or so. Used by one thread.

    All frames get the size of the first: others are fitted into it, on plain ground.
    """

    def __init__(self, fps: int) -> None:
        self._fps = fps
        self._encoder: PictureEncoder | None = None
        self._samples: list[Sample] = []
        self.frames = 0
        self.size: tuple[int, int] | None = None

    def picture(self, jpeg: bytes) -> Fragment | None:
        """One frame of a rendered picture, which bears its time; a fragment when one became
        complete. Errors: Corrupt."""
        shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
        if shown is None:
            raise Corrupt("a rendered picture can't be read")
        return self._add(self._fitted(np.asarray(shown, dtype=np.uint8)))

    def plain(self, lines: tuple[str, ...], size: tuple[int, int], frames: int) -> list[Fragment]:
        """A plain frame with some lines of text, for so many frames. size: when it is the first."""
        width, height = self.size or _even(size)
        ground = np.full((height, width, 3), _GROUND, dtype=np.uint8)
        for place, line in enumerate(lines):
            _centred(ground, line, place - (len(lines) - 1) / 2, _INK if place == 0 else _SOFT)
        frame = self._fitted(ground)
        made = [self._add(frame) for _ in range(frames)]
        return [one for one in made if one is not None]

    def rest(self) -> Fragment | None:
        """The last fragment."""
        return self._fragment()

    def _fitted(self, shown: Pixels) -> Pixels:
        if self.size is None:
            self.size = _even((shown.shape[1], shown.shape[0]))
        width, height = self.size
        if (shown.shape[1], shown.shape[0]) == self.size:
            return shown
        scale = min(width / shown.shape[1], height / shown.shape[0])
        inner = (max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale)))
        frame = np.full((height, width, 3), _GROUND, dtype=np.uint8)
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        small = cv2.resize(shown, inner, interpolation=cv2.INTER_AREA)
        frame[top : top + inner[1], left : left + inner[0]] = small
        return frame

    def _add(self, frame: Pixels) -> Fragment | None:
        planes: Planes = planes_of_rgb(np.ascontiguousarray(frame[:, :, ::-1]), "bt601")
        if self._encoder is None:
            self._encoder = PictureEncoder(
                planes.width_px, planes.height_px, matrix=planes.matrix, origin=Instant(0)
            )
        is_key = self.frames % _KEY_EVERY == 0
        made = self._fragment() if is_key else None
        at = Instant(self.frames * US_PER_SECOND // self._fps)
        sample = self._encoder.encode(planes, at, is_key=is_key)
        assert sample is not None, "frames of a film are a frame apart"
        self._samples.append(
            Sample(
                ticks=sample.ticks,
                decode_ticks=sample.decode_ticks,
                duration_ticks=TICKS_PER_SECOND // self._fps,
                is_key=sample.is_key,
                data=sample.data,
            )
        )
        self.frames += 1
        return made

    def _fragment(self) -> Fragment | None:
        if not self._samples or self._encoder is None:
            return None
        taken, self._samples = tuple(self._samples), []
        first = taken[0].ticks * US_PER_SECOND // TICKS_PER_SECOND
        return Fragment(
            format=self._encoder.format,
            start_at=Instant(first),
            duration_us=max(1, len(taken) * US_PER_SECOND // self._fps),
            samples=taken,
        )


def _even(size: tuple[int, int]) -> tuple[int, int]:
    return max(2, size[0] // 2 * 2), max(2, size[1] // 2 * 2)


def _scale(width: int) -> float:
    return max(0.35, width / 1_400)


def _centred(frame: Pixels, text: str, row: float, ink: tuple[int, int, int]) -> None:
    scale = _scale(frame.shape[1])
    (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    if width > 0.94 * frame.shape[1]:
        scale *= 0.94 * frame.shape[1] / width
        (width, height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    left = (frame.shape[1] - width) // 2
    middle = frame.shape[0] / 2 + row * 2.4 * max(height, 8)
    cv2.putText(
        frame, text, (left, round(middle + height / 2)), _FONT, scale, ink, 1, lineType=cv2.LINE_AA
    )
