"""The work behind `fairview cover`: scenes first, then pictures behind looks that run ahead.

First the scene without anyone in it, from the film itself, in stretches of ten minutes. Then two
readers: looks go a minute ahead of the pictures that are painted, so that a place is hidden also
before it was first found. Memory is bounded whatever the film's length.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from fairview.access.render_encode import PictureEncoder
from fairview.access.render_paint import Painter
from fairview.analyse.clean import median_planes
from fairview.analyse.cover import MASK_WIDTH_PX, Foreground, Motion, Scene, motion, scene_of
from fairview.analyse.cover_align import SceneFollower, reverse, shift_between, shifted_planes
from fairview.analyse.cover_chains import Chains
from fairview.analyse.cover_finds import NOTHING, TILES, Finders, look
from fairview.analyse.cover_model import (
    HIDDEN_BY,
    Hidden,
    WholeBecause,
    hidden_in,
    whole,
)
from fairview.analyse.decode import NumberedPicture, Pace, VideoInput
from fairview.analyse.planes import Planes, fitted
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.limits import CLEAN_SAMPLES_MAX, CLEAN_SAMPLES_MIN, LIVE_KEY_EVERY_US
from fairview.core.limits_seeing import COVER_BACKGROUND_US, COVER_LOOK_US_MAX, COVER_STAY_US_MAX
from fairview.core.media import Fragment, Sample
from fairview.core.time import US_PER_SECOND, Instant

Progress = Callable[[float, str], None]

_CAMERA = CameraId("file")
_SURE_US = 20 * US_PER_SECOND
_SILHOUETTES_WIDTH_PX = 1_280
"""Shapes on a still picture gain nothing from more pixels."""

_TELL_EVERY = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """A stretch of the film and its empty scene; None when too few pictures tell one.

    clean: only when it is to be painted.
    """

    until: Instant
    scene: Scene | None
    clean: Planes | None
    seconds: float


@dataclass(slots=True)
class Tally:
    """Sums over the pictures covered so far."""

    frames: int = 0
    wholes: dict[WholeBecause, int] = field(default_factory=dict)
    hidden: float = 0.0
    by: list[float] = field(default_factory=lambda: [0.0] * len(HIDDEN_BY))

    def add(self, done: Hidden) -> None:
        self.frames += 1
        self.hidden += done.hidden_frac
        if done.regions.is_whole:
            self.wholes[done.because] = self.wholes.get(done.because, 0) + 1
        for number, frac in enumerate(done.by_frac):
            self.by[number] += frac


def backgrounds_of(film: VideoInput, *, is_painted: bool, move: Progress) -> tuple[Background, ...]:
    """The empty scene of every stretch of COVER_BACKGROUND_US, from evenly spread pictures.

    A last stretch that is much shorter shares the scene before it.
    """
    width_max = _SILHOUETTES_WIDTH_PX if is_painted else MASK_WIDTH_PX
    size = fitted(film.width_px, film.height_px, width_max)
    found: list[Background] = []
    samples = _Spread()
    start = end = Instant(0)
    for picture in film.pictures(size=size):
        if picture.frame % _TELL_EVERY == 0:
            move(_share(film, picture), "looking at the empty scene")
        if samples.is_empty:
            start = picture.at
        elif picture.at.since(start) >= COVER_BACKGROUND_US:
            found.append(_background(samples, picture.at, start, is_painted=is_painted))
            samples, start = _Spread(), picture.at
        end = picture.at
        if not picture.is_damaged:
            samples.add(picture.planes)
    last = _background(samples, end.plus(1), start, is_painted=is_painted)
    if found and (last.scene is None or last.seconds < COVER_BACKGROUND_US / US_PER_SECOND / 4):
        before = found.pop()
        last = Background(
            until=last.until, scene=before.scene, clean=before.clean, seconds=before.seconds
        )
    return (*found, last)


class FilmCover:
    """Makes the covered pictures of one film; `fragments` may be gone through once."""

    def __init__(
        self,
        *,
        film: VideoInput,
        backgrounds: tuple[Background, ...],
        ahead: LooksAhead | None,
        move: Progress,
        draw: Callable[[Planes, Instant], None] | None = None,
        is_approved: bool = False,
    ) -> None:
        """ahead: looks at the same film, opened a second time; None: silhouettes on the film's own
        empty scene once a person has approved it, outlines of what moves before that. draw: puts
        what was measured over a covered picture, in place.
        """
        self._is_approved = is_approved
        self._motion: Motion | None = None
        self._film, self._backgrounds, self._ahead = film, backgrounds, ahead
        self._move, self._draw = move, draw
        width_max = film.width_px if ahead is not None else _SILHOUETTES_WIDTH_PX
        self.size_px = fitted(film.width_px, film.height_px, width_max)
        self.tally = Tally()
        self._painter: Painter | None = None
        self._stretch: Background | None = None
        self._follower: SceneFollower | None = None
        self._foreground: Foreground | None = None

    def fragments(self) -> Iterator[Fragment]:
        """The covered pictures at their true times, a key frame every two seconds."""
        encoder: PictureEncoder | None = None
        samples: list[Sample] = []
        start = last = Instant(0)
        for picture in self._film.pictures():
            painted = self._painted(picture)
            if self._draw is not None:
                self._draw(painted, picture.at)
            if encoder is None:
                encoder = PictureEncoder(*self.size_px, matrix=painted.matrix, origin=picture.at)
            is_key = not samples or picture.at.since(start) >= LIVE_KEY_EVERY_US
            if is_key and samples:
                yield _fragment(encoder, samples, start, picture.at)
                samples = []
            sample = encoder.encode(painted, picture.at, is_key=is_key)
            if sample is None:
                continue
            if not samples:
                start = picture.at
            samples.append(sample)
            last = picture.at
            if picture.frame % _TELL_EVERY == 0:
                self._move(_share(self._film, picture), "covering")
        if encoder is None or not samples:
            raise BadInput("not one picture of this film can be decoded")
        yield _fragment(encoder, samples, start, last.plus(1))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know about this cover."""
        told = list(self._film.warnings)
        if self._film.damaged:
            told.append(f"{self._film.damaged} pictures could not be decoded and are missing")
        shortest_s = min(one.seconds for one in self._backgrounds)
        is_whole = self._ahead is None and not self._is_approved
        if is_whole:
            told.append(
                "without a model whole frames are covered, with outlines of what moves: who "
                "stands still would be part of the film's empty scene. --approve-scene shows "
                "shapes on it, once you know that nobody stays in it"
            )
        if any(one.scene is None for one in self._backgrounds):
            told.append(
                "too few pictures to tell the empty scene from what is in it: whole frames "
                "are covered"
            )
        elif not is_whole and shortest_s < _SURE_US / US_PER_SECOND:
            told.append(
                "the film is short: who stayed in one place for most of it is part of the scene "
                "that foreground is told from, and is hidden only where the detectors found them"
            )
        if self.tally.wholes and set(self.tally.wholes) != {"not approved"}:
            n = sum(self.tally.wholes.values())
            why = ", ".join(f"{because}: {n}" for because, n in sorted(self.tally.wholes.items()))
            told.append(f"{n} of {self.tally.frames} frames are covered whole ({why})")
        return tuple(told)

    def _painted(self, picture: NumberedPicture) -> Planes:
        stretch = next(
            (one for one in self._backgrounds if picture.at < one.until), self._backgrounds[-1]
        )
        if self._painter is None or stretch is not self._stretch:
            self._foreground = None
            self._painter = Painter(
                *self.size_px, matrix=picture.planes.matrix, clean=stretch.clean, is_timed=False
            )
            self._stretch = stretch
            self._follower = None if stretch.scene is None else SceneFollower(stretch.scene)
        done = self._hidden(picture, stretch)
        self._foreground = done.foreground
        self.tally.add(done)
        if done.regions.is_whole:
            if done.because == "not approved":
                self._motion = motion(picture.planes, self._motion)
            return self._painter.whole_frame(self._motion, picture.at)
        if self._ahead is None:
            assert done.foreground is not None, "a frame that is not whole has a foreground"
            return self._painter.covered(done.foreground, picture.at)
        return self._painter.around(picture.planes, done.regions.mask, picture.at)

    def _hidden(self, picture: NumberedPicture, stretch: Background) -> Hidden:
        at, planes = picture.at, picture.planes
        shape = (2, 2) if stretch.scene is None else stretch.scene.luma.shape
        if picture.is_damaged:
            return whole(_CAMERA, at, shape, "damaged")
        if self._follower is None:
            return whole(_CAMERA, at, shape, "no background")
        if self._ahead is None and not self._is_approved:
            return whole(_CAMERA, at, shape, "not approved")
        scene = self._follower.under(planes, at)
        if self._ahead is None:
            return hidden_in(_CAMERA, at, planes, scene, NOTHING, self._foreground)
        self._ahead.reach(at.plus(COVER_STAY_US_MAX))
        self._ahead.chains.forget_before(at)
        if not self._ahead.saw(at):
            return whole(_CAMERA, at, shape, "overdue")
        if self._ahead.chains.is_full:
            return whole(_CAMERA, at, shape, "crowded")
        boxes = self._ahead.chains.boxes_at(at)
        return hidden_in(_CAMERA, at, planes, scene, boxes, self._foreground)


class LooksAhead:
    """The looks, which run ahead of the pictures."""

    def __init__(self, film: VideoInput, finders: Finders, looks_fps: float) -> None:
        self.chains = Chains(is_both_ways=True)
        self.looks = 0
        self._finders = finders
        self._pictures = film.pictures(pace=Pace(fps_max=looks_fps))
        self._reached = Instant(0)
        self._is_over = False
        self._looked_us: deque[int] = deque()

    def reach(self, at: Instant) -> None:
        """Look until this moment, or to the film's end."""
        while not self._is_over and self._reached < at:
            picture = next(self._pictures, None)
            if picture is None:
                self._is_over = True
                return
            self._reached = picture.at
            if picture.is_damaged:
                continue
            # The first look sees every tile, later ones take turns.
            tiles = (self.looks % len(TILES),) if self.looks else tuple(range(len(TILES)))
            found = look(picture.planes, self._finders, tiles=tiles)
            self.chains.add(picture.at, found, picture.planes)
            self.looks += 1
            self._looked_us.append(picture.at.us)

    def saw(self, at: Instant) -> bool:
        """Whether a look lies near enough to a moment to vouch for it."""
        while len(self._looked_us) > 1 and self._looked_us[1] <= at.us:
            self._looked_us.popleft()
        near = [abs(us - at.us) for us in (*self._looked_us,)[:2]]
        return bool(near) and min(near) <= COVER_LOOK_US_MAX


class _Spread:
    """At most CLEAN_SAMPLES_MAX pictures, evenly spread over however many come."""

    def __init__(self) -> None:
        self._kept: list[Planes] = []
        self._every, self._seen = 1, 0

    @property
    def is_empty(self) -> bool:
        return self._seen == 0

    @property
    def planes(self) -> list[Planes]:
        return self._kept

    def add(self, planes: Planes) -> None:
        if self._seen % self._every == 0:
            if len(self._kept) == CLEAN_SAMPLES_MAX:
                self._kept = self._kept[::2]
                self._every *= 2
            if self._seen % self._every == 0:
                self._kept.append(self._aligned(planes).copy())
        self._seen += 1

    def _aligned(self, planes: Planes) -> Planes:
        """As the first one lies: a film that drifts would blur its own scene."""
        if not self._kept:
            return planes
        first = self._kept[0].luma.astype(np.float32)
        return shifted_planes(planes, reverse(shift_between(first, planes)))


def _background(
    samples: _Spread, until: Instant, start: Instant, *, is_painted: bool
) -> Background:
    seconds = until.since(start) / US_PER_SECOND
    if len(samples.planes) < CLEAN_SAMPLES_MIN:
        return Background(until=until, scene=None, clean=None, seconds=seconds)
    median = median_planes(samples.planes)
    return Background(
        until=until,
        scene=scene_of(median),
        clean=median if is_painted else None,
        seconds=seconds,
    )


def _fragment(
    encoder: PictureEncoder, samples: list[Sample], start: Instant, end: Instant
) -> Fragment:
    return Fragment(
        format=encoder.format,
        start_at=start,
        duration_us=max(end.since(start), 1),
        samples=tuple(samples),
    )


def _share(film: VideoInput, picture: NumberedPicture) -> float:
    total = film.frames_total
    return min(picture.frame / total, 1.0) if total else 0.0
