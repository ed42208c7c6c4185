from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from fairview.core.health import Condition
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, Instant
from fairview.events.notices import Notice, NoticeState, Rule, due, subject, text
from tests.builders import NOON

RULE = Rule(
    name="cameras",
    conditions=frozenset({"camera_away"}),
    cameras=frozenset(),
    after_us=5 * US_PER_MINUTE,
    back=True,
    repeat_us=US_PER_DAY,
    quiet_us=US_PER_HOUR,
)


def away(camera: str, since_s: float, kind: str = "camera_away") -> Condition:
    return Condition(
        kind=kind,
        camera=CameraId(camera),
        part="",
        since=NOON.plus(round(since_s * US_PER_SECOND)),
        until=None,
        because="no answer",
        severity="severe",
    )


class Desk:
    """Looks every ten seconds at what goes on."""

    def __init__(self, rule: Rule = RULE) -> None:
        self.rule = rule
        self.state = NoticeState()
        self.seconds = 0.0
        self.told: list[tuple[float, Notice]] = []

    def until(self, seconds: float, *conditions: Condition) -> list[Notice]:
        before = len(self.told)
        while self.seconds < seconds:
            self.seconds += 10
            now = self.now()
            begun = [one for one in conditions if one.since <= now]
            self.state, notices = due([self.rule], begun, self.state, now)
            self.told += [(self.seconds, one) for one in notices]
        return [one for _, one in self.told[before:]]

    def now(self) -> Instant:
        return NOON.plus(round(self.seconds * US_PER_SECOND))


def test_a_camera_away_for_five_minutes_is_told_once_and_once_that_it_is_back() -> None:
    desk = Desk()
    assert desk.until(5 * 60, away("a", 0)) == []
    (began,) = desk.until(3_600, away("a", 0))
    assert (began.kind, [one.key.camera for one in began.lines]) == ("began", ["a"])
    (back,) = desk.until(4_000)
    assert (back.kind, back.going) == ("back", 0)
    assert desk.until(9_000) == []


def test_a_camera_that_is_back_in_time_is_never_told() -> None:
    desk = Desk()
    desk.until(4 * 60, away("a", 0))
    assert desk.until(3_600) == []


def test_a_switch_that_takes_two_hundred_cameras_is_one_notice_and_one_when_it_is_back() -> None:
    desk = Desk()
    cameras = [away(f"camera-{number}", number * 0.2) for number in range(200)]
    (began,) = desk.until(3_600, *cameras)
    assert len(began.lines) == 200
    assert "and 180 more" in text(began)
    assert "200 at once" in subject(began)
    (back,) = desk.until(5_000)
    assert len(back.lines) == 200


def test_cameras_that_come_back_one_after_the_other_are_told_together() -> None:
    desk = Desk()
    cameras = [away(f"camera-{number}", 0) for number in range(6)]
    desk.until(600, *cameras)
    told: list[Notice] = []
    for number in range(1, 6):
        told += desk.until(600 + 20 * number, *cameras[number:])
    assert told == []
    (back,) = desk.until(3_600, cameras[5])
    assert (len(back.lines), back.going) == (5, 1)
    assert "1 of it still wrong" in text(back)
    (last,) = desk.until(4_000)
    assert [one.key.camera for one in last.lines] == ["camera-5"]


def test_a_camera_that_comes_and_goes_is_told_at_most_once_in_the_quiet_time() -> None:
    desk = Desk(replace(RULE, back=False, after_us=0))
    for minute in range(0, 60, 2):
        desk.until(minute * 60 + 60, away("a", minute * 60))
        desk.until(minute * 60 + 120)
    assert [one.kind for _, one in desk.told] == ["began"]


def test_what_lasts_is_told_again_after_a_day_and_never_when_not_wished() -> None:
    desk = Desk()
    kinds = [one.kind for one in desk.until(2.5 * 86_400, away("a", 0))]
    assert kinds == ["began", "lasts", "lasts"]
    quiet = Desk(replace(RULE, repeat_us=0))
    assert [one.kind for one in quiet.until(2.5 * 86_400, away("a", 0))] == ["began"]


def test_a_rule_is_about_its_conditions_and_cameras_alone() -> None:
    desk = Desk(replace(RULE, cameras=frozenset({CameraId("b")})))
    full = Condition(
        kind="disk_full",
        camera=None,
        part="footage",
        since=NOON,
        until=None,
        because="no room",
        severity="severe",
    )
    assert desk.until(3_600, away("a", 0), away("b", 0, "picture_bad"), full) == []


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    desk = Desk()
    desk.until(600, away("a", 0))
    desk.state, again = due([RULE], [away("a", 0)], desk.state, desk.now())
    assert again == ()


@given(
    st.lists(
        st.tuples(st.sets(st.sampled_from("abcd")), st.integers(1, 900)), min_size=1, max_size=40
    )
)
def test_every_trouble_is_in_at_most_one_wave_and_every_back_was_told_before(
    looks: list[tuple[set[str], int]],
) -> None:
    state, seconds = NoticeState(), 0
    since: dict[str, int] = {}
    known: set[str] = set()
    for cameras, passed in looks:
        seconds += passed
        since = {one: since.get(one, seconds) for one in cameras}
        now = NOON.plus(seconds * US_PER_SECOND)
        state, notices = due([RULE], [away(one, at) for one, at in since.items()], state, now)
        for notice in notices:
            names = {str(one.key.camera) for one in notice.lines}
            if notice.kind == "began":
                assert not names & known
                known |= names
            elif notice.kind == "back":
                assert names <= known
                known -= names
        keys = [line.key for wave in state.waves for line in wave.lines if not line.is_over]
        assert len(keys) == len(set(keys))
