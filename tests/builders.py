"""Values for tests, each with sensible defaults."""

from __future__ import annotations

from fairview.core.camera import Camera, RegisterEntry, Source
from fairview.core.ids import CameraId, CameraStream
from fairview.core.media import Fragment, Packet, Sample, VideoFormat
from fairview.core.time import US_PER_DAY, Instant

NOON = Instant(1_777_636_800_000_000)
"""2026-05-01T12:00:00Z."""


def video_format(**changes: object) -> VideoFormat:
    values: dict[str, object] = {
        "codec": "h264",
        "width_px": 640,
        "height_px": 360,
        "tick_numerator": 1,
        "tick_denominator": 90_000,
        "parameter_sets": b"\x00\x00\x00\x01gSPS\x00\x00\x00\x01hPPS",
    }
    values.update(changes)
    return VideoFormat(**values)  # type: ignore[arg-type]  # tests name fields freely


def packet(
    number: int = 0, *, is_key: bool | None = None, fps: int = 25, **changes: object
) -> Packet:
    """The number-th packet of a 25 fps stream with a key frame a second."""
    ticks = number * 90_000 // fps
    at = NOON.plus(number * 1_000_000 // fps)
    values: dict[str, object] = {
        "camera": CameraId("junction-1"),
        "stream": "main",
        "format": video_format(),
        "ticks": ticks,
        "decode_ticks": ticks,
        "duration_ticks": 90_000 // fps,
        "is_key": number % fps == 0 if is_key is None else is_key,
        "at": at,
        "arrived_at": at.plus(20_000),
        "data": b"\x00\x00\x00\x01\x65" + number.to_bytes(4, "big") * 50,
    }
    values.update(changes)
    return Packet(**values)  # type: ignore[arg-type]  # tests name fields freely


def fragment(first: int = 0, count: int = 25, fps: int = 25) -> Fragment:
    packets = [packet(first + number, fps=fps) for number in range(count)]
    return Fragment(
        format=packets[0].format,
        start_at=packets[0].at,
        duration_us=count * 1_000_000 // fps,
        samples=tuple(
            Sample(
                ticks=one.ticks,
                decode_ticks=one.decode_ticks,
                duration_ticks=one.duration_ticks,
                is_key=one.is_key,
                data=one.data,
            )
            for one in packets
        ),
    )


def register_entry(**changes: object) -> RegisterEntry:
    values: dict[str, object] = {
        "purpose": "traffic counts",
        "legal_basis": "city order 7",
        "operator": "City of Fairview, roads",
        "contact": "roads@fairview.example",
        "area": "the junction of First and Main",
        "retention_us": 3 * US_PER_DAY,
        "review_at": NOON.plus(365 * US_PER_DAY),
    }
    values.update(changes)
    return RegisterEntry(**values)  # type: ignore[arg-type]  # tests name fields freely


def camera(
    name: str = "junction-1", streams: tuple[CameraStream, ...] = ("main",), **changes: object
) -> Camera:
    values: dict[str, object] = {
        "id": CameraId(name),
        "title": "First and Main",
        "sources": tuple(
            Source(stream=stream, kind="rtsp", address=f"rtsp://127.0.0.1:8554/{stream}")
            for stream in streams
        ),
        "register": register_entry(),
    }
    values.update(changes)
    return Camera(**values)  # type: ignore[arg-type]  # tests name fields freely
