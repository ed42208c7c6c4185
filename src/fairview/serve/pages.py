"""The built pages: a fixed list of files, read once when the application is made."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response

from fairview.core.errors import NotFound

_ASSETS = "assets/"
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_WORTH_PACKING_BYTES = 1_000

_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}
"""Ours and not the machine's list, so that every machine serves the same."""

NOT_BUILT = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Fairview</title>
<h1>Fairview</h1><p>The pages are not built yet. Run <code>make web</code>, then start again.
The API is at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>.</p></html>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    plain: bytes
    packed: bytes | None
    media_type: str
    etag: str
    cache: str


def page_routes(web_dist: Path) -> APIRouter:
    """Routes for every file of the build; any other address outside the API gets index.html,
    whose own router decides. Nothing is read from disk after this."""
    files = _read_all(web_dist)
    index = files.get("index.html") or _file("index.html", NOT_BUILT)
    router = APIRouter(include_in_schema=False)

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def page(request: Request, path: str) -> Response:
        if path.startswith(("api/", "ledger/", _ASSETS)) and path not in files:
            raise NotFound("there is no such address here")
        return _answer(files.get(path, index), request)

    return router


def _read_all(folder: Path) -> dict[str, _File]:
    if not folder.is_dir():
        return {}
    return {
        path.relative_to(folder).as_posix(): _file(
            path.relative_to(folder).as_posix(), path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def _file(name: str, data: bytes) -> _File:
    packed = gzip.compress(data, 6, mtime=0) if len(data) > _WORTH_PACKING_BYTES else None
    media_type = _MEDIA_TYPES.get(Path(name).suffix, "application/octet-stream")
    return _File(
        plain=data,
        packed=packed if packed is not None and len(packed) < len(data) else None,
        media_type=media_type,
        etag=f'"{sha256(data).hexdigest()[:32]}"',
        cache=_FOR_EVER if name.startswith(_ASSETS) else _ASK_AGAIN,
    )


def _answer(file: _File, request: Request) -> Response:
    headers = {"Cache-Control": file.cache, "ETag": file.etag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == file.etag:
        return Response(status_code=304, headers=headers)
    data = file.plain
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        data = file.packed
        headers["Content-Encoding"] = "gzip"
    return Response(data, media_type=file.media_type, headers=headers)
