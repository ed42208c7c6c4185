"""Stays in a zone of kind room, from the pieces of them that a detector saw. Pure.

Who sits still in a room is lost for minutes: motion finders see nothing, others lose a head behind
a screen. The rule: whoever came in and did not leave through the zone's border, or the picture's
side or lower edge, is still there. So

- somebody comes in where a way enters, or where somebody is seen and nobody is known to be in;
- what is first seen inside goes on for somebody who is in and not seen; things a motion finder
  sees beside somebody are parts of them;
- what comes in just where somebody is seen is a part of them;
- it ends when one of its ways leaves; else it is open: it lasts to the end of what was looked at,
  or, when nothing at all was seen in the zone for UNSEEN_US_MAX, to the last thing seen;
- where nothing was measurable nobody knows, and stays end there, open.

What moves by less than its own size came from nowhere and went nowhere: a motion finder's thing
that only trembles (a door's reflection, a chair that was pushed) begins and ends no stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from fairview.analyse.measure.looked import BRIDGED_US_MAX
from fairview.analyse.measure.paths import CUT_FRAC, Floats, GroundPath
from fairview.core.scene import SceneCamera
from fairview.core.sight import MOVING
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Instant, Span
from fairview.core.traffic import Stay

UNSEEN_US_MAX = 10 * US_PER_MINUTE
"""Nothing seen for longer, somebody may well have left unseen."""

TOGETHER_US_MAX = US_PER_SECOND
"""Two pieces of one stay may both be seen for so long, while one gives way to the other."""

LEFT_US = 2 * US_PER_SECOND
"""What still leaves so long after somebody left is a part of them (a shadow, a bag)."""

SPLIT_US = US_PER_SECOND // 2
"""A box that begins inside one of the last half second is a part of it; who follows in a file is
a step behind."""

TRAVEL_SIZES_MIN = 1.0
_SHOWN_SHARE_MAX = 0.6
"""Less of the height in the picture than this, over its lower edge: on the way in or out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Piece:
    """One stay as seen, with the way it is part of."""

    path: GroundPath
    stay: Stay


@dataclass(slots=True, kw_only=True, eq=False)
class _Present:
    """Somebody in the room. left: when they went, None while they are in."""

    pieces: list[Piece] = field(default_factory=list)
    left: Instant | None = None

    def seen_until(self, at: Instant) -> Instant:
        """Until when, as known at a moment, somebody was seen."""
        return max(min(one.stay.span.end, at) for one in self.pieces)

    def is_seen_on(self, at: Instant) -> bool:
        """Whether a piece of it is seen for longer than it could while giving way to another."""
        return any(one.stay.span.end.since(at) > TOGETHER_US_MAX for one in self.pieces)


def room_stays(
    pieces: Sequence[Piece], camera: SceneCamera, measurable: Sequence[Span]
) -> tuple[Stay, ...]:
    """The stays that these pieces, all of one zone, are parts of; earliest first.

    A stay has the id of its first piece and the class of its longest one.

    Cost:    pieces times those who are in at once.
    """
    found: list[Stay] = []
    for span in measurable:
        inside = [one for one in pieces if span.start <= one.stay.span.start < span.end]
        present = _Room(camera).present(inside)
        found += [_stay(one, span) for one in present]
    return tuple(sorted(found, key=lambda one: (one.span, one.track)))


class _Room:
    def __init__(self, camera: SceneCamera) -> None:
        self._camera = camera
        self._present: list[_Present] = []
        self._of: dict[int, _Present] = {}

    def present(self, pieces: Sequence[Piece]) -> list[_Present]:
        """Everybody who was in, from what begins and ends in order of time."""
        moments = [(one.stay.span.start, 1, number) for number, one in enumerate(pieces)]
        moments += [(one.stay.span.end, 0, number) for number, one in enumerate(pieces)]
        for at, is_start, number in sorted(moments):
            if is_start:
                self._begins(number, pieces[number], at)
            else:
                self._ends(number, pieces[number], at)
        return self._present

    def _begins(self, number: int, piece: Piece, at: Instant) -> None:
        is_moving = piece.stay.kind == MOVING
        is_sure = not is_moving or _travels(piece)
        enters = is_sure and self._is_at_border(piece, 0)
        one = self._split_from(piece, at) if enters else self._who(at, is_any=is_moving)
        if one is None and is_moving and not enters and self._somebody_just_left(at):
            return
        if one is None and is_sure:
            one = _Present()
            self._present.append(one)
        if one is not None:
            one.pieces.append(piece)
            self._of[number] = one

    def _somebody_just_left(self, at: Instant) -> bool:
        """A shadow or a hole in the background is seen for a while longer."""
        return any(one.left is not None and at.since(one.left) <= LEFT_US for one in self._present)

    def _split_from(self, piece: Piece, at: Instant) -> _Present | None:
        """Who is in and seen just where this begins: two boxes of one body."""
        middle = piece.path.centre_px[int(np.argmin(np.abs(piece.path.at_us - at.us)))]
        for one in self._present:
            for other in one.pieces if one.left is None else ():
                is_seen = other.stay.span.start <= at <= other.stay.span.end.plus(SPLIT_US)
                if is_seen and _holds(other.path, at, middle):
                    return one
        return None

    def _ends(self, number: int, piece: Piece, at: Instant) -> None:
        is_sure = piece.stay.kind != MOVING or _travels(piece)
        if number not in self._of or not is_sure or not self._is_at_border(piece, -1):
            return
        one = self._of[number]
        if one.left is not None:
            if at.since(one.left) <= LEFT_US:
                return
            other = self._who(at, is_any=True)  # begun as a part of somebody who left since
            if other is None:
                return
            one = other
        one.left = at

    def _who(self, at: Instant, *, is_any: bool) -> _Present | None:
        """Who is in and may be what is seen from now on: who was last seen longest ago."""
        able = [
            one
            for one in self._present
            if one.left is None
            and at.since(one.seen_until(at)) <= UNSEEN_US_MAX
            and (is_any or not one.is_seen_on(at))
        ]
        return min(able, key=lambda one: one.seen_until(at), default=None)

    def _is_at_border(self, piece: Piece, end: int) -> bool:
        """Whether a stay begins (0) or ends (-1) at the zone's border or the picture's edge."""
        path, span = piece.path, piece.stay.span
        within = np.flatnonzero((path.at_us >= span.start.us) & (path.at_us <= span.end.us))
        if not len(within):
            return False
        index = int(within[end])
        if index != (0 if end == 0 else len(path) - 1):
            return True
        if path.is_whole[index]:
            return False
        width_px, height_px = self._camera.width_px, self._camera.height_px
        x, y = path.px[index]
        half, height = path.size_px[index] / [2.0, 1.0]
        margin_px = max(CUT_FRAC * width_px, 1.0)
        shown = (height_px - (y - height)) / height
        is_beside = bool(x - half <= margin_px or x + half >= width_px - margin_px)
        return is_beside or bool(shown < _SHOWN_SHARE_MAX)


def _holds(path: GroundPath, at: Instant, point_px: Floats) -> bool:
    """Whether a point lies in one of a way's boxes of the last SPLIT_US."""
    recent = (path.at_us <= at.us) & (path.at_us >= at.us - SPLIT_US)
    away = np.abs(point_px - path.centre_px[recent])
    return bool(np.any(np.all(away <= path.size_px[recent] / 2, axis=1)))


def _travels(piece: Piece) -> bool:
    """Whether the middle of a way's box goes as far as the box is large."""
    middle = piece.path.centre_px
    reach = float(np.hypot(*np.ptp(middle, axis=0)))
    sizes = np.sqrt(np.prod(piece.path.size_px, axis=1))
    return reach >= TRAVEL_SIZES_MIN * float(np.median(sizes))


def _stay(one: _Present, looked: Span) -> Stay:
    first = one.pieces[0].stay
    longest = max(one.pieces, key=lambda piece: piece.stay.span.duration_us).stay
    seen_until = max(piece.stay.span.end for piece in one.pieces)
    if one.left is not None:
        end = one.left
    elif looked.end.since(seen_until) <= max(UNSEEN_US_MAX, BRIDGED_US_MAX):
        end = max(looked.end, seen_until)
    else:
        end = seen_until
    return replace(
        first,
        kind=longest.kind,
        span=Span(start=first.span.start, end=max(end, first.span.start.plus(1))),
        is_open_end=one.left is None,
    )
