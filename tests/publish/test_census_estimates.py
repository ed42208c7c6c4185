from __future__ import annotations

import math

import numpy as np
import pytest
from bench.census_cities import coverages
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.core.time import US_PER_DAY
from fairview.publish.census.recall import RoadSample, recall_adjusted
from fairview.publish.census.recapture import three_sources, two_sources
from fairview.publish.census.staleness import Turnover, aged


def overlap_chance(total: int, first: int, second: int, both: int) -> float:
    """Straight from the definition, in whole numbers."""
    if not max(0, first + second - total) <= both <= min(first, second):
        return 0.0
    ways = math.comb(first, both) * math.comb(total - first, second - both)
    return ways / math.comb(total, second)


@given(first=st.integers(1, 40), second=st.integers(1, 40), share=st.floats(0, 1))
def test_the_two_source_interval_is_the_exact_test_turned_round(
    first: int, second: int, share: float
) -> None:
    both = round(share * min(first, second))
    found = two_sources(first, second, both)
    seen = first + second - both
    wide = min(int(found.top) + 5, seen + 3_000) if found.high else seen + 500

    def is_likely(total: int) -> bool:
        at_most = sum(overlap_chance(total, first, second, k) for k in range(both + 1))
        at_least = 1 - at_most + overlap_chance(total, first, second, both)
        return at_most > 0.025 + 1e-9 and at_least > 0.025 + 1e-9

    for total in range(seen, wide):
        if is_likely(total):
            assert found.low <= total <= found.top


@pytest.mark.parametrize(
    ("total", "first", "second"),
    [(30, 10, 12), (60, 20, 30), (100, 90, 50), (200, 20, 30), (400, 150, 80), (900, 500, 300)],
)
def test_the_two_source_interval_covers_at_least_at_its_level(
    total: int, first: int, second: int
) -> None:
    """Not sampled: the chance of every overlap whose interval holds the truth, added up."""
    held = 0.0
    for both in range(max(0, first + second - total), min(first, second) + 1):
        found = two_sources(first, second, both)
        if found.low <= total <= found.top:
            held += overlap_chance(total, first, second, both)
    assert held >= 0.95


def test_chapmans_estimate_is_the_textbooks() -> None:
    found = two_sources(200, 100, 40)
    assert found.value == pytest.approx(201 * 101 / 41 - 1)
    assert 400 < found.low < found.value < found.top < 650


def test_two_sources_without_overlap_have_no_upper_end() -> None:
    found = two_sources(10, 8, 0)
    assert found.high is None
    assert found.low > 18


def test_two_equal_lists_leave_little_doubt() -> None:
    found = two_sources(500, 500, 500)
    assert (found.low, found.value) == (500, 500)
    assert found.top < 510


@pytest.mark.parametrize(("first", "second", "both"), [(5, 5, 6), (0, 5, 0), (5, 5, -1)])
def test_impossible_overlaps_are_refused(first: int, second: int, both: int) -> None:
    with pytest.raises(BadInput):
        two_sources(first, second, both)


def cells(*numbers: int) -> dict[tuple[int, int, int], int]:
    names = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
    return dict(zip(names, numbers, strict=True))


def test_three_independent_sources_find_the_unseen() -> None:
    """1,000 cameras, each list holds half of them: 125 in every cell, and 125 in none."""
    found = three_sources(cells(125, 125, 125, 125, 125, 125, 125))
    assert found.value == pytest.approx(1_000, rel=0.01)
    assert found.low < 1_000 < found.top


def test_a_list_copied_from_another_does_not_pass_as_agreement() -> None:
    """Lists A and B are nearly copies: taken as independent they would claim to be complete."""
    found = three_sources(cells(5, 5, 250, 245, 2, 3, 240))
    assert two_sources(492, 493, 485).top < 510
    assert found.top > 900


def test_three_sources_with_every_dependence_give_the_closed_form() -> None:
    numbers = cells(60, 50, 70, 90, 20, 30, 45)
    found = three_sources(numbers)
    closed = 60 * 50 * 70 * 45 / (90 * 20 * 30)
    assert found.low < sum(numbers.values()) + closed < found.top


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(BadInput):
        three_sources(cells(5, 0, 3, 0, 2, 0, 0))


def sample(**changes: float) -> RoadSample:
    values: dict[str, float] = {
        "points": 5_000,
        "covered_km": 250.0,
        "road_km": 2_500.0,
        "found": 100,
        "found_squared": 100,
        "recall_known": 200,
        "recall_found": 126,
        **changes,
    }
    return RoadSample(**values)  # type: ignore[arg-type]  # tests name fields freely


def test_a_recall_adjusted_number_is_found_over_recall_over_the_share_of_road_seen() -> None:
    found = recall_adjusted(sample())
    assert found.value == pytest.approx(100 / 0.63 * 10)
    assert found.low < found.value < found.top


def test_a_recall_known_from_fewer_cameras_widens_the_interval() -> None:
    many = recall_adjusted(sample(recall_known=2_000, recall_found=1_260))
    few = recall_adjusted(sample(recall_known=20, recall_found=13))
    assert few.top - few.low > 1.5 * (many.top - many.low)


def test_cameras_in_groups_widen_the_interval() -> None:
    alone, groups = recall_adjusted(sample()), recall_adjusted(sample(found_squared=400))
    assert groups.top - groups.low > 1.4 * (alone.top - alone.low)


def test_finding_nothing_is_not_zero_cameras() -> None:
    found = recall_adjusted(sample(found=0, found_squared=0))
    assert (found.value, found.low) == (0, 0)
    assert found.top > 20


def test_the_same_sample_gives_the_same_interval() -> None:
    assert recall_adjusted(sample()) == recall_adjusted(sample())


def test_an_old_register_gets_a_wider_interval_and_says_on_what_it_rests() -> None:
    fresh, old = (aged(1_000, days * US_PER_DAY, Turnover()) for days in (30, 3 * 365))
    assert fresh.top - fresh.low < 30 < 500 < old.top - old.low
    assert old.value == 1_000
    assert old.level is None
    assert "20% added" in old.how


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """200 cities a method; 1,000 and more in bench/census. 3 standard errors below 95 % fails."""
    runs = 200
    least = 0.95 - 3 * float(np.sqrt(0.95 * 0.05 / runs))
    for row in coverages(runs):
        assert row.frac >= least, row
        assert row.width_frac < 0.6, row
