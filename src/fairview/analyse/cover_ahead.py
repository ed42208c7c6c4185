"""What a cover hides, made while recording: looks first, masks some time behind them.

Pure apart from the detectors handed in. A mask here is of finds alone. What differs from the
clean picture is found anew whenever a picture is shown, so masks hold for any clean picture and
a process that makes them needs none. Being behind the looks, a place is hidden also before it
was first found.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from fairview.analyse.cover import MASK_WIDTH_PX
from fairview.analyse.cover_chains import Chains
from fairview.analyse.cover_finds import TILES, Finders, look
from fairview.analyse.cover_model import boxes_mask, is_dark
from fairview.analyse.planes import Planes, fitted
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import (
    COVER_BEHIND_US,
    COVER_LINK_US_MAX,
    COVER_LOOK_US_MAX,
    COVER_STORED_EVERY_US,
)
from fairview.core.sight import CoverRegions
from fairview.core.time import Instant


class RegionMaker:
    """One camera's finds as masks, look by look in order of time; used by one thread."""

    def __init__(self, camera: CameraId, finders: Finders) -> None:
        self._camera, self._finders = camera, finders
        self._looks: deque[Instant] = deque()
        self._unsure: deque[Instant] = deque()
        self._due: Instant | None = None
        self._begin_anew()

    def look(self, planes: Planes, at: Instant) -> tuple[CoverRegions, ...]:
        """Look at one picture; the masks that are now known for good.

        They lie COVER_STORED_EVERY_US apart and COVER_BEHIND_US behind. Between two looks
        further apart than COVER_LOOK_US_MAX there are none: nobody can vouch for that time.

        Errors:  what a detector raises; the picture does not count then.
        Cost:    one look; 0.1 ms a mask.
        """
        if self._looks and not 0 < at.since(self._looks[-1]) <= COVER_LINK_US_MAX:
            self._begin_anew()
        tiles = (self._turn % len(TILES),) if self._turn else tuple(range(len(TILES)))
        found = look(planes, self._finders, tiles=tiles)
        self._chains.add(at, found, planes)
        self._looks.append(at)
        if is_dark(planes) or self._chains.is_full:
            self._unsure.append(at)
        self._turn += 1
        columns, rows = fitted(planes.width_px, planes.height_px, MASK_WIDTH_PX)
        return self._ready(at, (rows, columns))

    def _ready(self, now: Instant, shape: tuple[int, int]) -> tuple[CoverRegions, ...]:
        made = []
        due = self._due or self._looks[0]
        while due.plus(COVER_BEHIND_US) <= now:
            if self._is_vouched_for(due):
                made.append(self._regions(due, shape))
            due = due.plus(COVER_STORED_EVERY_US)
        self._due = due
        self._chains.forget_before(due)
        while len(self._looks) > 1 and self._looks[1] <= due:
            self._looks.popleft()
        while self._unsure and due.since(self._unsure[0]) > COVER_LOOK_US_MAX:
            self._unsure.popleft()
        return tuple(made)

    def _is_vouched_for(self, at: Instant) -> bool:
        """Whether the looks on both sides of a moment are near enough to each other."""
        before = max((one for one in self._looks if one <= at), default=None)
        after = min((one for one in self._looks if one >= at), default=None)
        if before is None or after is None:
            return False
        return after.since(before) <= COVER_LOOK_US_MAX

    def _regions(self, at: Instant, shape: tuple[int, int]) -> CoverRegions:
        if any(abs(at.since(one)) <= COVER_LOOK_US_MAX for one in self._unsure):
            mask = np.full(shape, 255, np.uint8)
            return CoverRegions(camera=self._camera, at=at, mask=mask, is_whole=True)
        mask = boxes_mask(self._chains.boxes_at(at).boxes_unit, shape)
        return CoverRegions(camera=self._camera, at=at, mask=mask, is_whole=False)

    def _begin_anew(self) -> None:
        self._chains = Chains(is_both_ways=True)
        self._looks.clear()
        self._unsure.clear()
        self._due = None
        self._turn = 0


class StoredRegions:
    """Masks of one camera for a stretch, by moment; what was stored while recording.

    HOLE: a picture between two masks is hidden where either of them hides; what is found and
    moves further than its margin in COVER_STORED_EVERY_US is foreground as well.
    """

    def __init__(self, regions: tuple[CoverRegions, ...]) -> None:
        self._regions = sorted(regions, key=lambda one: one.at)
        self._times = np.array([one.at.us for one in self._regions], dtype=np.int64)

    def at(self, moment: Instant) -> CoverRegions | None:
        """What both neighbours of a moment hide together; None when one of them is missing."""
        after = int(np.searchsorted(self._times, moment.us))
        if after == len(self._regions):
            return None
        right = self._regions[after]
        if right.at == moment:
            return right
        left = self._regions[after - 1] if after else right
        is_near = right.at.since(left.at) <= 2 * COVER_STORED_EVERY_US
        if not after or not is_near or left.mask.shape != right.mask.shape:
            return None
        return CoverRegions(
            camera=right.camera,
            at=moment,
            mask=np.maximum(left.mask, right.mask),
            is_whole=left.is_whole or right.is_whole,
        )
