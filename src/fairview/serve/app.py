"""The web application: every route over one door."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fairview.access.door import Door
from fairview.core.errors import FairviewError
from fairview.core.time import Clock, SystemClock
from fairview.serve import (
    live,
    routes_cameras,
    routes_health,
    routes_looks,
    routes_measures,
    routes_public,
    routes_session,
)
from fairview.serve.door_calls import DoorCalls
from fairview.serve.guard import Guard
from fairview.serve.looks_held import LooksHeld
from fairview.serve.meters import Meters
from fairview.serve.models import LiveEnd, LiveHeader, LiveToken, SightMessage
from fairview.serve.pages import page_routes
from fairview.serve.problems import answer_bad_request, answer_fairview_error, answer_http_error
from fairview.serve.settings import WebSettings
from fairview.serve.web import Web

API_VERSION = "1"
_PUBLIC_PATHS = (
    "/api/v1/session",
    "/api/v1/set-up",
    "/api/v1/ledger",
    "/ledger/{path}",
    "/healthz",
)
DESCRIPTION = """\
Footage leaves only inside a *look*: open one, put its token into `X-Fairview-Look`, close it.

Signing in sets a cookie. Changes need an `Origin` header that names this server.

Live pictures: `GET /api/v1/looks/{look}/live/{camera}` as a WebSocket. Send `LiveToken` as text;
then each piece comes as `LiveHeader` (text) and its bytes; `LiveEnd` says why it is over.
Boxes over it come the same way from `/api/v1/looks/{look}/sights/{camera}`, as `SightMessage`.
"""


def create_app(
    door: Door, *, settings: WebSettings | None = None, clock: Clock | None = None
) -> FastAPI:
    """The application for one door. Starts nothing; a server runs it.

    Errors:  what the routes raise becomes an answer by the one error table (core/errors.py).
    """
    settings = settings or WebSettings()
    clock = clock or SystemClock()
    app = FastAPI(
        title="Fairview",
        version=API_VERSION,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    web = Web(
        door=door,
        calls=DoorCalls(),
        looks=LooksHeld(clock),
        meters=Meters(),
        settings=settings,
        clock=clock,
    )
    app.state.web = web
    app.add_exception_handler(FairviewError, answer_fairview_error)
    app.add_exception_handler(RequestValidationError, answer_bad_request)
    app.add_exception_handler(HTTPException, answer_http_error)
    _include_api(app)
    app.include_router(page_routes(settings.web_dist))
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(_CountAnswers, meters=web.meters)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]  # FastAPI's own way
    return app


def api_schema() -> dict[str, Any]:
    """The API's OpenAPI document, for client generators and the reference; needs no door."""
    app = FastAPI(
        title="Fairview",
        version=API_VERSION,
        description=DESCRIPTION,
        generate_unique_id_function=lambda route: route.name,
    )
    _include_api(app)
    return _openapi(app)


def _include_api(app: FastAPI) -> None:
    for module in (
        routes_session,
        routes_cameras,
        routes_measures,
        routes_health,
        routes_looks,
        routes_public,
        live,
    ):
        app.include_router(module.router)


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The routes' schema plus the live socket's messages; always the same for the same code."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    schema = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
    )
    components = schema["components"]
    _, live_models = models_json_schema(
        [(one, "validation") for one in (LiveToken, LiveHeader, LiveEnd, SightMessage)],
        ref_template="#/components/schemas/{model}",
    )
    components["schemas"].update(live_models["$defs"])
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["securitySchemes"] = {
        "session": {"type": "apiKey", "in": "cookie", "name": "fairview"}
    }
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            if path not in _PUBLIC_PATHS:
                operation["security"] = [{"session": []}]
    app.openapi_schema = schema
    return schema


class _CountAnswers:
    """Outermost, so that refusals count too."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app = app
        self._meters = meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._meters.answers.labels(str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, counted if scope["type"] == "http" else send)
