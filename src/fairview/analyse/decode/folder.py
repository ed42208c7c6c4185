"""A folder of numbered pictures as an input: 001.jpg, 002.jpg … or frame-0001.png …

The number at the end of a name places a picture: a missing one leaves its time empty rather
than pulling all later ones forward.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from fairview.analyse.decode.input import EVERY, NumberedPicture, Pace, Paced
from fairview.analyse.decode.picture_size import picture_size
from fairview.analyse.planes import Planes, matrix_for, planes_of_rgb, shrunk
from fairview.core.errors import BadInput, NotFound
from fairview.core.limits_seeing import (
    FOLDER_PICTURES_MAX,
    PICTURE_FILE_BYTES_MAX,
    PICTURE_PIXELS_MAX,
)
from fairview.core.time import US_PER_SECOND, Instant

_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".webp"))
_NUMBER = re.compile(r"(\d{1,18})(?!.*\d)")
_PATTERN = re.compile(r"%0?(\d*)d")
_SPREAD_MAX = 10
"""Numbers spread wider than this many times their count are no frame numbers (dates, times)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbered:
    frame: int
    path: Path


def is_picture(path: Path) -> bool:
    """Whether a name is that of a still picture."""
    return path.suffix.lower() in _SUFFIXES


def is_pattern(path: Path) -> bool:
    """Whether a path is a pattern for numbered files."""
    return _PATTERN.search(path.name) is not None and not path.exists()


def open_folder(path: Path, *, fps: float | None, start: Instant) -> PictureFolder:
    """A folder, a pattern or a single picture.

    Errors:  NotFound for a pattern that nothing fits; BadInput for a folder without pictures,
             for missing fps, or when not one picture can be read.
    """
    paths = _paths(path)
    if fps is None:
        raise BadInput(
            f"the pictures in {path} carry no times; say how many a second they are: fps in the "
            "scene's [camera], or --fps for cover"
        )
    numbered, warnings = _numbered(paths)
    for one in numbered:
        first = _read(one.path)
        if first is not None:
            return PictureFolder(
                pictures=numbered, first=first, warnings=warnings, fps=fps, start=start
            )
    raise BadInput(f"no picture in {path} can be read: they are damaged, or no pictures at all")


class PictureFolder:
    """Numbered pictures (see `VideoInput`)."""

    def __init__(
        self,
        *,
        pictures: tuple[_Numbered, ...],
        first: Planes,
        warnings: tuple[str, ...],
        fps: float,
        start: Instant,
    ) -> None:
        self._pictures = pictures
        self._told = warnings
        self._fps = fps
        self._start = start
        self._other_size = 0
        self.width_px = first.width_px
        self.height_px = first.height_px
        self.has_times = False
        self.frames_total: int | None = pictures[-1].frame
        self.frames_read = 0
        self.damaged = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        told = list(self._told)
        if self.damaged > self._other_size:
            told.append(f"{self.damaged - self._other_size} pictures could not be read")
        if self._other_size:
            told.append(
                f"{self._other_size} pictures are not {self.width_px}x{self.height_px} as the "
                "first one and were left out"
            )
        return tuple(told)

    def pictures(
        self, size: tuple[int, int] | None = None, pace: Pace = EVERY
    ) -> Iterator[NumberedPicture]:
        """See `VideoInput`. Every still is complete, so only the pace's rate matters here."""
        self.frames_read = self.damaged = self._other_size = 0
        paced = Paced(pace.fps_max)
        step_us = round(US_PER_SECOND / self._fps)
        for one in self._pictures:
            self.frames_read = one.frame
            at_us = round((one.frame - 1) * US_PER_SECOND / self._fps)
            if not paced.takes(at_us, step_us):
                continue
            planes = _read(one.path)
            if planes is None:
                self.damaged += 1
                continue
            if (planes.width_px, planes.height_px) != (self.width_px, self.height_px):
                self.damaged += 1
                self._other_size += 1
                continue
            yield NumberedPicture(
                frame=one.frame,
                at=self._start.plus(at_us),
                planes=planes if size is None else shrunk(planes, size),
                is_damaged=False,
            )


def _paths(path: Path) -> list[Path]:
    """The pictures meant by a folder, a pattern or one picture, in no order."""
    if path.is_dir():
        found = [one for one in path.iterdir() if is_picture(one) and not _is_hidden(one)]
        if not found:
            raise BadInput(
                f"there are no pictures ({', '.join(sorted(_SUFFIXES))}) in the folder {path}"
            )
    elif is_pattern(path):
        before, after = path.name[: _start_of(path)], path.name[_end_of(path) :]
        name = re.compile(re.escape(before) + r"\d+" + re.escape(after) + r"\Z")
        found = (
            [one for one in path.parent.iterdir() if name.match(one.name)]
            if path.parent.is_dir()
            else []
        )
        if not found:
            raise NotFound(f"no file fits {path}; give a video file or a folder of pictures")
    else:
        found = [path]
    if len(found) > FOLDER_PICTURES_MAX:
        raise BadInput(f"{path} holds more than {FOLDER_PICTURES_MAX} pictures; split it")
    return found


def _start_of(path: Path) -> int:
    found = _PATTERN.search(path.name)
    assert found is not None, "asked only of a pattern"
    return found.start()


def _end_of(path: Path) -> int:
    found = _PATTERN.search(path.name)
    assert found is not None, "asked only of a pattern"
    return found.end()


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".")


def _numbered(paths: list[Path]) -> tuple[tuple[_Numbered, ...], tuple[str, ...]]:
    """Each picture's frame number from the numbers in the names; by name where they have none."""
    marks = {path: _NUMBER.search(path.stem) for path in paths}
    numbers = {path: int(found[1]) for path, found in marks.items() if found}
    by_name = sorted(paths)
    plain = tuple(_Numbered(frame=place, path=one) for place, one in enumerate(by_name, start=1))
    if len(paths) == 1:
        return plain, ()
    if len(numbers) != len(paths) or len(set(numbers.values())) != len(paths):
        return plain, ("the pictures are not numbered throughout; taken in order of their names",)
    ordered = sorted(paths, key=lambda one: numbers[one])
    first = numbers[ordered[0]]
    step = math.gcd(*(numbers[one] - first for one in ordered[1:]))
    places = [(numbers[one] - first) // step + 1 for one in ordered]
    if places[-1] > _SPREAD_MAX * len(paths):
        return tuple(
            _Numbered(frame=place, path=one) for place, one in enumerate(ordered, start=1)
        ), ("the numbers in the pictures' names are far apart; taken as following one another",)
    missing = places[-1] - len(places)
    warnings = (f"{missing} numbers are missing between the pictures",) if missing else ()
    return tuple(
        _Numbered(frame=place, path=one) for place, one in zip(places, ordered, strict=True)
    ), warnings


def _read(path: Path) -> Planes | None:
    """One picture; None when it can't be read."""
    try:
        if not path.is_file() or path.stat().st_size > PICTURE_FILE_BYTES_MAX:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    size = picture_size(data)
    if size is None or size[0] * size[1] > PICTURE_PIXELS_MAX:
        return None
    try:
        bgr = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    if bgr is None:
        return None
    rgb = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    return planes_of_rgb(rgb, matrix_for(rgb.shape[0]))
