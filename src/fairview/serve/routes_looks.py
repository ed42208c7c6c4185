"""Looks, and what may be seen within one: pictures, recorded footage, downloads.

Everything here carries the look's token in the X-Fairview-Look header.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import StreamingResponse

from fairview.access.door import TimeLapseWish
from fairview.core.errors import BadInput
from fairview.core.limits_keeping import WEB_TIME_LAPSE_PICTURES_MAX
from fairview.core.time import US_PER_SECOND, instant
from fairview.serve import hls
from fairview.serve import models as m
from fairview.serve.convert import look_answer, look_wish, span_of
from fairview.serve.door_calls import BlockingStream
from fairview.serve.problems import PROBLEMS
from fairview.serve.web import Camera, LookName, LookToken, Session, SharedWeb

router = APIRouter(prefix="/api/v1", tags=["looks"], responses=PROBLEMS)

_MEDIA = {"mp4": "video/mp4", "zip": "application/zip"}


@router.post("/looks", status_code=201)
async def look_open(web: SharedWeb, session: Session, wish: m.LookWishModel) -> m.LookAnswer:
    """Open a look; it stands in the ledger before this answers."""
    asked = look_wish(wish)
    opened = await web.calls.run(lambda: web.door.look_open(session, asked))
    web.looks.keep(session, opened.look.id, opened.token)
    web.meters.looks.inc()
    return look_answer(opened)


@router.post("/looks/{look}/renew")
async def look_renew(
    web: SharedWeb, session: Session, look: LookName, token: LookToken
) -> m.LookAnswer:
    """Ten more minutes of a live look."""
    opened = await web.calls.run(lambda: web.door.look_renew(session, look))
    web.looks.keep(session, opened.look.id, opened.token)
    return look_answer(opened)


@router.delete("/looks/{look}", status_code=204)
async def look_close(web: SharedWeb, look: LookName, token: LookToken) -> None:
    """Close a look; the ledger then says what was really read."""
    await web.calls.run(lambda: web.door.look_close(token))
    web.looks.drop(look)


@router.get(
    "/looks/{look}/pictures/{camera}",
    response_class=Response,
    responses={200: {"content": {"image/jpeg": {}}, "description": "A JPEG."}},
)
async def picture(
    web: SharedWeb,
    token: LookToken,
    camera: Camera,
    at: Annotated[m.Moment, Query()],
    width_px: Annotated[int, Query(ge=32, le=3_840)] = 640,
) -> Response:
    """The last picture at or before a moment, in the look's rendition."""
    moment = instant(at)
    jpeg = await web.calls.run(lambda: web.door.picture(token, camera, moment, width_px))
    return Response(jpeg, media_type="image/jpeg")


@router.get(
    "/looks/{look}/hls/{camera}/index.m3u8",
    response_class=Response,
    responses={200: {"content": {hls.CONTENT_TYPE: {}}, "description": "An HLS playlist."}},
)
async def hls_playlist(web: SharedWeb, token: LookToken, camera: Camera) -> Response:
    """The look's stored span as an HLS playlist, made on request."""
    parts = await web.calls.run(lambda: web.door.parts(token, camera))
    return Response(hls.playlist(parts), media_type=hls.CONTENT_TYPE)


@router.get(
    "/looks/{look}/hls/{camera}/init-{number}.mp4",
    response_class=Response,
    responses={200: {"content": {"video/mp4": {}}, "description": "An initialisation."}},
)
async def hls_init(
    web: SharedWeb, token: LookToken, camera: Camera, number: Annotated[int, Path(ge=0)]
) -> Response:
    """What a player needs before the parts that name it."""
    data = await web.calls.run(lambda: web.door.part_init(token, camera, number))
    return Response(data, media_type="video/mp4")


@router.get(
    "/looks/{look}/hls/{camera}/part-{number}.m4s",
    response_class=Response,
    responses={200: {"content": {"video/iso.segment": {}}, "description": "A part."}},
)
async def hls_part(
    web: SharedWeb, token: LookToken, camera: Camera, number: Annotated[int, Path(ge=0)]
) -> Response:
    """One part, rendered on request: fragments as they are made."""
    pieces = web.calls.stream(lambda: web.door.part(token, camera, number))
    return StreamingResponse(await _begun(pieces), media_type="video/iso.segment")


@router.post("/looks/{look}/export/{camera}", status_code=201)
async def export_prepare(
    web: SharedWeb, session: Session, token: LookToken, camera: Camera, wish: m.ExportWish
) -> m.ExportAnswer:
    """A one-time address for the browser's own download; it holds no token."""
    name = web.looks.ticket(session, token, camera, wish.kind)
    return m.ExportAnswer(href=f"/api/v1/downloads/{name}")


@router.post("/cameras/{camera}/time-lapse", status_code=201)
async def time_lapse_prepare(
    web: SharedWeb, session: Session, camera: Camera, wish: m.TimeLapseWishModel
) -> m.ExportAnswer:
    """A one-time address for the film, which is made while its download waits."""
    asked = TimeLapseWish(
        camera=camera,
        span=span_of(wish.span),
        every_us=round(wish.every_s * US_PER_SECOND),
        fps=wish.fps,
        width_px=wish.width_px,
        rendition=wish.rendition,
    )
    pictures = -(-asked.span.duration_us // asked.every_us)
    if pictures > WEB_TIME_LAPSE_PICTURES_MAX:
        raise BadInput(
            f"this would be {pictures} pictures, and a film asked for on the page has at most "
            f"{WEB_TIME_LAPSE_PICTURES_MAX}: take fewer, or use fairview timelapse"
        )
    return m.ExportAnswer(href=f"/api/v1/downloads/{web.looks.lapse_ticket(session, asked)}")


@router.get(
    "/downloads/{ticket}",
    response_class=Response,
    responses={
        200: {
            "content": {"video/mp4": {}, "application/zip": {}},
            "description": "The file.",
        }
    },
)
async def download(
    web: SharedWeb, session: Session, ticket: Annotated[str, Path(max_length=100)]
) -> StreamingResponse:
    """The file behind a one-time address, once, for the session that asked."""
    asked = web.looks.redeem(session, ticket)

    def made() -> Iterator[bytes]:
        if asked.lapse is not None:
            return web.door.time_lapse(session, asked.lapse)
        return web.door.export(asked.token, asked.camera, asked.kind)

    pieces = web.calls.stream(made)
    body = await _begun(pieces)
    what = "" if asked.lapse is None else "-time-lapse"
    name = f"{asked.camera}{what}.{asked.kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(body, media_type=_MEDIA[asked.kind], headers=headers)


async def _begun(pieces: BlockingStream[bytes]) -> AsyncIterator[bytes]:
    """The pieces, of which the first is there: until then an error is still an answer."""
    async with AsyncExitStack() as on_failure:
        on_failure.push_async_callback(pieces.close)
        first = await pieces.next()
        on_failure.pop_all()
    return _all_of(first, pieces)


async def _all_of(first: bytes | None, pieces: BlockingStream[bytes]) -> AsyncIterator[bytes]:
    try:
        piece = first
        while piece is not None:
            yield piece
            piece = await pieces.next()
    finally:
        await pieces.close()
