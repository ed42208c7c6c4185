"""A whole recorder under seeded trouble in simulated time; `make long` runs ten thousand of these.

One again:  SCHEDULE=1234 pytest tests/faults/test_schedules.py -k one_again
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from fairview.core.time import US_PER_SECOND, SystemClock
from fairview.sim.schedule import drawn
from fairview.store.segment_walk import walk
from tests.faults.run_schedules import Lived, lived

SEEDS = 200
BOX_US = 50 * US_PER_SECOND
"""On a machine with much else to do fewer seeds are tried; a quarter of them must be."""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


def assert_kept_its_promises(one: Lived) -> None:
    assert not one.fault, f"{drawn(one.seed).words}\n{one.fault}"
    assert not one.violations, f"{drawn(one.seed).words}\n{one.violations[:5]}"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_seeded_schedules_keep_every_promise(tmp_path: Path) -> None:
    clock = SystemClock()
    begun_us, done, stored = clock.monotonic_us(), 0, 0
    while done < SEEDS and clock.monotonic_us() - begun_us < BOX_US:
        one = lived(done, tmp_path)
        assert_kept_its_promises(one)
        stored += one.stored
        done += 1
    assert done >= SEEDS // 4
    assert stored > 400 * done


def test_one_again(tmp_path: Path) -> None:
    assert_kept_its_promises(lived(int(os.environ.get("SCHEDULE", "7")), tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(4547, id="two stalls in a row, and a death in the second"),
        pytest.param(4900, id="a camera's clock set forward, seen and taken back later"),
        pytest.param(7001, id="killed before an end was synced, and the power cut later"),
        pytest.param(8632, id="a clock set back while the disk was full, between two segments"),
    ],
)
def test_what_once_broke_a_promise_keeps_it(tmp_path: Path, seed: int) -> None:
    assert_kept_its_promises(lived(seed, tmp_path))


@pytest.mark.slow
def test_the_same_seed_lives_the_same(tmp_path: Path) -> None:
    one, other = (lived(11, tmp_path) for _ in range(2))
    assert one == other
    assert one.restarts >= 3


def test_a_seed_says_its_schedule() -> None:
    assert drawn(5) == drawn(5)
    assert drawn(5).words.startswith("seed 5: ")
    assert len({drawn(seed).troubles for seed in range(50)}) == 50


@pytest.mark.slow
def test_the_oracle_sees_what_is_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recovery that cuts one record too many, and a gap that is forgotten, are both found."""
    from fairview.store import mend

    whole = mend.stopped_walk

    def short(blobs: object, name: str) -> object:
        found = whole(blobs, name)  # type: ignore[arg-type]  # passed on
        if found is None or found.trailer is not None or len(found.records) < 2:
            return found
        last = found.records[-1]
        return walk(
            lambda start, length: blobs.read(name, start, length),  # type: ignore[attr-defined]  # as above
            last.offset,
        )

    monkeypatch.setattr(mend, "stopped_walk", short)
    found = [lived(seed, tmp_path) for seed in range(12)]
    assert any(each.code == "acknowledged_lost" for one in found for each in one.violations)
