"""Whole inputs of `watch`: video files and folders of numbered pictures, each picture with its
number and time.

Frame 1 is at `start`; later ones keep the steps of the input's own times, whatever its first time
stamp is (files begin below and above 0). An input without times is `fps` pictures a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fairview.analyse.decode.stream import Decodes
from fairview.analyse.planes import Planes
from fairview.core.errors import BadInput, NotFound
from fairview.core.time import US_PER_SECOND, Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberedPicture:
    """One picture of an input. frame counts all the input's shown pictures from 1, given or not.

    is_damaged: the decoder had to guess parts of it.
    """

    frame: int
    at: Instant
    planes: Planes
    is_damaged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Which pictures are given: at most so many a second, of those that are decoded at all."""

    decodes: Decodes = "all"
    fps_max: float | None = None

    def __post_init__(self) -> None:
        if self.fps_max is not None and not 0 < self.fps_max <= 1_000:
            raise BadInput("a pace lies above 0 and at most at 1000 pictures a second")


EVERY = Pace()
"""Every picture."""


class VideoInput(Protocol):
    """An opened input. Used by one thread; its pictures may be gone through several times."""

    @property
    def width_px(self) -> int:
        """As shown: a picture stored on its side is upright."""

    @property
    def height_px(self) -> int: ...

    @property
    def has_times(self) -> bool:
        """Whether the input brings time stamps of its own; else `fps` makes them."""

    @property
    def frames_total(self) -> int | None:
        """How many pictures it says it has; None when it doesn't say."""

    @property
    def frames_read(self) -> int:
        """How many it turned out to have, as far as it was gone through."""

    @property
    def damaged(self) -> int:
        """Pictures that could not be read at all."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was found wrong so far: cut, damaged, odd times; complete once all was read."""

    def pictures(
        self, size: tuple[int, int] | None = None, pace: Pace = EVERY
    ) -> Iterator[NumberedPicture]:
        """The pictures in order, `at` strictly increasing; scaled to `size` when it is given.

        A picture's planes may share memory with the decoder and stay valid while referred to.
        A cut or damaged input gives what is readable, and says so in `warnings`.
        """


class Paced:
    """Decides which of the pictures at rising times are given. Pure but for its own state."""

    def __init__(self, fps_max: float | None) -> None:
        self._step_us = 0.0 if fps_max is None else US_PER_SECOND / fps_max
        self._due_us: float | None = None

    def takes(self, at_us: int, until_next_us: int = 0) -> bool:
        """Whether the picture at at_us is due; until_next_us: how far away its follower likely is,
        so that the nearer one of both is taken.
        """
        if self._step_us == 0.0:
            return True
        if self._due_us is None:
            self._due_us = float(at_us)
        if at_us + until_next_us / 2 < self._due_us:
            return False
        self._due_us += self._step_us
        if self._due_us <= at_us:
            self._due_us = at_us + self._step_us
        return True


def open_video(path: Path, *, fps: float | None = None, start: Instant | None = None) -> VideoInput:
    """A video file, a folder of numbered pictures, or a pattern such as `frame-%03d.jpg`.

    fps: for inputs without times of their own. start: when frame 1 was; 1970 when unknown.
    Errors:  NotFound when nothing is there; BadInput when it is no video or picture we can read,
             or has no times and fps is missing.
    """
    # Imported here, not above: both build on this file's values.
    from fairview.analyse.decode.film import open_film
    from fairview.analyse.decode.folder import is_pattern, is_picture, open_folder

    if fps is not None and not 0 < fps <= 1_000:
        raise BadInput("fps lies above 0 and at most at 1000 pictures a second")
    began = start or Instant(0)
    if is_pattern(path):
        return open_folder(path, fps=fps, start=began)
    if not path.exists():
        raise NotFound(f"{path} is not there; give a video file or a folder of pictures")
    if not path.is_dir() and not path.is_file():
        raise BadInput(f"{path} is no file on a disk (a pipe, a device): films are read twice")
    if path.is_dir() or is_picture(path):
        return open_folder(path, fps=fps, start=began)
    return open_film(path, fps=fps, start=began)
