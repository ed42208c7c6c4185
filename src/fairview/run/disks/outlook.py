"""How disks do and what becomes of them, from rows and from what lies on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fairview.core.camera import RETENTION_US_DEFAULT, Camera
from fairview.core.health import DiskSign
from fairview.core.ids import CameraId
from fairview.core.limits_disks import FORECAST_RATE_US_MAX
from fairview.core.media import Segment
from fairview.core.time import Clock, Instant, Span
from fairview.record.forecast import CameraGrowth, Forecast, forecast
from fairview.store.contracts import Catalogue
from fairview.store.disk_list import DiskEntry
from fairview.store.disks import Disks
from fairview.store.one_disk import UNREADABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskOutlook:
    """One disk. used_bytes: what rows say lies on it; floor_bytes: room left free on it."""

    entry: DiskEntry
    sign: DiskSign
    floor_bytes: int
    used_bytes: int
    forecast: Forecast

    def in_words(self) -> str:
        """What becomes of it, in one line."""
        if self.sign.state in UNREADABLE:
            return "not readable now"
        return self.forecast.in_words() if self.entry.role == "record" else "nothing is added"

    def as_json(self) -> dict[str, object]:
        entry, sign = self.entry, self.sign
        return {
            "name": entry.name,
            "path": str(entry.path),
            "role": entry.role,
            "state": sign.state,
            "because": sign.because or None,
            "free_bytes": sign.free_bytes,
            "total_bytes": sign.total_bytes,
            "floor_bytes": self.floor_bytes,
            "bytes_max": entry.bytes_max,
            "used_bytes": self.used_bytes,
            **forecast_json(self.forecast),
        }


def forecast_json(found: Forecast) -> dict[str, object]:
    return {
        "outlook": found.outlook,
        "outlook_in_words": found.in_words(),
        "full_in_us": found.full_in_us,
        "steady_in_us": found.steady_in_us,
        "most_bytes": found.most_bytes,
        "bytes_per_day": found.bytes_per_day,
    }


def outlook_in_all(catalogue: Catalogue, disks: Disks, clock: Clock) -> Forecast:
    """What becomes of all disks together, at the rate of the last day.

    Errors:  Unavailable.
    Cost:    two sums over the rows; may be asked every few minutes.
    """
    now = clock.now()
    day = Span(start=Instant(max(0, now.us - FORECAST_RATE_US_MAX)), end=now.plus(1))
    came = {one.camera: one.size_bytes for one in catalogue.sizes(day)}
    cameras = {row.camera.id: row.camera for row in catalogue.cameras()}
    growths = [
        _growth(cameras.get(one.camera), one.camera, one.size_bytes, came, one.span.start, now)
        for one in catalogue.sizes()
    ]
    room = sum(
        disks.room_above_floor(one)
        for one in disks.all()
        if one.entry.role == "record" and one.known().state not in UNREADABLE
    )
    return forecast(growths, room)


def outlook_by_disk(catalogue: Catalogue, disks: Disks, clock: Clock) -> tuple[DiskOutlook, ...]:
    """What becomes of each disk, from the segments that lie on it.

    Errors:  Unavailable.
    Cost:    reads every row, and every name on every disk; for a person who asks.
    """
    rows = [row for one in catalogue.sizes() for row in catalogue.segments(one.camera)]
    cameras = {row.camera.id: row.camera for row in catalogue.cameras()}
    signs = {one.name: one for one in disks.signs()}
    found = []
    for one in disks.all():
        names = frozenset(one.blobs.names()) if one.is_there() else frozenset()
        here = [row for row in rows if row.blob in names]
        found.append(
            DiskOutlook(
                entry=one.entry,
                sign=signs[one.entry.name],
                floor_bytes=disks.floor(one.entry.name),
                used_bytes=sum(row.size_bytes for row in here),
                forecast=forecast(
                    _growths(cameras, here, clock.now()), disks.room_above_floor(one)
                ),
            )
        )
    return tuple(found)


def _growths(
    cameras: dict[CameraId, Camera], rows: Iterable[Segment], now: Instant
) -> list[CameraGrowth]:
    by_camera: dict[CameraId, list[Segment]] = {}
    for row in rows:
        by_camera.setdefault(row.camera, []).append(row)
    since = now.plus(-min(now.us, FORECAST_RATE_US_MAX))
    return [
        _growth(
            cameras.get(name),
            name,
            sum(row.size_bytes for row in some),
            {name: sum(row.size_bytes for row in some if row.span.end > since)},
            min(row.span.start for row in some),
            now,
        )
        for name, some in by_camera.items()
    ]


def _growth(
    camera: Camera | None,
    name: CameraId,
    size_bytes: int,
    came: dict[CameraId, int],
    oldest: Instant,
    now: Instant,
) -> CameraGrowth:
    held_us = max(0, now.since(oldest))
    return CameraGrowth(
        camera=name,
        size_bytes=size_bytes,
        held_us=held_us,
        retention_us=RETENTION_US_DEFAULT if camera is None else camera.register.retention_us,
        came_bytes=came.get(name, 0),
        looked_us=min(held_us, FORECAST_RATE_US_MAX),
        keep_bytes_max=None if camera is None else camera.keep_bytes_max,
    )
