from __future__ import annotations

from pathlib import Path

import pytest

from fairview.access.door_rows import DoorRows
from fairview.access.journal import Journal
from fairview.access.leaves import read_leaf
from fairview.access.who import Who
from fairview.core.errors import BadInput, Conflict, NotAllowed, Overloaded, Unavailable
from fairview.core.limits import (
    SESSION_US_MAX,
    SESSIONS_PER_ACTOR_MAX,
    SET_UP_LINK_US,
    SIGN_IN_TRIES_MAX,
    SIGN_IN_WINDOW_US,
)
from fairview.core.time import ManualClock
from tests.access.doubles import QUICK_HASHER, MemoryLedger
from tests.builders import NOON

PASSWORD = "correct horse battery"


class House:
    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(NOON)
        self.rows = DoorRows(folder / "door.sqlite")
        self.ledger = MemoryLedger()
        self.who = Who(
            self.rows, Journal(self.ledger, self.rows, self.clock), self.clock, QUICK_HASHER
        )

    def set_up(self) -> str:
        link = self.who.new_link()
        assert link is not None
        return self.who.set_up(link.reveal(), "mara", PASSWORD).token


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_the_first_actor_comes_through_the_link_and_stands_in_the_ledger(house: House) -> None:
    assert house.who.needs_set_up()
    session = house.set_up()
    assert not house.who.needs_set_up()
    assert house.who.who(session).roles == {"administrator", "operator", "privacy_officer"}
    leaf = read_leaf(house.ledger.entries[0])
    assert leaf.kind == "actor.set_up"
    assert b"mara" not in house.ledger.entries[0]
    assert "trial" in str(leaf.texts["arrangement"])


def test_the_link_dies_on_use_with_age_and_with_the_next_link(house: House) -> None:
    first, second = house.who.new_link(), house.who.new_link()
    assert first is not None
    assert second is not None
    with pytest.raises(NotAllowed):
        house.who.set_up(first.reveal(), "mara", PASSWORD)
    house.clock.advance(SET_UP_LINK_US)
    with pytest.raises(NotAllowed):
        house.who.set_up(second.reveal(), "mara", PASSWORD)
    house.set_up()
    assert house.who.new_link() is None
    with pytest.raises(NotAllowed):
        house.who.set_up(second.reveal(), "iris", PASSWORD)


def test_nobody_is_set_up_when_the_ledger_cant_be_written(house: House) -> None:
    house.ledger.fault = "failed"
    with pytest.raises(Unavailable):
        house.set_up()
    assert house.who.needs_set_up()


@pytest.mark.parametrize("password", ["short", "123456789", "aaaaaaaaaaaa", "x" * 1_025])
def test_a_weak_password_is_refused_and_the_link_lives_on(house: House, password: str) -> None:
    link = house.who.new_link()
    assert link is not None
    with pytest.raises(BadInput):
        house.who.set_up(link.reveal(), "mara", password)
    assert house.who.set_up(link.reveal(), "mara", PASSWORD).actor.id == "mara"


def test_the_name_is_no_password(house: House) -> None:
    link = house.who.new_link()
    assert link is not None
    with pytest.raises(BadInput):
        house.who.set_up(link.reveal(), "mara-of-roads", "Mara-of-Roads")


def test_a_wrong_name_and_a_wrong_password_sound_the_same(house: House) -> None:
    house.set_up()
    with pytest.raises(NotAllowed) as wrong_name:
        house.who.sign_in("nobody", PASSWORD)
    with pytest.raises(NotAllowed) as wrong_password:
        house.who.sign_in("mara", "something else")
    assert str(wrong_name.value) == str(wrong_password.value)


@pytest.mark.parametrize("name", ["mara", "nobody"])
def test_wrong_passwords_are_bounded_for_known_and_unknown_names(house: House, name: str) -> None:
    house.set_up()
    for _ in range(SIGN_IN_TRIES_MAX):
        with pytest.raises(NotAllowed):
            house.who.sign_in(name, "something else")
    with pytest.raises(Overloaded):
        house.who.sign_in(name, PASSWORD)
    house.clock.advance(SIGN_IN_WINDOW_US)
    if name == "mara":
        assert house.who.sign_in(name, PASSWORD).actor.id == "mara"


def test_a_session_ends_with_time_and_with_signing_out(house: House) -> None:
    house.set_up()
    one = house.who.sign_in("mara", PASSWORD).token
    two = house.who.sign_in("mara", PASSWORD).token
    house.who.sign_out(one)
    house.who.sign_out(one)
    with pytest.raises(NotAllowed):
        house.who.who(one)
    assert house.who.who(two).id == "mara"
    house.clock.advance(SESSION_US_MAX)
    with pytest.raises(NotAllowed):
        house.who.who(two)


def test_the_oldest_of_too_many_sessions_ends(house: House) -> None:
    first = house.set_up()
    for _ in range(SESSIONS_PER_ACTOR_MAX):
        house.clock.advance(1)
        house.who.sign_in("mara", PASSWORD)
    with pytest.raises(NotAllowed):
        house.who.who(first)


def test_neither_tokens_nor_passwords_are_in_the_files(house: House, tmp_path: Path) -> None:
    session = house.set_up()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert PASSWORD.encode() not in kept
    assert session.encode() not in kept
    assert b"argon2id" in kept


def test_a_name_is_taken_once(house: House) -> None:
    house.set_up()
    with pytest.raises(Conflict):
        house.who.add("mara", PASSWORD, frozenset({"auditor"}))
