"""Live pictures over a WebSocket.

The page sends one text with the look's token; then, for each piece, a text that says what
comes (LiveHeader) and the bytes themselves. At the end a text that says why (LiveEnd).
One piece is in flight at most: a slow viewer slows the pull, and the door's queue drops.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import ValidationError

from fairview.access.door import LiveChunk
from fairview.core.errors import (
    BadInput,
    FairviewError,
    NotAllowed,
    Overloaded,
    Unavailable,
    outcome_of,
)
from fairview.core.ids import CameraId, camera_id
from fairview.core.limits import WEB_BODY_BYTES_MAX, WEB_SEND_US_MAX, WEB_TOKEN_WAIT_US_MAX
from fairview.core.sight import Sight
from fairview.core.time import US_PER_SECOND
from fairview.serve import models as m
from fairview.serve.convert import look_id
from fairview.serve.door_calls import BlockingStream
from fairview.serve.problems import log_problem, problem_body
from fairview.serve.web import Web, session_of, web_of

router = APIRouter()

CLOSE_NORMAL = 1000
CLOSE_STRANGER = 1008
CLOSE_PROBLEM = 4000
"""A socket closed for an error says 4000 plus its HTTP status: 4403, 4404, 4503."""


@router.websocket("/api/v1/looks/{look}/live/{camera}")
async def live(socket: WebSocket, look: str, camera: str) -> None:
    """A look's live picture. See the module's text for the messages."""
    await _shown(socket, look, camera, _send_pictures)


@router.websocket("/api/v1/looks/{look}/sights/{camera}")
async def sights(socket: WebSocket, look: str, camera: str) -> None:
    """Boxes and trails over a look's live picture: `SightMessage` after `SightMessage` (text)."""
    await _shown(socket, look, camera, _send_sights)


Send = Callable[[Web, WebSocket, str, CameraId], Awaitable[None]]
"""Sends one camera's part of a look, named by the look's token, until it is over."""


async def _shown(socket: WebSocket, look: str, camera: str, send: Send) -> None:
    """A socket's whole life: who asks, for which look, then what `send` has."""
    web = web_of(socket)
    try:
        session = session_of(socket)
    except NotAllowed:
        await socket.close(CLOSE_STRANGER)
        return
    await socket.accept()
    try:
        asked = await _first_message(socket)
        token = web.looks.token(session, look_id(look), asked.token)
        await send(web, socket, token, camera_id(camera))
        await _end(socket, None)
    except FairviewError as error:
        log_problem(error, route=socket.url.path)
        await _end(socket, error)
    except WebSocketDisconnect:
        return


async def _send_pictures(web: Web, socket: WebSocket, token: str, camera: CameraId) -> None:
    pieces = web.calls.stream(partial(web.door.live, token, camera))
    web.meters.live_viewers.inc()
    try:
        await _while_there(socket, pieces, partial(_pump, web, socket, pieces))
    finally:
        web.meters.live_viewers.dec()


async def _send_sights(web: Web, socket: WebSocket, token: str, camera: CameraId) -> None:
    seen = web.calls.stream(partial(web.door.sights, token, camera))
    await _while_there(socket, seen, partial(_pump_sights, socket, seen))


async def _while_there(
    socket: WebSocket, stream: BlockingStream[Any], pump: Callable[[], Awaitable[None]]
) -> None:
    """Pump until the stream is over or the page has gone; then let the stream go."""
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_until_gone, socket, group.cancel_scope)
            await pump()
            group.cancel_scope.cancel()
    except BaseExceptionGroup as group_error:
        raise _only(group_error) from group_error
    finally:
        await stream.close()


async def _pump_sights(socket: WebSocket, seen: BlockingStream[Sight]) -> None:
    while (sight := await seen.next()) is not None:
        message = m.SightMessage(
            type="sight",
            at=sight.at.iso(),
            boxes=[
                m.SightBoxModel(
                    id=box.id,
                    kind=box.kind,
                    box_unit=box.box_unit,
                    trail_unit=list(box.trail_unit),
                )
                for box in sight.boxes
            ],
        )
        try:
            with anyio.fail_after(WEB_SEND_US_MAX / US_PER_SECOND):
                await socket.send_text(message.model_dump_json())
        except TimeoutError as error:
            raise Overloaded("this viewer is too slow for the live picture") from error


async def _first_message(socket: WebSocket) -> m.LiveToken:
    """Errors:  BadInput when it is late, too long or not a token."""
    try:
        with anyio.fail_after(WEB_TOKEN_WAIT_US_MAX / US_PER_SECOND):
            text = await socket.receive_text()
    except TimeoutError as error:
        raise BadInput("the look's token did not come in time") from error
    except KeyError as error:
        raise BadInput("the first message is a text with the look's token") from error
    if len(text) > WEB_BODY_BYTES_MAX:
        raise BadInput("the first message is a text with the look's token")
    try:
        return m.LiveToken.model_validate_json(text)
    except ValidationError as error:
        raise BadInput("the first message is a text with the look's token") from error


def _only(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error a group of two tasks can hold that matters here."""
    first = group.exceptions[0]
    return _only(first) if isinstance(first, BaseExceptionGroup) else first


async def _pump(web: Web, socket: WebSocket, pieces: BlockingStream[LiveChunk]) -> None:
    while (chunk := await pieces.next()) is not None:
        header = m.LiveHeader(
            type="init" if chunk.is_init else "fragment",
            codec=chunk.codec,
            cover=chunk.cover,
            at=chunk.at.iso(),
            dropped=chunk.dropped,
            size_bytes=len(chunk.data),
        )
        try:
            with anyio.fail_after(WEB_SEND_US_MAX / US_PER_SECOND):
                await socket.send_text(header.model_dump_json())
                await socket.send_bytes(chunk.data)
        except TimeoutError as error:
            web.meters.live_too_slow.inc()
            raise Overloaded("this viewer is too slow for the live picture") from error
        web.meters.live_bytes.labels(chunk.cover).inc(len(chunk.data))
        web.meters.live_dropped.inc(chunk.dropped)


async def _until_gone(socket: WebSocket, scope: anyio.CancelScope) -> None:
    """Nothing more is expected from the page: whatever comes, also its leaving, ends it."""
    await socket.receive()
    scope.cancel()


async def _end(socket: WebSocket, error: FairviewError | None) -> None:
    """Say why, then close. A viewer that is gone or stuck is simply let go."""
    if error is None:
        said = m.LiveEnd(type="end", error=None, message="the look is over", do="")
        code = CLOSE_NORMAL
    else:
        body = problem_body(outcome_of(error).name, str(error))
        said = m.LiveEnd(type="end", **body)
        code = CLOSE_PROBLEM + outcome_of(error).http_status
    with anyio.move_on_after(1):
        try:
            await socket.send_text(said.model_dump_json())
            await socket.close(code)
        except (WebSocketDisconnect, RuntimeError, Unavailable):
            return
