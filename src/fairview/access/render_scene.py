"""From decoded pictures to painted ones: which cover each picture gets, decided fail-closed.

Pure of processes and files. The order of the decisions is the rule: damaged, late, without a
clean picture or unsure means the whole frame; only then shapes, or current pixels around what a
model and the clean picture hide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fairview.access.door import CoverState
from fairview.access.render_paint import Label, Painter, Polygon
from fairview.analyse.clean import CleanPicture
from fairview.analyse.cover import (
    Foreground,
    Motion,
    Scene,
    motion,
    scene_of,
    silhouettes,
)
from fairview.analyse.cover_ahead import StoredRegions
from fairview.analyse.cover_finds import Finders
from fairview.analyse.cover_model import CoverModel
from fairview.analyse.decode import Decoded
from fairview.analyse.planes import Matrix, Planes, fitted, planes_of_rgb
from fairview.core.case import Rendition
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import COVER_AHEAD_US, COVER_HELD_PICTURES_MAX
from fairview.core.sight import CoverRegions
from fairview.core.time import Instant

_ONE = CameraId("shown")
"""A rendering is of one camera and needs no name for it."""

RawBecause = Literal["", "simulated", "commissioning", "no persons in view", "granted"]
"""Why a picture may be shown uncovered; drawn on it."""

COVERED_WIDTH_PX_MAX = 1_280
"""Shapes on a still picture gain nothing from more pixels, and cost time."""

COVERED_FPS_MAX = 15.0
RAW_WIDTH_PX_MAX = 3_840


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverModelName:
    """Which model a cover is made with: a folder of models on this machine, and a name in it."""

    folder: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """What a viewer is to get of one camera.

    clean None: the whole frame is covered. zones: corners in 0..1 of the picture. raw_because
    is drawn on raw pictures. width_px_max, fps_max: 0 means the rendition's own limit. model: a
    covered picture shows current pixels around what it hides; None: silhouettes.
    """

    rendition: Rendition
    clean: CleanPicture | None = None
    zones: tuple[Polygon, ...] = ()
    raw_because: RawBecause = ""
    width_px_max: int = 0
    fps_max: float = 0.0
    model: CoverModelName | None = None

    def __post_init__(self) -> None:
        if self.rendition not in ("covered", "raw"):
            raise BadInput(f"there is no rendition {self.rendition!r}")

    @property
    def width_limit_px(self) -> int:
        limit = COVERED_WIDTH_PX_MAX if self.rendition == "covered" else RAW_WIDTH_PX_MAX
        return min(self.width_px_max or limit, limit)

    @property
    def gap_us_min(self) -> int:
        """Pictures closer than this to the one before are left out."""
        limit = COVERED_FPS_MAX if self.rendition == "covered" else 0.0
        fps = min(self.fps_max or limit, limit or self.fps_max)
        return int(1_000_000 / fps * 0.9) if fps else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Painted:
    """A picture that may be shown. planes are overwritten by the next one."""

    at: Instant
    planes: Planes
    cover: CoverState


class SceneRendering:
    """Paints one camera's pictures of one source size, in order; used by one thread."""

    def __init__(
        self,
        showing: Showing,
        width_px: int,
        height_px: int,
        matrix: Matrix,
        finders: Finders | None = None,
    ) -> None:
        """finders: of the showing's model; None while they could not be loaded."""
        self.source = (width_px, height_px, matrix)
        self._showing = showing
        clean = _usable_clean(showing.clean, width_px, height_px, matrix)
        self._scene: Scene | None = None if clean is None else scene_of(clean)
        self.width_px, self.height_px = fitted(width_px, height_px, showing.width_limit_px)
        self._painter = Painter(
            self.width_px, self.height_px, matrix=matrix, clean=clean, zones=showing.zones
        )
        self._foreground: Foreground | None = None
        self._motion: Motion | None = None
        self._model: CoverModel | None = None
        if showing.model is not None and finders is not None:
            self._model = CoverModel(_ONE, self._scene, finders)

    def paint(
        self, picture: Decoded, *, is_late: bool = False, stored: CoverRegions | None = None
    ) -> Painted:
        """The picture as it may be shown.

        is_late: don't look, cover the whole frame. stored: what a cover with a model was found to
        hide while recording; None: look now.
        """
        if self._showing.rendition == "raw":
            label = _raw_label(self._showing.raw_because)
            planes = self._painter.uncovered(picture.planes, label, picture.at)
            return Painted(at=picture.at, planes=planes, cover="uncovered")
        if self._showing.model is not None:
            return self._around(picture, is_late=is_late, stored=stored)
        if is_late or picture.is_damaged:
            self._foreground = self._motion = None
            return self._whole(picture.at)
        if self._scene is not None:
            self._foreground = silhouettes(picture.planes, self._scene, self._foreground)
            if not self._foreground.is_unsure:
                self._motion = None
                planes = self._painter.covered(self._foreground, picture.at)
                return Painted(at=picture.at, planes=planes, cover="silhouettes")
        self._motion = motion(picture.planes, self._motion)
        return self._whole(picture.at)

    def _around(self, picture: Decoded, *, is_late: bool, stored: CoverRegions | None) -> Painted:
        """Current pixels around what is hidden; the whole frame without the model."""
        if self._model is None:
            return self._whole(picture.at)
        hidden = self._model.cover(
            picture.planes,
            picture.at,
            is_late=is_late,
            is_damaged=picture.is_damaged,
            stored=stored,
        )
        if not hidden.regions.is_whole:
            self._motion = None
            planes = self._painter.around(picture.planes, hidden.regions.mask, picture.at)
            return Painted(at=picture.at, planes=planes, cover="persons_covered")
        can_look = not is_late and not picture.is_damaged
        self._motion = motion(picture.planes, self._motion) if can_look else None
        return self._whole(picture.at)

    def look_ahead(self, picture: Decoded) -> None:
        """A picture that will be painted some time later. Errors: what a detector raises."""
        if self._model is not None and not picture.is_damaged:
            self._model.look_ahead(picture.planes, picture.at)

    def nothing(self, at: Instant) -> Painted:
        """A wholly covered picture, for when there is none to look at."""
        return self._whole(at)

    def _whole(self, at: Instant) -> Painted:
        planes = self._painter.whole_frame(self._motion, at)
        return Painted(at=at, planes=planes, cover="whole_frame")


class Renderings:
    """A SceneRendering that follows the source's size; starts anew when that changes."""

    def __init__(
        self,
        showing: Showing,
        finders: Finders | None = None,
        stored: StoredRegions | None = None,
    ) -> None:
        """stored: what was found to hide while recording; pictures without it are looked at."""
        self._showing = showing
        self._finders = finders
        self._stored = stored
        self.current: SceneRendering | None = None
        self._next_us = 0
        self._holds = showing.model is not None
        self._held: deque[_Held] = deque()

    def wants(self, at: Instant) -> bool:
        """Whether a picture at this moment is due, given the frame rate."""
        return at.us >= self._next_us

    def take(self, picture: Decoded, *, is_late: bool = False) -> Iterator[Painted]:
        """One more picture; those that are due, painted. With a model they come COVER_AHEAD_US
        late, so that whoever is found is hidden before it too; `rest` gives the last ones.
        """
        self._next_us = picture.at.us + self._showing.gap_us_min
        if not self._holds:
            yield self.paint(picture, is_late=is_late)
            return
        if self._held and not _follows(self._held[-1].picture, picture):
            yield from self.rest()
        stored = None if self._stored is None else self._stored.at(picture.at)
        if stored is None and not is_late:
            self._rendering(picture).look_ahead(picture)
        self._held.append(_Held(replace(picture, planes=picture.planes.copy()), is_late))
        while self._held and self._is_due(picture.at):
            yield self._released()

    def rest(self) -> Iterator[Painted]:
        """The pictures that are still held."""
        while self._held:
            yield self._released()

    def paint(self, picture: Decoded, *, is_late: bool = False) -> Painted:
        """One picture at once."""
        stored = None if self._stored is None else self._stored.at(picture.at)
        return self._rendering(picture).paint(picture, is_late=is_late, stored=stored)

    def _rendering(self, picture: Decoded) -> SceneRendering:
        if self.current is None or self.current.source != _source(picture):
            self.current = SceneRendering(self._showing, *_source(picture), self._finders)
        return self.current

    def _is_due(self, now: Instant) -> bool:
        away_us = abs(now.since(self._held[0].picture.at))
        return away_us >= COVER_AHEAD_US or len(self._held) > COVER_HELD_PICTURES_MAX

    def _released(self) -> Painted:
        held = self._held.popleft()
        return self.paint(held.picture, is_late=held.is_late)


@dataclass(frozen=True, slots=True)
class _Held:
    """A picture that waits for looks behind it."""

    picture: Decoded
    is_late: bool


def _follows(before: Decoded, picture: Decoded) -> bool:
    return _source(before) == _source(picture) and before.at <= picture.at


def _source(picture: Decoded) -> tuple[int, int, Matrix]:
    planes = picture.planes
    return planes.width_px, planes.height_px, planes.matrix


def worst(covers: Sequence[CoverState]) -> CoverState:
    """What several pictures together are: the least covered one names them.

    A part with shapes in it and some whole frames is `silhouettes`; with current pixels in any of
    its pictures it is `persons_covered`.
    """
    order: tuple[CoverState, ...] = ("uncovered", "persons_covered", "silhouettes", "whole_frame")
    return min(covers, key=order.index, default="whole_frame")


def _usable_clean(
    clean: CleanPicture | None, width_px: int, height_px: int, matrix: Matrix
) -> Planes | None:
    """The clean picture as planes; None when it is of another shape (another view)."""
    if clean is None:
        return None
    clean_height, clean_width = clean.pixels.shape[:2]
    if abs(clean_height / clean_width - height_px / width_px) > 0.02:
        return None
    return planes_of_rgb(clean.pixels, matrix)


def _raw_label(because: RawBecause) -> Label:
    text = f"uncovered - {because}" if because else "uncovered"
    return Label(text=text, is_alarming=because == "commissioning")
