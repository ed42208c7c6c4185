"""Errors as answers: one shape, one table, for every route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from fairview.core.errors import BadInput, FairviewError, outcome_of

ErrorName = Literal[
    "bad_input",
    "not_allowed",
    "not_found",
    "conflict",
    "overloaded",
    "unavailable",
    "corrupt",
    "our_mistake",
]

WHAT_TO_DO: dict[str, str] = {
    "bad_input": "Fix the request.",
    "not_allowed": "Sign in, or ask someone who may.",
    "not_found": "Look elsewhere.",
    "conflict": "Read again, then try again.",
    "overloaded": "Slow down and come back.",
    "unavailable": "Wait, then retry with growing waits.",
    "corrupt": "Stop, keep the data, and call the person who runs this.",
    "our_mistake": "Tell the person who runs this; the log names the cause.",
}

RETRY_AFTER_S = "2"


class Problem(BaseModel):
    """What every error answer holds."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "error": "not_found",
                    "message": "there is no camera junction-9",
                    "do": "Look elsewhere.",
                }
            ]
        },
    )

    error: ErrorName = Field(description="The kind of error; what the caller must do follows it.")
    message: str = Field(description="What happened, and to which thing.")
    do: str = Field(description="What to do next.")


def problem_body(name: str, message: str) -> dict[str, str]:
    """An error's JSON, also for sockets and the guard."""
    return {"error": name, "message": message, "do": WHAT_TO_DO[name]}


def problem_answer(error: FairviewError) -> JSONResponse:
    """An error of the tree with its status from the one table."""
    outcome = outcome_of(error)
    headers = {"Retry-After": RETRY_AFTER_S} if outcome.http_status == 503 else None
    body = problem_body(outcome.name, str(error))
    return JSONResponse(body, status_code=outcome.http_status, headers=headers)


def log_problem(error: FairviewError, *, route: str) -> None:
    """One line per error answer, at the table's level."""
    outcome = outcome_of(error)
    log = structlog.get_logger()
    getattr(log, outcome.log_level)(
        "a request was refused", error=outcome.name, route=route, because=str(error)
    )


async def answer_every_error(
    route: Callable[[], Awaitable[None]],
    answer: Callable[[int, dict[str, str]], Awaitable[None]],
    *,
    path: str,
) -> None:
    """The route wrapper: whatever a route raises becomes an answer, logged once."""
    try:
        await route()
    except FairviewError as error:
        log_problem(error, route=path)
        outcome = outcome_of(error)
        await answer(outcome.http_status, problem_body(outcome.name, str(error)))
    except Exception:  # noqa: BLE001  # one of the four boundaries
        structlog.get_logger().exception("a route failed", route=path)
        await answer(500, problem_body("our_mistake", "something here went wrong"))


async def answer_fairview_error(request: Request, error: Exception) -> JSONResponse:
    """Exception handler for the whole tree."""
    assert isinstance(error, FairviewError)
    log_problem(error, route=request.url.path)
    return problem_answer(error)


async def answer_bad_request(request: Request, error: Exception) -> JSONResponse:
    """FastAPI's validation errors, said in our words; values are never repeated back."""
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    message = f"{where or 'the body'}: {str(first['msg']).lower()}"
    return problem_answer(BadInput(message))


async def answer_http_error(request: Request, error: Exception) -> JSONResponse:
    """Unknown routes and methods."""
    assert isinstance(error, HTTPException)
    name = "not_found" if error.status_code == 404 else "bad_input"
    message = (
        "there is no such address here"
        if error.status_code == 404
        else f"{request.method} is not possible here"
    )
    return JSONResponse(
        problem_body(name, message), status_code=error.status_code, headers=error.headers
    )


PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "BadInput: fix the request."},
    403: {"model": Problem, "description": "NotAllowed: sign in, or ask someone who may."},
    404: {"model": Problem, "description": "NotFound: also what is not yours to know."},
    409: {"model": Problem, "description": "Conflict: read again, then try again."},
    500: {"model": Problem, "description": "Corrupt, or our mistake: call a person."},
    503: {"model": Problem, "description": "Overloaded or Unavailable: come back later."},
}
"""The error answers every route may give, for OpenAPI."""
