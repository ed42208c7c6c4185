"""A camera over RTSP, read by ourselves; by FFmpeg only what we don't read."""

from __future__ import annotations

from fairview.core.camera import Login, Source
from fairview.core.flow import PacketSource
from fairview.core.ids import CameraId
from fairview.core.time import Clock
from fairview.ingest.address import AddressRules
from fairview.ingest.lean.source import LeanFirst, LeanSource


def rtsp_source(
    camera: CameraId, source: Source, login: Login | None, rules: AddressRules, clock: Clock
) -> LeanFirst:
    """One connection; opened by the first `next` of `packets`."""

    def ffmpeg() -> PacketSource:
        # Loaded when needed: FFmpeg is most of a recorder's memory.
        from fairview.ingest.av_source import RtspSource

        return RtspSource(camera=camera, source=source, login=login, rules=rules, clock=clock)

    lean = LeanSource(camera=camera, source=source, login=login, rules=rules, clock=clock)
    return LeanFirst(lean, ffmpeg, f"{camera}/{source.stream}")
