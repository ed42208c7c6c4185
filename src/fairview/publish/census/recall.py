"""How many cameras there are along the roads when a sample of pictures was searched and some of the
cameras in them were missed. Pure.

Source:  Sheng, Yao and Goel, Surveilling Surveillance, AIES 2021 (arXiv 2105.01764): detections a
         person has verified, divided by the detector's recall and by the share of road seen.
         The interval is ours: an exact one for a count and an exact one for a share, joined by
         drawing from both; coverage is measured in bench/census.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairview.core.errors import BadInput
from fairview.publish.census.estimate import Estimate

LEVEL = 0.95
_DRAWS = 40_000
_SEED = 20210504


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadSample:
    """One city's sample. points: pictures or places searched, each seeing covered_km / points of
    road; found: verified detections in them; found_squared: the sum over points of the square of
    what was found there (equal to `found` when never two were found at one point);
    recall_known, recall_found: of so many cameras known to be in test pictures, so many were found.
    """

    points: int
    covered_km: float
    road_km: float
    found: int
    found_squared: int
    recall_known: int
    recall_found: int

    def __post_init__(self) -> None:
        if self.points < 2 or not 0 < self.covered_km <= self.road_km:
            raise BadInput("a road sample needs two points and less road seen than there is")
        if not 0 <= self.found <= self.found_squared:
            raise BadInput("the sum of squares cannot be below the sum of what was found")
        if not 0 <= self.recall_found <= self.recall_known or self.recall_known < 1:
            raise BadInput("recall needs at least one known camera")
        if self.recall_found == 0:
            raise BadInput("a detector that found none of the known cameras says nothing")

    @property
    def dispersion(self) -> float:
        """Variance over mean of what a point yields, at least 1: cameras come in groups."""
        if self.found == 0:
            return 1.0
        mean = self.found / self.points
        variance = (self.found_squared - self.points * mean**2) / (self.points - 1)
        return max(variance / mean, 1.0)


def recall_adjusted(sample: RoadSample, *, level: float = LEVEL) -> Estimate:
    """Cameras along the city's roads.

    Lower end from the smallest rate that makes `found` likely enough over the largest such
    recall, upper end the other way round; groups of cameras widen it by the dispersion. Recall is
    taken to be the same in the city as in the test pictures.

    Cost:    some 10 ms; the drawing is seeded, so the same sample gives the same interval.
    """
    generator = np.random.default_rng(_SEED)
    spread = sample.dispersion
    groups = sample.found / spread
    missed = sample.recall_known - sample.recall_found
    scale = sample.road_km / sample.covered_km
    tail = (1 - level) / 2
    low = 0.0
    if sample.found:
        rate = generator.gamma(groups, spread, _DRAWS)
        recall = generator.beta(sample.recall_found + 1, missed, _DRAWS) if missed else 1.0
        low = float(np.quantile(rate / recall, tail)) * scale
    rate = generator.gamma(groups + 1, spread, _DRAWS)
    recall = generator.beta(sample.recall_found, missed + 1, _DRAWS)
    high = float(np.quantile(rate / recall, 1 - tail)) * scale
    value = sample.found / (sample.recall_found / sample.recall_known) * scale
    return Estimate(
        value=value,
        low=min(max(low, float(sample.found)), value),
        high=max(high, value),
        level=level,
        how=(
            f"{sample.found} verified cameras at {sample.points:,} points seeing "
            f"{sample.covered_km:,.0f} of {sample.road_km:,.0f} km, recall "
            f"{sample.recall_found} of {sample.recall_known}"
        ),
    )
