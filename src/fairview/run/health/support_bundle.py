"""What somebody who helps needs to see of a node, in one zip: nothing of footage, keys or people.

Everything in it is chosen, not copied: versions, masked settings, health, figures of the
catalogue, sizes of folders, and the newest lines of named log files with secrets taken out.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from fairview import __version__
from fairview.access.door_rows import DoorRows, actors
from fairview.config.settings import Settings
from fairview.core.errors import Conflict, FairviewError, Unavailable
from fairview.core.limits import EVENTS_MAX
from fairview.core.limits_health import (
    BUNDLE_FILES_MAX,
    BUNDLE_LOG_BYTES_MAX,
    BUNDLE_LOG_LINES_MAX,
)
from fairview.core.time import US_PER_DAY, US_PER_HOUR, Clock, Instant, kernel_clock
from fairview.run.health.process_table import memory_bytes_of
from fairview.run.health.redacting import masked_settings, redacted
from fairview.run.owner.owner_door import open_owner_door
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.durable import replace_file
from fairview.store.layout import DataFolder, open_data_folder

PACKAGES = (
    "av",
    "argon2-cffi",
    "cryptography",
    "fastapi",
    "msgspec",
    "numpy",
    "onnxruntime",
    "opencv-python-headless",
    "pydantic",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
    "websockets",
)
README = """A support bundle of a Fairview node.

In it: versions, settings with secrets masked, health, figures of the catalogue (numbers, names of
cameras, causes of gaps), sizes of folders, and the newest lines of the log files that were named,
with logins, addresses' queries, mail addresses, tokens and actors' names taken out.

Not in it: footage, pictures, counts of people or vehicles, keys, logins, tokens, actors' names.
Look through it before you give it away.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """left_out: what could not be had, and why, in words."""

    out: Path
    size_bytes: int
    files: tuple[str, ...]
    left_out: tuple[str, ...]


def make_bundle(settings: Settings, logs: Sequence[Path], out: Path, clock: Clock) -> Bundled:
    """Write the zip whole or not at all, also of a running node.

    Errors:  NotFound without a data folder; Conflict when `out` exists; Unavailable.
    """
    if out.exists():
        raise Conflict(f"{out} exists already: name another file with --out")
    folder = open_data_folder(settings.data)
    left_out: list[str] = []
    names = _actor_names(folder, left_out)
    parts = {
        "README.txt": README,
        "versions.json": _json(versions()),
        "machine.json": _json(machine(clock)),
        "settings.json": _json(masked_settings(settings.model_dump(mode="json", by_alias=True))),
        "folders.json": _json(sizes(folder, left_out)),
    }
    chosen: dict[str, Callable[[], dict[str, Any]]] = {
        "health.json": lambda: health(settings, clock),
        "catalogue.json": lambda: catalogue_figures(folder, clock.now(), names),
    }
    for name, make in chosen.items():
        try:
            parts[name] = redacted_json(make(), names)
        except FairviewError as error:
            left_out.append(f"{name}: {redacted(str(error), names)}")
    for number, path in enumerate(logs):
        try:
            parts[f"logs/{number}.txt"] = log_tail(path, names)
        except OSError as error:
            left_out.append(f"log {number}: {error.strerror}")
    parts["left-out.json"] = _json(left_out)
    data = _zipped(parts, clock.now())
    replace_file(out, data, mode=0o600)
    return Bundled(out=out, size_bytes=len(data), files=tuple(parts), left_out=tuple(left_out))


def versions() -> dict[str, Any]:
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return {"fairview": __version__, "python": platform.python_version(), "packages": found}


def machine(clock: Clock) -> dict[str, Any]:
    """Without its name: that may be somebody's."""
    kernel = kernel_clock()
    load = os.getloadavg()
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        "own_memory_bytes": memory_bytes_of(os.getpid()),
        "load": [round(one, 2) for one in load],
        "at": clock.now().iso(),
        "clock_synchronised": None if kernel is None else kernel.is_synchronised,
    }


def health(settings: Settings, clock: Clock) -> dict[str, Any]:
    """Errors:  Unavailable while no node runs."""
    with open_owner_door(settings, clock) as owner:
        if not owner.is_running:
            raise Unavailable("no node runs on this folder")
        whole = owner.door.health(owner.session)
        time = owner.door.time(owner.session)
    found = msgspec.to_builtins(whole, enc_hook=_plain)
    assert isinstance(found, dict)
    return {**found, "time": msgspec.to_builtins(time, enc_hook=_plain)}


def catalogue_figures(folder: DataFolder, now: Instant, names: Sequence[str]) -> dict[str, Any]:
    """Numbers of rows, causes and kinds. Errors: Unavailable."""
    since = Instant(max(0, now.us - 7 * US_PER_DAY))
    with closing(SqliteCatalogue(folder.catalogue)) as catalogue:
        cameras = []
        for row in catalogue.cameras():
            camera = row.camera
            segments = catalogue.segments(camera.id)
            gaps = Counter(gap.because.value for gap in catalogue.gaps(camera.id))
            cameras.append(
                {
                    "camera": camera.id,
                    "is_active": camera.is_active,
                    "revision": camera.revision,
                    "sources": [[one.stream, one.kind] for one in camera.sources],
                    "mode": camera.recording.mode,
                    "retention_h": camera.register.retention_us / US_PER_HOUR,
                    "has_login": row.sealed_login is not None,
                    "segments": len(segments),
                    "bytes": sum(one.size_bytes for one in segments),
                    "oldest": min((one.span.start.iso() for one in segments), default=None),
                    "newest": max((one.span.end.iso() for one in segments), default=None),
                    "gaps": dict(sorted(gaps.items())),
                }
            )
        events = catalogue.events(since, EVENTS_MAX)
        newest = [
            [one.at.iso(), one.kind, one.camera, redacted(one.because, names)]
            for one in events[-500:]
        ]
        kinds = Counter(one.kind for one in events)
        return {
            "cameras": cameras,
            "open_segments": len(catalogue.open_segments()),
            "events_7_days": dict(sorted(kinds.items())),
            "newest_events": newest,
        }


def sizes(folder: DataFolder, left_out: list[str]) -> dict[str, dict[str, int]]:
    """Files and bytes of each folder directly below the data folder; no names below them."""
    found: dict[str, dict[str, int]] = {}
    seen = 0
    for path, _, files in os.walk(folder.root):
        top = Path(path).relative_to(folder.root).parts[:1]
        row = found.setdefault(top[0] if top else ".", {"files": 0, "bytes": 0})
        for name in files:
            seen += 1
            if seen > BUNDLE_FILES_MAX:
                left_out.append(f"sizes of more than {BUNDLE_FILES_MAX} files")
                return found
            row["files"] += 1
            row["bytes"] += _size(Path(path) / name)
    return found


def log_tail(path: Path, names: Sequence[str]) -> str:
    """The newest whole lines of a log, redacted. Errors: OSError."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        start = max(0, end - BUNDLE_LOG_BYTES_MAX)
        file.seek(start)
        lines = file.read(BUNDLE_LOG_BYTES_MAX).decode("utf-8", "replace").splitlines()
    if start:
        lines = lines[1:]
    return "\n".join(redacted(line, names) for line in lines[-BUNDLE_LOG_LINES_MAX:]) + "\n"


def redacted_json(value: Any, names: Sequence[str]) -> str:
    """JSON whose every string went through `redacted`."""
    return _json(_redacted_values(value, names))


def _redacted_values(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {key: _redacted_values(one, names) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted_values(one, names) for one in value]
    return redacted(value, names) if isinstance(value, str) else value


def _actor_names(folder: DataFolder, left_out: list[str]) -> tuple[str, ...]:
    """Who may not be named in it."""
    if not folder.door_database.exists():
        return ()
    try:
        with closing(DoorRows(folder.door_database)) as rows, rows.read() as connection:
            return tuple(connection.execute(sa.select(actors.c.id)).scalars())
    except FairviewError as error:
        left_out.append(f"actors' names are not known, so logs are left out: {error}")
        raise


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _zipped(parts: dict[str, str], now: Instant) -> bytes:
    out = BytesIO()
    moment = now.datetime_utc()
    # A zip knows no year before 1980, and a clock may say so.
    date = (max(moment.year, 1980), moment.month, moment.day, moment.hour, moment.minute, 0)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, text in parts.items():
            info = zipfile.ZipInfo(f"fairview-support/{name}", date_time=date)
            info.compress_type = zipfile.ZIP_DEFLATED
            bundle.writestr(info, text)
    return out.getvalue()


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Instant):
        return value.iso()
    raise NotImplementedError(type(value).__name__)
