"""Rules while road users are still there: told at once, held until they leave, never guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from fairview.analyse.taps import Tap
from fairview.analyse.track.tracker import Tracker
from fairview.analyse.trigger_taps import TRIGGERS
from fairview.core.limits_keeping import RULES_LOOK_US
from fairview.core.sight import CAR, Detections, Track
from fairview.core.time import US_PER_SECOND, Instant
from fairview.core.trigger_sign import TriggerSign
from fairview.run.analysing.rule_watch import RuleSigns
from tests.builders import NOON
from tests.events.test_rules import BACK, CAMERA, FORTH, rule, scene, seen

Signs = list[TriggerSign]


class Heard(Tap[TriggerSign]):
    """A tap that keeps everything."""

    def __init__(self, said: Signs) -> None:
        super().__init__(TRIGGERS)
        self._said = said

    def put(self, found: Sequence[TriggerSign]) -> None:
        self._said.extend(found)


def watch(*names: str) -> tuple[RuleSigns, Signs]:
    """A scene's rules, and what they say."""
    said: Signs = []
    return RuleSigns(scene(*(rule(name) for name in names)), Heard(said)), said


def at(seconds: float) -> Instant:
    return NOON.plus(round(seconds * US_PER_SECOND))


def test_a_rule_is_told_while_the_road_user_is_still_there() -> None:
    signs, said = watch("wrong_way")
    against, along = seen(BACK).track, seen(FORTH).track
    signs.seen(lambda: [against], (), at(4))
    assert said[-1].trigger == "rule"
    assert said[-1].since == against.start
    signs.seen(lambda: [along], (), at(8))
    assert said[-1].since is None


def test_who_has_just_left_is_told_once_more() -> None:
    signs, said = watch("wrong_way")
    signs.seen(list, (), at(0))
    signs.seen(list, [seen(BACK).track], at(1))
    assert len(said) == 1, "rules are asked every two seconds"
    signs.seen(list, (), at(2))
    assert said[-1].since is not None
    signs.seen(list, (), at(4))
    assert said[-1].since is None


def test_it_is_said_that_somebody_looks_also_while_nobody_is_there() -> None:
    signs, said = watch("presence")
    for second in range(10):
        signs.seen(list, (), at(second))
    assert len(said) == 10 * US_PER_SECOND // RULES_LOOK_US
    signs.quiet(at(20))
    assert (said[-1].looked_until, said[-1].since, said[-1].blind) == (at(20), None, "")
    signs.not_looked(at(21))
    assert said[-1].blind


@pytest.mark.parametrize("names", [(), ("camera_fault",)])
def test_a_scene_without_rules_to_ask_is_blind(names: tuple[str, ...]) -> None:
    signs, said = watch(*names)
    signs.seen(list, (), at(0))
    assert "no rule" in said[-1].blind


def detections(number: int) -> Detections:
    left = 0.05 + 0.02 * number
    return Detections(
        camera=CAMERA,
        frame=number + 1,
        at=at(number / 5),
        boxes_unit=np.array([[left, 0.5, left + 0.1, 0.6]], np.float32),
        scores=np.ones(1, np.float32),
        kinds=np.array([CAR], np.uint8),
        model="test",
    )


def test_a_track_under_way_is_as_it_would_be_if_it_ended_now_and_goes_on() -> None:
    tracker, whole = Tracker(CAMERA), Tracker(CAMERA)
    so_far: tuple[Track, ...] = ()
    for number in range(20):
        tracker.advance(detections(number))
        whole.advance(detections(number))
        so_far = tracker.so_far()
    (ended,) = whole.close()
    (one,) = so_far
    assert one.id == ended.id
    assert np.array_equal(one.at_us, ended.at_us)
    assert np.array_equal(one.boxes_unit, ended.boxes_unit)
    (again,) = tracker.close()
    assert np.array_equal(again.at_us, ended.at_us)
    assert replace(again, id=9).id == 9
