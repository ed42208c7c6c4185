"""Durations and spans as people type them."""

from __future__ import annotations

import pytest

from fairview.cli.words import ago, duration_us, span_of
from fairview.core.errors import BadInput
from fairview.core.time import Instant, Span
from tests.builders import NOON


@pytest.mark.parametrize(
    ("text", "us"),
    [("20s", 20_000_000), ("15m", 900_000_000), ("1.5h", 5_400_000_000), ("1d", 86_400_000_000)],
)
def test_durations_are_read(text: str, us: int) -> None:
    assert duration_us(text) == us


@pytest.mark.parametrize("text", ["", "20", "s", "-3s", "0s", "5 weeks", "1e3s"])
def test_other_durations_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match="write it like"):
        duration_us(text)


def test_a_span_takes_what_is_left_out_from_the_footage() -> None:
    newest = Span(start=NOON, end=NOON.plus(60_000_000))
    assert span_of(None, None, newest) == newest
    assert span_of("2026-05-01T12:00:30Z", None, newest).duration_us == 30_000_000
    with pytest.raises(BadInput, match="must come after"):
        span_of("2026-05-01T12:01:30Z", None, newest)
    with pytest.raises(BadInput, match="no time zone"):
        span_of("2026-05-01T12:00:30", None, newest)


def test_ago_uses_one_unit() -> None:
    assert ago(NOON, NOON.plus(12_000_000)) == "12 s"
    assert ago(NOON, NOON.plus(3_600_000_000 * 3)) == "3 h"
    assert ago(Instant(5), Instant(0)) == "0 s"
