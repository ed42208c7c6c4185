"""`python -m bench.speed`: speeds on simulated roads against their truth; what each part is for.

Roads, cameras, lengths (each wrong by up to 2 %), boxes' noise and time stamps are drawn as
tests/analyse/ground/roads.py says. Rows below the first change one thing each: what is told of the
ground; the class unknown; the lengths' directions left out; the lens held straight; the middle of
the lower edge, or of the box, instead of the footprint; four lengths, or ten. Truth is the median
speed over the part of the way that the ground knows.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
from tests.analyse.ground.roads import Drive, Road, Told, road

from fairview.analyse.ground import calibrate as calibrating
from fairview.analyse.ground import fit as fitting
from fairview.analyse.ground import way as walking
from fairview.analyse.ground.calibrate import calibrate
from fairview.analyse.ground.contact import footprints, lower_middle
from fairview.analyse.ground.evidence import Evidence
from fairview.analyse.ground.ground import Ground
from fairview.core.errors import BadInput
from fairview.core.sight import MOVING

Floats = npt.NDArray[np.float64]
FIRST_SEED = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One row: what is told of the ground, and what is changed."""

    name: str
    told: Told = "lengths"
    lengths: int | None = None
    is_straight: bool = False
    is_directed: bool = True
    contact: str = "footprint"
    is_class_known: bool = True


VARIANTS = (
    Variant(name="4 to 10 lengths"),
    Variant(name="known points", told="points"),
    Variant(name="vanishing points, 2 lengths", told="vanishing"),
    Variant(name="lengths, class unknown", is_class_known=False),
    Variant(name="lengths, directions left out", is_directed=False),
    Variant(name="lengths, lens held straight", is_straight=True),
    Variant(name="lengths, lower edge's middle", contact="lower"),
    Variant(name="lengths, box's middle", contact="middle"),
    Variant(name="4 lengths", lengths=4),
    Variant(name="10 lengths", lengths=10),
)


def _straight(evidence: Evidence, start: Floats | None = None) -> fitting.Fitted:
    return fitting.fitted(evidence, start, is_straight=True)


def ground_of(one: Road, variant: Variant) -> Ground:
    if not variant.is_directed:
        with patch.object(calibrating, "BELIEF_MIN", np.inf):
            return calibrate(one.scene)
    if not variant.is_straight:
        return calibrate(one.scene)
    with patch.object(calibrating, "fitted", _straight):
        return calibrate(one.scene)


def _lower(boxes: Floats, kind: int, ground: Ground, headings: Floats) -> Floats:
    return ground.metres(lower_middle(boxes))


def _middle(boxes: Floats) -> Floats:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def speed_error(one: Drive, ground: Ground, variant: Variant) -> tuple[float, bool, float] | None:
    """Error, whether the interval holds the truth, its half width; None when not measurable."""
    size = np.array([ground.width_px, ground.height_px] * 2)
    boxes = one.track.boxes_unit.astype(np.float64) * size
    kind = one.track.kind if variant.is_class_known else MOVING
    whole = np.ones(len(boxes), dtype=bool)
    if variant.contact == "middle":
        middles = _middle(boxes)
        boxes = np.column_stack([middles[:, 0], middles[:, 1] - 1, middles[:, 0], middles[:, 1]])
    contact = footprints if variant.contact == "footprint" else _lower
    with patch.object(walking, "footprints", contact):
        way = ground.way(one.track.at_us, boxes, whole, kind)
    speed = None if way is None else way.speed()
    if way is None or speed is None:
        return None
    true = one.kmh(way.known)
    is_held = speed.low_kmh <= true <= speed.high_kmh
    return speed.kmh - true, is_held, speed.high_kmh - speed.kmh


def row(variant: Variant, roads: int) -> None:
    begin = time.process_time()
    errors: list[float] = []
    held: list[bool] = []
    halves: list[float] = []
    refused = unknown = 0
    for seed in range(FIRST_SEED, FIRST_SEED + roads):
        one = road(seed, variant.told, variant.lengths)
        try:
            ground = ground_of(one, variant)
        except BadInput:
            refused += 1
            continue
        for drive in one.drives:
            found = speed_error(drive, ground, variant)
            if found is None:
                unknown += 1
                continue
            errors.append(found[0])
            held.append(found[1])
            halves.append(found[2])
    off = np.abs(errors)
    print(
        f"| {variant.name} | {len(off)} | {off.mean():.2f} | {np.median(off):.2f} |"
        f" {np.quantile(off, 0.95):.2f} | {np.mean(errors):+.2f} | {100 * np.mean(held):.1f} |"
        f" {np.mean(halves):.2f} | {refused} | {unknown} | {time.process_time() - begin:.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--roads", type=int, default=250)
    roads = parser.parse_args().roads
    print(f"{roads} roads a row; km/h\n")
    print(
        "| | vehicles | mean | median | p95 | bias | held by the 95 % interval, % | half width"
        " | roads refused | not measurable | CPU s |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for variant in VARIANTS:
        row(variant, roads)


if __name__ == "__main__":
    main()
