"""Where generated values come from, each with the reason for its range."""

from __future__ import annotations

from hypothesis import strategies as st

from fairview.core.limits import DECODE_AWAY_US_MAX
from fairview.core.media import Codec, Fragment, Sample, VideoFormat
from fairview.core.time import US_PER_SECOND, Instant, Span

_CODECS: tuple[Codec, ...] = ("h264", "hevc", "mjpeg")
_U32_MAX = (1 << 32) - 1
_I64_MAX = (1 << 63) - 1


def instants() -> st.SearchStrategy[Instant]:
    """1970 to 2100: past what any camera says, inside what ISO 8601 and SQLite hold."""
    return st.integers(0, 4_102_444_800_000_000).map(Instant)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Up to a year long, from one microsecond."""
    start = draw(instants())
    return Span(start=start, end=start.plus(draw(st.integers(1, 366 * 86_400 * 1_000_000))))


@st.composite
def fragments(draw: st.DrawFn, data: st.SearchStrategy[bytes], samples_max: int = 8) -> Fragment:
    """Every value that the sealed format holds, up to its edges, start and data apart."""
    form = VideoFormat(
        codec=draw(st.sampled_from(_CODECS)),
        width_px=draw(st.integers(1, 16_384)),
        height_px=draw(st.integers(1, 16_384)),
        tick_numerator=draw(st.integers(1, _U32_MAX)),
        tick_denominator=draw(st.integers(1, _U32_MAX)),
        parameter_sets=draw(st.binary(max_size=300)),
    )
    duration_us = draw(st.integers(1, _U32_MAX))
    shown = draw(
        st.lists(st.integers(0, last_ticks(form, duration_us)), min_size=1, max_size=samples_max)
    )
    away = last_ticks(form, DECODE_AWAY_US_MAX)
    back = form.ticks_of(DECODE_AWAY_US_MAX)
    first = draw(st.integers(back - _I64_MAX - 1, _I64_MAX - away))
    decoded = draw(st.sets(st.integers(-back, away), min_size=1, max_size=len(shown)))
    return Fragment(
        format=form,
        start_at=Instant(draw(st.integers(0, 4_102_444_800_000_000))),
        duration_us=duration_us,
        samples=tuple(
            Sample(
                ticks=first + ticks - min(shown[: len(decoded)]),
                decode_ticks=first + decode_ticks,
                duration_ticks=draw(st.integers(0, _U32_MAX)),
                is_key=draw(st.booleans()),
                data=draw(data),
            )
            for ticks, decode_ticks in zip(shown, sorted(decoded), strict=False)
        ),
    )


def last_ticks(form: VideoFormat, us: int) -> int:
    """The most ticks that last no longer than so many whole microseconds."""
    return ((us + 1) * form.tick_denominator - 1) // (form.tick_numerator * US_PER_SECOND)
