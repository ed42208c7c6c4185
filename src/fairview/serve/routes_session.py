"""Setting up, signing in and out."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Response
from starlette.requests import HTTPConnection

from fairview.access.door import SessionOpened
from fairview.core.errors import NotAllowed
from fairview.core.time import US_PER_SECOND
from fairview.serve import models as m
from fairview.serve.convert import actor_answer
from fairview.serve.problems import PROBLEMS
from fairview.serve.web import SharedWeb, Web, session_of

router = APIRouter(prefix="/api/v1", tags=["session"], responses=PROBLEMS)


@router.get("/session")
async def session_show(web: SharedWeb, connection: HTTPConnection) -> m.SessionAnswer:
    """Who is signed in in this browser; never an error for nobody."""
    needs_set_up = await web.calls.run(web.door.needs_set_up)
    try:
        session = session_of(connection)
        actor = await web.calls.run(lambda: web.door.who(session))
    except NotAllowed:
        return m.SessionAnswer(actor=None, needs_set_up=needs_set_up, expires_at=None)
    return m.SessionAnswer(actor=actor_answer(actor), needs_set_up=needs_set_up, expires_at=None)


@router.post("/set-up")
async def set_up(web: SharedWeb, wish: m.SetUpWish, response: Response) -> m.SessionAnswer:
    """Make the first account, through the one-time link, and sign it in."""
    password = wish.password.get_secret_value()
    opened = await web.calls.run(lambda: web.door.set_up(wish.link_token, wish.name, password))
    return _signed_in(web, opened, response)


@router.post("/session")
async def session_open(web: SharedWeb, wish: m.SignInWish, response: Response) -> m.SessionAnswer:
    """Sign in. Overloaded after too many wrong tries."""
    password = wish.password.get_secret_value()
    opened = await web.calls.run(lambda: web.door.sign_in(wish.name, password))
    return _signed_in(web, opened, response)


@router.delete("/session", status_code=204)
async def session_close(web: SharedWeb, connection: HTTPConnection, response: Response) -> None:
    """Sign out; closes this session's looks. Safe to repeat."""
    response.delete_cookie(
        web.settings.cookie,
        path="/",
        secure=web.settings.is_https,
        httponly=True,
        samesite="strict",
    )
    try:
        session = session_of(connection)
    except NotAllowed:
        return
    for token in web.looks.drop_session(session):
        await web.calls.run(partial(web.door.look_close, token))
    await web.calls.run(lambda: web.door.sign_out(session))


def _signed_in(web: Web, opened: SessionOpened, response: Response) -> m.SessionAnswer:
    lives_s = max(0, opened.expires_at.since(web.clock.now()) // US_PER_SECOND)
    response.set_cookie(
        web.settings.cookie,
        opened.token,
        max_age=lives_s,
        path="/",
        secure=web.settings.is_https,
        httponly=True,
        samesite="strict",
    )
    return m.SessionAnswer(
        actor=actor_answer(opened.actor),
        needs_set_up=False,
        expires_at=opened.expires_at.iso(),
    )
