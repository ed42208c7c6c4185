"""Where generated values come from, each with the reason for its range."""

from __future__ import annotations

from hypothesis import strategies as st

from fairview.core.time import Instant, Span


def instants() -> st.SearchStrategy[Instant]:
    """1970 to 2100: past what any camera says, inside what ISO 8601 and SQLite hold."""
    return st.integers(0, 4_102_444_800_000_000).map(Instant)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Up to a year long, from one microsecond."""
    start = draw(instants())
    return Span(start=start, end=start.plus(draw(st.integers(1, 366 * 86_400 * 1_000_000))))
