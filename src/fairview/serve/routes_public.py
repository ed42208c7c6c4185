"""What anyone may read: the ledger, and whether the node answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from fairview.serve import models as m
from fairview.serve.convert import ledger_answer
from fairview.serve.problems import PROBLEMS
from fairview.serve.web import SharedWeb

router = APIRouter(responses=PROBLEMS)

_FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/api/v1/ledger", tags=["ledger"])
async def ledger_tail(
    web: SharedWeb, lines: Annotated[int, Query(ge=1, le=500)] = 50
) -> m.LedgerAnswer:
    """The ledger's newest lines in words. Public."""
    return ledger_answer(await web.calls.run(lambda: web.door.ledger_tail(lines)))


@router.get(
    "/ledger/{path:path}",
    tags=["ledger"],
    response_class=Response,
    responses={
        200: {
            "content": {"text/plain": {}, "application/octet-stream": {}},
            "description": "The file.",
        }
    },
)
async def ledger_file(web: SharedWeb, path: Annotated[str, Path(max_length=200)]) -> Response:
    """The ledger's files as C2SP tlog-tiles: checkpoint, tile/…, tile/entries/…. Public.

    Full tiles never change; the checkpoint and partial tiles do.
    """
    data = await web.calls.run(lambda: web.door.ledger_file(path))
    if path == "checkpoint":
        return Response(
            data, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"}
        )
    headers = {"Cache-Control": _FOR_EVER}
    return Response(data, media_type="application/octet-stream", headers=headers)


@router.get("/healthz", tags=["health"])
async def healthz(web: SharedWeb) -> m.HealthAnswer:
    """Whether this process and the door behind it answer. Public, says nothing else."""
    await web.calls.run(web.door.needs_set_up)
    return m.HealthAnswer(status="ok")
