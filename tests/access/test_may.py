from __future__ import annotations

from itertools import product

import pytest

from fairview.access.may import (
    ACTIONS,
    FIRST_ACTOR_ROLES,
    NEEDS_CASE,
    ROLES,
    Action,
    Allowed,
    CameraState,
    Denied,
    decide,
    raw_because,
)
from fairview.core.camera import Camera, Source
from fairview.core.case import Actor, LookWish, Purpose, Rendition, Role
from fairview.core.ids import ActorId, CameraId
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, Span
from tests.builders import NOON, camera, register_entry

TABLE: dict[Action, set[Role]] = {
    "cameras_see": {"administrator", "operator", "privacy_officer", "auditor"},
    "camera_probe": {"administrator"},
    "camera_add": {"administrator"},
    "camera_remove": {"administrator"},
    "camera_login": {"administrator"},
    "camera_keep": {"administrator"},
    "look": {"operator"},
    "timeline_see": {"operator", "privacy_officer", "auditor"},
    "clean_picture_see": {"privacy_officer"},
    "clean_picture_decide": {"privacy_officer"},
    "no_persons_sign": {"privacy_officer"},
    "events_see": {"administrator", "operator", "auditor"},
    "health_see": {"administrator", "operator", "auditor"},
    "time_see": {"administrator", "operator", "auditor"},
    "time_confirm": {"administrator"},
    "scene_see": {"administrator", "operator", "privacy_officer", "auditor"},
    "scene_save": {"administrator"},
    "zone_remove": {"privacy_officer"},
    "measures_see": {"administrator", "operator", "privacy_officer", "auditor"},
}


def actor(*roles: Role, cameras: frozenset[CameraId] | None = None) -> Actor:
    return Actor(id=ActorId("mara"), roles=frozenset(roles), cameras=cameras)


def wish(
    rendition: Rendition = "covered", purpose: Purpose = "operation", span: Span | None = None
) -> LookWish:
    return LookWish(
        cameras=(CameraId("junction-1"),), rendition=rendition, purpose=purpose, span=span
    )


def looked(who: Actor, what: Camera | None, asked: LookWish) -> Allowed | Denied:
    return decide(who, "look", what, asked, NOON, CameraState())


@pytest.mark.parametrize(("action", "role"), list(product(ACTIONS, ROLES)))
def test_each_role_may_do_exactly_its_row_of_the_table(action: Action, role: Role) -> None:
    answer = decide(actor(role), action, camera(), wish(), NOON, CameraState())
    assert isinstance(answer, Allowed) == (role in TABLE[action])


@pytest.mark.parametrize("action", ACTIONS)
def test_nobody_without_a_role_may_do_anything(action: Action) -> None:
    assert isinstance(decide(actor(), action, camera(), wish(), NOON, CameraState()), Denied)


def test_an_action_outside_the_table_is_denied() -> None:
    everyone = actor(*ROLES)
    answer = decide(everyone, "own_city", camera(), wish(), NOON, CameraState())  # type: ignore[arg-type]  # what a mistake would send
    assert isinstance(answer, Denied)


def test_the_administrator_of_rights_cant_look() -> None:
    assert isinstance(looked(actor("administrator"), camera(), wish()), Denied)


def test_the_first_actor_of_a_small_site_may_look_and_approve_but_sees_covered_only() -> None:
    first = actor(*FIRST_ACTOR_ROLES)
    assert isinstance(looked(first, camera(), wish()), Allowed)
    assert isinstance(looked(first, camera(), wish("raw")), Denied)
    answer = decide(first, "clean_picture_decide", camera(), None, NOON, CameraState())
    assert isinstance(answer, Allowed)


def test_raw_of_a_real_camera_needs_a_case_with_two_signatures() -> None:
    answer = looked(actor(*ROLES), camera(), wish("raw"))
    assert answer == Denied(because=NEEDS_CASE)
    assert "two signatures" in NEEDS_CASE


def test_raw_needs_no_case_where_nobody_can_be_in_the_picture() -> None:
    operator = actor("operator")
    sim = camera(sources=(Source(stream="main", kind="sim", address="sim:junction?seed=7"),))
    file = camera(sources=(Source(stream="main", kind="file", address="/clips/a.mp4"),))
    empty = camera(register=register_entry(presence="no_persons"))
    for one in (sim, file, empty):
        assert isinstance(looked(operator, one, wish("raw")), Allowed)
        assert isinstance(raw_because(one, NOON), Allowed)


def test_a_register_entry_that_says_simulated_makes_no_real_camera_simulated() -> None:
    pretend = camera(register=register_entry(presence="simulated"))
    assert isinstance(looked(actor("operator"), pretend, wish("raw")), Denied)
    assert isinstance(raw_because(pretend, NOON), Denied)


def test_raw_in_commissioning_is_for_that_purpose_and_that_time_only() -> None:
    operator = actor("operator")
    fresh = camera(commissioning_until=NOON.plus(US_PER_HOUR))
    over = camera(commissioning_until=NOON)
    assert isinstance(looked(operator, fresh, wish("raw", "commissioning")), Allowed)
    assert isinstance(looked(operator, fresh, wish("raw", "operation")), Denied)
    assert isinstance(looked(operator, over, wish("raw", "commissioning")), Denied)
    before = Span(start=NOON.plus(-30 * US_PER_HOUR), end=NOON.plus(-29 * US_PER_HOUR - 1))
    assert isinstance(looked(operator, fresh, wish("raw", "commissioning", before)), Denied)
    lately = Span(start=NOON.plus(-US_PER_MINUTE), end=NOON)
    assert isinstance(looked(operator, fresh, wish("raw", "commissioning", lately)), Allowed)
    # A server's queue at the first connection holds pictures from just before.
    began = NOON.plus(-23 * US_PER_HOUR)
    for start, answer in ((-30 * US_PER_SECOND, Allowed), (-30 * US_PER_SECOND - 1, Denied)):
        span = Span(start=began.plus(start), end=began.plus(US_PER_SECOND))
        assert isinstance(looked(operator, fresh, wish("raw", "commissioning", span)), answer)


def test_one_real_stream_makes_a_camera_real() -> None:
    mixed = camera(
        sources=(
            Source(stream="main", kind="rtsp", address="rtsp://10.0.0.9/main"),
            Source(stream="sub", kind="sim", address="sim:junction?seed=7"),
        )
    )
    assert isinstance(looked(actor("operator"), mixed, wish("raw")), Denied)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_foreign_camera_gets_the_answer_of_one_that_does_not_exist(action: Action) -> None:
    stranger = actor(*ROLES, cameras=frozenset({CameraId("other-1")}))
    foreign = decide(stranger, action, camera(), wish(), NOON, CameraState())
    missing = decide(stranger, action, None, wish(), NOON, CameraState())
    assert foreign == missing
    if action in ("look", "timeline_see", "camera_remove"):
        assert isinstance(foreign, Denied)
        assert foreign.is_hidden


def test_nothing_is_looked_at_while_viewing_is_stopped() -> None:
    state = CameraState(viewing_stopped="the clock can't be trusted")
    answer = decide(actor("operator"), "look", camera(), wish(), NOON, state)
    assert answer == Denied(because="the clock can't be trusted")
