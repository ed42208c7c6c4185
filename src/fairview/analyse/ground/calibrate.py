"""From what a scene says of its ground to a ground with its errors, or a refusal that says what to
add. Pure.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.ground.direction import TURN_PER_M_SD, directions_of
from fairview.analyse.ground.evidence import BEND_SD, Evidence, Item, evidence_of, placed, surveyed
from fairview.analyse.ground.fit import Fitted, fitted
from fairview.analyse.ground.ground import (
    RANGE_TIMES_MAX,
    SCALE_SD_MAX,
    Ground,
    GroundReport,
    ItemError,
    grid,
    scale_sds,
)
from fairview.core.errors import BadInput

if TYPE_CHECKING:
    import numpy.typing as npt

    from fairview.core.scene import Scene

    Floats = npt.NDArray[np.float64]

ONE_DIRECTION_RAD = float(np.deg2rad(20))
"""Lengths within this of each other say nothing of the scale across them."""
FACTS_MIN = 3
"""Tilt, height and focal length; what is usual helps with the rest."""
DISTORTION_SD_SHARE_MAX = 0.6
"""Distortion counts as fitted when the evidence narrows it to this share of what is usual."""
BELIEF_MIN = 4.0
"""Lengths' directions are used when that is e^4, 55 times, as believable as chance."""
_ODD_SD = 4.0


def calibrate(scene: Scene) -> Ground:
    """The ground of a scene from lengths, known points, vanishing points, or all together.

    Errors:  BadInput when the scene's ground can't be fixed by what it gives, with what to add.
    Cost:    0.1 to 0.15 s with ten items; leaving each out is half of it.
    Source:  the parameters' plausible ranges, with their reasons, are in evidence.py.
    """
    evidence = evidence_of(scene)
    _check_enough(evidence)
    first = fitted(evidence)
    evidence = surveyed(evidence, first.lens)
    fit = fitted(evidence, first.values) if evidence.is_placed else first
    evidence, fit = _directed(evidence, fit)
    _check_directions(evidence, fit)
    _check_sure(evidence, fit)
    return Ground(
        width_px=evidence.width_px,
        height_px=evidence.height_px,
        lens=fit.lens,
        values=_whole(fit.values),
        covariance=_whole_covariance(fit.covariance),
        origin_px=None if evidence.is_placed else _origin(evidence),
        scale_sd=_scale_map(evidence, fit),
        report=_report(evidence, fit),
    )


def _directed(evidence: Evidence, fit: Fitted) -> tuple[Evidence, Fitted]:
    """With the lengths' directions too, where one road explains them far better than chance.

    Source:  the ratio of the two fits' evidences by Laplace's approximation (MacKay, Bayesian
             interpolation, Neural Computation 1992), against directions that are all alike.
    """
    found = directions_of(fit.lens, evidence.a_px, evidence.b_px, evidence.click_px)
    if found is None:
        return evidence, fit
    directed = replace(evidence, directions=found)
    tried = fitted(directed, fit.values)
    root = np.sqrt(2 * np.pi)
    chance = float(np.sum(np.log(np.pi / 2 / (found.sd * root))))
    width = float(np.log(np.pi / 2) + np.log(TURN_PER_M_SD * root))
    if tried.log_belief - fit.log_belief + chance - width < BELIEF_MIN:
        return evidence, fit
    return directed, tried


def _check_enough(evidence: Evidence) -> None:
    """Whether there is anything to fit."""
    lengths, points = len(evidence.metres), len(evidence.points_px)
    if np.any(np.hypot(*(evidence.a_px - evidence.b_px).T) < 2):
        raise BadInput("a ground.length is shorter than two pixels: mark its two ends apart")
    if np.any(evidence.metres <= 0):
        raise BadInput("a ground.length measures nothing: give its metres above 0")
    if evidence.vanishing is not None:
        if lengths == 0 and points < 2:
            raise BadInput(
                "vanishing points give the road's tilt but not its size: tape one length"
            )
        return
    facts = lengths + max(2 * points - 3, 0)
    if facts < FACTS_MIN:
        raise BadInput(
            f"the ground has {lengths} length{'' if lengths == 1 else 's'} and {points} known"
            f" point{'' if points == 1 else 's'}, too few to fix the road: tape at least four"
            " lengths, two along the road and two across it, near and far"
        )


def _segments(evidence: Evidence) -> tuple[Floats, Floats]:
    """The ends of every length, and of every pair of known points."""
    pairs = np.array(list(combinations(range(len(evidence.points_px)), 2))).reshape(-1, 2)
    begins = np.concatenate([evidence.a_px, evidence.points_px[pairs[:, 0].astype(int)]])
    ends = np.concatenate([evidence.b_px, evidence.points_px[pairs[:, 1].astype(int)]])
    return begins, ends


def _check_directions(evidence: Evidence, fit: Fitted) -> None:
    """Lengths in one direction leave the scale across it to guessing."""
    if evidence.vanishing is not None:
        return
    begins, ends = _segments(evidence)
    ways = fit.lens.metres(ends) - fit.lens.metres(begins)
    ways = ways[np.isfinite(ways[:, 0])]
    if not len(ways):
        raise BadInput(_UNSURE)
    turns = np.arctan2(ways[:, 1], ways[:, 0])
    gaps = np.abs((turns[:, None] - turns[None, :] + np.pi / 2) % np.pi - np.pi / 2)
    if float(gaps.max()) >= ONE_DIRECTION_RAD:
        return
    if len(evidence.metres) == 0:
        raise BadInput(
            f"{len(evidence.points_px)} known points in one row can't fix the road's tilt: add two"
            " well beside them"
        )
    middle = float(np.median(np.abs(np.sin(turns))))
    rest = "across" if middle > 0.5 else "along the road"
    raise BadInput(
        f"{_count(len(evidence.metres))} lengths in one direction can't fix the road's tilt:"
        f" tape one {rest}"
    )


_UNSURE = (
    "the ground's lengths and points do not fix the road: tape more of them, along and across, near"
    " the camera and far from it"
)


def _check_sure(evidence: Evidence, fit: Fitted) -> None:
    """Whether the scale is known anywhere between the evidence."""
    points = evidence.all_px
    middle = np.concatenate([points, points.mean(axis=0)[None]])
    sds = scale_sds(fit.lens, fit.values, fit.covariance, middle)
    if float(np.median(np.nan_to_num(sds, nan=9.0))) <= SCALE_SD_MAX:
        return
    rows = points[:, 1]
    if float(rows.max() - rows.min()) < 0.1 * evidence.height_px:
        raise BadInput(
            "all that is taped lies at one distance from the camera, which can't fix the road's"
            " tilt: tape a length farther away and one nearer"
        )
    raise BadInput(_UNSURE)


def _count(n: int) -> str:
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    return words[n] if n < len(words) else str(n)


def _whole(values: Floats) -> Floats:
    return np.append(values, [0.0] * (8 - len(values)))


def _whole_covariance(covariance: Floats) -> Floats:
    whole = np.zeros((8, 8))
    whole[: len(covariance), : len(covariance)] = covariance
    return whole


def _origin(evidence: Evidence) -> tuple[float, float]:
    first = evidence.a_px[0]
    return float(first[0]), float(first[1])


def _scale_map(evidence: Evidence, fit: Fitted) -> Floats:
    """The local scale's standard deviation over the picture; nan where nothing is said."""
    columns, rows = grid(evidence.width_px, evidence.height_px)
    across, down = np.meshgrid(columns, rows)
    points = np.column_stack([across.ravel(), down.ravel()])
    sds = scale_sds(fit.lens, fit.values, fit.covariance, points)
    ranges = np.hypot(*fit.lens.metres(points).T)
    reach = float(np.nanmax(np.hypot(*fit.lens.metres(evidence.all_px).T)))
    known = np.isfinite(sds) & (sds <= SCALE_SD_MAX) & (ranges <= RANGE_TIMES_MAX * reach)
    return np.where(known, sds, np.nan).reshape(across.shape)


def _report(evidence: Evidence, fit: Fitted) -> GroundReport:
    items = tuple(_item(evidence, fit, item) for item in evidence.items)
    left_out = [one.left_out_m for one in items if one.left_out_m is not None]
    bend_sd = float(np.sqrt(fit.covariance[4, 4]))
    is_fitted = bend_sd <= DISTORTION_SD_SHARE_MAX * BEND_SD
    centre = scale_sds(fit.lens, fit.values, fit.covariance, evidence.all_px)
    lens = fit.lens
    return GroundReport(
        items=items,
        residual_m=_root_mean_square([one.residual_m for one in items]) or 0.0,
        leave_one_out_m=_root_mean_square(left_out),
        focal_px=lens.focal_px,
        height_m=lens.height_m,
        tilt_degrees=float(np.rad2deg(lens.tilt)),
        roll_degrees=float(np.rad2deg(lens.roll)),
        horizon_px=lens.horizon_px(evidence.width_px / 2),
        directions="not used" if evidence.directions is None else "used",
        distortion="fitted" if is_fitted else "assumed",
        distortion_k1=lens.bend,
        distortion_because=(
            f"the evidence narrows it to ±{1.96 * bend_sd:.2f}"
            if is_fitted
            else f"the evidence leaves ±{1.96 * bend_sd:.2f}, hardly less than usual lenses"
        ),
        scale_half_frac=1.96 * float(np.nanmedian(centre)),
        warnings=_warnings(evidence, fit, items),
    )


def _root_mean_square(metres: list[float]) -> float | None:
    return float(np.sqrt(np.mean(np.square(metres)))) if metres else None


def _item(evidence: Evidence, fit: Fitted, item: Item) -> ItemError:
    """One item's residual, and its error when the fit never saw it."""
    rest = evidence.without(item)
    left_out = None
    if _is_enough(rest) and rest.is_placed == evidence.is_placed:
        left_out = _off(evidence, fitted(rest, fit.values), item)
    metres = float(evidence.metres[item.number]) if item.kind == "length" else 0.0
    return ItemError(
        name=item.name,
        metres=metres,
        residual_m=_off(evidence, fit, item) or 0.0,
        left_out_m=left_out,
    )


def _is_enough(evidence: Evidence) -> bool:
    try:
        _check_enough(evidence)
    except BadInput:
        return False
    return True


def _off(evidence: Evidence, fit: Fitted, item: Item) -> float | None:
    """How wrong a fit has one item, in metres; None when the fit can't say."""
    lens, n = fit.lens, item.number
    if item.kind == "length":
        gap = lens.metres(evidence.a_px[n : n + 1]) - lens.metres(evidence.b_px[n : n + 1])
        off = abs(float(np.hypot(gap[0, 0], gap[0, 1])) - float(evidence.metres[n]))
    else:
        if len(fit.values) < 8:
            return None
        place = placed(fit.values, lens.metres(evidence.points_px[n : n + 1]))
        off = float(np.hypot(*(place[0] - evidence.points_m[n])))
    return off if np.isfinite(off) else None


def _warnings(evidence: Evidence, fit: Fitted, items: tuple[ItemError, ...]) -> tuple[str, ...]:
    found = []
    lengths = len(evidence.metres)
    for n, item in enumerate(items):
        off = (
            fit.told[n : n + 1] if n < lengths else fit.told[2 * n - lengths : 2 * n - lengths + 2]
        )
        if len(off) and float(np.abs(off).max()) > _ODD_SD:
            found.append(
                f"{item.name} disagrees with the rest by {item.residual_m:.2f} m: measure it again"
            )
    if len(evidence.points_px) == 1 and not evidence.is_placed:
        found.append("one known point alone says nothing of the ground: add a second")
    return tuple(found)
