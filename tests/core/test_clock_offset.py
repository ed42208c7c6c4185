from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.clock_offset import ClockOffset, OffsetMethod, offset_in
from fairview.core.time import Instant

SECOND = 1_000_000
OFFSETS = st.builds(
    ClockOffset,
    method=st.sampled_from(get_args(OffsetMethod)),
    at=st.integers(0, 2**50).map(Instant),
    offset_us=st.integers(-(2**52), 2**52),
    drift_ppm=st.none() | st.floats(-1e6, 1e6),
    over_us=st.integers(0, 10**12),
)


@given(OFFSETS)
def test_what_an_event_says_is_read_back_to_the_millisecond(offset: ClockOffset) -> None:
    found = offset_in(f"main: {offset.text}", offset.at)
    assert found is not None
    assert (found.method, found.at) == (offset.method, offset.at)
    assert abs(found.offset_us - offset.offset_us) <= 1_000
    assert found.over_us == offset.over_us // SECOND * SECOND
    assert (found.drift_ppm is None) == (offset.drift_ppm is None)
    if found.drift_ppm is not None and offset.drift_ppm is not None:
        assert found.drift_ppm == pytest.approx(offset.drift_ppm, abs=0.051)


@given(st.text())
def test_any_other_line_is_no_offset(text: str) -> None:
    assert offset_in(text, Instant(0)) is None


def test_a_clock_a_little_behind_keeps_its_sign() -> None:
    behind = ClockOffset(
        method="rtcp", at=Instant(0), offset_us=-400_000, drift_ppm=None, over_us=0
    )
    assert offset_in(behind.text, Instant(0)) == behind
