"""Every fault a clock can have, against true time: nothing dies early, and late is bounded.

True time is the monotonic clock, which only the machine's being off stops. The faults are those
of test_shred_clock's house; here they are many, and drawn.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fairview.core.limits import SHRED_PAUSE_US_MAX
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from fairview.record.keyring import Keyring
from fairview.store.durable import Disk
from tests.access.house import SIGNER
from tests.access.test_shred_clock import (
    KEEP_US,
    LATE_SPARE_US,
    LATE_US,
    TEN_YEARS_US,
    TURN_US,
    At,
    Watch,
    lived,
    restart,
    step,
)
from tests.builders import NOON

LATE_PAUSE_US = SHRED_PAUSE_US_MAX + LATE_SPARE_US + US_PER_HOUR
"""The pause, what a spare lives longer, and the doubt about an hour."""


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Disk, "sync", lambda self, descriptor: None)
    monkeypatch.setattr(Disk, "sync_folder", lambda self, path: None)


def every_hour(us: int, first: int = 20, last: int = 43) -> tuple[At, ...]:
    """The clock gains (or loses) so much in each hour."""
    return tuple(At(hour=hour, does=step(us)) for hour in range(first, last))


def recorder_starts(watch: Watch) -> None:
    """The recorder is a new process, and trusts the clock as it finds it."""
    watch.keyring = Keyring(
        watch.house.folder / "keys" / f"{watch.camera.id}.json",
        camera=watch.camera.id,
        door_public=SIGNER.public_key().public_bytes_raw(),
        clock=watch.house.clock,
        tell=lambda event: None,
    )


def node_starts(watch: Watch) -> None:
    restart(watch)
    recorder_starts(watch)


def both(*us: int) -> tuple[At, ...]:
    """Set at hour 24 and back at hour 40; the node starts anew between."""
    (by,) = us
    return (
        At(hour=24, does=step(by)),
        At(hour=30, does=node_starts),
        At(hour=40, does=step(-by)),
    )


FAULTS: dict[str, tuple[At, ...]] = {
    "forward by a minute": (At(hour=24, does=step(US_PER_MINUTE)),),
    "back by a minute": (At(hour=24, does=step(-US_PER_MINUTE)),),
    "a leap second": (At(hour=24, does=step(-US_PER_SECOND)),),
    "forward by three hours and back": both(3 * US_PER_HOUR),
    "back by three hours and forward": both(-3 * US_PER_HOUR),
    "forward by twenty hours and back": both(20 * US_PER_HOUR),
    "forward by two days and back": both(2 * US_PER_DAY),
    "ten years forward and back": both(TEN_YEARS_US),
    "ten years back and forward": both(-TEN_YEARS_US),
    "frozen for a day": (
        *every_hour(-TURN_US),
        At(hour=43, does=step(23 * TURN_US)),
    ),
    "five per cent fast": every_hour(TURN_US // 20, 1, 90),
    "five per cent slow": every_hour(-TURN_US // 20, 1, 90),
    "starts in 1970, and is set after an hour": (
        At(hour=-1, does=step(-NOON.us + US_PER_HOUR)),
        At(hour=1, does=step(NOON.us - US_PER_HOUR)),
    ),
    "starts ten years ahead, and is set after an hour": (
        At(hour=-1, does=step(TEN_YEARS_US)),
        At(hour=1, does=step(-TEN_YEARS_US)),
    ),
    "in 1970 after a start without a battery": (
        At(hour=24, does=step(-NOON.us)),
        At(hour=24, does=node_starts),
        At(hour=25, does=step(NOON.us)),
    ),
}


def lateness(watch: Watch) -> int:
    return max(watch.late, default=0)


@pytest.mark.slow
@pytest.mark.parametrize("what", FAULTS)
def test_no_clock_fault_loses_footage_early_and_late_is_bounded_by_the_pause(
    what: str, tmp_path: Path
) -> None:
    watch = lived(tmp_path, 5, *FAULTS[what])
    assert not watch.early, f"{what}: {min(watch.early) / US_PER_HOUR:.2f} h early"
    assert lateness(watch) <= LATE_PAUSE_US, f"{what}: {lateness(watch) / US_PER_HOUR:.1f} h late"
    assert watch.recorded == 5 * 24, "recording never stops"


@st.composite
def mended_faults(draw: st.DrawFn) -> tuple[At, ...]:
    """Up to three faults of at most ten years, each mended within 23 hours, with starts between."""
    happenings: list[At] = []
    hour = 6
    for _ in range(draw(st.integers(1, 3))):
        by = draw(
            st.one_of(
                st.integers(-TEN_YEARS_US, TEN_YEARS_US),
                st.integers(-2 * US_PER_DAY, 2 * US_PER_DAY),
                st.integers(-2 * US_PER_HOUR, 2 * US_PER_HOUR),
            )
        )
        lasts = draw(st.integers(1, 23))
        happenings.append(At(hour=hour, does=step(by)))
        if draw(st.booleans()):
            begins = draw(st.sampled_from([restart, recorder_starts, node_starts]))
            happenings.append(At(hour=hour + draw(st.integers(0, lasts)), does=begins))
        hour += lasts
        happenings.append(At(hour=hour, does=step(-by)))
        hour += draw(st.integers(1, 6))
    return tuple(happenings)


@pytest.mark.slow
@settings(
    max_examples=8,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(happenings=mended_faults())
def test_no_order_of_mended_faults_loses_footage_early(
    happenings: tuple[At, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    watch = lived(tmp_path_factory.mktemp("faults"), 5, *happenings)
    assert not watch.early, f"{min(watch.early) / US_PER_HOUR:.2f} h early"
    assert watch.recorded == 5 * 24


def off_for(us: int) -> list[At]:
    def off(watch: Watch) -> None:
        # While the machine is off nothing counts its time: only the wall clock goes on.
        watch.step(us)
        node_starts(watch)

    return [At(hour=24, does=off)]


def test_a_node_that_was_off_for_three_days_seals_to_its_hours_again_once_time_is_sure(
    tmp_path: Path,
) -> None:
    watch = lived(tmp_path, 2.5, *off_for(3 * US_PER_DAY), keep_us=10 * US_PER_DAY)
    spares = [one.is_spare for one in watch.kept]
    assert not any(spares[:24])
    assert all(spares[24:48]), "until the clock kept steady for a day nobody knows the hour"
    assert not any(spares[50:])
    assert not watch.early


def test_a_persons_word_ends_the_spares_of_a_node_that_was_off_at_once(tmp_path: Path) -> None:
    def confirm(watch: Watch) -> None:
        watch.house.keys.issue(watch.camera.id, watch.floor.confirm().believed)

    word = At(hour=26, does=confirm)
    watch = lived(tmp_path, 1.5, *off_for(3 * US_PER_DAY), word, keep_us=10 * US_PER_DAY)
    spares = [one.is_spare for one in watch.kept]
    assert all(spares[24:26])
    assert not any(spares[26:])


def test_a_node_that_was_off_overnight_never_needs_its_spare(tmp_path: Path) -> None:
    watch = lived(tmp_path, 2.5, *off_for(10 * US_PER_HOUR), keep_us=10 * US_PER_DAY)
    assert not any(one.is_spare for one in watch.kept)


def test_what_a_night_off_delays_is_at_most_a_day_late(tmp_path: Path) -> None:
    watch = lived(tmp_path, 4, *off_for(10 * US_PER_HOUR), keep_us=KEEP_US)
    assert not watch.early
    assert lateness(watch) <= LATE_US + 10 * US_PER_HOUR
