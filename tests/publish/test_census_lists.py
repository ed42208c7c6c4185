"""Must show 1: the printed lists of 2019, reproduced as claims; and how ranks become ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.publish.census.claim import Per, PlaceKind
from fairview.publish.census.estimate import Estimate, RankRange, is_swamped, rank_ranges
from fairview.publish.census.lists import RankList, Wanted, rank_lists
from fairview.publish.census.populations import by_place, read_facts
from fairview.publish.census.read_claims import own_text
from tests.publish.claims import CONSISTENT, made_up, own_claims

FACTS = by_place(read_facts(own_text("populations.csv"), "populations.csv").facts)


def the_list(publisher: str, year: int, per: Per) -> RankList:
    wanted = Wanted(publisher=publisher, year=year, per=per)
    (found,) = rank_lists(own_claims().claims, FACTS, wanted)
    return found


def ranks_of(found: RankList) -> dict[str, str]:
    return {entry.place: str(entry.rank) for entry in found.entries}


def test_per_person_the_united_states_lead_china_in_the_list_of_2019() -> None:
    found = the_list("PreciseSecurity", 2019, Per.RESIDENTS)
    assert [entry.place for entry in found.entries[:5]] == [
        "United States",
        "China",
        "United Kingdom",
        "Germany",
        "Netherlands",
    ]
    assert [str(entry.rank) for entry in found.entries[:5]] == ["1", "2", "3", "4", "5"]
    assert [entry.printed.text for entry in found.entries[:2] if entry.printed] == [
        "15.28",
        "14.36",
    ]


def test_by_number_the_five_largest_are_those_of_the_report() -> None:
    found = the_list("PreciseSecurity", 2019, Per.NUMBER)
    assert [entry.place for entry in found.entries[:5]] == [
        "China",
        "United States",
        "Germany",
        "United Kingdom",
        "Japan",
    ]
    assert [entry.estimate.value for entry in found.entries[:2]] == [200_000_000, 50_000_000]
    assert [str(entry.rank) for entry in found.entries[:5]] == ["1", "2", "3", "4", "5"]
    assert "printed ratio times 83,092,962 people" in found.entries[2].estimate.how


def test_the_cities_of_2019_stand_at_the_ranks_of_the_report() -> None:
    found = the_list("Comparitech", 2019, Per.RESIDENTS)
    ranks = ranks_of(found)
    assert found.entries[0].place == "Chongqing"
    assert found.entries[0].estimate.value == pytest.approx(168.03, abs=0.005)
    assert found.entries[1].place == "Shenzhen"
    assert found.entries[1].estimate.value == 159.09
    assert ranks["Chongqing"] == "1"
    assert ranks["Shenzhen"] == "2"
    assert ranks["London"] == "6"
    assert ranks["Atlanta"] == "10"
    assert ranks["Singapore"] == "11"


def test_a_place_between_printed_ranks_gets_the_range_between_them() -> None:
    ranks = ranks_of(the_list("Comparitech", 2019, Per.RESIDENTS))
    assert ranks["Shanghai"] == "3–5"
    assert ranks["Beijing"] == "7–9"
    assert ranks["Abu Dhabi"] == "12 or lower"


def test_definitions_publishers_and_kinds_of_place_never_share_a_list() -> None:
    claims = {claim.id: claim for claim in own_claims().claims}
    for found in rank_lists(own_claims().claims, FACTS, Wanted(places_min=1)):
        made_of = [claims[name] for entry in found.entries for name in entry.claims]
        assert {claim.counted.basis for claim in made_of} == {found.key.basis}
        assert {claim.publisher for claim in made_of} == {found.key.publisher}
        assert {claim.place_kind for claim in made_of} == {found.key.place_kind}
        assert {claim.year for claim in made_of} == {found.key.year}


def test_forecasts_and_shares_of_sales_are_in_no_list() -> None:
    listed = {
        name
        for found in rank_lists(own_claims().claims, FACTS, Wanted(places_min=1))
        for entry in found.entries
        for name in entry.claims
    }
    assert not listed & {"12", "15", "17", "20", "66", "67", "68"}


def test_a_ratio_is_computed_again_and_the_list_sorted_by_it() -> None:
    found = the_list("Comparitech", 2020, Per.RESIDENTS)
    shanghai = next(entry for entry in found.entries if entry.place == "Shanghai")
    assert shanghai.estimate.value == pytest.approx(36.957, abs=0.001)
    assert shanghai.printed is not None
    assert shanghai.printed.text == "39.96"


def test_the_two_printed_ends_of_an_interval_make_one_estimate() -> None:
    (found,) = rank_lists(
        own_claims().claims, FACTS, Wanted(publisher="BSIA", per=Per.NUMBER, places_min=1)
    )
    (entry,) = found.entries
    assert (entry.estimate.low, entry.estimate.high) == (4_000_000, 5_900_000)
    assert entry.claims == ("61", "62")


def test_square_miles_become_square_kilometres() -> None:
    claims = made_up(
        {"place": "Aby", "ratio": "2589.99", "ratio_unit": "per_square_mile"},
        {"place": "Beton", "ratio": "999", "ratio_unit": "per_km2"},
    )
    (found,) = rank_lists(claims, {}, Wanted(per=Per.KM2))
    assert [entry.place for entry in found.entries] == ["Aby", "Beton"]
    assert found.entries[0].estimate.value == pytest.approx(1_000, abs=0.01)


def test_rounded_ratios_that_may_be_equal_share_their_ranks() -> None:
    claims = made_up(*({"place": f"P{n}", "ratio": ratio} for n, ratio in enumerate(RATIOS)))
    (found,) = rank_lists(claims, {}, Wanted(place_kind=PlaceKind.CITY))
    assert [str(entry.rank) for entry in found.entries] == ["1", "2–3", "2–3", "4", "5", "6"]


RATIOS = ("20", "13", "12.6", "9", "8.00", "7")


def test_no_rank_is_given_where_the_intervals_swamp_the_differences() -> None:
    claims = made_up({"place": "Aby", "ratio": "3"}, {"place": "Beton", "ratio": "2.6"})
    (found,) = rank_lists(claims, {}, Wanted())
    assert [entry.rank for entry in found.entries] == [None, None]


def test_the_made_up_editions_make_two_lists() -> None:
    found = rank_lists(made_up(*CONSISTENT), {}, Wanted(per=Per.RESIDENTS))
    assert [(made.key.year, len(made.entries)) for made in found] == [(2021, 2), (2020, 3)]


@st.composite
def estimates(draw: st.DrawFn) -> Estimate:
    value = draw(st.floats(0, 100))
    low = value - draw(st.floats(0, 1)) * value
    high = draw(st.none() | st.floats(0, 50).map(lambda more: value + more))
    return Estimate(value=value, low=low, high=high, level=0.95, how="drawn")


@given(st.lists(estimates(), min_size=1, max_size=12))
def test_a_rank_range_holds_every_rank_the_intervals_allow(drawn: list[Estimate]) -> None:
    for place, ranks in enumerate(rank_ranges(drawn)):
        others = [other for at, other in enumerate(drawn) if at != place]
        assert ranks.best == 1 + sum(other.low > drawn[place].top for other in others)
        assert ranks.worst == len(drawn) - sum(other.top < drawn[place].low for other in others)
        assert ranks.worst is not None
        assert 1 <= ranks.best <= ranks.worst <= len(drawn)


def test_a_place_that_cannot_be_told_from_half_of_the_others_has_no_rank() -> None:
    assert is_swamped(RankRange(best=1, worst=2), 2)
    assert is_swamped(RankRange(best=2, worst=5), 7)
    assert not is_swamped(RankRange(best=2, worst=4), 7)
    assert not is_swamped(RankRange(best=1, worst=1), 1)
