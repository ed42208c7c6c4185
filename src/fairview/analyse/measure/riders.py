"""A person and the bicycle or motorcycle it rides are one road user. Pure.

Detectors find the rider and the two-wheeler as two boxes, so trackers make two tracks of them; each
alone would be counted. Only place, movement and class decide, as everywhere here.

Who rides is counted as the bicycle or motorcycle. Who walks and pushes one is counted as a person:
a cycle is propelled by the persons on it (Vienna Convention on Road Traffic 1968, article 1 (l)),
and who leads one by hand is held to be on foot (Code de la route, article R412-34). In doubt the
two-wheeler counts.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from fairview.analyse.measure.journeys import part_of
from fairview.analyse.measure.paths import Flags, Floats
from fairview.core.scene import SceneCamera
from fairview.core.sight import BICYCLE, MOTORCYCLE, PERSON, Track
from fairview.core.time import US_PER_SECOND

TWO_WHEELERS = frozenset({BICYCLE, MOTORCYCLE})

BESIDE_WIDTHS_MAX = 0.35
"""Middles this near, across, as a share of the wider box: who rides sits over the frame, who walks
beside somebody else's bicycle is half a metre off, most of a bicycle seen from its front."""

FEET_ABOVE_MIN, FEET_ABOVE_MAX = -0.15, 0.6
"""Where the person's box ends above the two-wheeler's lower edge, as a share of the person's
height: feet on pedals or footrests are above the wheels, and the wheel that is nearer the camera
is lower still; feet on the ground far below the wheels are those of somebody in front."""

HEIGHTS_MIN, HEIGHTS_MAX = 0.3, 1.6
"""A two-wheeler is so many times as high as the person on it; less or more is another distance."""

FITTING_MIN = 0.6
"""Share of their common pictures in which the two fit."""

COMMON_MIN = 3
"""Fewer common pictures say nothing."""

_NEAR_US = 200_000
"""A box this long before or after stands for one that is not there."""

TRAVEL_HEIGHTS_MIN = 0.5
_AROUND_US = US_PER_SECOND
"""Somebody who stands by a parked bicycle does not ride it: in the common time, and a second before
and after, the person goes so many of its own heights."""

ASTRAY_HEIGHTS_MAX = 0.5
ASTRAY_SHARE_MAX = 0.2
"""How far the two may come apart over their common time: so many heights, and a share of the way
(the boxes of who comes nearer grow, and their middles with them)."""

PUSHED_FEET_MAX = 0.08
PUSHED_HEIGHTS_A_SECOND_MAX = 1.3
"""Pushed: the feet are as low as the wheels, and it goes at a walk. 1.3 heights of 1.7 m a second
are 8 km/h, between a brisk walk (6 km/h) and a slow ride (10 km/h)."""
_PACE_US_MIN = US_PER_SECOND // 2

TOGETHER_US_MAX = US_PER_SECOND // 2
"""Two two-wheelers seen at once for longer are two."""

JOINED_US = 5 * US_PER_SECOND
"""So long before and after the leading tracks the other's are still this road user, whose one box
was not found: a bicycle is small and lost early. Beyond, who got off walks on as a person."""

_ALONE_US_MIN = US_PER_SECOND
"""What is left beyond that counts as somebody walking when it lasts as long as this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadUser:
    """The tracks it is counted by, earliest first, and other ways that are also it."""

    tracks: tuple[Track, ...]
    beside: tuple[tuple[Track, ...], ...] = ()

    @property
    def all_tracks(self) -> tuple[Track, ...]:
        """Every track or part of one, earliest first."""
        every = [*self.tracks, *(track for group in self.beside for track in group)]
        return tuple(sorted(every, key=lambda one: (one.at_us[0], one.id)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Boxes:
    """The seen boxes of a group of tracks, px."""

    at_us: npt.NDArray[np.int64]
    px: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """A person and a two-wheeler, by index, and what tells riding from pushing."""

    person: int
    wheels: int
    fitting: int
    feet_above: float
    pace: float | None

    @property
    def is_pushed(self) -> bool:
        is_walk = self.pace is not None and self.pace <= PUSHED_HEIGHTS_A_SECOND_MAX
        return is_walk and self.feet_above <= PUSHED_FEET_MAX


@dataclass(slots=True)
class _Joined:
    """Groups that are one road user, by index, and the pairs that say so, surest first."""

    persons: set[int] = field(default_factory=set)
    wheels: set[int] = field(default_factory=set)
    pairs: list[_Pair] = field(default_factory=list)


def road_users(groups: Sequence[tuple[Track, ...]], camera: SceneCamera) -> tuple[RoadUser, ...]:
    """The ways (tracks, earliest first), with each rider joined to what it rides.

    A person and a two-wheeler are joined when their boxes lie as a rider's and its two-wheeler's
    do in most of the pictures that have both, and they move together. A person rides one at a time;
    several may ride one.

    Shapes:  every track's every point is in exactly one road user.
    Cost:    pairs that are in view together are compared, as arrays; without a two-wheeler nothing.
    """
    wheels = [number for number, group in enumerate(groups) if _kind(group) in TWO_WHEELERS]
    persons = [number for number, group in enumerate(groups) if _kind(group) == PERSON]
    found = _pairs(groups, (persons, wheels), camera) if wheels and persons else []
    joined = _joined(sorted(found, key=lambda one: (-one.fitting, one.person, one.wheels)), groups)
    taken = {number for one in joined for number in (*one.persons, *one.wheels)}
    whole = [RoadUser(tracks=group) for n, group in enumerate(groups) if n not in taken]
    for one in joined:
        whole += _road_users_of(one, groups)
    return tuple(sorted(whole, key=lambda one: (one.tracks[0].at_us[0], one.tracks[0].id)))


def _kind(group: Sequence[Track]) -> int:
    return max(group, key=len).kind


def _pairs(
    groups: Sequence[tuple[Track, ...]], numbers: tuple[list[int], list[int]], camera: SceneCamera
) -> list[_Pair]:
    persons, wheels = numbers
    # Groups come in the order of their start, so those that begin before another's end are first.
    starts = [int(groups[number][0].at_us[0]) for number in persons]
    boxes: dict[int, _Boxes] = {}
    found: list[_Pair] = []
    for wheel in wheels:
        first_us, last_us = int(groups[wheel][0].at_us[0]), _end_us(groups[wheel])
        for person in persons[: bisect.bisect_right(starts, last_us)]:
            if _end_us(groups[person]) < first_us:
                continue
            for number in (wheel, person):
                if number not in boxes:
                    boxes[number] = _boxes(groups[number], camera)
            pair = _pair((person, wheel), boxes[person], boxes[wheel])
            if pair is not None:
                found.append(pair)
    return found


def _end_us(group: Sequence[Track]) -> int:
    return max(int(track.at_us[-1]) for track in group)


def _boxes(group: Sequence[Track], camera: SceneCamera) -> _Boxes:
    picture = np.array([camera.width_px, camera.height_px] * 2, np.float64)
    return _Boxes(
        at_us=np.concatenate([track.at_us[track.is_seen] for track in group]),
        px=np.concatenate(
            [track.boxes_unit[track.is_seen].astype(np.float64) * picture for track in group]
        ),
    )


def _pair(numbers: tuple[int, int], person: _Boxes, wheels: _Boxes) -> _Pair | None:
    """The two as a rider and what it rides; None when they are not."""
    common = _common(person.at_us, wheels.at_us)
    if int(common.sum()) < COMMON_MIN:
        return None
    at_us, rider = person.at_us[common], person.px[common]
    ridden = np.column_stack([np.interp(at_us, wheels.at_us, wheels.px[:, n]) for n in range(4)])
    height = np.maximum(rider[:, 3] - rider[:, 1], 1.0)
    fits = _fits(rider, ridden, height)
    if fits.mean() < FITTING_MIN or int(fits.sum()) < COMMON_MIN:
        return None
    if not _is_moving(person, at_us, float(np.median(height))):
        return None
    rider_way, ridden_way = (_centre(one[-1]) - _centre(one[0]) for one in (rider, ridden))
    travel = float(np.hypot(*rider_way))
    astray = float(np.hypot(*(rider_way - ridden_way)))
    middle = float(np.median(height))
    if astray > ASTRAY_HEIGHTS_MAX * middle + ASTRAY_SHARE_MAX * travel:
        return None
    elapsed_us = int(at_us[-1] - at_us[0])
    return _Pair(
        person=numbers[0],
        wheels=numbers[1],
        fitting=int(fits.sum()),
        feet_above=float(np.median((ridden[:, 3] - rider[:, 3]) / height)),
        pace=None if elapsed_us < _PACE_US_MIN else travel / middle / (elapsed_us / US_PER_SECOND),
    )


def _common(at_us: npt.NDArray[np.int64], others_us: npt.NDArray[np.int64]) -> Flags:
    """(n,): which moments have another within _NEAR_US, and lie between its first and last."""
    if not len(at_us) or not len(others_us):
        return np.zeros(len(at_us), np.bool_)
    after = np.clip(np.searchsorted(others_us, at_us), 0, len(others_us) - 1)
    before = np.maximum(after - 1, 0)
    away = np.minimum(np.abs(others_us[after] - at_us), np.abs(others_us[before] - at_us))
    is_between = (at_us >= others_us[0]) & (at_us <= others_us[-1])
    return np.asarray((away <= _NEAR_US) & is_between)


def _centre(box: Floats) -> Floats:
    return np.asarray((box[:2] + box[2:]) / 2)


def _fits(rider: Floats, ridden: Floats, height: Floats) -> Flags:
    """(n,): where the boxes lie as those of a rider and its two-wheeler do."""
    across = np.abs(rider[:, 0] + rider[:, 2] - ridden[:, 0] - ridden[:, 2]) / 2
    width = np.maximum(rider[:, 2] - rider[:, 0], ridden[:, 2] - ridden[:, 0])
    feet_above = (ridden[:, 3] - rider[:, 3]) / height
    heights = (ridden[:, 3] - ridden[:, 1]) / height
    return np.asarray(
        (across <= BESIDE_WIDTHS_MAX * width)
        & (feet_above >= FEET_ABOVE_MIN)
        & (feet_above <= FEET_ABOVE_MAX)
        & (heights >= HEIGHTS_MIN)
        & (heights <= HEIGHTS_MAX)
    )


def _is_moving(person: _Boxes, at_us: npt.NDArray[np.int64], height: float) -> bool:
    around = (person.at_us >= at_us[0] - _AROUND_US) & (person.at_us <= at_us[-1] + _AROUND_US)
    px = person.px[around]
    reach = np.ptp((px[:, :2] + px[:, 2:]) / 2, axis=0)
    return float(np.hypot(*reach)) >= TRAVEL_HEIGHTS_MIN * height


def _joined(pairs: Sequence[_Pair], groups: Sequence[tuple[Track, ...]]) -> list[_Joined]:
    """Pairs that hang together, the surest first; never two two-wheelers seen at once."""
    at: dict[int, _Joined] = {}
    for pair in pairs:
        one, other = at.get(pair.person, _Joined()), at.get(pair.wheels, _Joined())
        if one is not other:
            wheels = (one.wheels | other.wheels | {pair.wheels}) if one.wheels else set()
            if _are_at_once([groups[number] for number in sorted(wheels)]):
                continue
        both = _Joined(
            persons=one.persons | other.persons | {pair.person},
            wheels=one.wheels | other.wheels | {pair.wheels},
            pairs=[*one.pairs, *(other.pairs if other is not one else []), pair],
        )
        at.update(dict.fromkeys(both.persons | both.wheels, both))
    alone = {id(one): one for one in at.values()}
    return list(alone.values())


def _are_at_once(groups: Sequence[tuple[Track, ...]]) -> bool:
    """Whether any two of these ways are in view together for longer than TOGETHER_US_MAX."""
    spans = sorted((int(group[0].at_us[0]), _end_us(group)) for group in groups)
    latest = -1
    for start, end in spans:
        if latest - start > TOGETHER_US_MAX:
            return True
        latest = max(latest, end)
    return False


def _road_users_of(one: _Joined, groups: Sequence[tuple[Track, ...]]) -> list[RoadUser]:
    """The road user that these are, and what is left of somebody who got on or off."""
    surest = max(one.pairs, key=lambda pair: (pair.fitting, -pair.person))
    leading, others = (one.persons, one.wheels) if surest.is_pushed else (one.wheels, one.persons)
    longest = max(leading, key=lambda n: (sum(len(track) for track in groups[n]), -n))
    start_us = min(int(groups[n][0].at_us[0]) for n in leading) - JOINED_US
    end_us = max(_end_us(groups[n]) for n in leading) + JOINED_US
    beside = [groups[n] for n in sorted(leading - {longest})]
    left: list[RoadUser] = []
    for number in sorted(others):
        kept: list[Track] = []
        for track in groups[number]:
            before, during, after = _split(track, start_us, end_us)
            kept += during
            left += [RoadUser(tracks=(part,)) for part in (*before, *after)]
        if kept:
            beside.append(tuple(kept))
    return [RoadUser(tracks=groups[longest], beside=tuple(beside)), *left]


def _split(
    track: Track, start_us: int, end_us: int
) -> tuple[tuple[Track, ...], tuple[Track, ...], tuple[Track, ...]]:
    """What lies before, between and after; ends shorter than _ALONE_US_MIN stay in the middle."""
    at_us, last = track.at_us, len(track) - 1
    first_in = int(np.searchsorted(at_us, start_us))
    last_in = int(np.searchsorted(at_us, end_us, side="right")) - 1
    if start_us - at_us[0] < _ALONE_US_MIN:
        first_in = 0
    if at_us[-1] - end_us < _ALONE_US_MIN:
        last_in = last
    if first_in > last_in:  # all of it lies on one side
        return (), (), (track,)
    before = (part_of(track, 0, first_in - 1),) if first_in > 0 else ()
    after = (part_of(track, last_in + 1, last),) if last_in < last else ()
    return before, (part_of(track, first_in, last_in),), after
