"""Cameras: list, probe, add, remove, their timeline and clean picture; health events."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from fairview.access.door import KeepingWish
from fairview.core.errors import BadInput, NotFound
from fairview.core.limits import WEB_TIMELINE_US_MAX
from fairview.serve import models as m
from fairview.serve.convert import (
    camera_answer,
    camera_wish,
    event_answer,
    login_of,
    probe_answer,
    span_of,
    timeline_answer,
)
from fairview.serve.convert_keeping import keeping_wish
from fairview.serve.problems import PROBLEMS
from fairview.serve.web import Camera, Session, SharedWeb

router = APIRouter(prefix="/api/v1", tags=["cameras"], responses=PROBLEMS)


@router.get("/cameras")
async def cameras_list(web: SharedWeb, session: Session) -> m.CamerasAnswer:
    """Every camera that the asker may know."""
    views = await web.calls.run(lambda: web.door.cameras(session))
    return m.CamerasAnswer(cameras=[camera_answer(view) for view in views])


@router.post("/cameras", status_code=201)
async def camera_add(web: SharedWeb, session: Session, wish: m.CameraWishModel) -> m.CameraAnswer:
    """Add a camera; it starts recording at once."""
    asked = camera_wish(wish)
    return camera_answer(await web.calls.run(lambda: web.door.camera_add(session, asked)))


@router.post("/cameras/probe")
async def camera_probe(web: SharedWeb, session: Session, wish: m.ProbeWish) -> m.ProbeAnswer:
    """What answers at an address; nothing is kept. Takes up to 10 s."""
    login = login_of(wish.login)
    found = await web.calls.run(lambda: web.door.camera_probe(session, wish.address, login))
    return probe_answer(found)


@router.put("/cameras/{camera}/keeping")
async def camera_keep(
    web: SharedWeb, session: Session, camera: Camera, wish: m.KeepingWishModel
) -> m.CameraAnswer:
    """Keep a camera otherwise: always, around events or by hours. A line in the ledger."""
    keeping = keeping_wish(wish.keeping)
    asked = KeepingWish(camera=camera, keeping=keeping, from_revision=wish.from_revision)
    return camera_answer(await web.calls.run(lambda: web.door.camera_keep(session, asked)))


@router.delete("/cameras/{camera}", status_code=204)
async def camera_remove(web: SharedWeb, session: Session, camera: Camera) -> None:
    """Stop recording a camera. Its footage lives on until its retention ends."""
    await web.calls.run(lambda: web.door.camera_remove(session, camera))


@router.get("/cameras/{camera}/timeline")
async def timeline(
    web: SharedWeb,
    session: Session,
    camera: Camera,
    start: Annotated[m.Moment, Query()],
    end: Annotated[m.Moment, Query()],
) -> m.TimelineAnswer:
    """Where there is footage and where not, and why not. At most 7 days at once."""
    span = span_of(m.SpanModel(start=start, end=end))
    if span.duration_us > WEB_TIMELINE_US_MAX:
        raise BadInput("a timeline covers at most 7 days; ask for the next days then")
    return timeline_answer(await web.calls.run(lambda: web.door.timeline(session, camera, span)))


@router.get(
    "/cameras/{camera}/clean-picture",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "The picture that waits."}},
)
async def clean_picture_show(web: SharedWeb, session: Session, camera: Camera) -> Response:
    """The clean picture that waits for approval; when it was made is in X-Fairview-Made-At.

    The showing is a look of its own. NotFound when none waits.
    """
    waiting = await web.calls.run(lambda: web.door.clean_picture_waiting(session, camera))
    if waiting is None:
        raise NotFound(f"no clean picture of {camera} waits")
    headers = {"X-Fairview-Made-At": waiting.made_at.iso()}
    return Response(waiting.jpeg, media_type="image/jpeg", headers=headers)


@router.put("/cameras/{camera}/clean-picture", status_code=204)
async def clean_picture_decide(
    web: SharedWeb, session: Session, camera: Camera, wish: m.DecideWish
) -> None:
    """Approve or refuse the clean picture that waits."""
    await web.calls.run(
        lambda: web.door.clean_picture_decide(session, camera, approve=wish.approve)
    )


@router.get("/events", tags=["health"])
async def events(
    web: SharedWeb, session: Session, limit: Annotated[int, Query(ge=1, le=1_000)] = 100
) -> m.EventsAnswer:
    """The newest changes in how well things work."""
    found = await web.calls.run(lambda: web.door.events(session, limit))
    return m.EventsAnswer(events=[event_answer(event) for event in found])
