"""What a scene says of its ground, as residuals in standard deviations, and what is plausible
before it says anything. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairview.analyse.ground.direction import TURN_PER_M_SD, Directions
from fairview.analyse.ground.lens import Lens

if TYPE_CHECKING:
    import numpy.typing as npt

    from fairview.core.scene import Scene

    Floats = npt.NDArray[np.float64]

TAPE_FRAC = 0.012
"""A taped length's own error, one sigma: a tape on a road is right to about 2 % at worst."""
CLICK_PX = 1.2
"""How well a person marks a point, one sigma, in pixels of a picture 1280 wide."""
SURVEY_M = 0.12
"""How well a known point is known, one sigma: an aerial picture's resolution."""
VANISHING_RAD = 0.009
"""How well a vanishing point's direction is known, one sigma: half a degree."""

FOCAL_WIDTHS, FOCAL_LOG_SD = 0.95, 0.5
"""Focal length in picture widths: 30 to 105 degrees across for two sigma, street cameras' range."""
HEIGHT_M, HEIGHT_LOG_SD = 8.0, 0.8
"""From a lamp post (about 4 m) over a gantry (6 to 8) to a roof or mast (40)."""
TILT_RAD, TILT_SD = 0.4, 0.4
"""Looking down by 0 to 70 degrees; the horizon is in the picture or not far above it."""
ROLL_SD = 0.045
"""People level a camera by eye to 2 or 3 degrees."""
BEND, BEND_SD = -0.07, 0.12
"""From a slight pincushion to a strong barrel (k1 about -0.3)."""

VALUES_LOW = (-1.2, -0.2, -0.25, float(np.log(2.0)), -0.5)
VALUES_HIGH = (2.0, 1.5, 0.25, float(np.log(60.0)), 0.12)
"""Hard bounds in the order of Lens.values(); the first is in logarithms of picture widths."""

_FALL_SOFT = 0.002
"""Below this fall a ray is as good as level; the residual bends smoothly instead of breaking."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One piece of evidence, so that it can be left out and named."""

    kind: Literal["length", "point"]
    number: int

    @property
    def name(self) -> str:
        return f"ground.{self.kind} {self.number + 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A scene's ground as arrays.

    Shapes:  a_px, b_px (n, 2), metres, length_sd (n,) relative; points_px, points_m (m, 2),
             points_sd (m,) px; vanishing (3, 2): along, across, principal, or None;
             directions: the road that the lengths lie along and across, or None for not used.
    """

    width_px: int
    height_px: int
    a_px: Floats
    b_px: Floats
    metres: Floats
    length_sd: Floats
    points_px: Floats
    points_m: Floats
    points_sd: Floats
    vanishing: Floats | None
    directions: Directions | None = None

    @property
    def items(self) -> tuple[Item, ...]:
        lengths = tuple(Item(kind="length", number=n) for n in range(len(self.metres)))
        if not self.is_placed:
            return lengths
        return lengths + tuple(Item(kind="point", number=n) for n in range(len(self.points_px)))

    @property
    def all_px(self) -> Floats:
        return np.concatenate([self.a_px, self.b_px, self.points_px])

    @property
    def is_placed(self) -> bool:
        """Whether two known points or more say where east is."""
        return len(self.points_px) >= 2

    @property
    def click_px(self) -> float:
        return CLICK_PX * max(1.0, self.width_px / 1280)

    @property
    def centre_px(self) -> tuple[float, float]:
        if self.vanishing is not None:
            return float(self.vanishing[2, 0]), float(self.vanishing[2, 1])
        return self.width_px / 2, self.height_px / 2

    def without(self, item: Item) -> Evidence:
        """The same with one item left out."""
        if item.kind == "length":
            keeps = np.arange(len(self.metres)) != item.number
            return replace(
                self,
                a_px=self.a_px[keeps],
                b_px=self.b_px[keeps],
                metres=self.metres[keeps],
                length_sd=self.length_sd[keeps],
                directions=self.directions and self.directions.without(item.number),
            )
        keeps = np.arange(len(self.points_px)) != item.number
        return replace(
            self,
            points_px=self.points_px[keeps],
            points_m=self.points_m[keeps],
            points_sd=self.points_sd[keeps],
        )


def evidence_of(scene: Scene) -> Evidence:
    """A scene's ground as the fit takes it."""
    camera = scene.camera
    click = CLICK_PX * max(1.0, camera.width_px / 1280)
    a_px = np.array([one.a_px for one in scene.lengths], dtype=np.float64).reshape(-1, 2)
    b_px = np.array([one.b_px for one in scene.lengths], dtype=np.float64).reshape(-1, 2)
    spans = np.maximum(np.hypot(*(b_px - a_px).T), 1.0)
    points = np.array([one.px for one in scene.points], dtype=np.float64).reshape(-1, 2)
    places = [(one.east_m, one.north_m) for one in scene.points]
    vanishing = None
    if scene.vanishing is not None:
        one = scene.vanishing
        vanishing = np.array([one.vp1_px, one.vp2_px, one.principal_px], dtype=np.float64)
    return Evidence(
        width_px=camera.width_px,
        height_px=camera.height_px,
        a_px=a_px,
        b_px=b_px,
        metres=np.array([one.metres for one in scene.lengths], dtype=np.float64),
        length_sd=np.hypot(TAPE_FRAC, np.sqrt(2) * click / spans),
        points_px=points,
        points_m=np.array(places, dtype=np.float64).reshape(-1, 2),
        points_sd=np.full(len(points), click),
        vanishing=vanishing,
    )


def placed(values: Floats, metres: Floats) -> Floats:
    """Local metres turned and moved by the placement part (turn, east, north) of `values`."""
    turn, east, north = values[5:8]
    cos, sin = np.cos(turn), np.sin(turn)
    return np.column_stack(
        [
            cos * metres[:, 0] - sin * metres[:, 1] + east,
            sin * metres[:, 0] + cos * metres[:, 1] + north,
        ]
    )


def unplaced(values: Floats, places: Floats) -> Floats:
    """The inverse of `placed`."""
    turn, east, north = values[5:8]
    cos, sin = np.cos(turn), np.sin(turn)
    x, y = places[:, 0] - east, places[:, 1] - north
    return np.column_stack([cos * x + sin * y, cos * y - sin * x])


def residuals(values: Floats, evidence: Evidence, lens: Lens) -> Floats:
    """What disagrees, in standard deviations: evidence first, then what is plausible beforehand.

    Shapes:  values (5,) or, with known points, (8,) with the placement after the lens; with
             directions the road's turn and bend behind.
    """
    return np.concatenate([told(values, evidence, lens), prior(values, evidence)])


def told(values: Floats, evidence: Evidence, lens: Lens) -> Floats:
    """The residuals of the evidence: one a length, two a known point, three for vanishing, and one
    more a length where directions are used.
    """
    lens = lens.moved(values)
    parts = []
    if len(evidence.metres):
        gaps = _soft_metres(lens, evidence.a_px) - _soft_metres(lens, evidence.b_px)
        found = np.maximum(np.hypot(gaps[:, 0], gaps[:, 1]), 1e-6)
        parts.append(np.log(found / evidence.metres) / evidence.length_sd)
    if evidence.is_placed:
        shown = lens.pixels(unplaced(values, evidence.points_m))
        off = np.nan_to_num(shown - evidence.points_px, nan=1e4)
        parts.append((off / evidence.points_sd[:, None]).ravel())
    if evidence.vanishing is not None:
        parts.append(_vanishing(lens, evidence.vanishing))
    if evidence.directions is not None:
        ends = _soft_metres(lens, evidence.a_px), _soft_metres(lens, evidence.b_px)
        parts.append(evidence.directions.off(float(values[-2]), float(values[-1]), *ends))
    return np.concatenate(parts)


def prior(values: Floats, evidence: Evidence) -> Floats:
    """How far the lens is from a usual one, in standard deviations (5,)."""
    usual = np.array(
        [
            np.log(FOCAL_WIDTHS * evidence.width_px),
            TILT_RAD,
            0.0,
            np.log(HEIGHT_M),
            BEND,
        ]
    )
    off: Floats = (values[:5] - usual) / prior_sd()
    if evidence.directions is not None:
        off = np.append(off, values[-1] / TURN_PER_M_SD)
    return off


def prior_sd() -> Floats:
    """The spread of usual lenses, in the order of Lens.values()."""
    return np.array([FOCAL_LOG_SD, TILT_SD, ROLL_SD, HEIGHT_LOG_SD, BEND_SD])


def _soft_metres(lens: Lens, px: Floats) -> Floats:
    """As Lens.metres, but far away instead of nowhere for rays that don't meet the road."""
    ways, falls = lens.drops(px)
    soft = np.logaddexp(0.0, falls / _FALL_SOFT) * _FALL_SOFT
    return ways * (lens.height_m / np.maximum(soft, 1e-9))[:, None]


def _vanishing(lens: Lens, points: Floats) -> Floats:
    """Both directions lie in the road's plane and are square to each other."""
    rays = np.column_stack([(points[:2] - points[2]) / lens.focal_px, np.ones(2)])
    rays /= np.linalg.norm(rays, axis=1)[:, None]
    cos, sin = np.cos(lens.tilt), np.sin(lens.tilt)
    down = np.array([-cos * np.sin(lens.roll), cos * np.cos(lens.roll), sin])
    off = np.array([rays[0] @ down, rays[1] @ down, rays[0] @ rays[1]])
    scaled: Floats = np.arcsin(np.clip(off, -1, 1)) / VANISHING_RAD
    return scaled


def surveyed(evidence: Evidence, lens: Lens) -> Evidence:
    """The evidence with each known point's own error as it shows through this lens."""
    if not evidence.is_placed:
        return evidence
    per = lens.metres_per_px(evidence.points_px)
    areas = np.abs(per[:, 0, 0] * per[:, 1, 1] - per[:, 0, 1] * per[:, 1, 0])
    per_px = np.sqrt(np.nan_to_num(np.maximum(areas, 1e-8), nan=1e4))
    return replace(evidence, points_sd=np.hypot(evidence.points_sd, SURVEY_M / per_px))
