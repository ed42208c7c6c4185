"""Faults of a camera are told in time, once, and not without cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from fairview.analyse.decode import Pace, open_video
from fairview.analyse.health import Fault, HealthChange, HealthSettings, HealthWatch
from fairview.analyse.health_signs import signs_of
from fairview.analyse.planes import Planes, planes_of_rgb
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.sim.conditions import Condition, Conditions
from fairview.sim.view import Picture
from tests.builders import NOON
from tests.shared_data import shared

SIZE = (640, 360)
SECONDS = 36
FROM = 12


def scene(second: int) -> Picture:
    """Houses with windows and a road with somebody crossing. Shapes: (360, 640, 3)."""
    rng = np.random.default_rng(5)
    pixels = np.full((360, 640, 3), 120, dtype=np.uint8)
    for _ in range(220):
        x, y = int(rng.integers(0, 620)), int(rng.integers(0, 340))
        pixels[y : y + int(rng.integers(6, 22)), x : x + int(rng.integers(6, 30))] = rng.integers(
            30, 230, 3
        )
    left = second * 15 % 600
    pixels[200:260, left : left + 30] = (200, 40, 30)
    return pixels


def weather(condition: Condition, strength: float = 1.0) -> list[Planes]:
    look = Conditions(condition, seed=2, fps=1, frames=SECONDS, strength=strength)
    return [
        planes_of_rgb(look.draw(scene(second), second).pixels, "bt601") for second in range(SECONDS)
    ]


def watched(
    pictures: Iterable[Planes], settings: HealthSettings | None = None
) -> tuple[HealthWatch, list[HealthChange]]:
    watch = HealthWatch(CameraId("c"), settings)
    changes: list[HealthChange] = []
    for second, planes in enumerate(pictures):
        changes += watch.see(planes, NOON.plus(second * US_PER_SECOND))
    return watch, changes


def told(changes: list[HealthChange]) -> list[tuple[Fault, bool]]:
    return [(one.fault, one.is_on) for one in changes]


WHOLE = Span(start=NOON, end=NOON.plus(SECONDS * US_PER_SECOND))


@pytest.mark.parametrize(
    ("condition", "fault", "because"),
    [
        ("frozen", "frozen", "frozen"),
        ("covered", "covered", "covered"),
        ("moved", "moved", "moved"),
        ("blurred", "out_of_focus", "flat"),
    ],
)
def test_a_fault_in_the_middle_is_told_from_when_it_began(
    condition: Condition, fault: Fault, because: str
) -> None:
    watch, changes = watched(weather(condition))
    assert told(changes) == [(fault, True)]
    assert abs(changes[0].at.since(NOON) / US_PER_SECOND - FROM) <= 1.0
    assert changes[0].told_at.since(changes[0].at) <= 10 * US_PER_SECOND
    stretches = watch.unmeasurable(WHOLE)
    assert [one.because for one in stretches] == [because]
    assert stretches[0].span == Span(start=changes[0].at, end=WHOLE.end)


@pytest.mark.parametrize(
    ("condition", "strength", "fault"),
    [("night", 2.0, "dark"), ("rain", 1.0, "wet"), ("fog", 2.5, "flat")],
)
def test_bad_weather_from_the_start_is_told(
    condition: Condition, strength: float, fault: Fault
) -> None:
    watch, changes = watched(weather(condition, strength))
    assert (fault, True) in told(changes)
    assert fault in watch.faults


@pytest.mark.parametrize(
    ("condition", "strength"), [("clear", 1.0), ("exposure", 1.0), ("shake", 1.0), ("fog", 0.5)]
)
def test_what_can_still_be_measured_is_no_fault(condition: Condition, strength: float) -> None:
    watch, changes = watched(weather(condition, strength))
    assert changes == []
    assert watch.unmeasurable(WHOLE) == ()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_picture_without_anything_is_blind(level: int) -> None:
    plain = planes_of_rgb(np.full((360, 640, 3), level, np.uint8), "bt601")
    good = weather("clear")
    watch, changes = watched([*good[:12], *[plain] * 8, *good[20:]])
    kept = [one for one in told(changes) if one[0] == "blind"]
    assert kept == [("blind", True), ("blind", False)]
    blind = [one for one in watch.unmeasurable(WHOLE) if one.because == "blind"]
    assert [one.span for one in blind] == [
        Span(start=NOON.plus(12 * US_PER_SECOND), end=NOON.plus(20 * US_PER_SECOND))
    ]


def test_a_moment_of_darkness_is_no_fault() -> None:
    good = weather("clear")
    dark = planes_of_rgb(np.zeros((360, 640, 3), np.uint8), "bt601")
    _, changes = watched([*good[:12], dark, dark, *good[14:]])
    assert changes == []


def test_a_camera_turned_back_is_well_again() -> None:
    good, moved = weather("clear"), weather("moved")
    _, changes = watched([*good[:12], *moved[12:24], *good[24:]])
    assert told(changes) == [("moved", True), ("moved", False)]


def test_a_wrong_clock_is_told_with_how_far_it_is_off() -> None:
    watch = HealthWatch(CameraId("c"))
    changes: list[HealthChange] = []
    for second, planes in enumerate(weather("clear")[:12]):
        at = NOON.plus(second * US_PER_SECOND)
        changes += watch.see(planes, at, shown_at=at.plus(-3_600 * US_PER_SECOND))
    assert told(changes) == [("wrong_time", True)]
    assert dict(changes[0].details)["clock_off_s"] == -3_600
    # A wrong clock spoils times, not what is seen.
    assert watch.unmeasurable(WHOLE) == ()


def test_only_as_many_pictures_as_needed_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    really: Callable[[Planes], object] = signs_of

    def counted(planes: Planes) -> object:
        looked.append(1)
        return really(planes)

    monkeypatch.setattr("fairview.analyse.health.signs_of", counted)
    watch = HealthWatch(CameraId("c"))
    planes = weather("clear")[0]
    for number in range(50):
        watch.see(planes, NOON.plus(number * 40_000))
    assert len(looked) <= 3


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(BadInput):
        HealthSettings(told_us=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "videos/bottle-detection.mp4",
        "videos/face-demographics-walking-gif-x6.mp4",
        "videos/one-by-one-person-detection.mp4",
        "videos/people-walking-plaza.mp4",
        "videos/person-bicycle-car-detection.mp4",
        "videos/store-aisle-detection-gif-x6.mp4",
        "videos/toll-gate-cars.mp4",
        "videos/worker-zone-detection-gif-x6.mp4",
        "traffic/opendatacam/frames",
    ],
)
def test_no_fault_is_told_on_real_clips(name: str) -> None:
    path = shared(name)
    watch = HealthWatch(CameraId("c"))
    changes: list[HealthChange] = []
    for one in open_video(path, fps=30, start=Instant(0)).pictures(None, Pace(fps_max=1)):
        changes += watch.see(one.planes, one.at)
    assert changes == []
