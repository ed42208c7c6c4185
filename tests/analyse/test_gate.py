"""The gate sleeps where nothing happens, wakes in time, and gives up where sizes say nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.gate import Gate, GateSettings, Rest
from fairview.analyse.gate_signal import kept_share, rank_correlation
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.sight import MOVING, OpenTrack
from fairview.core.time import US_PER_SECOND, Instant
from tests.builders import NOON

FPS = 10
KEY_EVERY = 20


@dataclass
class Run:
    """What a gate did with a made-up stream: which packets were decoded in the end."""

    gate: Gate
    decoded: set[int] = field(default_factory=set)
    checks: list[int] = field(default_factory=list)
    wakes: list[int] = field(default_factory=list)

    def share(self, numbers: range) -> float:
        return sum(number in self.decoded for number in numbers) / len(numbers)


def passages(seconds: int, every: int, lasts: int) -> set[int]:
    """Seconds in which somebody passes."""
    return {second for second in range(seconds) if 5 <= second % every < 5 + lasts}


def run(
    active: set[int],
    seconds: int,
    *,
    told: set[int] | None = None,
    looks_new: frozenset[int] = frozenset(),
    settings: GateSettings | None = None,
) -> Run:
    """A stream whose packets grow threefold in `told` seconds (those with motion when None), and
    whose key frames look new in others. What is kept is decoded on waking, as a feed does.
    """
    rng = np.random.default_rng(4)
    done, gate = Run(gate=Gate(CameraId("c"), settings)), Gate(CameraId("c"), settings)
    done.gate = gate
    kept: list[int] = []
    told = active if told is None else told

    def decode(numbers: list[int]) -> None:
        for number in numbers:
            done.decoded.add(number)
            moves = int(number // FPS in active)
            gate.found(NOON.plus(number * 100_000), moving=moves, restless=moves)

    for number in range(seconds * FPS):
        at, is_key = NOON.plus(number * US_PER_SECOND // FPS), number % KEY_EVERY == 0
        size = 900 * (3.0 if number // FPS in told else 1.0) * float(rng.uniform(0.85, 1.15))
        verdict = gate.see(at, 9_000 if is_key else round(size), is_key=is_key)
        if verdict.step == "decode":
            if verdict.wakes:
                done.wakes.append(number)
            decode([*kept, number])
            kept = []
            continue
        kept.append(number)
        if verdict.step == "check":
            done.checks.append(number)
            if gate.checked(at, is_same=number // FPS not in looks_new):
                kept = [number]
            else:
                decode(kept)
                kept = []
    return done


def test_it_learns_with_everything_decoded_then_sleeps_while_nothing_happens() -> None:
    found = run(passages(600, 60, 5), 600)
    assert found.share(range(600)) == 1.0
    assert found.share(range(3_000, 6_000)) < 0.25
    assert found.gate.state.is_on
    assert found.gate.state.correlation is not None
    assert found.gate.state.correlation > 0.4


def test_everything_that_moves_is_decoded_with_what_came_before_it() -> None:
    active = passages(600, 60, 5)
    found = run(active, 600)
    moves = [number for number in range(3_000, 6_000) if number // FPS in active]
    assert all(number in found.decoded for number in moves)
    for wake in found.wakes:
        assert wake - 1 in found.decoded


@pytest.mark.parametrize("lasts", [5, 20])
def test_it_switches_itself_off_where_sizes_say_nothing_and_says_why(lasts: int) -> None:
    found = run(passages(400, 60, lasts), 400, told=set())
    assert found.share(range(4_000)) == 1.0
    assert not found.gate.state.is_on
    assert "bit rate" in found.gate.state.because


def test_it_stays_open_until_it_has_seen_motion() -> None:
    found = run(set(), 200)
    assert found.share(range(2_000)) == 1.0
    assert "not seen enough" in found.gate.state.because


def test_who_comes_without_large_packets_is_found_at_a_key_frame_and_decoded_from_before() -> None:
    seen_first = passages(400, 60, 5)
    unseen = set(range(505, 520))
    found = run(seen_first | unseen, 600, told=seen_first, looks_new=frozenset(range(507, 520)))
    assert all(number in found.decoded for number in range(5_050, 5_200))
    assert any(5_050 <= number < 5_130 for number in found.checks)


def test_while_asleep_it_decodes_now_and_then_and_counts_what_it_missed() -> None:
    settings = GateSettings(audit_us=20 * US_PER_SECOND)
    found = run(passages(600, 60, 5), 600, settings=settings)
    assert found.gate.state.audited_s >= 20
    assert found.gate.state.missed_frac == 0.0


def test_a_signal_that_stops_following_switches_it_off_again() -> None:
    """Somebody sets the camera to a constant bit rate: audits find what packets hide."""
    settings = GateSettings(audit_us=10 * US_PER_SECOND, hold_us=500_000)
    active = passages(1_500, 30, 8)
    before = run(active, 400, settings=settings)
    assert before.gate.state.is_on
    found = run(active, 1_500, told={one for one in active if one < 400}, settings=settings)
    assert not found.gate.state.is_on


def test_a_clock_set_back_opens_it_and_it_learns_anew() -> None:
    found = run(passages(400, 60, 5), 400)
    assert found.gate.state.is_on
    verdict = found.gate.see(NOON, 900, is_key=False)
    assert verdict.step == "decode"
    assert verdict.wakes
    assert not found.gate.state.is_on


def track(number: int, left: float, *, is_seen: bool = True) -> OpenTrack:
    return OpenTrack(
        id=number,
        at=NOON,
        kind=MOVING,
        box_unit=np.array([left, 0.4, left + 0.1, 0.6], np.float32),
        trail_unit=np.zeros((1, 2), np.float32),
        is_seen=is_seen,
    )


def test_who_walks_moves_who_stands_rests_and_a_lamp_never_moved() -> None:
    rest = Rest()
    looks = []
    for step in range(40):
        at = NOON.plus(step * 200_000)
        walker = track(1, 0.02 * min(step, 20))
        looks.append(rest.look([walker, track(2, 0.8)], at))
    assert looks[0] == (0, 2)
    assert looks[8] == (1, 2)
    assert looks[20] == (1, 1)
    assert looks[-1] == (0, 0)


def test_who_is_lost_from_sight_rests_two_seconds_after_moving() -> None:
    rest = Rest()
    for step in range(6):
        rest.look([track(1, 0.04 * step)], NOON.plus(step * 200_000))
    assert rest.look([track(1, 0.3, is_seen=False)], NOON.plus(2_000_000)) == (1, 1)
    assert rest.look([track(1, 0.9, is_seen=False)], NOON.plus(4_000_000)) == (0, 0)


def test_an_alarm_keeps_a_stay_from_shortly_before_it_to_its_end() -> None:
    numbers = np.arange(20, dtype=np.int64)
    active = (numbers >= 5) & (numbers < 15)
    alarms = np.zeros(20, dtype=bool)
    assert kept_share(alarms, active, numbers) == 0.0
    alarms[10] = True
    assert kept_share(alarms, active, numbers) == pytest.approx(0.7)
    alarms[4] = True
    assert kept_share(alarms, active, numbers) == 1.0
    assert kept_share(alarms, np.zeros(20, dtype=bool), numbers) == 1.0


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
        GateSettings(kept_min=0)
    assert Gate(CameraId("c")).see(Instant(0), 100, is_key=True).step == "decode"
