"""How a camera is kept: when, which of its streams, how much and where. Pure but for the machine's
time zones.
"""

from __future__ import annotations

from dataclasses import replace

from fairview.access.door import CameraKeeping
from fairview.core.camera import Camera, Source, Transport
from fairview.core.errors import BadInput
from fairview.core.ids import StreamName
from fairview.record.schedule import zone_named


def keeping_of(camera: Camera) -> CameraKeeping:
    """How a camera is kept now. Every stream recorded is said as no choice at all."""
    kept = tuple(source.stream for source in camera.sources if source.is_recorded)
    return CameraKeeping(
        recording=camera.recording,
        streams=() if len(kept) == len(camera.sources) else kept,
        keep_bytes_max=camera.keep_bytes_max,
        disk=camera.disk,
    )


def _transport(source: Source, wished: Transport | None) -> Transport:
    """Errors:  BadInput where there is no choice."""
    if wished is None or wished == source.transport:
        return source.transport
    if source.kind != "rtsp":
        raise BadInput(f"only RTSP cameras have a transport; this one's {source.kind} has one way")
    return wished


def kept_so(camera: Camera, keeping: CameraKeeping) -> Camera:
    """The camera as it would be kept.

    Errors:  BadInput for a stream it doesn't have, a transport where there is no choice, or a
    time zone that is not known here.
    """
    streams = {source.stream for source in camera.sources}
    unknown = [one for one in keeping.streams if one not in streams]
    if unknown:
        raise BadInput(
            f"{camera.id} has no {unknown[0]} stream to record: give its address, or record main"
        )
    if keeping.recording.mode == "schedule":
        zone_named(keeping.recording.zone)
    sources = tuple(
        replace(
            source,
            is_recorded=not keeping.streams or source.stream in keeping.streams,
            transport=_transport(source, keeping.transport),
        )
        for source in camera.sources
    )
    return replace(
        camera,
        sources=sources,
        recording=keeping.recording,
        keep_bytes_max=keeping.keep_bytes_max,
        disk=keeping.disk,
    )


def played_stream(camera: Camera) -> StreamName:
    """Which of a camera's streams stored pictures come from: main, unless only sub is recorded.

    HOLE: what was recorded of the other stream before that changed is played only by changing it
    back; it dies with its retention all the same.
    """
    main = camera.source("main")
    return "main" if main is None or main.is_recorded else "sub"
