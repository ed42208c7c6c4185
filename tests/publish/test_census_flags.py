"""Must show 1: what is wrong with the printed lists is found from the data alone."""

from __future__ import annotations

import pytest

from fairview.publish.census.flags import Flag, FlagKind, flags
from tests.publish.claims import CONSISTENT, made_up, own_claims

OWN = flags(own_claims().claims)


def of_kind(kind: FlagKind, found: tuple[Flag, ...] = OWN) -> dict[tuple[str, ...], str]:
    return {flag.claims: flag.words for flag in found if flag.kind is kind}


def test_the_ihs_figures_turn_the_order_of_china_and_the_united_states_round() -> None:
    turned = of_kind(FlagKind.ORDER_REVERSED)
    assert list(turned) == [("1", "2", "11", "14")]
    words = turned["1", "2", "11", "14"]
    assert words.startswith("PreciseSecurity (2019) puts United States")
    assert "IHS Markit (2018) puts China" in words


def test_shanghais_ratio_of_2020_does_not_follow() -> None:
    wrong = of_kind(FlagKind.ARITHMETIC)
    assert list(wrong) == [("36",)]
    assert "make 36.96 per 1,000 people, but 39.96 is printed" in wrong["36",]


def test_londons_definition_changed() -> None:
    changed = of_kind(FlagKind.DEFINITION_CHANGED)
    assert "from 73.3 (2021) to 13 per 1,000 people (2023)" in changed["44", "48"]


def test_the_600_million_of_2020_was_a_forecast() -> None:
    forecast = of_kind(FlagKind.FORECAST)
    assert "600,000,000 cameras for 2020, published 2019-10" in forecast["17",]
    assert set(forecast) == {("12",), ("15",), ("17",), ("20",)}


def test_delhi_is_divided_by_residents_and_then_by_area() -> None:
    assert ("39", "47") in of_kind(FlagKind.DENOMINATOR_CHANGED)


def test_shenzhen_fell_to_a_fifth_in_the_same_words() -> None:
    assert set(of_kind(FlagKind.JUMP)) == {("22", "37"), ("23", "36"), ("30", "41")}


def test_what_the_own_data_set_is_flagged_for() -> None:
    """A change of the rules that flags more or less of the printed lists shows here."""
    counts = {kind: len(of_kind(kind)) for kind in FlagKind}
    assert counts == {
        FlagKind.ARITHMETIC: 1,
        FlagKind.DEFINITION_CHANGED: 6,
        FlagKind.DENOMINATOR_CHANGED: 1,
        FlagKind.FORECAST: 4,
        FlagKind.ORDER_REVERSED: 1,
        FlagKind.JUMP: 3,
        FlagKind.RANK: 0,
    }


def test_consistent_claims_are_not_flagged() -> None:
    assert flags(made_up(*CONSISTENT)) == ()


OTHER = {"publisher": "Second Survey", "method_class": "compilation"}
PLANTED: list[tuple[FlagKind, list[dict[str, str]]]] = [
    (
        FlagKind.ARITHMETIC,
        [{"place": "Dorf", "cameras": "1000", "population": "100000", "ratio": "10.3"}],
    ),
    (
        FlagKind.DEFINITION_CHANGED,
        [{"place": "Ceville", "edition_year": "2021", "ratio": "5.2", "counted": "all cameras"}],
    ),
    (
        FlagKind.DENOMINATOR_CHANGED,
        [
            {
                "place": "Aby",
                "edition_year": "2022",
                "cameras": "19000",
                "population": "1900000",
                "ratio": "10.0",
            }
        ],
    ),
    (
        FlagKind.DENOMINATOR_CHANGED,
        [{"place": "Aby", "edition_year": "2022", "ratio": "40", "ratio_unit": "per_km2"}],
    ),
    (FlagKind.FORECAST, [{"place": "Dorf", "cameras": "500", "published": "2019-11"}]),
    (
        FlagKind.FORECAST,
        [{"place": "Dorf", "cameras": "500", "method_class": "forecast", "published": "2021"}],
    ),
    (
        FlagKind.ORDER_REVERSED,
        [
            {**OTHER, "place": "Aby", "ratio": "6.1"},
            {**OTHER, "place": "Beton", "ratio": "8.8"},
        ],
    ),
    (FlagKind.JUMP, [{"place": "Ceville", "edition_year": "2021", "ratio": "1.25"}]),
    (
        FlagKind.RANK,
        [
            {"place": "Dorf", "ratio": "3.0", "printed_rank": "4"},
            {"place": "Efurt", "ratio": "2.0", "printed_rank": "3"},
        ],
    ),
]


@pytest.mark.parametrize(("kind", "rows"), PLANTED)
def test_a_planted_inconsistency_is_flagged_as_its_kind_and_no_other(
    kind: FlagKind, rows: list[dict[str, str]]
) -> None:
    found = flags(made_up(*CONSISTENT, *rows))
    assert {flag.kind for flag in found} == {kind}
    planted = {str(len(CONSISTENT) + 1 + place) for place in range(len(rows))}
    assert planted <= {claim for flag in found for claim in flag.claims}


NEARLY: list[list[dict[str, str]]] = [
    [{"place": "Dorf", "cameras": "1000", "population": "96899", "ratio": "10.3"}],
    [{"place": "Dorf", "cameras": "1000", "population": "96500", "ratio": "10.3"}],  # cut
    [{"place": "Aby", "edition_year": "2022", "cameras": "11000", "population": "1090000"}],
    [{"place": "Dorf", "cameras": "500", "published": "2021"}],
    [{**OTHER, "place": "Aby", "ratio": "6.1"}, {**OTHER, "place": "Beton", "ratio": "6.0"}],
    [{**OTHER, "place": "Aby", "ratio": "8"}, {**OTHER, "place": "Beton", "ratio": "8"}],
    [
        {**OTHER, "place": "Aby", "edition_year": "2024", "ratio": "6.1"},
        {**OTHER, "place": "Beton", "edition_year": "2024", "ratio": "8.8"},
    ],
    [{**OTHER, "place": "Ceville", "ratio": "5.9", "counted": "all cameras"}],
    [{"place": "Ceville", "edition_year": "2021", "ratio": "7.9"}],
]


@pytest.mark.parametrize("rows", NEARLY)
def test_figures_that_still_fit_are_not_flagged(rows: list[dict[str, str]]) -> None:
    assert flags(made_up(*CONSISTENT, *rows)) == ()


def test_flags_do_not_depend_on_the_order_of_publishers() -> None:
    claims = own_claims().claims
    turned = flags(tuple(reversed(claims)))
    assert {(flag.kind, frozenset(flag.claims)) for flag in turned} == {
        (flag.kind, frozenset(flag.claims)) for flag in OWN
    }
