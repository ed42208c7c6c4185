from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.cover_chains import Chains
from fairview.analyse.cover_finds import BY_BAND, BY_PERSON, NOTHING, Found
from fairview.core.limits_seeing import COVER_CHAINS_MAX, COVER_HOLD_US, COVER_STAY_US_MAX
from fairview.core.time import US_PER_SECOND, Instant
from tests.analyse.scenes import Picture, planes, street, with_person

START = Instant(1_000 * US_PER_SECOND)
EMPTY = planes(street())
MAN = (0.3, 0.3, 0.4, 0.7)
OTHER_PLACE = planes(np.full_like(street(), 90))


def found(*boxes: tuple[float, float, float, float], reason: int = BY_PERSON) -> Found:
    return Found(
        boxes_unit=np.array(boxes, np.float32).reshape(-1, 4),
        reasons=np.full(len(boxes), reason, np.uint8),
    )


def hides(chains: Chains, at: Instant, box: tuple[float, float, float, float]) -> bool:
    return any(
        np.all(one[:2] <= np.array(box[:2]) + 1e-6) and np.all(one[2:] >= np.array(box[2:]) - 1e-6)
        for one in chains.boxes_at(at).boxes_unit
    )


def noise(seed: int) -> Picture:
    return np.random.default_rng(seed).integers(0, 255, street().shape, dtype=np.uint8)


@given(share=st.floats(0, 1), shift=st.floats(-0.05, 0.05))
def test_a_box_moves_evenly_between_two_looks(share: float, shift: float) -> None:
    chains = Chains(is_both_ways=True)
    left, top, right, bottom = MAN
    then = (left + shift, top, right + shift, bottom)
    chains.add(START, found(MAN), EMPTY)
    chains.add(START.plus(250_000), found(then), EMPTY)
    now = shift * share
    at = START.plus(round(share * 250_000))
    assert hides(chains, at, (left + now, top, right + now, bottom))


def test_a_missed_person_stays_hidden_for_the_hold_and_grows() -> None:
    chains = Chains()
    chains.add(START, found(MAN), EMPTY)
    # Everything looks different at the next look, so nobody can be said to stand there still.
    chains.add(START.plus(250_000), NOTHING, planes(noise(1)))
    first = chains.boxes_at(START).boxes_unit[0]
    later = chains.boxes_at(START.plus(COVER_HOLD_US)).boxes_unit[0]
    assert later[0] < first[0]
    assert later[2] > first[2]
    assert len(chains.boxes_at(START.plus(COVER_HOLD_US + 1))) == 0


def test_a_place_that_did_not_change_stays_hidden_longer() -> None:
    chains = Chains()
    picture = planes(with_person(street(), 100))
    for n in range(4):
        chains.add(START.plus(n * 250_000), found(MAN), picture)
    for n in range(4, 40):
        chains.add(START.plus(n * 250_000), NOTHING, picture)
    assert hides(chains, START.plus(39 * 250_000), MAN)


def test_a_place_is_let_go_when_whoever_was_there_has_left() -> None:
    chains = Chains()
    box = (97 / 320, 88 / 180, 117 / 320, 128 / 180)
    standing = planes(with_person(street(), 100, (20, 20, 25)))
    for n in range(12):
        chains.add(START.plus(n * 250_000), found(box), standing)
    for n in range(12, 30):
        chains.add(START.plus(n * 250_000), NOTHING, EMPTY)
    assert not hides(chains, START.plus(29 * 250_000), box)


def test_an_unchanged_place_is_not_hidden_for_ever() -> None:
    chains = Chains()
    for n in range(60):
        chains.add(START.plus(n * 250_000), found(MAN), EMPTY)
    end = START.plus(60 * 250_000 + COVER_STAY_US_MAX + 2 * COVER_HOLD_US)
    at = START.plus(60 * 250_000)
    while at < end:
        chains.add(at, NOTHING, EMPTY)
        at = at.plus(1_000_000)
    assert len(chains.boxes_at(at.plus(2 * US_PER_SECOND))) == 0


def test_both_ways_a_place_is_hidden_before_its_first_find() -> None:
    chains = Chains(is_both_ways=True)
    chains.add(START, NOTHING, planes(noise(1)))
    chains.add(START.plus(2_000_000), found(MAN), planes(noise(2)))
    assert hides(chains, START.plus(2_000_000 - COVER_HOLD_US), MAN)
    assert not hides(chains, START.plus(2_000_000 - COVER_HOLD_US - 1), MAN)


def test_both_ways_who_stood_there_before_the_first_find_is_hidden_too() -> None:
    chains = Chains(is_both_ways=True)
    for n in range(20):
        chains.add(START.plus(n * 250_000), NOTHING, EMPTY)
    for n in range(20, 24):
        chains.add(START.plus(n * 250_000), found(MAN), EMPTY)
    assert hides(chains, START, MAN)


def test_a_plate_or_band_is_not_kept_for_being_unchanged() -> None:
    chains = Chains()
    for n in range(5):
        chains.add(START.plus(n * 250_000), found(MAN, reason=BY_BAND), EMPTY)
    for n in range(5, 20):
        chains.add(START.plus(n * 250_000), NOTHING, EMPTY)
    assert len(chains.boxes_at(START.plus(19 * 250_000))) == 0


def test_more_places_than_are_followed_are_told() -> None:
    chains = Chains()
    side = 26
    boxes = [
        (x / side, y / side, (x + 0.5) / side, (y + 0.5) / side)
        for x in range(side)
        for y in range(side)
    ]
    chains.add(START, found(*boxes[:100]), EMPTY)
    was_full = chains.is_full
    chains.add(START, found(*boxes), EMPTY)
    assert (was_full, chains.is_full) == (False, True)
    assert len(chains.boxes_at(START)) == COVER_CHAINS_MAX


def test_memory_stays_bounded_over_a_long_film() -> None:
    chains = Chains(is_both_ways=True)
    for n in range(2_000):
        at = START.plus(n * 250_000)
        chains.add(at, found(MAN), EMPTY)
        chains.forget_before(at.plus(-COVER_STAY_US_MAX))
    (chain,) = chains._chains
    assert len(chain.points) <= COVER_STAY_US_MAX // 250_000 + 3
