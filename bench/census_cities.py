"""Pretend cities with known numbers of cameras, for the coverage of census intervals."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from fairview.publish.census.recall import RoadSample, recall_adjusted
from fairview.publish.census.recapture import three_sources, two_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """How often the interval held the truth, and how wide it was beside it (median)."""

    name: str
    runs: int
    held: int
    width_frac: float

    @property
    def frac(self) -> float:
        return self.held / self.runs


def coverages(runs: int, seed: int = 6) -> list[Coverage]:
    """Every method over `runs` cities each, sizes and rates drawn anew for each city."""
    rows = []
    for name, odds in (
        ("two sources, independent", ()),
        ("three sources, independent", ()),
        ("three sources, two of them dependent", ((0, 1),)),
        ("three sources, two dependences", ((0, 1), (0, 2))),
    ):
        generator = np.random.default_rng(seed)
        results = []
        for _ in range(runs):
            truth = int(generator.integers(200, 8_000))
            rates = generator.uniform(0.1, 0.6, 3)
            lists = captured(generator, truth, rates, odds)
            if name.startswith("two"):
                first, second = lists[:, 0], lists[:, 1]
                found = two_sources(
                    int(first.sum()), int(second.sum()), int((first & second).sum())
                )
            else:
                found = three_sources(cells_of(lists))
            results.append((truth, found.low, found.top))
        rows.append(summed(name, results))
    generator = np.random.default_rng(seed)
    results = []
    for _ in range(runs):
        truth, sample = street_city(generator)
        found = recall_adjusted(sample)
        results.append((truth, found.low, found.top))
    rows.append(summed("recall-adjusted sample, cameras in groups", results))
    return rows


def summed(name: str, results: list[tuple[int, float, float]]) -> Coverage:
    held = sum(low <= truth <= high for truth, low, high in results)
    widths = sorted((high - low) / truth for truth, low, high in results)
    return Coverage(name=name, runs=len(results), held=held, width_frac=widths[len(widths) // 2])


def captured(
    generator: np.random.Generator,
    truth: int,
    rates: np.ndarray[tuple[int], np.dtype[np.float64]],
    dependent: tuple[tuple[int, int], ...],
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Which of `truth` cameras stand in which list; dependent lists share threefold odds."""
    lists = np.zeros((truth, 3), dtype=bool)
    for which in range(3):
        odds = np.full(truth, rates[which] / (1 - rates[which]))
        for first, second in dependent:
            if second == which:
                odds = odds * np.where(lists[:, first], 3.0, 1.0)
        lists[:, which] = generator.random(truth) < odds / (1 + odds)
    return lists


def cells_of(
    lists: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
) -> dict[tuple[int, int, int], int]:
    cells = {}
    for cell in itertools.product((0, 1), repeat=3):
        if any(cell):
            cells[cell] = int((lists == np.array(cell, dtype=bool)).all(axis=1).sum())
    return cells  # type: ignore[return-value]  # product gives tuples of three


def street_city(generator: np.random.Generator) -> tuple[int, RoadSample]:
    """A city of 50 m stretches; cameras come in groups (negative binomial); some are searched."""
    stretches = int(generator.integers(20_000, 80_000))
    mean = generator.uniform(0.01, 0.06)
    shape = generator.uniform(0.2, 2.0)
    cameras = generator.poisson(generator.gamma(shape, mean / shape, stretches))
    points = int(generator.integers(3_000, 12_000))
    seen = generator.choice(stretches, points, replace=False)
    recall = generator.uniform(0.4, 0.9)
    found = generator.binomial(cameras[seen], recall)
    known = int(generator.integers(60, 400))
    recall_found = max(int(generator.binomial(known, recall)), 1)
    return int(cameras.sum()), RoadSample(
        points=points,
        covered_km=points * 0.05,
        road_km=stretches * 0.05,
        found=int(found.sum()),
        found_squared=int((found**2).sum()),
        recall_known=known,
        recall_found=recall_found,
    )
