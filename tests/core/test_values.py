"""What cannot be true can't be constructed."""

from __future__ import annotations

import copy
import pickle

import pytest

from fairview.core.camera import PrivacyZone, RegisterEntry, Secret, Source
from fairview.core.case import LookWish
from fairview.core.errors import (
    OUTCOMES,
    BadInput,
    FairviewError,
    NotFound,
    error_named,
    outcome_of,
)
from fairview.core.ids import CameraId, actor_id, camera_id, stream_name
from fairview.core.media import Fragment
from fairview.core.time import Span
from tests.builders import NOON, camera, fragment, packet, register_entry, video_format

HOUR = 3_600_000_000


@pytest.mark.parametrize("text", ["", "A", "-a", "a b", "a/b", "../x", "a" * 64, "é", "a\n"])
def test_names_that_could_be_paths_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        camera_id(text)
    with pytest.raises(BadInput):
        stream_name(text)


def test_an_actor_is_named_like_a_login() -> None:
    assert actor_id("ada.lovelace") == "ada.lovelace"
    with pytest.raises(BadInput):
        actor_id("Ada")


def test_a_secret_prints_as_dots_and_is_never_pickled() -> None:
    secret = Secret("hunter2 hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    assert secret.reveal() == "hunter2 hunter2"


def test_an_address_with_a_login_is_never_kept() -> None:
    with pytest.raises(BadInput, match="without its login"):
        Source(stream="main", kind="rtsp", address="rtsp://me:pw@10.0.0.1/main")


@pytest.mark.parametrize("field", ["purpose", "legal_basis", "operator", "contact", "area"])
def test_a_register_entry_needs_every_word(field: str) -> None:
    with pytest.raises(BadInput, match=field.replace("_", " ")):
        register_entry(**{field: "  "})


@pytest.mark.parametrize("retention_us", [0, HOUR - 1, 367 * 24 * HOUR])
def test_retention_is_bounded(retention_us: int) -> None:
    with pytest.raises(BadInput, match="retention"):
        register_entry(retention_us=retention_us)
    assert isinstance(register_entry(), RegisterEntry)


def test_a_privacy_zone_lies_inside_the_picture() -> None:
    with pytest.raises(BadInput):
        PrivacyZone(polygon_unit=((0, 0), (1, 0)))
    with pytest.raises(BadInput):
        PrivacyZone(polygon_unit=((0, 0), (1.5, 0), (1, 1)))


def test_a_camera_has_a_main_stream_once() -> None:
    with pytest.raises(BadInput):
        camera(streams=("sub",))
    with pytest.raises(BadInput):
        camera(streams=("main", "main"))


def test_commissioning_ends() -> None:
    one = camera(commissioning_until=NOON)
    assert not one.is_commissioning(NOON)
    assert one.is_commissioning(NOON.plus(-1))
    assert not camera().is_commissioning(NOON)


def test_one_look_covers_at_most_an_hour_and_a_strip_a_day() -> None:
    name = (CameraId("a"),)
    span = Span(start=NOON, end=NOON.plus(HOUR + 1))
    with pytest.raises(BadInput, match="at most 1 hour"):
        LookWish(cameras=name, rendition="covered", purpose="operation", span=span)
    LookWish(cameras=name, rendition="covered", purpose="operation", span=span, is_strip=True)
    with pytest.raises(BadInput, match="each camera once"):
        LookWish(cameras=name * 2, rendition="covered", purpose="operation")
    with pytest.raises(BadInput, match="one span"):
        LookWish(cameras=name, rendition="covered", purpose="operation", is_strip=True)


def test_ticks_and_microseconds_agree() -> None:
    form = video_format()
    assert form.us_of(90_000) == 1_000_000
    assert form.ticks_of(1_000_000) == 90_000


def test_a_fragment_tells_when_each_sample_is_shown() -> None:
    one = fragment(0, 25)
    assert [one.at(sample) for sample in one.samples] == [packet(n).at for n in range(25)]
    assert one.span.duration_us == 1_000_000
    with pytest.raises(BadInput):
        Fragment(format=one.format, start_at=NOON, duration_us=1, samples=())


def test_every_error_has_one_row_and_crosses_by_name() -> None:
    for kind, outcome in OUTCOMES.items():
        error = error_named(outcome.name, "what to do")
        assert type(error) is kind
        assert outcome_of(error) is outcome
    exits = [outcome.exit_code for outcome in OUTCOMES.values()]
    assert len(set(exits)) == len(exits)
    with pytest.raises(AssertionError):
        outcome_of(FairviewError("bare"))

    class Nearer(NotFound):
        pass

    assert outcome_of(Nearer("x")).http_status == 404
