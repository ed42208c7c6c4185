"""Datagrams in the order of their numbers: nothing twice, nothing late, and every loss counted."""

from __future__ import annotations

import struct
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fairview.core.limits_sources import DATAGRAMS_HELD_MAX, DATAGRAMS_HELD_US_MAX
from fairview.ingest.lean.reorder import Reorder


def datagram(number: int, source: int = 7, mark: int = 0) -> bytes:
    return struct.pack(">BBHIII", 0x80, 96, number & 0xFFFF, number * 10 & 0xFFFFFFFF, source, mark)


def numbers(order: Reorder) -> list[int]:
    return [one[2] << 8 | one[3] for one in order.ready]


def pushed(*given: int, at_us: int = 0) -> Reorder:
    order = Reorder()
    for number in given:
        order.push(datagram(number), at_us)
    return order


def test_in_order_they_pass_untouched_and_at_once_over_the_wrap() -> None:
    order = pushed(*range(65_530, 65_550))
    assert order.ready == [datagram(number) for number in range(65_530, 65_550)]
    assert order.highest == 65_549


def test_one_that_was_overtaken_is_put_back_in_its_place() -> None:
    order = pushed(1, 3, 4, 2, 5)
    assert numbers(order) == [1, 2, 3, 4, 5]
    assert (order.counts.lost, order.counts.reordered) == (0, 2)


def test_a_missing_one_is_waited_for_within_the_time_and_no_longer() -> None:
    order = pushed(1, 3)
    order.due(DATAGRAMS_HELD_US_MAX - 1)
    assert numbers(order) == [1]
    order.due(DATAGRAMS_HELD_US_MAX)
    assert numbers(order) == [1, 3]
    assert order.counts.lost == 1


def test_one_that_comes_after_it_was_given_up_is_dropped_and_no_longer_counts_as_lost() -> None:
    order = pushed(1, 3)
    order.due(DATAGRAMS_HELD_US_MAX)
    order.push(datagram(2), DATAGRAMS_HELD_US_MAX)
    assert numbers(order) == [1, 3]
    assert (order.counts.lost, order.counts.late) == (0, 1)


def test_duplicates_are_dropped_whether_held_or_given_out() -> None:
    order = pushed(1, 1, 3, 3, 2, 2)
    assert numbers(order) == [1, 2, 3]
    assert order.counts.duplicates == 3


def test_no_more_wait_than_the_bound() -> None:
    order = pushed(0, *range(2, DATAGRAMS_HELD_MAX + 3))
    assert numbers(order) == [0, *range(2, DATAGRAMS_HELD_MAX + 3)]
    assert order.counts.lost == 1


def test_a_stray_of_another_source_changes_nothing() -> None:
    order = pushed(1)
    order.push(datagram(9_000, source=8), 0)
    order.push(datagram(2), 0)
    order.push(datagram(9_005, source=8), 0)
    order.push(datagram(3), 0)
    assert numbers(order) == [1, 2, 3]
    assert (order.source, order.counts.strays) == (7, 2)


def test_two_neighbours_of_another_source_begin_the_sequence_anew_with_one_missing() -> None:
    order = pushed(1, 2, 4)
    for number in (60_000, 60_001, 60_003, 60_002):
        order.push(datagram(number, source=8), 0)
    # 2, the held 4, then as if 5 was lost, whatever the new source counts from.
    assert numbers(order) == [1, 2, 4, 6, 7, 8, 9]
    assert [one[8:12] for one in order.ready[3:]] == [(8).to_bytes(4, "big")] * 4
    assert (order.source, order.counts.restarts, order.highest) == (8, 1, 60_003)


def test_a_sequence_that_begins_anew_right_behind_itself_is_no_late_one() -> None:
    order = pushed(*range(1_000, 1_010))
    for number in range(1_005, 1_008):
        order.push(datagram(number, source=8), 0)
    assert numbers(order)[10:] == [1_011, 1_012, 1_013]


@given(
    st.lists(st.tuples(st.integers(0, 8), st.booleans(), st.integers(0, 30)), max_size=300),
    st.integers(0, 65_535),
)
def test_whatever_the_network_does_numbers_rise_and_the_count_of_losses_is_right(
    fates: list[tuple[int, bool, int]], first: int
) -> None:
    """Each datagram: by how many places it is late, whether it comes twice; 30: it is lost."""
    way: list[tuple[float, int]] = [(-1, 0)]
    kept = {0}
    for place, (late, is_double, luck) in enumerate(fates, 1):
        if luck == 30:
            continue
        kept.add(place)
        way.append((place + late, place))
        if is_double:
            way.append((place + late + 3.5, place))
    order = Reorder()
    for _, place in sorted(way):
        order.push(datagram(first + place), 0)
    order.flush()
    got = [(number - first) & 0xFFFF for number in numbers(order)]
    assert got == sorted(kept)
    assert all(b > a for a, b in pairwise(got))
    assert order.counts.lost == max(kept) + 1 - len(kept)
