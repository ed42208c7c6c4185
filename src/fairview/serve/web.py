"""What every route shares: the door, its calls, who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import HTTPConnection

from fairview.access.door import Door
from fairview.core.errors import NotAllowed
from fairview.core.ids import CameraId, LookId, camera_id
from fairview.core.time import Clock
from fairview.serve.convert import look_id
from fairview.serve.door_calls import DoorCalls
from fairview.serve.looks_held import LooksHeld
from fairview.serve.meters import Meters
from fairview.serve.settings import WebSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """One web process. Made by create_app, found by routes in the application's state."""

    door: Door
    calls: DoorCalls
    looks: LooksHeld
    meters: Meters
    settings: WebSettings
    clock: Clock


def web_of(connection: HTTPConnection) -> Web:
    web = connection.app.state.web
    assert isinstance(web, Web)
    return web


def session_of(connection: HTTPConnection) -> str:
    """The session's token from its cookie. Errors: NotAllowed when there is none."""
    token = connection.cookies.get(web_of(connection).settings.cookie)
    if not token or len(token) > 500:
        raise NotAllowed("nobody is signed in here")
    return token


def camera_of(camera: str) -> CameraId:
    """A camera named in the path. Errors: BadInput for a name no camera can have."""
    return camera_id(camera)


def look_of(look: str) -> LookId:
    return look_id(look)


SharedWeb = Annotated[Web, Depends(web_of)]
Session = Annotated[str, Depends(session_of)]
Camera = Annotated[CameraId, Depends(camera_of)]
LookName = Annotated[LookId, Depends(look_of)]


def look_token_of(
    web: SharedWeb,
    session: Session,
    look: LookName,
    x_fairview_look: Annotated[str, Header(max_length=500, description="The look's token.")],
) -> str:
    """The look's token, checked against the session that opened it.

    A header and never part of an address, so that no log, history or referrer holds it.
    """
    return web.looks.token(session, look, x_fairview_look)


LookToken = Annotated[str, Depends(look_token_of)]
