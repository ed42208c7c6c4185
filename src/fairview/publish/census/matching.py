"""Which rows of two sources are the same camera, by where they stand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fairview.publish.census.extras import optional

RADIUS_M = 15.0
"""Points this close are taken for one camera: a mapper's and a surveyor's error together."""

_M_PER_DEGREE = 111_195.0
Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Standing:
    """Points of one source in one place, degrees."""

    lon: Numbers
    lat: Numbers

    def __len__(self) -> int:
        return int(self.lon.size)


def matched(first: Standing, second: Standing, radius_m: float = RADIUS_M) -> list[tuple[int, int]]:
    """Pairs of the same camera, nearest first, each point in one pair at most.

    HOLE: two cameras on one pole, each in one list only, are taken for one. It makes the overlap
    too large and the estimate too small; registers that share a numbering would tell, and none do.
    """
    if not len(first) or not len(second):
        return []
    shapely = optional("shapely")
    middle = np.cos(np.radians(float(np.mean(first.lat))))
    here, there = (
        np.column_stack((side.lon * middle * _M_PER_DEGREE, side.lat * _M_PER_DEGREE))
        for side in (first, second)
    )
    tree = shapely.STRtree(shapely.points(there))
    which, where = tree.query(shapely.points(here), predicate="dwithin", distance=radius_m)
    apart = np.hypot(*(here[which] - there[where]).T)
    pairs: list[tuple[int, int]] = []
    taken: set[int] = set()
    given: set[int] = set()
    for at in np.argsort(apart, kind="stable"):
        one, other = int(which[at]), int(where[at])
        if one not in taken and other not in given:
            taken.add(one)
            given.add(other)
            pairs.append((one, other))
    return pairs


def overlap_cells(sources: tuple[Standing, Standing, Standing]) -> dict[tuple[int, int, int], int]:
    """How many cameras stand in exactly which of three sources.

    The third source is matched against the cameras of the first two, each where its first source
    puts it.
    """
    first, second, third = sources
    pairs = matched(first, second)
    paired = {other for _, other in pairs}
    alone = np.array([at for at in range(len(second)) if at not in paired], dtype=np.int64)
    both = {one for one, _ in pairs}
    joined = Standing(
        np.concatenate((first.lon, second.lon[alone])),
        np.concatenate((first.lat, second.lat[alone])),
    )
    third_pairs = matched(joined, third)
    in_third = {one for one, _ in third_pairs}
    cells: dict[tuple[int, int, int], int] = {}
    for at in range(len(joined)):
        is_first = at < len(first)
        is_second = not is_first or at in both
        cell = (int(is_first), int(is_second), int(at in in_third))
        cells[cell] = cells.get(cell, 0) + 1
    cells[0, 0, 1] = len(third) - len(third_pairs)
    return cells
