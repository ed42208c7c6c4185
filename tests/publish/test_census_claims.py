from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.publish.census.claim import Bound, Method, Operated
from fairview.publish.census.read_claims import own_text, read_claims
from fairview.publish.census.recompute import again
from tests.publish.claims import as_csv, made_up, own_claims, row
from tests.shared_data import shared


def test_every_row_of_the_own_data_set_is_taken() -> None:
    found = own_claims()
    assert found.rows_read == len(found.claims) == 68
    assert found.aside == ()


def test_the_own_data_set_is_the_one_it_came_from() -> None:
    assert own_text("claims.csv") == shared("census_claims.csv").read_text(encoding="utf-8")


def test_every_wording_of_the_own_data_set_has_a_definition() -> None:
    unknown = [claim.counted.words for claim in own_claims().claims if claim.counted.kind == ""]
    assert not unknown
    known = {claim.counted.kind for claim in own_claims().claims}
    assert "not_stated" not in known


def test_a_remark_in_brackets_is_not_part_of_the_definition() -> None:
    claims = {claim.id: claim for claim in own_claims().claims}
    assert claims["12"].counted.basis == claims["11"].counted.basis == "installed base"
    assert claims["12"].counted.is_forecast
    assert claims["61"].counted.bound is Bound.LOW
    assert claims["62"].counted.bound is Bound.HIGH
    assert claims["53"].counted.operated is Operated.POLICE_REACHABLE


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"cameras": "many"}, "cameras 'many' is not a whole number"),
        ({"cameras": "5", "edition_year": "1200", "published": "2020"}, "the year 1200"),
        ({"ratio": "-3"}, "ratio '-3' is not a number above 0"),
        ({"ratio": "3", "ratio_unit": "per_dog"}, "ratio_unit 'per_dog'"),
        ({}, "neither a number of cameras nor a ratio"),
        ({"cameras": "5", "method_class": "hearsay"}, "method_class 'hearsay'"),
        ({"cameras": "5", "published": "soon"}, "published 'soon'"),
        ({"cameras": "5", "place": " "}, "place is empty"),
        ({"cameras": "5", "population": "0"}, "a population of 0"),
    ],
)
def test_a_bad_row_is_kept_aside_with_its_reason(changes: dict[str, str], because: str) -> None:
    good = row(cameras="7")
    found = read_claims(as_csv(good, row(**changes), good), file="x.csv", sha256="00")
    assert found.rows_read == 3
    assert len(found.claims) == 2
    assert [aside.row for aside in found.aside] == [2]
    assert because in found.aside[0].because
    assert found.aside[0].text


def test_a_claim_id_that_stands_there_twice_is_kept_aside() -> None:
    twice = {**row(cameras="7"), "claim_id": "a"}
    found = read_claims(as_csv(twice, twice), file="x.csv", sha256="00")
    assert [aside.because for aside in found.aside] == ["claim_id a stands there twice"]


def test_a_file_without_a_column_is_refused_whole() -> None:
    with pytest.raises(BadInput, match="lacks the columns"):
        read_claims("place,cameras\nAby,3\n", file="x.csv", sha256="00")


def test_every_claim_knows_its_row_and_file() -> None:
    text = own_text("claims.csv").splitlines()
    for claim in own_claims().claims:
        assert text[claim.source.row].startswith(f"{claim.id},{claim.place},")
        assert len(claim.source.sha256) == 64


def test_methods_are_told_apart() -> None:
    claims = {claim.id: claim for claim in own_claims().claims}
    assert claims["65"].method is Method.COUNT
    assert claims["18"].method is Method.OFFICIAL_STATEMENT
    assert claims["63"].method is Method.RECALL_ADJUSTED_SAMPLE


@given(
    cameras=st.integers(1, 10**9),
    people=st.integers(1, 10**10),
    decimals=st.integers(0, 4),
    unit=st.sampled_from([("per_1000_people", 1_000), ("per_100_people", 100)]),
)
def test_a_ratio_printed_from_its_numbers_always_follows(
    cameras: int, people: int, decimals: int, unit: tuple[str, int]
) -> None:
    name, per = unit
    printed = f"{per * cameras / people:.{decimals}f}"
    if float(printed) <= 0 or len(printed) > 18:
        return
    (claim,) = made_up(
        {
            "cameras": str(cameras),
            "population": str(people),
            "ratio": printed,
            "ratio_unit": name,
        }
    )
    assert again(claim).follows is True


def test_a_ratio_without_its_numbers_is_neither_right_nor_wrong() -> None:
    (claim,) = made_up({"ratio": "12"})
    assert again(claim).follows is None
    assert again(claim).because == "not printed: cameras and population"
