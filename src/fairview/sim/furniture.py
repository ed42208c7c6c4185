"""What stands in the street: trees, lamp posts, signal posts, benches, parasols, a bus stop."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from fairview.sim.canvas import SCALE, Colour, CutOut, Sheet, behind_point
from fairview.sim.junction import (
    HEADS,
    MAIN_KERB_M,
    MAIN_ZEBRA_M,
    SIDE_KERB_M,
    SIDE_ZEBRA_M,
    Group,
)
from fairview.sim.view import SUN, Floats, View, shadow_of, vector

_POST: Colour = (64, 70, 74)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A signal head: where its lamps hang, metres, and which way they face (radians)."""

    name: str
    group: Group
    x_m: float
    y_m: float
    z_m: float
    facing: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A thing in the street: where, its cut-out, and its shadow's polygons on the ground."""

    x_m: float
    y_m: float
    cut: CutOut
    shadows: tuple[Floats, ...]


def heads() -> tuple[Head, ...]:
    """Every head: vehicles' beside the stop line and beyond the junction, walkers' across."""
    found = []
    near = MAIN_ZEBRA_M[1] + 0.9
    for name, group in HEADS.items():
        arm = name.removeprefix("walk-").removesuffix("-turn")
        turned = -1 if arm in ("east", "north") else 1
        if name.startswith("walk-"):
            found.extend(_walk_heads(name, arm, group))
            continue
        if arm in ("west", "east"):
            if name.endswith("-turn"):
                spots = [(-near, -(MAIN_KERB_M + 0.75))]
                height, aside = 3.3, 0.55
            else:
                spots = [(-near, -(MAIN_KERB_M + 0.75)), (near, -(MAIN_KERB_M + 0.75))]
                height, aside = 3.3, 0.0
            found.extend(
                Head(
                    name=name,
                    group=group,
                    x_m=turned * x,
                    y_m=turned * (y + aside),
                    z_m=height,
                    facing=math.pi if turned > 0 else 0.0,
                )
                for x, y in spots
            )
        else:
            side = SIDE_ZEBRA_M[1] + 0.9
            found.extend(
                Head(
                    name=name,
                    group=group,
                    x_m=turned * (SIDE_KERB_M + 0.75),
                    y_m=turned * y,
                    z_m=3.3,
                    facing=-math.pi / 2 if turned > 0 else math.pi / 2,
                )
                for y in (-side, side)
            )
    return tuple(found)


def _walk_heads(name: str, arm: str, group: Group) -> list[Head]:
    if arm in ("west", "east"):
        x = (-1 if arm == "west" else 1) * (MAIN_ZEBRA_M[1] + 0.9)
        return [
            Head(
                name=name,
                group=group,
                x_m=x,
                y_m=sign * (MAIN_KERB_M + 0.75),
                z_m=2.25,
                facing=-sign * math.pi / 2,
            )
            for sign in (1, -1)
        ]
    y = (-1 if arm == "south" else 1) * (SIDE_ZEBRA_M[1] + 0.9)
    return [
        Head(
            name=name,
            group=group,
            x_m=sign * (SIDE_KERB_M + 0.75),
            y_m=y,
            z_m=2.25,
            facing=math.pi if sign > 0 else 0.0,
        )
        for sign in (1, -1)
    ]


def furnish(view: View, seed: int) -> list[Standing]:
    """Everything that stands in the street, far things first. Cost: about 0.8 s."""
    rng = np.random.default_rng([seed, 9])
    things = [_tree(view, rng, *spot) for spot in _TREES]
    things += [_lamp(view, x, y, lean) for x, y, lean in _LAMPS]
    things += [_signal_post(view, x, y) for x, y in _post_spots()]
    things += [_bench(view, x, y, along) for x, y, along in _BENCHES]
    things += [_parasol(view, x, y, colour) for x, y, colour in _PARASOLS]
    things += [_planter(view, rng, x, y) for x, y in _PLANTERS]
    things.append(_bus_stop(view))
    return sorted((one for one in things if one is not None), key=lambda one: -one.cut.depth_m)


_TREES: tuple[tuple[float, float, float], ...] = (
    (14.0, -14.6, 2.5),
    (23.0, -13.6, 2.9),
    (33.5, -14.2, 2.6),
    (44.0, -13.5, 3.0),
    (19.5, -19.0, 2.4),
    (30.0, -20.5, 3.1),
    (9.5, -22.0, 2.3),
    (13.5, -29.0, 2.8),
    (40.0, -21.0, 2.8),
    (24.0, -27.0, 2.7),
    (55.0, -15.0, 3.0),
    (52.0, -22.0, 3.0),
    (66.0, -14.0, 3.0),
    (-19.5, -12.6, 2.1),
    (-28.5, -12.8, 2.3),
    (-36.0, -12.4, 2.2),
    (-19.0, 8.2, 1.7),
    (-31.0, 8.2, 1.9),
    (-41.0, 8.2, 1.8),
    (-52.0, 8.2, 1.9),
    (21.0, 8.2, 1.8),
    (32.0, 8.2, 1.9),
    (43.5, 8.2, 1.8),
    (55.0, 8.2, 1.9),
    (-5.2, 25.0, 1.6),
    (5.2, 22.0, 1.6),
    (5.2, 33.0, 1.7),
    (-5.2, 36.0, 1.7),
    (5.2, 45.0, 1.7),
)
_LAMPS: tuple[tuple[float, float, tuple[float, float]], ...] = (
    (-24.5, 7.4, (0.0, -1.0)),
    (27.0, 7.4, (0.0, -1.0)),
    (49.0, 7.4, (0.0, -1.0)),
    (28.0, -7.4, (0.0, 1.0)),
    (-16.5, -7.4, (0.0, 1.0)),
    (-4.4, 20.0, (1.0, 0.0)),
    (4.4, 28.5, (-1.0, 0.0)),
    (47.0, -7.4, (0.0, 1.0)),
)
_BENCHES = ((17.0, -11.6, True), (27.0, -11.6, True), (12.4, -17.6, False), (-12.5, -12.0, True))
_PARASOLS: tuple[tuple[float, float, Colour], ...] = (
    (-12.2, -15.0, (232, 226, 212)),
    (-16.4, -15.8, (206, 88, 66)),
    (-15.0, -19.4, (232, 226, 212)),
    (-10.4, -19.2, (206, 88, 66)),
)
_PLANTERS = ((-9.4, -12.6), (-14.4, -11.9), (-23.5, -12.0), (-8.9, -16.6))


def _post_spots() -> list[tuple[float, float]]:
    main, side = MAIN_ZEBRA_M[1] + 0.9, SIDE_ZEBRA_M[1] + 0.9
    spots = [(sx * main, sy * (MAIN_KERB_M + 0.75)) for sx in (1, -1) for sy in (1, -1)]
    return spots + [(sx * (SIDE_KERB_M + 0.75), sy * side) for sx in (1, -1) for sy in (1, -1)]


def _round_shadow(x: float, y: float, z: float, radius: float) -> Floats:
    turn = np.linspace(0, 2 * math.pi, 22, endpoint=False)
    ring = np.column_stack([np.cos(turn), np.sin(turn), np.zeros(22)]) * radius
    return shadow_of(ring + vector(x, y, z))[:, :2]


def _stick_shadow(a: Floats, b: Floats, thick: float) -> Floats:
    fallen = shadow_of(np.stack([a, b]))[:, :2]
    along = fallen[1] - fallen[0]
    side = np.array([-along[1], along[0]]) / max(float(np.linalg.norm(along)), 1e-6) * thick / 2
    return np.stack([fallen[0] + side, fallen[1] + side, fallen[1] - side, fallen[0] - side])


def _standing(sheet: Sheet, x: float, y: float, shadows: list[Floats]) -> Standing | None:
    view = sheet.view
    cut = sheet.cut(behind_point(view, x, y), view.depth_m(x, y))
    return None if cut is None else Standing(x_m=x, y_m=y, cut=cut, shadows=tuple(shadows))


def _tree(
    view: View, rng: np.random.Generator, x: float, y: float, radius: float
) -> Standing | None:
    """A round-headed tree of many leaf clumps, lighter towards the sun and the top."""
    sheet = Sheet(view)
    trunk = radius * 0.95 + 0.9
    middle = np.array((x, y, trunk + radius * 0.8))
    sheet.rod(
        np.array((x, y, 0.0)), np.array((x, y, trunk + 0.6)), 0.28 + radius * 0.04, (104, 84, 66)
    )
    lobes = rng.normal(0, 0.36, (7, 3)) * (radius, radius, radius * 0.75)
    count = round(300 + 90 * radius)
    spread = rng.normal(0, 1, (count, 3))
    spread /= np.linalg.norm(spread, axis=1, keepdims=True)
    shell = spread * (radius * 0.62 * rng.uniform(0.55, 1.0, (count, 1)))
    clumps = shell + lobes[rng.integers(7, size=count)]
    outward = clumps / np.maximum(np.linalg.norm(clumps, axis=1, keepdims=True), 1e-6)
    facing = outward @ SUN
    base = np.array(_LEAVES[int(rng.integers(len(_LEAVES)))])
    depth = (clumps @ view.axes()[2]) * 1.0
    seen = view.project(clumps + middle) * SCALE
    scale = view.focal_px * SCALE / view.depth_m(x, y)
    for index in np.argsort(-depth):
        glow = 0.62 + 0.42 * max(0.0, float(facing[index])) + 0.12 * float(outward[index, 2])
        glow += float(rng.normal(0, 0.06))
        warm = np.array((1.08, 1.03, 0.82)) if facing[index] > 0.35 else np.array((0.94, 1.0, 1.05))
        tone = np.clip(base * glow * warm, 0, 255)
        size = radius * float(rng.uniform(0.07, 0.155)) * scale
        sheet.disc(
            (float(seen[index, 0]), float(seen[index, 1])),
            size,
            (float(tone[0]), float(tone[1]), float(tone[2])),
        )
    shadows = [_stick_shadow(np.array((x, y, 0.0)), np.array((x, y, trunk)), 0.34)]
    for lobe in lobes:
        spot = middle + lobe
        shadows.append(_round_shadow(float(spot[0]), float(spot[1]), float(spot[2]), radius * 0.6))
    return _standing(sheet, x, y, shadows)


_LEAVES = ((118, 150, 66), (104, 144, 72), (136, 156, 70), (96, 138, 76), (150, 158, 74))


def _lamp(view: View, x: float, y: float, lean: tuple[float, float]) -> Standing | None:
    sheet = Sheet(view)
    foot, neck = np.array((x, y, 0.0)), np.array((x, y, 6.6))
    tip = neck + vector(lean[0] * 1.5, lean[1] * 1.5, 0.25)
    sheet.rod(foot, foot + vector(0, 0, 0.9), 0.3, _POST)
    sheet.rod(foot, neck, 0.17, _POST)
    sheet.rod(neck, tip, 0.12, _POST)
    sheet.rod(
        tip - vector(lean[0] * 0.5, lean[1] * 0.5, 0.05),
        tip + vector(lean[0] * 0.25, lean[1] * 0.25, -0.02),
        0.3,
        (196, 198, 190),
    )
    shadows = [_stick_shadow(foot, neck, 0.2), _stick_shadow(neck, tip, 0.24)]
    return _standing(sheet, x, y, shadows)


def _signal_post(view: View, x: float, y: float) -> Standing | None:
    """A post with the housings of its heads; their lamps are drawn frame by frame."""
    sheet = Sheet(view)
    foot = np.array((x, y, 0.0))
    sheet.rod(foot, foot + vector(0, 0, 3.9), 0.15, _POST)
    here = [head for head in heads() if math.hypot(head.x_m - x, head.y_m - y) < 0.7]
    for head in sorted(here, key=lambda one: -view.depth_m(one.x_m, one.y_m)):
        _housing(sheet, head)
    return _standing(sheet, x, y, [_stick_shadow(foot, foot + vector(0, 0, 3.9), 0.22)])


def _housing(sheet: Sheet, head: Head) -> None:
    half = 0.24 if not head.name.startswith("walk-") else 0.2
    tall = 0.62 if not head.name.startswith("walk-") else 0.42
    out = np.array((math.cos(head.facing), math.sin(head.facing), 0.0)) * 0.16
    middle = np.array((head.x_m, head.y_m, head.z_m)) + out
    low = middle - vector(half, half, tall)
    high = middle + vector(half, half, tall)
    sheet.box(low, high, (56, 60, 64))


def lamps_of(head: Head) -> tuple[Floats, Floats, Floats]:
    """The middles of a head's red, amber and green lamps; a walker's head has no amber."""
    half = 0.25 if not head.name.startswith("walk-") else 0.21
    out = np.array((math.cos(head.facing), math.sin(head.facing), 0.0)) * (0.16 + half)
    middle = np.array((head.x_m, head.y_m, head.z_m)) + out
    reach = 0.4 if not head.name.startswith("walk-") else 0.2
    up = np.array((0.0, 0.0, reach))
    return middle + up, middle, middle - up


def _bench(view: View, x: float, y: float, along: bool) -> Standing | None:
    sheet = Sheet(view)
    long, wide = (1.7, 0.5) if along else (0.5, 1.7)
    low = np.array((x, y, 0.3))
    sheet.box(low, low + vector(long, wide, 0.14), (158, 114, 72))
    back = np.array((x, y + wide - 0.1, 0.44)) if along else np.array((x + long - 0.1, y, 0.44))
    sheet.box(back, back + ((long, 0.1, 0.42) if along else (0.1, wide, 0.42)), (142, 100, 64))
    shadow = np.array(
        [(x, y), (x + long + 0.5, y), (x + long + 0.7, y + wide + 0.3), (x + 0.2, y + wide + 0.3)]
    )
    return _standing(sheet, x, y, [shadow])


def _parasol(view: View, x: float, y: float, colour: Colour) -> Standing | None:
    """A parasol over a round table with chairs."""
    sheet = Sheet(view)
    for turn in (0.4, 2.5, 4.4):
        chair = np.array((x + 1.0 * math.cos(turn) - 0.2, y + 1.0 * math.sin(turn) - 0.2, 0.0))
        sheet.box(chair, chair + vector(0.42, 0.42, 0.45), (120, 92, 68))
        sheet.box(chair + vector(0.0, 0.34, 0.45), chair + vector(0.42, 0.42, 0.85), (110, 84, 62))
    turns = np.linspace(0, 2 * math.pi, 9)
    ring = np.column_stack([np.cos(turns), np.sin(turns), np.zeros(9)])
    sheet.polygon(ring[:8] * 0.55 + (x, y, 0.74), (226, 220, 208))
    sheet.rod(np.array((x, y, 0.0)), np.array((x, y, 2.3)), 0.08, (120, 110, 100))
    top = np.array((x, y, 2.75))
    for index in sorted(range(8), key=lambda i: -math.sin((turns[i] + turns[i + 1]) / 2)):
        a, b = ring[index] * 1.55 + (x, y, 2.15), ring[index + 1] * 1.55 + (x, y, 2.15)
        middle = (turns[index] + turns[index + 1]) / 2
        normal = np.array((math.cos(middle), math.sin(middle), 2.4))
        normal /= np.linalg.norm(normal)
        gain = 0.62 + 0.5 * max(0.0, float(normal @ SUN))
        shade: Colour = (
            min(255.0, colour[0] * gain),
            min(255.0, colour[1] * gain),
            min(255.0, colour[2] * gain),
        )
        sheet.polygon(np.stack([top, a, b]), shade)
    return _standing(sheet, x, y, [_round_shadow(x, y, 2.2, 1.55)])


def _planter(view: View, rng: np.random.Generator, x: float, y: float) -> Standing | None:
    sheet = Sheet(view)
    low = np.array((x, y, 0.0))
    sheet.box(low, low + vector(1.8, 0.7, 0.5), (150, 126, 104))
    scale = view.focal_px * SCALE / view.depth_m(x, y)
    for _ in range(46):
        spot = low + rng.uniform((0.1, 0.1, 0.5), (1.7, 0.6, 0.85))
        seen = view.project(spot[None])[0] * SCALE
        tone = float(rng.uniform(0.8, 1.2))
        colour: Colour = (96 * tone, 142 * tone, 66 * tone)
        if rng.random() < 0.25:
            colour = ((230, 110, 120), (244, 214, 110), (226, 226, 240))[int(rng.integers(3))]
        sheet.disc((float(seen[0]), float(seen[1])), 0.11 * scale, colour)
    shadow = np.array([(x, y), (x + 2.4, y), (x + 2.6, y + 1.0), (x + 0.5, y + 1.0)])
    return _standing(sheet, x, y, [shadow])


def _bus_stop(view: View) -> Standing | None:
    """A glass shelter on the north pavement of Main Street."""
    sheet = Sheet(view)
    x, y = 14.6, 11.3
    sheet.box(np.array((x, y + 1.0, 0.0)), np.array((x + 3.8, y + 1.06, 2.2)), (128, 158, 170))
    sheet.box(np.array((x + 0.5, y + 0.6, 0.4)), np.array((x + 3.2, y + 0.95, 0.5)), (150, 112, 76))
    for post in (x, x + 3.8):
        sheet.rod(np.array((post, y, 0.0)), np.array((post, y, 2.35)), 0.1, _POST)
    sheet.box(np.array((x - 0.2, y - 0.2, 2.3)), np.array((x + 4.0, y + 1.2, 2.42)), (78, 92, 98))
    roof = np.array(
        [
            (x - 0.2, y - 0.2, 2.4),
            (x + 4, y - 0.2, 2.4),
            (x + 4, y + 1.2, 2.4),
            (x - 0.2, y + 1.2, 2.4),
        ]
    )
    return _standing(sheet, x, y, [shadow_of(roof)[:, :2]])
