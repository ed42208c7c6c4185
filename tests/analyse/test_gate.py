"""The gate sleeps where nothing happens, wakes in time, and gives up where sizes say nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.gate import (
    Gate,
    GateSettings,
    Mode,
    StreamOffer,
    choose_stream,
    rank_correlation,
)
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_SECOND, Instant
from tests.builders import NOON, video_format

FPS = 10
KEY_EVERY = 20


@dataclass
class Run:
    """What a gate did with a made-up stream: its mode at each packet, and where it woke."""

    gate: Gate
    modes: list[Mode] = field(default_factory=list)
    wakes: list[int] = field(default_factory=list)

    def share(self, mode: Mode, numbers: range) -> float:
        return sum(self.modes[number] == mode for number in numbers) / len(numbers)


def passages(seconds: int, every: int, lasts: int) -> set[int]:
    """Seconds in which somebody passes."""
    return {second for second in range(seconds) if second % every < lasts}


def run(
    active: set[int],
    seconds: int,
    *,
    follows: float = 1.0,
    stands: frozenset[int] = frozenset(),
    settings: GateSettings | None = None,
) -> Run:
    """A stream whose packets grow threefold with motion (follows 1) or not at all (0)."""
    rng = np.random.default_rng(4)
    found = Run(gate=Gate(CameraId("c"), settings))
    for number in range(seconds * FPS):
        at, second = NOON.plus(number * US_PER_SECOND // FPS), number // FPS
        is_key, moves = number % KEY_EVERY == 0, second in active
        size = 900 * (1 + 2.0 * follows * moves) * float(rng.uniform(0.85, 1.15))
        verdict = found.gate.see(at, 9_000 if is_key else round(size), is_key=is_key)
        found.modes.append(verdict.mode)
        if verdict.wakes:
            found.wakes.append(number)
        if verdict.mode == "all" or (verdict.mode == "keys" and is_key):
            found.gate.found(at, moving=float(moves), present=int(moves or second in stands))
    return found


def test_it_learns_with_everything_decoded_then_sleeps_while_nothing_happens() -> None:
    active = passages(600, 40, 5)
    found = run(active, 600)
    assert found.modes[:100] == ["all"] * 100
    later = range(3_000, 6_000)
    rests = [number for number in later if found.modes[number] == "none"]
    assert len(rests) > 0.7 * len(later)
    assert found.gate.state.is_on
    assert found.gate.state.correlation is not None
    assert found.gate.state.correlation > 0.4


def test_it_is_open_for_nearly_all_that_moves_and_wakes_within_a_group() -> None:
    active = passages(600, 40, 5)
    found = run(active, 600)
    moves = [number for number in range(3_000, 6_000) if number // FPS in active]
    # What comes before the wake-up is in the pre-roll from the last key frame.
    covered: set[int] = set()
    for number in range(3_000, 6_000):
        if found.modes[number] == "all":
            first = number - number % KEY_EVERY if number in found.wakes else number
            covered.update(range(first, number + 1))
    assert sum(number in covered for number in moves) >= 0.99 * len(moves)


@pytest.mark.parametrize("lasts", [5, 20])
def test_it_switches_itself_off_at_a_constant_bit_rate_and_says_why(lasts: int) -> None:
    found = run(passages(300, 40, lasts), 300, follows=0.0)
    assert set(found.modes) == {"all"}
    assert not found.gate.state.is_on
    assert "bit rate" in found.gate.state.because


def test_it_stays_open_until_it_has_seen_motion() -> None:
    found = run(set(), 200)
    assert set(found.modes) == {"all"}
    assert "not seen enough" in found.gate.state.because


def test_who_stands_still_is_confirmed_at_key_frames() -> None:
    active = passages(400, 40, 5)
    stands = frozenset(second for second in range(400) if 5 <= second % 40 < 20)
    found = run(active, 400, stands=stands)
    waiting = [number for number in range(2_000, 4_000) if 8 <= (number // FPS) % 40 < 20]
    assert sum(found.modes[number] == "keys" for number in waiting) > 0.8 * len(waiting)
    assert not any(found.modes[number] == "none" for number in waiting)


def test_while_closed_it_opens_now_and_then_and_counts_what_it_missed() -> None:
    settings = GateSettings(audit_every_us=20 * US_PER_SECOND)
    active = passages(200, 20, 4)
    found = run(active, 600, settings=settings)
    quiet = range(3_000, 6_000)
    opened = found.share("all", quiet)
    assert 0.05 < opened < 0.35
    assert found.gate.state.missed_frac == 0.0


def test_a_signal_that_stops_following_switches_it_off_again() -> None:
    """Somebody sets the camera to a constant bit rate: audits find what packets hide."""
    settings = GateSettings(audit_every_us=5 * US_PER_SECOND)
    gate = Gate(CameraId("c"), settings)
    rng = np.random.default_rng(4)
    active = passages(1_000, 20, 8)
    was_on = False
    for number in range(1_000 * FPS):
        at, second = NOON.plus(number * US_PER_SECOND // FPS), number // FPS
        moves = second in active
        size = 900 * (1 + 2 * (moves and second < 200)) * float(rng.uniform(0.85, 1.15))
        verdict = gate.see(at, round(size), is_key=number % KEY_EVERY == 0)
        if verdict.mode == "all":
            gate.found(at, moving=float(moves), present=int(moves))
        was_on = was_on or gate.state.is_on
    assert was_on
    assert not gate.state.is_on


def test_the_smallest_stream_that_fills_the_detector_is_chosen() -> None:
    main = StreamOffer(name="main", format=video_format(width_px=1920, height_px=1080), fps=25)
    sub = StreamOffer(name="sub", format=video_format(width_px=640, height_px=360), fps=12)
    slow = StreamOffer(name="sub", format=sub.format, fps=1)
    tiny = StreamOffer(name="sub", format=video_format(width_px=160, height_px=90), fps=12)
    assert choose_stream([main, sub], input_px=(416, 416)) is sub
    assert choose_stream([main, sub], input_px=None) is sub
    assert choose_stream([main, slow], input_px=(416, 416)) is main
    assert choose_stream([main, tiny], input_px=(416, 416)) is main
    assert choose_stream([tiny], input_px=(416, 416)) is tiny
    with pytest.raises(BadInput):
        choose_stream([], input_px=None)


@given(st.lists(st.integers(-5, 5), min_size=2, max_size=40))
def test_rank_correlation_sees_only_the_order(values: list[int]) -> None:
    a = np.array(values, dtype=np.float64)
    b = np.arange(len(a), dtype=np.float64) % 3
    either = rank_correlation(a, b)
    assert -1 - 1e-9 <= either <= 1 + 1e-9
    assert rank_correlation(b, a) == pytest.approx(either)
    assert rank_correlation(np.exp(a), b) == pytest.approx(either)
    assert rank_correlation(-a, b) == pytest.approx(-either)
    assert rank_correlation(a, a) == pytest.approx(float(len(set(values)) > 1))


def test_rank_correlation_is_the_published_one() -> None:
    """Hours of television against intelligence quotients; rho = -29/165."""
    quotients = np.array([106, 100, 86, 101, 99, 103, 97, 113, 112, 110], dtype=np.float64)
    hours = np.array([7, 27, 2, 50, 28, 29, 20, 12, 6, 17], dtype=np.float64)
    assert rank_correlation(quotients, hours) == pytest.approx(-29 / 165)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(BadInput):
        GateSettings(correlation_min=0)
    assert Gate(CameraId("c")).see(Instant(0), 100, is_key=True).mode == "all"
