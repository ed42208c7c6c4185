"""Who may do what: one pure policy. What it does not allow is denied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from fairview.core.camera import COMMISSIONING_LEAD_US, COMMISSIONING_US, Camera
from fairview.core.case import Actor, LookWish, Role
from fairview.core.time import Instant

Action = Literal[
    "cameras_see",
    "camera_probe",
    "camera_add",
    "camera_remove",
    "camera_login",
    "camera_keep",
    "look",
    "timeline_see",
    "clean_picture_see",
    "clean_picture_decide",
    "no_persons_sign",
    "events_see",
    "health_see",
    "time_see",
    "time_confirm",
    "scene_see",
    "scene_save",
    "zone_remove",
    "measures_see",
]
ACTIONS: tuple[Action, ...] = get_args(Action)

ROLES: tuple[Role, ...] = get_args(Role)

FIRST_ACTOR_ROLES: frozenset[Role] = frozenset({"administrator", "operator", "privacy_officer"})
"""The trial arrangement of a small site: its one actor adds cameras, looks at covered pictures
and approves clean pictures. A site with more people separates these again; set-up prints it."""

_ROLES_OF: dict[Action, frozenset[Role]] = {
    "cameras_see": frozenset(ROLES),
    "camera_probe": frozenset({"administrator"}),
    "camera_add": frozenset({"administrator"}),
    "camera_remove": frozenset({"administrator"}),
    "camera_login": frozenset({"administrator"}),
    "camera_keep": frozenset({"administrator"}),
    "look": frozenset({"operator"}),
    "timeline_see": frozenset({"operator", "privacy_officer", "auditor"}),
    "clean_picture_see": frozenset({"privacy_officer"}),
    "clean_picture_decide": frozenset({"privacy_officer"}),
    "no_persons_sign": frozenset({"privacy_officer"}),
    "events_see": frozenset({"administrator", "operator", "auditor"}),
    "health_see": frozenset({"administrator", "operator", "auditor"}),
    "time_see": frozenset({"administrator", "operator", "auditor"}),
    "time_confirm": frozenset({"administrator"}),
    "scene_see": frozenset(ROLES),
    "scene_save": frozenset({"administrator"}),
    "zone_remove": frozenset({"privacy_officer"}),
    "measures_see": frozenset(ROLES),
}

_ABOUT_ONE_CAMERA: frozenset[Action] = frozenset(
    {
        "camera_remove",
        "camera_login",
        "camera_keep",
        "look",
        "timeline_see",
        "clean_picture_see",
        "clean_picture_decide",
        "scene_see",
        "scene_save",
        "zone_remove",
        "measures_see",
    }
)

NEEDS_CASE = (
    "uncovered pictures of this camera need a case with two signatures, "
    "which is not part of this version"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """because: which rule allowed it, for the ledger's private details."""

    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """is_hidden: the actor must hear exactly what a stranger hears, "not found"."""

    because: str
    is_hidden: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraState:
    """What beside the camera itself decides.

    viewing_stopped: why nothing at all may be looked at now (the clock can't be trusted);
    empty when viewing goes on.
    """

    viewing_stopped: str = ""


def decide(
    actor: Actor,
    action: Action,
    camera: Camera | None,
    wish: LookWish | None,
    now: Instant,
    state: CameraState,
) -> Allowed | Denied:
    """Whether an actor may do an action, by rules alone.

    camera None: the action is about no camera, or the camera does not exist; both a foreign
    and a missing camera give the same hidden denial.
    """
    if action in _ABOUT_ONE_CAMERA and (camera is None or not may_know(actor, camera)):
        return Denied(because="there is no such camera", is_hidden=True)
    roles = _ROLES_OF.get(action, frozenset())
    if not roles & actor.roles:
        return Denied(because=_role_text(action, roles))
    if action == "look":
        if camera is None or wish is None:
            return Denied(because="a look names its camera and what is wished")
        return _look(camera, wish, now, state)
    return Allowed(because=f"role {sorted(roles & actor.roles)[0]}")


def may_know(actor: Actor, camera: Camera) -> bool:
    """Whether this camera exists as far as the actor is concerned."""
    return actor.cameras is None or camera.id in actor.cameras


def raw_because(camera: Camera, now: Instant) -> Allowed | Denied:
    """Whether uncovered pictures of a camera may be seen without a case, and why (decision 9).

    The answer holds for live pictures now; a stored span is checked again by `decide`.
    """
    for name, is_met in _RAW_RULES:
        if is_met(camera, now):
            return Allowed(because=name)
    return Denied(because=NEEDS_CASE)


def _is_made_up(camera: Camera, now: Instant) -> bool:
    del now
    return all(source.kind == "sim" for source in camera.sources)


def _is_file(camera: Camera, now: Instant) -> bool:
    del now
    return all(source.kind in ("file", "sim") for source in camera.sources)


def _has_no_persons(camera: Camera, now: Instant) -> bool:
    del now
    return camera.register.presence == "no_persons"


def _is_commissioning(camera: Camera, now: Instant) -> bool:
    return camera.is_commissioning(now)


_RAW_RULES: tuple[tuple[str, Callable[[Camera, Instant], bool]], ...] = (
    ("the camera is simulated", _is_made_up),
    ("the camera plays a file", _is_file),
    ("the register says no persons are in view", _has_no_persons),
    ("commissioning", _is_commissioning),
)


def _look(camera: Camera, wish: LookWish, now: Instant, state: CameraState) -> Allowed | Denied:
    if state.viewing_stopped:
        return Denied(because=state.viewing_stopped)
    if wish.rendition == "covered":
        return Allowed(because="covered pictures are for operators")
    reason = raw_because(camera, now)
    if isinstance(reason, Denied) or reason.because != "commissioning":
        return reason
    return _commissioning_look(camera, wish)


def _commissioning_look(camera: Camera, wish: LookWish) -> Allowed | Denied:
    if wish.purpose != "commissioning":
        return Denied(
            because="while a camera is in commissioning, uncovered pictures are for that "
            "purpose only: ask with the purpose commissioning"
        )
    until = camera.commissioning_until
    assert until is not None, "the rule that allowed this looked at it"
    began_us = until.us - COMMISSIONING_US - COMMISSIONING_LEAD_US
    if wish.span is not None and wish.span.start.us < began_us:
        return Denied(because=f"the span begins before commissioning did; {NEEDS_CASE}")
    return Allowed(because="commissioning")


def _role_text(action: Action, roles: frozenset[Role]) -> str:
    if not roles:
        return f"nobody may do {action}"
    names = " or ".join(sorted(role.replace("_", " ") for role in roles))
    return f"this needs the role {names}"
