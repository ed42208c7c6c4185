"""Where a vehicle stands, from its box: the middle of its footprint, the same point all along.

The middle of a box's lower edge is not one point of the body: seen obliquely it belongs to the
nearest corner and moves along the body while the vehicle passes, which can falsify a speed by
several per cent. A body of three dimensions is put on the road along its heading so that its
outline's box has the same middle and lower edge as the box that was seen. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairview.core.sight import BICYCLE, BUS, CAR, MOTORCYCLE, MOVING, OTHER, TRUCK, VAN

if TYPE_CHECKING:
    import numpy.typing as npt

    from fairview.analyse.ground.ground import Ground

    Floats = npt.NDArray[np.float64]

BODIES: dict[int, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    BICYCLE: ((1.8, 0.6, 1.7), (0.1, 0.15, 0.1)),
    MOTORCYCLE: ((2.1, 0.8, 1.55), (0.1, 0.15, 0.12)),
    CAR: ((4.3, 1.8, 1.55), (0.13, 0.08, 0.12)),
    VAN: ((5.3, 2.0, 2.3), (0.15, 0.08, 0.15)),
    BUS: ((11.8, 2.55, 3.1), (0.15, 0.04, 0.08)),
    TRUCK: ((9.0, 2.5, 3.1), (0.4, 0.08, 0.2)),
    MOVING: ((4.5, 1.85, 1.7), (0.3, 0.15, 0.25)),
    OTHER: ((4.5, 1.85, 1.7), (0.3, 0.15, 0.25)),
}
"""Length, width and height in metres and how much they vary (logarithms, one sigma), by class:
European and Asian fleets on sale; lorries from 6 t up to articulated ones. Persons and animals
stand on their feet, where the lower edge is."""

_FIT_POINTS_MAX = 24
_BOX_LOG_SD = 0.05
"""How well a whole box's sides are known, all of a track's boxes together: detectors cut mirrors
and add shadows the same way in every picture."""
MISFIT_MAX = 0.2
"""When boxes are wider, lower, or grow otherwise than any such body on this road by more than this
(logarithms, mean over the track), they are no outlines of one and the lower edge is kept."""
_ROUNDS = 3


def contact_px(boxes_px: Floats, kind: int, ground: Ground, headings: Floats) -> Floats:
    """The pixel at which the middle of each box's footprint stands on the road.

    headings: the way it goes or faces at each box, radians from east to north; nan: not known, so
    the lower edge's middle is kept, as for persons and for boxes that fit no body of the class.

    Shapes:  boxes_px (n, 4), headings (n,), gives (n, 2); nan where the ground does not know.
    Cost:    about 8 ms a track, of which at most 24 boxes tell the size.
    Source:  Dubská, Sochor, Herout, Automatic camera calibration for traffic understanding, BMVC
             2014 (boxes of three dimensions from outlines).
    """
    places = footprints(boxes_px, kind, ground, headings)
    px = np.full((len(boxes_px), 2), np.nan)
    known = np.isfinite(places[:, 0])
    px[known] = ground.pixels(places[known])
    return px


def lower_middle(boxes_px: Floats) -> Floats:
    """(n, 2): the middle of each box's lower edge."""
    return np.column_stack([(boxes_px[:, 0] + boxes_px[:, 2]) / 2, boxes_px[:, 3]])


def footprints(boxes_px: Floats, kind: int, ground: Ground, headings: Floats) -> Floats:
    """As contact_px, in metres east and north."""
    raw = ground.metres(lower_middle(boxes_px))
    if kind not in BODIES:
        return raw
    good = np.flatnonzero(np.isfinite(raw[:, 0]) & np.isfinite(headings))
    if len(good) < 3:
        return raw
    sizes, misfit = _fitted_size(boxes_px[good], kind, ground, raw[good], headings[good])
    if misfit > MISFIT_MAX:
        return raw
    centres = _centres(boxes_px[good], ground, raw[good], headings[good], sizes)
    fine = np.isfinite(centres[:, 0])
    raw[good[fine]] = centres[fine]
    return raw


def _outlines(places: Floats, headings: Floats, sizes: Floats, ground: Ground) -> Floats:
    """(n, 4) boxes of bodies of (length, width, height) on the road."""
    along = np.column_stack([np.cos(headings), np.sin(headings)])
    beside = np.column_stack([-along[:, 1], along[:, 0]])
    corners = []
    for ahead in (-0.5, 0.5):
        for aside in (-0.5, 0.5):
            corners.append(places + along * (ahead * sizes[0]) + beside * (aside * sizes[1]))
    base = np.stack(corners, axis=1).reshape(-1, 2)
    both = np.concatenate([base, base])
    up = np.concatenate([np.zeros(len(base)), np.full(len(base), sizes[2])])
    px = ground.pixels(both, up).reshape(2, len(places), 4, 2)
    low, high = px.min(axis=(0, 2)), px.max(axis=(0, 2))
    boxes: Floats = np.concatenate([low, high], axis=1)
    return boxes


def _centres(
    boxes_px: Floats, ground: Ground, raw: Floats, headings: Floats, sizes: Floats
) -> Floats:
    """Footprint middles whose bodies' outlines have the seen boxes' lower middles."""
    centres = raw.copy()
    for _ in range(_ROUNDS):
        shown = lower_middle(_outlines(centres, headings, sizes, ground))
        centres += raw - ground.everywhere(shown)
    return centres


def _fitted_size(
    boxes_px: Floats, kind: int, ground: Ground, raw: Floats, headings: Floats
) -> tuple[Floats, float]:
    """The body's most plausible size for its class and its boxes, and what stays unexplained."""
    picks = np.unique(np.linspace(0, len(raw) - 1, min(len(raw), _FIT_POINTS_MAX)).astype(int))
    boxes, raw, headings = boxes_px[picks], raw[picks], headings[picks]
    usual, sds = (np.array(one) for one in BODIES[kind])
    seen = np.log(np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0))
    logs = np.log(usual)
    n = len(picks)

    def off(logs: Floats) -> Floats:
        sizes = np.exp(logs)
        centres = _centres(boxes, ground, raw, headings, sizes)
        shown = _outlines(centres, headings, sizes, ground)
        gaps = np.log(np.maximum(shown[:, 2:] - shown[:, :2], 1.0)) - seen
        known: Floats = np.nan_to_num(gaps, nan=1.0).ravel()
        return known

    here = off(logs)
    for _ in range(2):
        slopes = np.column_stack([(off(logs + step) - here) / 0.02 for step in np.eye(3) * 0.02])
        weight = 1 / (_BOX_LOG_SD**2 * n)
        matrix = weight * slopes.T @ slopes + np.diag(1 / sds**2)
        pull = weight * slopes.T @ here + (logs - np.log(usual)) / sds**2
        logs = logs - np.clip(np.linalg.solve(matrix, pull), -0.5, 0.5)
        here = off(logs)
    return np.exp(logs), float(np.mean(np.abs(here)))
