"""How a camera is kept is decided at the door, and stands in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fairview.access.door import KEPT_ALWAYS, CameraKeeping, CameraWish, KeepingWish
from fairview.access.keeping import keeping_of, kept_so, played_stream
from fairview.core.camera import Source
from fairview.core.errors import BadInput, Conflict, NotAllowed, NotFound
from fairview.core.ids import CameraId
from fairview.core.media import Gap, GapBecause
from fairview.core.recording import CONTINUOUS, RecordingPlan
from fairview.core.time import US_PER_SECOND, Span
from fairview.core.week_hours import week_hours
from fairview.store.contracts import CameraSaved, GapSaved
from tests.access.site import NAME, Site
from tests.builders import NOON, register_entry

EVENTS = CameraKeeping(recording=RecordingPlan(mode="events", triggers=("motion", "rule")))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.add()
    yield made
    made.gate.close()


def keep(site: Site, keeping: CameraKeeping, revision: int | None = None) -> int:
    wish = KeepingWish(camera=NAME, keeping=keeping, from_revision=revision)
    return site.gate.camera_keep(site.mara.token, wish).camera.revision


def test_a_camera_is_kept_always_unless_somebody_says_otherwise(site: Site) -> None:
    camera = site.catalogue.camera(NAME).camera
    assert camera.recording == CONTINUOUS
    assert keeping_of(camera) == KEPT_ALWAYS


def test_a_change_is_a_new_revision_and_a_line_in_the_ledger(site: Site) -> None:
    assert keep(site, EVENTS, 1) == 2
    assert site.catalogue.camera(NAME).camera.recording == EVENTS.recording
    leaf = site.leaves()[-1]
    assert leaf.kind == "camera.changed"
    assert leaf.texts["revision"] == 2


def test_what_is_the_same_already_writes_no_line(site: Site) -> None:
    before = site.kinds()
    assert keep(site, KEPT_ALWAYS) == 1
    assert site.kinds() == before


def test_two_people_do_not_overwrite_each_other(site: Site) -> None:
    keep(site, EVENTS, 1)
    with pytest.raises(Conflict, match="somebody else"):
        keep(site, KEPT_ALWAYS, 1)


def test_only_an_administrator_changes_it_and_strangers_hear_nothing(site: Site) -> None:
    wish = KeepingWish(camera=NAME, keeping=EVENTS)
    with pytest.raises(NotAllowed):
        site.gate.camera_keep(site.actor("olga", "operator"), wish)
    unknown = replace(wish, camera=CameraId("nowhere"))
    with pytest.raises(NotFound):
        site.gate.camera_keep(site.mara.token, unknown)


def test_a_removed_camera_is_not_kept_otherwise(site: Site) -> None:
    site.gate.camera_remove(site.mara.token, NAME)
    with pytest.raises(Conflict, match="removed"):
        keep(site, EVENTS)


def test_a_zone_or_stream_that_is_not_there_is_refused(site: Site) -> None:
    plan = RecordingPlan(mode="schedule", hours=week_hours("daily 08:00-09:00"), zone="Mars/Base")
    with pytest.raises(BadInput, match="time zone"):
        keep(site, CameraKeeping(recording=plan))
    with pytest.raises(BadInput, match="no sub stream"):
        keep(site, CameraKeeping(streams=("sub",)))


def test_one_of_two_streams_is_kept_and_played(site: Site) -> None:
    wish = CameraWish(
        name="two",
        title="Two",
        address="sim:junction?seed=1",
        sub_address="sim:junction?seed=1",
        login=None,
        register=register_entry(presence="simulated"),
        commissioning=False,
        keeping=CameraKeeping(streams=("sub",)),
    )
    camera = site.gate.camera_add(site.mara.token, wish).camera
    assert [(one.stream, one.is_recorded) for one in camera.sources] == [
        ("main", False),
        ("sub", True),
    ]
    assert played_stream(camera) == "sub"
    assert keeping_of(camera).streams == ("sub",)
    both = kept_so(camera, KEPT_ALWAYS)
    assert played_stream(both) == "main"
    assert keeping_of(both) == KEPT_ALWAYS


@pytest.mark.parametrize(
    ("because", "health"),
    [(GapBecause.NO_EVENT, "resting"), (GapBecause.CAMERA_AWAY, "starting")],
)
def test_a_camera_that_rests_is_not_called_away(
    site: Site, because: GapBecause, health: str
) -> None:
    keep(site, EVENTS)
    span = Span(start=NOON, end=NOON.plus(30 * US_PER_SECOND))
    site.catalogue.write(
        [GapSaved(gap=Gap(camera=NAME, stream="main", span=span, because=because))]
    )
    site.clock.advance(40 * US_PER_SECOND)
    (view,) = site.gate.cameras(site.mara.token)
    assert view.health == health
    site.clock.advance(600 * US_PER_SECOND)
    (view,) = site.gate.cameras(site.mara.token)
    assert view.health != "resting", "its recorder has said nothing for ten minutes"


def test_a_disk_that_is_not_there_is_refused_with_those_there_are(site: Site) -> None:
    before = site.kinds()
    with pytest.raises(BadInput, match="name one of data"):
        keep(site, replace(KEPT_ALWAYS, disk="attic"))
    wish = CameraWish(
        name="attic-cam",
        title="Attic",
        address="sim:junction?seed=8",
        sub_address=None,
        login=None,
        register=register_entry(presence="simulated"),
        commissioning=False,
        keeping=replace(KEPT_ALWAYS, disk="attic"),
    )
    with pytest.raises(BadInput, match="name one of data"):
        site.gate.camera_add(site.mara.token, wish)
    assert site.kinds() == before
    assert keep(site, replace(KEPT_ALWAYS, disk="data")) == 2


def test_a_camera_whose_disk_is_gone_is_changed_otherwise_all_the_same(site: Site) -> None:
    camera = replace(site.catalogue.camera(NAME).camera, disk="gone", revision=2)
    site.catalogue.write([CameraSaved(camera=camera, sealed_login=None)])
    assert keep(site, replace(EVENTS, disk="gone"), 2) == 3


def test_how_pictures_travel_is_changed_for_rtsp_alone(site: Site) -> None:
    with pytest.raises(BadInput, match="only RTSP"):
        keep(site, replace(KEPT_ALWAYS, transport="udp"))
    rtsp = Source(stream="main", kind="rtsp", address="rtsp://10.0.0.9/1")
    camera = replace(site.catalogue.camera(NAME).camera, sources=(rtsp,), revision=2)
    site.catalogue.write([CameraSaved(camera=camera, sealed_login=None)])
    assert keep(site, replace(KEPT_ALWAYS, transport="udp"), 2) == 3
    changed = site.catalogue.camera(NAME).camera
    assert changed.source("main") == replace(rtsp, transport="udp")
    assert keep(site, KEPT_ALWAYS) == 3, "what is not said stays"
