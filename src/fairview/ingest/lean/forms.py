"""A stream's format and times from what it brings. Pure."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

from fairview.core.errors import BadInput
from fairview.core.media import VideoFormat
from fairview.ingest import hevc, nal
from fairview.ingest.lean.sdp import LeanCodec
from fairview.ingest.lean.units import RULES, START

_LOOK_FIRST, _LOOK_LAST = 3, 8
"""Pictures at the start that tell whether a camera reorders when it doesn't say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """reorder_depth: by how many pictures decoding runs ahead of showing, None unknown."""

    video: VideoFormat
    sets: frozenset[bytes]
    reorder_depth: int | None


def form_of(codec: LeanCodec, clock_hz: int, sets: tuple[bytes, ...]) -> Form | None:
    """The format that parameter sets describe; None when they don't describe one."""
    sequence_kind = nal.SPS if codec == "h264" else hevc.SPS
    kind = RULES[codec].kind
    sps = next((one for one in sets if kind(one[0]) == sequence_kind), None)
    if sps is None or len(sps) < 4:
        return None
    depth: int | None
    try:
        if codec == "h264":
            size = nal.picture_size(sps)
            depth = _depth_of(sps)
        else:
            found = hevc.sequence(sps)
            size, depth = found.size, found.reorder_depth
    except BadInput:
        return None
    video = VideoFormat(
        codec=codec,
        width_px=size.width_px,
        height_px=size.height_px,
        tick_numerator=1,
        tick_denominator=clock_hz,
        parameter_sets=b"".join(START + one for one in sets),
    )
    return Form(video=video, sets=frozenset(sets), reorder_depth=depth)


def form_after(
    form: Form | None, codec: LeanCodec, clock_hz: int, sets: tuple[bytes, ...]
) -> Form | None:
    """The format from a key frame on: another one when it brings other parameter sets."""
    if form is not None and form.sets.issuperset(sets):
        return form
    return form_of(codec, clock_hz, sets) or form


class DecodeTimes:
    """Decoding times for pictures that come with the time of showing alone.

    The decoding time of a picture is the smallest of the newest `depth + 1` times of showing, as
    in FFmpeg; unknown (None) for the first `depth` of them.
    """

    def __init__(self, depth: int | None) -> None:
        self._depth = depth
        self._newest: list[int] = []
        self._seen: list[int] = []
        self._last: int | None = None

    def push(self, ticks: int) -> int | None:
        """The next picture in decoding order."""
        if self._depth == 0 and (self._last is None or ticks > self._last):
            self._last = ticks
            return ticks
        if self._depth is None:
            return self._looked(ticks)
        if self._depth == 0:
            return self._deeper(ticks)
        insort(self._newest, ticks)
        if len(self._newest) <= self._depth:
            return None
        del self._newest[: -self._depth - 1]
        return self._newest[0]

    def _looked(self, ticks: int) -> int | None:
        """The depth is seen from the first pictures, and more of them when they are disordered."""
        self._seen.append(ticks)
        seen = self._seen
        depth = max(sum(a > b for a in seen[:at]) for at, b in enumerate(seen))
        if len(seen) <= (_LOOK_LAST if depth else _LOOK_FIRST):
            return None
        self._depth, self._seen = depth, []
        self._newest = sorted(seen)[-depth - 1 :]
        self._last = ticks
        return self._newest[0]

    def _deeper(self, ticks: int) -> int | None:
        """Reordering where none was stated or seen: bear it from now on."""
        assert self._last is not None
        if ticks == self._last:
            return ticks
        self._depth = 1
        self._newest = sorted((self._last, ticks))
        return self._newest[0]


def _depth_of(sps: bytes) -> int | None:
    try:
        return nal.reorder_depth(sps)
    except BadInput:
        return None
