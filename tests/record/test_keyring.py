from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import Unavailable
from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, ManualClock
from fairview.record.keyring import Keyring
from fairview.store.keyfile import sign_key_file
from tests.builders import NOON
from tests.record.keys import DOOR, issued

CAMERA = CameraId("junction-1")


class Bench:
    """A keyring with its clock, its file, and what it told."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock(NOON.plus(10 * US_PER_MINUTE))
        self.told: list[HealthEvent] = []
        self.file = issued(CAMERA, NOON, hours=48)
        path.write_bytes(sign_key_file(self.file, DOOR))
        self.ring = Keyring(
            path,
            camera=CAMERA,
            door_public=DOOR.public_key().public_bytes_raw(),
            clock=self.clock,
            tell=self.told.append,
        )

    def hour_picked(self) -> int | None:
        """Which hour's pair is picked for a segment now, counted from noon; None the spare."""
        picked = self.ring.pick(self.clock.now())
        if picked.is_spare:
            assert picked.id == self.file.spare.id
            return None
        return next(number for number, pair in enumerate(self.file.pairs) if pair.id == picked.id)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.told]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "junction-1.json")


def test_the_pair_of_the_hour_is_picked(bench: Bench) -> None:
    assert bench.hour_picked() == 0
    bench.clock.advance(50 * US_PER_MINUTE - 1)
    assert bench.hour_picked() == 0
    bench.clock.advance(1)
    assert bench.hour_picked() == 1
    assert bench.told == []


def test_a_step_of_the_wall_clock_does_not_change_the_hour(bench: Bench) -> None:
    assert bench.hour_picked() == 0
    bench.clock.step(55 * US_PER_MINUTE)
    assert bench.hour_picked() == 0
    bench.clock.step(-110 * US_PER_MINUTE)
    assert bench.hour_picked() == 0
    assert bench.told == []


def test_a_step_past_an_hour_seals_to_the_spare_until_time_is_vouched_for(bench: Bench) -> None:
    bench.hour_picked()
    bench.clock.step(3 * US_PER_HOUR)
    assert bench.hour_picked() is None
    assert bench.hour_picked() is None
    assert bench.kinds() == ["key_supply_spare"]
    assert "stepped by 10800 s" in bench.told[0].because
    bench.ring.trust(bench.clock.now())
    assert bench.hour_picked() == 3
    assert bench.kinds() == ["key_supply_spare", "key_supply_back"]


def test_a_freshly_issued_key_file_vouches_for_the_clock(bench: Bench) -> None:
    bench.hour_picked()
    bench.clock.step(3 * US_PER_HOUR)
    assert bench.hour_picked() is None
    bench.file = issued(CAMERA, bench.clock.now().plus(-US_PER_SECOND), hours=4)
    bench.path.write_bytes(sign_key_file(bench.file, DOOR))
    assert bench.hour_picked() == 0


def test_an_old_key_file_vouches_for_nothing(bench: Bench) -> None:
    bench.hour_picked()
    bench.clock.step(5 * US_PER_HOUR)
    bench.file = issued(CAMERA, NOON.plus(US_PER_HOUR), hours=48)
    bench.path.write_bytes(sign_key_file(bench.file, DOOR))
    assert bench.hour_picked() is None


def test_hours_that_were_not_issued_get_the_spare(bench: Bench) -> None:
    bench.clock.advance(48 * US_PER_HOUR)
    assert bench.hour_picked() is None
    assert "no pair is issued" in bench.told[0].because


def test_a_clock_behind_the_key_file_is_in_doubt(bench: Bench) -> None:
    bench.path.write_bytes(sign_key_file(issued(CAMERA, NOON.plus(US_PER_HOUR), hours=3), DOOR))
    assert bench.ring.pick(bench.clock.now()).because == "the clock is behind the newest key file"


def test_an_unreadable_key_file_leaves_the_spare_of_the_last_good_one(bench: Bench) -> None:
    assert bench.hour_picked() == 0
    good = bench.path.read_bytes()
    for bad in (b"", good[:-9], good.replace(b'"', b"'", 1), b"{}" * 3_000_000):
        bench.path.write_bytes(bad)
        assert bench.hour_picked() is None
    bench.path.unlink()
    assert bench.hour_picked() is None
    bench.path.write_bytes(good)
    assert bench.hour_picked() == 0
    assert bench.kinds() == ["key_supply_spare", "key_supply_back"]


def test_another_cameras_or_an_older_or_a_strangers_file_is_not_used(bench: Bench) -> None:
    assert bench.hour_picked() == 0
    stranger = Ed25519PrivateKey.generate()
    for file, key in (
        (issued(CameraId("other"), NOON, hours=2), DOOR),
        (issued(CAMERA, NOON.plus(-US_PER_HOUR), hours=9), DOOR),
        (issued(CAMERA, NOON, hours=2), stranger),
    ):
        bench.path.write_bytes(sign_key_file(file, key))
        assert bench.hour_picked() is None


def test_without_any_key_file_nothing_can_be_sealed(tmp_path: Path) -> None:
    ring = Keyring(
        tmp_path / "absent.json",
        camera=CAMERA,
        door_public=DOOR.public_key().public_bytes_raw(),
        clock=ManualClock(NOON),
        tell=lambda event: None,
    )
    with pytest.raises(Unavailable, match="no public keys"):
        ring.pick(NOON)


@given(st.lists(st.tuples(st.integers(0, 90 * US_PER_MINUTE), st.integers(-9, 9)), max_size=12))
def test_the_hour_is_counted_whatever_small_steps_the_clock_makes(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[int, int]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("keys") / "junction-1.json")
    for passed_us, step_minutes in moves:
        bench.clock.advance(passed_us)
        bench.clock.step(step_minutes * 6 * US_PER_MINUTE - step_minutes % 2)
        true_us = 10 * US_PER_MINUTE + bench.clock.monotonic_us()
        ahead_us = bench.clock.now().us - NOON.us - true_us
        if abs(ahead_us) <= US_PER_HOUR:
            assert bench.hour_picked() == true_us // US_PER_HOUR
        else:
            assert bench.hour_picked() is None
