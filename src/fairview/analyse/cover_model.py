"""The cover that knows people: what of one picture is hidden, and when all of it is.

Pure apart from the detectors handed in. Hidden are, together: what detectors found (people,
two-wheelers with their riders, faces, plates or the lower band of a vehicle) with margins that
grow between looks; everything that differs from the clean picture, with margins, which includes
what came to rest; and the whole picture when it is damaged, late, too dark, of another view or
light than the clean picture, before the first look and when the last look is too old.

Missing a shape shows a person here, unlike in `cover`: margins and memory are larger.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from fairview.analyse.cover import Foreground, Scene, silhouettes
from fairview.analyse.cover_align import SceneFollower
from fairview.analyse.cover_chains import Chains
from fairview.analyse.cover_finds import NOTHING, REASONS, TILES, Finders, Found, Reason, look
from fairview.analyse.planes import Planes
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import COVER_LOOK_US_MAX
from fairview.core.sight import CoverRegions
from fairview.core.time import Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Mask = npt.NDArray[np.uint8]
    Boxes = npt.NDArray[np.float32]

WholeBecause = Literal[
    "",
    "starting",
    "late",
    "damaged",
    "dark",
    "light",
    "view",
    "foreground",
    "overdue",
    "crowded",
    "no background",
    "not approved",
]
"""Why a whole frame is covered; empty: it is not."""

HiddenBy = Reason | Literal["foreground"]
HIDDEN_BY: tuple[HiddenBy, ...] = (*REASONS, "foreground")

DARK_LEVEL_MAX = 46
"""When 99 of 100 pixels are darker than this (16 is black), people are neither found nor
invisible: a viewer could brighten the picture."""

_MARGIN_PX = 2
_UP_PX = 3
"""Around foreground, in mask pixels beyond what `silhouettes` adds: hair and hands differ least
from what is behind them, and heads are above what was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What is hidden in one picture and why.

    hidden_frac: share of the picture under the mask. by_frac: share hidden by each of HIDDEN_BY
    (they overlap). foreground: for the next picture.
    """

    regions: CoverRegions
    because: WholeBecause
    hidden_frac: float
    by_frac: tuple[float, ...]
    foreground: Foreground | None


def hidden_in(
    camera: CameraId,
    at: Instant,
    planes: Planes,
    scene: Scene,
    boxes: Found,
    earlier: Foreground | None = None,
) -> Hidden:
    """What is hidden in one picture: the boxes (margins included) and the foreground.

    earlier: the foreground of the picture before.

    Cost:    one thread: 1.2 ms at 640x360, 2.9 at 1920x1080, 3 us a box.
    """
    shape = scene.luma.shape
    if is_dark(planes):
        return whole(camera, at, shape, "dark")
    found = silhouettes(planes, scene, earlier)
    if found.is_unsure:
        assert found.because, "an unsure answer says why"
        return whole(camera, at, shape, found.because)
    by_foreground = widened(found.mask)
    masks = [boxes_mask(boxes.boxes_unit[boxes.reasons == n], shape) for n in range(len(REASONS))]
    mask = by_foreground.copy()
    for one in masks:
        np.maximum(mask, one, out=mask)
    return Hidden(
        regions=CoverRegions(camera=camera, at=at, mask=mask, is_whole=False),
        because="",
        hidden_frac=_frac(mask),
        by_frac=tuple(_frac(one) for one in (*masks, by_foreground)),
        foreground=found,
    )


def whole(camera: CameraId, at: Instant, shape: tuple[int, ...], because: WholeBecause) -> Hidden:
    """Everything is hidden. shape: the mask's rows and columns."""
    return Hidden(
        regions=CoverRegions(
            camera=camera, at=at, mask=np.full(shape, 255, np.uint8), is_whole=True
        ),
        because=because,
        hidden_frac=1.0,
        by_frac=(0.0,) * len(HIDDEN_BY),
        foreground=None,
    )


def boxes_mask(boxes: Boxes, shape: tuple[int, ...]) -> Mask:
    """Boxes as a mask (rows, columns), outwards to whole pixels of it."""
    rows, columns = shape[:2]
    mask = np.zeros((rows, columns), dtype=np.uint8)
    corners = boxes * np.array([columns, rows] * 2, dtype=np.float32)
    low = np.floor(np.clip(corners[:, :2], 0, None)).astype(np.int32)
    high = np.ceil(np.clip(corners[:, 2:], 0, None)).astype(np.int32)
    for (left, top), (right, bottom) in zip(low, high, strict=True):
        mask[top:bottom, left:right] = 255
    return mask


def widened(mask: Mask) -> Mask:
    """Foreground with the margins of a cover that shows what is beside it."""
    if not mask.any():
        return mask
    height = 2 * _MARGIN_PX + 1 + _UP_PX
    kernel = np.ones((height, 2 * _MARGIN_PX + 1), dtype=np.uint8)
    # Dilation mirrors the kernel around its anchor: an anchor near the top reaches upwards.
    wide = cv2.dilate(mask, kernel, anchor=(_MARGIN_PX, _MARGIN_PX))
    return np.asarray(wide, dtype=np.uint8)


def is_dark(planes: Planes) -> bool:
    """Whether too little light is in the picture to vouch for what is in it."""
    return float(np.percentile(planes.luma[::8, ::8], 99)) < DARK_LEVEL_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class LookOften:
    """How often a cover looks with its detectors while pictures come.

    every_us: between whole looks; at most COVER_LOOK_US_MAX (decision 9).
    """

    every_us: int = 250_000


class CoverModel:
    """One camera's cover, picture by picture in order of time; used by one thread.

    For live and recorded pictures. A place is hidden from the look that finds it; what moves is
    foreground before that. Whoever can hold pictures back shows them to `look_ahead` first and
    covers them COVER_AHEAD_US later: then a place is hidden also before it was first found.
    """

    def __init__(
        self,
        camera: CameraId,
        scene: Scene | None,
        finders: Finders,
        often: LookOften = LookOften(),
    ) -> None:
        """scene: the clean picture, made ready; None: everything is hidden."""
        self._camera, self._scene, self._finders, self._often = camera, scene, finders, often
        self._follower = None if scene is None else SceneFollower(scene, COVER_LOOK_US_MAX)
        self._chains = Chains(is_both_ways=True)
        self._looked_at: Instant | None = None
        self._looks: deque[Instant] = deque()
        self._last_at: Instant | None = None
        self._foreground: Foreground | None = None
        self._turn = 0

    def look_ahead(self, planes: Planes, at: Instant) -> None:
        """A whole picture that will be covered later; looked at when a look is due.

        Errors:  what a detector raises.
        """
        if self._follower is None:
            return
        if self._looked_at is not None and at < self._looked_at:
            self._begin_anew()
        if self._is_due(at):
            self._look(planes, at)

    def cover(
        self,
        planes: Planes,
        at: Instant,
        *,
        is_late: bool = False,
        is_damaged: bool = False,
        stored: CoverRegions | None = None,
    ) -> Hidden:
        """What is hidden in the next picture.

        is_late: don't look, there is no time; is_damaged: parts of it were guessed. The detectors
        run when a look is due. stored: what they found while recording, instead of a look.

        Errors:  what a detector raises; nothing was covered then.
        """
        if self._last_at is not None and at < self._last_at:
            self._begin_anew()
        self._last_at = at
        if is_damaged or is_late:
            self._foreground = None
            return self._whole(at, "damaged" if is_damaged else "late")
        if self._follower is None:
            return self._whole(at, "no background")
        scene = self._follower.under(planes, at)
        if stored is not None and stored.mask.shape == scene.luma.shape:
            return self._with(stored, planes, scene)
        if self._is_due(at):
            self._look(planes, at)
        if not self._saw(at):
            return self._whole(at, "overdue")
        if self._chains.is_full:
            return self._whole(at, "crowded")
        self._chains.forget_before(at)
        boxes = self._chains.boxes_at(at)
        done = hidden_in(self._camera, at, planes, scene, boxes, self._foreground)
        self._foreground = done.foreground
        return done

    def _with(self, stored: CoverRegions, planes: Planes, scene: Scene) -> Hidden:
        """What was found while recording, and what differs from the clean picture now."""
        at = stored.at
        if stored.is_whole:
            self._foreground = None
            return self._whole(at, "overdue")
        done = hidden_in(self._camera, at, planes, scene, NOTHING, self._foreground)
        self._foreground = done.foreground
        if done.regions.is_whole:
            return done
        mask = np.maximum(done.regions.mask, stored.mask)
        regions = CoverRegions(camera=self._camera, at=at, mask=mask, is_whole=False)
        return replace(done, regions=regions, hidden_frac=_frac(mask))

    def _is_due(self, at: Instant) -> bool:
        return self._looked_at is None or at.since(self._looked_at) >= min(
            self._often.every_us, COVER_LOOK_US_MAX
        )

    def _look(self, planes: Planes, at: Instant) -> None:
        """The first look for a while sees every tile, later ones take turns."""
        is_first = self._looked_at is None or at.since(self._looked_at) > COVER_LOOK_US_MAX
        tiles = tuple(range(len(TILES))) if is_first else (self._turn % len(TILES),)
        is_newest = self._last_at == at and self._foreground is not None
        mask = self._foreground.mask if is_newest and self._foreground is not None else None
        found = look(planes, self._finders, tiles=tiles, hidden=mask)
        self._chains.add(at, found, planes)
        self._looked_at = at
        self._looks.append(at)
        self._turn += 1

    def _saw(self, at: Instant) -> bool:
        """Whether the looks before and behind a moment are near enough to vouch for it; the one
        before will do when there is none behind."""
        while len(self._looks) > 1 and self._looks[1] <= at:
            self._looks.popleft()
        return bool(self._looks) and abs(at.since(self._looks[0])) <= COVER_LOOK_US_MAX

    def _begin_anew(self) -> None:
        self._chains, self._turn = Chains(is_both_ways=True), 0
        self._looked_at = self._foreground = None
        self._looks.clear()

    def _whole(self, at: Instant, because: WholeBecause) -> Hidden:
        shape = (2, 2) if self._scene is None else self._scene.luma.shape
        return whole(self._camera, at, shape, because)


def _frac(mask: Mask) -> float:
    return float(np.count_nonzero(mask)) / mask.size
