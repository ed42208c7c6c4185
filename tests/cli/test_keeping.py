"""The words in which people say how a camera is kept."""

from __future__ import annotations

import pytest

from fairview.access.door import KEPT_ALWAYS, CameraKeeping
from fairview.cli.keeping import KeepingWords, keeping_said, keeping_text, size_bytes
from fairview.core.errors import BadInput
from fairview.core.recording import RecordingPlan
from fairview.core.time import US_PER_SECOND
from fairview.core.week_hours import week_hours
from tests.builders import camera


def words(**said: str) -> KeepingWords:
    names = ("mode", "pre_roll", "post_roll", "on", "hours", "zone", "record", "keep_at_most")
    return KeepingWords(**{**dict.fromkeys((*names, "disk")), **said})


def test_nothing_said_stays_as_it_was() -> None:
    before = CameraKeeping(recording=RecordingPlan(mode="events"), disk="b", keep_bytes_max=10**9)
    assert keeping_said(words(), before) == before
    assert words().is_silent
    assert not words(mode="events").is_silent


def test_hours_alone_mean_by_schedule_and_on_alone_around_events() -> None:
    hours = keeping_said(words(hours="mon 08:00-09:00", zone="Europe/Berlin"), KEPT_ALWAYS)
    assert (hours.recording.mode, hours.recording.zone) == ("schedule", "Europe/Berlin")
    assert hours.recording.hours == week_hours("mon 08:00-09:00")
    events = keeping_said(words(on="rule, motion", pre_roll="0s", post_roll="30s"), hours)
    assert (events.recording.mode, events.recording.triggers) == ("events", ("rule", "motion"))
    assert events.recording.pre_roll_us == 0
    assert events.recording.post_roll_us == 30 * US_PER_SECOND
    always = keeping_said(words(mode="continuous"), events)
    assert always.recording.mode == "continuous"


def test_streams_size_and_disk() -> None:
    said = keeping_said(words(record="sub", keep_at_most="1.5TB", disk="b"), KEPT_ALWAYS)
    assert said == CameraKeeping(streams=("sub",), keep_bytes_max=1_500_000_000_000, disk="b")
    back = keeping_said(words(record="both", keep_at_most="no-limit", disk="any"), said)
    assert back == KEPT_ALWAYS


@pytest.mark.parametrize(
    ("said", "because"),
    [
        ({"mode": "sometimes"}, "continuous"),
        ({"mode": "schedule"}, "hours"),
        ({"on": "noise"}, "motion"),
        ({"record": "all"}, "main, sub or both"),
        ({"keep_at_most": "a lot"}, "200GB"),
        ({"keep_at_most": "2MB"}, "100MB or more"),
        ({"pre_roll": "3s"}, "--mode events"),
        ({"mode": "events", "zone": "UTC"}, "--mode schedule"),
        ({"mode": "events", "pre_roll": "2m"}, "60 seconds"),
    ],
)
def test_words_that_mean_nothing_are_refused(said: dict[str, str], because: str) -> None:
    with pytest.raises(BadInput, match=because):
        keeping_said(words(**said), KEPT_ALWAYS)


@pytest.mark.parametrize(
    ("text", "size"),
    [("200GB", 200 * 10**9), ("1.5 TB", 15 * 10**11), ("500MiB", 500 * 2**20), ("7g", 7 * 10**9)],
)
def test_sizes(text: str, size: int) -> None:
    assert size_bytes(text) == size


def test_how_it_is_kept_in_words() -> None:
    assert keeping_text(camera()) == "always"
    kept = keeping_said(words(mode="events", keep_at_most="200GB"), KEPT_ALWAYS)
    made = camera(recording=kept.recording, keep_bytes_max=kept.keep_bytes_max)
    assert keeping_text(made) == "on motion, from 5 s before to 10 s after, at most 200 GB"
