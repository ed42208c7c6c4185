from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fairview.core.ids import CameraId
from fairview.core.limits_health import CONDITIONS_MAX, CONDITIONS_OVER_MAX
from fairview.core.time import US_PER_DAY, US_PER_SECOND, Instant
from fairview.events.conditions import CONDITION_KINDS, Board, Found, Now, condition_kind, fold
from fairview.events.kinds import KINDS, event_kind
from tests.builders import NOON

AWAY = Found(kind="camera_away", camera=CameraId("junction-1"), because="no answer")


def at(seconds: float, step_s: float = 0) -> Now:
    """A look so many seconds after noon; step_s: how far the wall clock was set meanwhile."""
    us = round(seconds * US_PER_SECOND)
    return Now(at=NOON.plus(us + round(step_s * US_PER_SECOND)), us=us)


def test_a_condition_begins_once_it_lasted_and_is_over_once_it_stayed_away() -> None:
    board, changes = fold(Board(), [AWAY], at(0))
    assert not changes
    assert not board.conditions
    board, changes = fold(board, [AWAY], at(2))
    assert [(one.condition.kind, one.condition.until) for one in changes] == [("camera_away", None)]
    assert changes[0].condition.since == NOON
    board, changes = fold(board, [], at(5))
    assert not changes
    board, changes = fold(board, [], at(15))
    assert changes[0].condition.until == NOON.plus(5 * US_PER_SECOND)
    assert board.conditions == (changes[0].condition,)


def test_what_is_known_to_last_already_counts_at_once_and_began_then() -> None:
    found = Found(kind="camera_away", camera=AWAY.camera, because="", for_us=60 * US_PER_SECOND)
    board, changes = fold(Board(), [found], at(100))
    assert changes[0].condition.since == NOON.plus(40 * US_PER_SECOND)
    assert len(board.conditions) == 1


def test_a_flapping_camera_is_one_condition() -> None:
    board, told = Board(), 0
    for second in range(600):
        board, changes = fold(board, [AWAY] if second % 9 < 5 else [], at(second))
        told += len(changes)
    assert told == 1


def test_why_follows_what_is_found_and_since_does_not() -> None:
    board, _ = fold(Board(), [AWAY], at(0))
    board, _ = fold(board, [AWAY], at(3))
    other = Found(kind="camera_away", camera=AWAY.camera, because="refused the login")
    board, changes = fold(board, [other], at(60))
    assert not changes
    assert board.conditions[0].because == "refused the login"
    assert board.conditions[0].since == NOON


def test_the_same_trouble_of_two_cameras_is_two_conditions() -> None:
    other = Found(kind="camera_away", camera=CameraId("depot-2"), because="")
    board, _ = fold(Board(), [AWAY, other, AWAY], at(0))
    board, changes = fold(board, [AWAY, other, AWAY], at(5))
    assert {one.condition.camera for one in changes} == {"junction-1", "depot-2"}


def test_a_flood_is_bounded_and_says_so() -> None:
    many = [
        Found(kind="camera_away", camera=CameraId(f"camera-{number}"), because="")
        for number in range(CONDITIONS_MAX + 100)
    ]
    board, _ = fold(Board(), many, at(0))
    board, _ = fold(board, many, at(5))
    assert len(board.conditions) == CONDITIONS_MAX
    assert any(one.kind == "conditions_many" for one in board.conditions)


@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from(["camera_away", "disk_full", "clock_stepped"])),
            st.floats(0, 40),
            st.sampled_from([0, -10 * 365 * 86_400, 86_400, 3_600]),
        ),
        max_size=60,
    )
)
def test_whatever_happens_times_fit_and_every_begin_has_at_most_one_end(
    looks: list[tuple[set[str], float, int]],
) -> None:
    board, seconds, step_s = Board(), 1_000.0, 0.0
    going: set[str] = set()
    for kinds, passed, step in looks:
        seconds, step_s = seconds + passed, max(step_s + step, -50 * 365 * 86_400)
        now = at(seconds, step_s)
        board, changes = fold(board, [Found(kind=one, because="") for one in sorted(kinds)], now)
        for change in changes:
            one = change.condition
            assert (one.kind in going) == (one.until is not None)
            going ^= {one.kind}
            assert one.until is None or one.since <= one.until
        assert {one.kind for one in board.conditions if one.until is None} == going
        assert len(board.over) <= CONDITIONS_OVER_MAX


def test_what_is_over_is_forgotten_after_a_day() -> None:
    board, _ = fold(Board(), [AWAY], at(0))
    board, _ = fold(board, [AWAY], at(3))
    board, _ = fold(board, [], at(4))
    board, _ = fold(board, [], at(30))
    assert board.conditions
    board, _ = fold(board, [], at(2 * US_PER_DAY / US_PER_SECOND))
    assert not board.conditions


def test_a_condition_at_the_beginning_of_time_is_no_error() -> None:
    early = Found(kind="camera_away", because="", for_us=US_PER_DAY)
    _, changes = fold(Board(), [early], Now(at=Instant(5), us=0))
    assert changes[0].condition.since == Instant(0)


def test_every_condition_is_an_event_with_words_and_its_end_is_one() -> None:
    for kind in CONDITION_KINDS:
        known = event_kind(kind.name)
        assert known is not None
        assert known.what
        assert known.do
        assert condition_kind(kind.name) == kind
    assert event_kind("condition_over") is not None
    assert len({kind.name for kind in KINDS}) == len(KINDS)
