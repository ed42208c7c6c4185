"""How things are: for people who are signed in, and as figures for a monitor."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Header, Request, Response

from fairview.core.errors import NotAllowed, NotFound, Unavailable
from fairview.core.health import NodeHealth
from fairview.serve import meters
from fairview.serve import models_health as m
from fairview.serve.convert_health import camera_health, condition_answer, health_answer
from fairview.serve.node_meters import node_figures
from fairview.serve.problems import PROBLEMS
from fairview.serve.settings import host_name, is_loopback_address
from fairview.serve.web import Camera, Session, SharedWeb, Web, session_of

router = APIRouter(responses=PROBLEMS, tags=["health"])

_BEARER = "Bearer "
_PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")
"""Any one of them: somebody elsewhere asked, and a proxy on this machine passed it on."""
_TOKEN_CHARACTERS_MAX = 500


@router.get("/api/v1/health")
async def node_health(web: SharedWeb, session: Session) -> m.NodeHealthAnswer:
    """What is wrong and since when, and every camera, disk, process, queue and clock in figures.

    Of the cameras that the asker may know; the node's own parts for who knows all of them.
    """
    return health_answer(await web.calls.run(lambda: web.door.health(session)))


@router.get("/api/v1/health/conditions")
async def node_conditions(web: SharedWeb, session: Session) -> list[m.ConditionAnswer]:
    """What is wrong, oldest first; then what was wrong in the last day, newest first."""
    health = await web.calls.run(lambda: web.door.health(session))
    return [condition_answer(one) for one in health.conditions]


@router.get("/api/v1/health/cameras/{camera}")
async def one_camera_health(
    web: SharedWeb, session: Session, camera: Camera
) -> m.CameraHealthAnswer:
    """One camera in figures. NotFound also for one that the asker may not know."""
    health = await web.calls.run(lambda: web.door.health(session))
    for one in health.cameras:
        if one.camera == camera:
            return camera_health(one)
    raise NotFound("there is no such camera")


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text."}},
)
async def metrics(
    web: SharedWeb,
    request: Request,
    authorization: Annotated[str, Header(max_length=_TOKEN_CHARACTERS_MAX)] = "",
) -> Response:
    """Figures for Prometheus: for this machine, a monitor with the token (Authorization:
    Bearer), or someone signed in, who gets those of the cameras they may know."""
    text = web.meters.text()
    try:
        text += node_figures(await _figures(web, request, authorization))
    except Unavailable as error:
        structlog.get_logger().debug("figures without the node's", because=str(error))
    return Response(text, media_type=meters.CONTENT_TYPE)


async def _figures(web: Web, request: Request, authorization: str) -> NodeHealth:
    if authorization.startswith(_BEARER):
        token = authorization.removeprefix(_BEARER).strip()
        if not token:
            raise NotAllowed("the token is empty")
        return await web.calls.run(lambda: web.door.figures(token))
    if _is_from_here(request):
        return await web.calls.run(lambda: web.door.figures(""))
    session = session_of(request)
    return await web.calls.run(lambda: web.door.health(session))


def _is_from_here(request: Request) -> bool:
    """A proxy on this machine is also a loopback peer; it passes the Host that people typed."""
    if request.client is None or not is_loopback_address(request.client.host):
        return False
    name = host_name(request.headers.get("host", ""))
    if name is None or not (name == "localhost" or is_loopback_address(name)):
        raise NotAllowed("figures are for this machine or someone signed in")
    return not any(name in request.headers for name in _PROXY_HEADERS)
