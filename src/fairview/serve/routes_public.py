"""What anyone may read: the ledger, health; and figures for the machine's own monitoring."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from fairview.core.errors import NotAllowed
from fairview.serve import meters
from fairview.serve import models as m
from fairview.serve.convert import ledger_answer
from fairview.serve.problems import PROBLEMS
from fairview.serve.settings import host_name, is_loopback_address
from fairview.serve.web import SharedWeb, session_of

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


@router.get(
    "/metrics",
    tags=["health"],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}, "description": "Prometheus text."}},
)
async def metrics(web: SharedWeb, request: Request) -> Response:
    """Figures for Prometheus: from this machine, or for someone signed in."""
    if not _is_from_here(request):
        session = session_of(request)
        await web.calls.run(lambda: web.door.who(session))
    return Response(web.meters.text(), media_type=meters.CONTENT_TYPE)


def _is_from_here(request: Request) -> bool:
    """A proxy on this machine is also a loopback peer; it passes the Host that people typed."""
    if request.client is None or not is_loopback_address(request.client.host):
        return False
    name = host_name(request.headers.get("host", ""))
    if name is None or not (name == "localhost" or is_loopback_address(name)):
        raise NotAllowed("figures are for this machine or someone signed in")
    return "x-forwarded-for" not in request.headers
