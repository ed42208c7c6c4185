"""Scenes saved through the door, and counts as they may be known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from fairview.core.camera import PrivacyZone
from fairview.core.case import Role
from fairview.core.errors import BadInput, Conflict, NotAllowed, NotFound
from fairview.core.ids import CameraId
from fairview.core.sight import CAR, KINDS, MOVING, PERSON
from fairview.core.time import US_PER_DAY, US_PER_MINUTE, Span
from fairview.core.traffic import Count, Speed, SpeedBin
from fairview.store.contracts import CountsSaved, SpeedsSaved
from tests.access.site import NAME, Site
from tests.builders import NOON

SCENE = """\
version = 1

[camera]
id = "junction-1"
size_px = [1280, 720]

[[line]]
name = "north"
points_px = [[80, 285], [620, 285]]
"""
MASK = """
[[mask]]
polygon_px = [[0, 0], [128, 0], [128, 72], [0, 72]]
kind = "on_view"
"""
BIN = Span(start=NOON, end=NOON.plus(15 * US_PER_MINUTE))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    site = Site(tmp_path)
    site.add()
    return site


def count(kind: int, n: int | None, observed: float = 1.0) -> Count:
    return Count(
        span=BIN,
        place="north",
        direction="forward",
        kind=kind,
        n=n,
        low=None if n is None else 0.5 * n,
        high=None if n is None else 2.0 * n,
        observed_frac=observed,
    )


def test_a_scene_is_in_the_ledger_before_it_is_stored(site: Site) -> None:
    assert site.gate.scene(site.mara.token, NAME) is None
    saved = site.gate.scene_save(site.mara.token, NAME, SCENE, 0)
    assert saved.revision == 1
    assert saved.saved_by == "mara"
    assert site.gate.scene(site.mara.token, NAME) == saved
    assert site.kinds()[-1] == "scene.saved"
    assert "1 line(s), 0 privacy zone(s)" in site.gate.ledger_tail(1).lines[0].text


def test_a_scene_made_from_an_older_one_is_refused(site: Site) -> None:
    site.gate.scene_save(site.mara.token, NAME, SCENE, 0)
    with pytest.raises(Conflict, match="meanwhile"):
        site.gate.scene_save(site.mara.token, NAME, SCENE, 0)
    assert site.gate.scene_save(site.mara.token, NAME, SCENE, 1).revision == 2


def test_a_wrong_scene_changes_nothing(site: Site) -> None:
    size = site.ledger.size
    for text, because in (
        (SCENE.replace("points_px", "point_px"), "points_px"),
        (SCENE.replace("junction-1", "other-1"), "other-1"),
        ("version = ", "TOML"),
    ):
        with pytest.raises(BadInput, match=because):
            site.gate.scene_save(site.mara.token, NAME, text, 0)
    assert site.gate.scene(site.mara.token, NAME) is None
    assert site.ledger.size == size


@pytest.mark.parametrize("role", ["operator", "privacy_officer", "auditor"])
def test_only_the_administrator_saves_scenes_and_all_may_read_them(site: Site, role: Role) -> None:
    other = site.actor("noor", role)
    with pytest.raises(NotAllowed):
        site.gate.scene_save(other, NAME, SCENE, 0)
    assert site.gate.scene(other, NAME) is None
    assert site.gate.measures(other, NAME, BIN).counts == ()


def test_a_foreign_camera_has_no_scene_and_no_measures(site: Site) -> None:
    stranger = site.actor("zoe", "administrator", cameras=frozenset({CameraId("other-1")}))
    for name in (NAME, CameraId("never-1")):
        with pytest.raises(NotFound, match="there is no such camera"):
            site.gate.scene(stranger, name)
        with pytest.raises(NotFound, match="there is no such camera"):
            site.gate.scene_save(stranger, name, SCENE, 0)
        with pytest.raises(NotFound, match="there is no such camera"):
            site.gate.measures(stranger, name, BIN)


def test_masks_become_privacy_zones_and_only_the_privacy_officer_takes_one_away(
    site: Site,
) -> None:
    engineer = site.actor("engineer", "administrator")
    site.gate.scene_save(engineer, NAME, SCENE + MASK, 0)
    camera = site.catalogue.camera(NAME).camera
    assert camera.zones == (
        PrivacyZone(polygon_unit=((0.0, 0.0), (0.1, 0.0), (0.1, 0.1), (0.0, 0.1))),
    )
    assert camera.revision == 2
    with pytest.raises(NotAllowed, match="privacy officer"):
        site.gate.scene_save(engineer, NAME, SCENE, 1)
    assert site.catalogue.camera(NAME).camera.zones == camera.zones
    site.gate.scene_save(site.mara.token, NAME, SCENE, 1)
    assert site.catalogue.camera(NAME).camera.zones == ()


def test_small_numbers_of_people_are_not_said(site: Site) -> None:
    site.catalogue.write(
        [
            CountsSaved(camera=NAME, counts=(count(PERSON, 4), count(CAR, 4))),
            SpeedsSaved(
                camera=NAME,
                speeds=tuple(
                    SpeedBin(
                        span=BIN,
                        place="north",
                        kind=kind,
                        n=4,
                        median=Speed(kmh=5, low_kmh=4, high_kmh=6),
                        p85_kmh=None,
                    )
                    for kind in (PERSON, CAR)
                ),
            ),
        ]
    )
    found = site.gate.measures(site.mara.token, NAME, BIN)
    by_kind = {one.kind: one for one in found.counts}
    assert by_kind["person"].is_few
    assert (by_kind["person"].n, by_kind["person"].low, by_kind["person"].high) == (None,) * 3
    assert not by_kind["car"].is_few
    assert (by_kind["car"].n, by_kind["car"].high) == (4, 8.0)
    assert [one.kind for one in found.speeds] == ["car"]


@pytest.mark.parametrize("kind", [PERSON, MOVING])
def test_a_line_s_speeds_do_not_tell_the_few_who_went_the_other_way(site: Site, kind: int) -> None:
    """7 speeds of both directions less 6 counted forward would be one who went back."""
    over = Span(start=NOON.plus(-15 * US_PER_MINUTE), end=NOON)
    went = replace(count(kind, 6), span=over)
    came = replace(count(kind, 1), span=over, direction="backward")
    median = Speed(kmh=5, low_kmh=4, high_kmh=6)
    speed = SpeedBin(span=over, place="north", kind=kind, n=7, median=median, p85_kmh=None)
    site.catalogue.write(
        [
            CountsSaved(camera=NAME, counts=(went, came)),
            SpeedsSaved(camera=NAME, speeds=(speed, replace(speed, kind=CAR))),
        ]
    )
    found = site.gate.measures(site.mara.token, NAME, over)
    assert {one.direction: one.n for one in found.counts} == {"forward": 6, "backward": None}
    assert {one.kind: one.n for one in found.speeds} == {KINDS[kind]: 5, "car": 7}


def test_whoever_asks_again_and_again_does_not_see_each_person_pass(site: Site) -> None:
    now = site.clock.now()
    under_way = Span(start=now.plus(-US_PER_MINUTE), end=now.plus(4 * US_PER_MINUTE))
    for n, told in ((4, None), (5, 5), (6, 5), (9, 5), (10, 10)):
        fresh = tuple(replace(count(kind, n), span=under_way) for kind in (PERSON, CAR))
        site.catalogue.write([CountsSaved(camera=NAME, counts=fresh)])
        found = site.gate.measures(site.mara.token, NAME, under_way).counts
        assert {one.kind: one.n for one in found} == {"person": told, "car": n}
        assert {one.high for one in found if one.kind == "person"} == {None}


def test_what_was_not_looked_at_is_not_zero(site: Site) -> None:
    site.catalogue.write([CountsSaved(camera=NAME, counts=(count(PERSON, None, 0.0),))])
    (found,) = site.gate.measures(site.mara.token, NAME, BIN).counts
    assert (found.n, found.is_few, found.observed_frac) == (None, False, 0.0)


def test_measures_of_more_than_a_month_are_refused(site: Site) -> None:
    with pytest.raises(BadInput, match="31 days"):
        site.gate.measures(site.mara.token, NAME, Span(start=NOON, end=NOON.plus(32 * US_PER_DAY)))
