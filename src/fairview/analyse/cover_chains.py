"""Boxes to hide between two looks, and around them: chains of finds through time.

Pure. A chain is one place that is hidden for as long as its finds say so: boxes of one reason
that overlap from look to look. Between two finds the box moves evenly; before the first and
after the last it stays for a while and grows as fast as a person can walk; and as long as
nothing changed inside it, it stays where it is: who stands still is still there. Chains say
nothing about who or what they hide, live as long as the cover needs them, and leave it only as
a mask.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from fairview.analyse.cover_finds import (
    BY_BAND,
    BY_PERSON,
    BY_PLATE,
    BY_TWO_WHEELER,
    Found,
    overlap,
)
from fairview.analyse.planes import Planes
from fairview.core.limits_seeing import (
    COVER_CHAINS_MAX,
    COVER_HOLD_US,
    COVER_LINK_US_MAX,
    COVER_STAY_US_MAX,
)
from fairview.core.time import US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Boxes = npt.NDArray[np.float32]
    Plane = npt.NDArray[np.uint8]

THUMB_PX = (96, 54)
"""How finely is looked whether a place changed."""

CHANGED_LEVELS = 10.0
CHANGED_FRAC_MIN = 0.2
"""A place has changed when this share of it differs by more than so many grey levels: a body fills
some 40 % of its box, and less when the picture's edge cuts it."""

STAY_PER_FIND_US = 5 * US_PER_SECOND
"""How long each find lets an unchanged place stay hidden, up to COVER_STAY_US_MAX: a place that
was found once in many looks is more likely a mistake than a person."""

_LINK_OVERLAP_MIN = 0.15
_WALK = {BY_PERSON: 0.4, BY_TWO_WHEELER: 0.8}
"""How fast a box grows unseen, in box heights a second: half of what a person of 1.7 m walks
(1.4 m/s) or a cyclist rides. Whoever moves is foreground as well; this is for the parts of a
body that look like what is behind them."""
_WALK_OTHER = 0.5
_MARGINS = {BY_PLATE: (0.25, 0.3, 0.3), BY_BAND: (0.04, 0.0, 0.06)}
_MARGINS_OTHER = (0.12, 0.08, 0.07)
"""Around a box: at the sides, above, below, of its width and height: detectors of this size are
wrong by some tenth of a box, and arms and feet stick out."""
_SIDE_OF_HEIGHT = 0.05


@dataclass(frozen=True, slots=True)
class _Point:
    at_us: int
    box: Boxes


@dataclass(slots=True)
class Chain:
    """One hidden place. kept_*_us: how far beyond its finds the place is known to be unchanged."""

    reason: int
    points: deque[_Point]
    thumb: Plane
    kept_from_us: int
    kept_until_us: int
    finds: int = 1
    is_open: bool = True

    @property
    def first_us(self) -> int:
        return self.points[0].at_us

    @property
    def last_us(self) -> int:
        return self.points[-1].at_us

    def box_at(self, us: int) -> Boxes | None:
        """The box with its margins at a moment; None when it hides nothing then."""
        if us < self.first_us:
            return _beyond(
                self.points[0].box, self.reason, self.first_us - us, us >= self.kept_from_us
            )
        if us > self.last_us:
            return _beyond(
                self.points[-1].box, self.reason, us - self.last_us, us <= self.kept_until_us
            )
        return self._between(us)

    def expected(self, us: int) -> Boxes:
        """Where the box would be now if it went on as it did last."""
        if len(self.points) < 2:
            return self.points[-1].box
        before, last = self.points[-2], self.points[-1]
        step_us = max(last.at_us - before.at_us, 1)
        ahead = min((us - last.at_us) / step_us, 2.0)
        return np.asarray(last.box + (last.box - before.box) * ahead, dtype=np.float32)

    def _between(self, us: int) -> Boxes:
        times = [point.at_us for point in self.points]
        after = int(np.searchsorted(times, us))
        right = self.points[after]
        if right.at_us == us or after == 0:
            return _with_margin(right.box, self.reason, 0.0)
        left = self.points[after - 1]
        share = (us - left.at_us) / (right.at_us - left.at_us)
        box = left.box * (1 - share) + right.box * share
        # In the middle of a long wait the path may have been another than the straight one.
        unseen_us = min(us - left.at_us, right.at_us - us)
        return _with_margin(np.asarray(box, np.float32), self.reason, unseen_us / 2)


def _beyond(box: Boxes, reason: int, us: int, is_kept: bool) -> Boxes | None:
    if us <= COVER_HOLD_US:
        return _with_margin(box, reason, us)
    return _with_margin(box, reason, 0.0) if is_kept else None


def _with_margin(box: Boxes, reason: int, unseen_us: float) -> Boxes:
    width, height = float(box[2] - box[0]), float(box[3] - box[1])
    side, above, below = _MARGINS.get(reason, _MARGINS_OTHER)
    walked = _WALK.get(reason, _WALK_OTHER) * height * min(unseen_us, COVER_HOLD_US) / US_PER_SECOND
    if reason in (BY_PLATE, BY_BAND):
        walked = 0.0
    across = side * width + _SIDE_OF_HEIGHT * height + walked
    change = (-across, -above * height - 0.4 * walked, across, below * height + 0.4 * walked)
    return np.asarray(box + np.array(change, dtype=np.float32), dtype=np.float32)


@dataclass(slots=True)
class Chains:
    """The chains of one camera or file; looks are added in order of time.

    is_both_ways: keep what is needed to hide a place also before it was first found (for files,
    where the cover is made some time behind the looks).
    """

    is_both_ways: bool = False
    _chains: list[Chain] = field(default_factory=list)
    _thumbs: deque[tuple[int, Plane]] = field(default_factory=deque)

    def add(self, at: Instant, found: Found, planes: Planes) -> None:
        """One look: link its boxes, and see which lost places are unchanged.

        Cost:    about 0.1 ms and 20 us a box.
        """
        thumb = thumb_of(planes)
        self._link(at.us, found, thumb)
        self._watch(at.us, thumb)
        if self.is_both_ways:
            self._thumbs.append((at.us, thumb))
            while self._thumbs and self._thumbs[0][0] < at.us - COVER_STAY_US_MAX:
                self._thumbs.popleft()

    def forget_before(self, at: Instant) -> None:
        """Drop the chains that hide nothing from this moment on."""
        self._chains = [
            chain
            for chain in self._chains
            if chain.is_open or max(chain.kept_until_us, chain.last_us + COVER_HOLD_US) >= at.us
        ]
        for chain in self._chains:
            while len(chain.points) > 2 and chain.points[1].at_us < at.us:
                chain.points.popleft()

    def boxes_at(self, at: Instant) -> Found:
        """What is hidden at a moment, with margins."""
        boxes, reasons = [], []
        for chain in self._chains:
            box = chain.box_at(at.us)
            if box is not None:
                boxes.append(box)
                reasons.append(chain.reason)
        return Found(
            boxes_unit=np.array(boxes, dtype=np.float32).reshape(-1, 4),
            reasons=np.array(reasons, dtype=np.uint8),
        )

    @property
    def is_full(self) -> bool:
        """More places than are followed: the cover can't vouch for all of them."""
        return sum(chain.is_open for chain in self._chains) >= COVER_CHAINS_MAX

    def _link(self, us: int, found: Found, thumb: Plane) -> None:
        taken: set[int] = set()
        for reason in np.unique(found.reasons):
            boxes = found.boxes_unit[found.reasons == reason]
            pairs = [
                (float(score), number, chain)
                for chain in self._chains
                if chain.is_open and chain.reason == reason and self._may_go_on(chain, us)
                for number, score in enumerate(overlap(chain.expected(us), boxes))
                if score >= _LINK_OVERLAP_MIN
            ]
            linked: set[int] = set()
            for _, number, chain in sorted(pairs, key=lambda pair: -pair[0]):
                if number in linked or id(chain) in taken:
                    continue
                linked.add(number)
                taken.add(id(chain))
                chain.points.append(_Point(us, boxes[number]))
                chain.thumb, chain.kept_until_us = thumb, us
                chain.finds += 1
                self._look_back(chain)
                if not self.is_both_ways and len(chain.points) > 2:
                    chain.points.popleft()
            for number, box in enumerate(boxes):
                if number not in linked and not self.is_full:
                    self._begin(us, int(reason), box, thumb)

    def _may_go_on(self, chain: Chain, us: int) -> bool:
        return us - chain.last_us <= COVER_LINK_US_MAX or chain.kept_until_us > chain.last_us

    def _begin(self, us: int, reason: int, box: Boxes, thumb: Plane) -> None:
        self._chains.append(
            Chain(
                reason=reason,
                points=deque([_Point(us, box)]),
                thumb=thumb,
                kept_from_us=us,
                kept_until_us=us,
            )
        )

    def _look_back(self, chain: Chain) -> None:
        """How far before its first find the place of a chain looked the same."""
        first = chain.points[0]
        if not self._thumbs or chain.finds > COVER_STAY_US_MAX // STAY_PER_FIND_US:
            return
        oldest_us = first.at_us - _stay_us(chain)
        then = next((thumb for us, thumb in self._thumbs if us == first.at_us), None)
        if then is None or (chain.finds > 2 and chain.kept_from_us == first.at_us):
            return
        for at_us, earlier in reversed(self._thumbs):
            if at_us >= chain.kept_from_us:
                continue
            if at_us < oldest_us or has_changed(earlier, then, first.box):
                break
            chain.kept_from_us = at_us

    def _watch(self, us: int, thumb: Plane) -> None:
        for chain in self._chains:
            if not chain.is_open or chain.last_us == us:
                continue
            lost_us = us - chain.last_us
            is_still = lost_us <= _stay_us(chain) and not has_changed(
                chain.thumb, thumb, chain.points[-1].box
            )
            if is_still:
                chain.kept_until_us = us + COVER_HOLD_US
            elif lost_us > COVER_LINK_US_MAX:
                chain.is_open = False


def _stay_us(chain: Chain) -> int:
    """How long a chain's place may stay hidden for being unchanged: not for plates or bands,
    whose vehicle is there to be found again, or gone."""
    if chain.reason in (BY_PLATE, BY_BAND):
        return 0
    return min(chain.finds * STAY_PER_FIND_US, COVER_STAY_US_MAX)


def thumb_of(planes: Planes) -> Plane:
    """A picture small enough to keep, for telling whether a place changed."""
    return np.asarray(
        cv2.resize(planes.luma, THUMB_PX, interpolation=cv2.INTER_AREA), dtype=np.uint8
    )


def has_changed(before: Plane, now: Plane, box: Boxes) -> bool:
    """Whether a place looks different, apart from light that changed everywhere."""
    width, height = THUMB_PX
    left, top = (
        int(np.clip(box[0] * width, 0, width - 1)),
        int(np.clip(box[1] * height, 0, height - 1)),
    )
    right, bottom = int(np.ceil(box[2] * width)), int(np.ceil(box[3] * height))
    where = (slice(top, max(bottom, top + 1)), slice(left, max(right, left + 1)))
    everywhere = now.astype(np.int16) - before
    drift = float(np.median(everywhere))
    differs = np.abs(everywhere[where] - drift) > CHANGED_LEVELS
    return float(differs.mean()) > CHANGED_FRAC_MIN
