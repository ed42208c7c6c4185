"""A stream's format and times from what it brings. Pure."""

from __future__ import annotations

from bisect import insort
from dataclasses import dataclass

from fairview.core import limits
from fairview.core.errors import BadInput
from fairview.core.media import VideoFormat
from fairview.core.time import US_PER_SECOND
from fairview.ingest import hevc, nal
from fairview.ingest.lean.sdp import LeanCodec
from fairview.ingest.lean.units import RULES, START

_LOOK_FIRST, _LOOK_LAST = 4, 8
"""Pictures at the start that tell whether a camera reorders when it doesn't say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """reorder_depth: by how many pictures decoding runs ahead of showing, None unknown."""

    video: VideoFormat
    sets: frozenset[bytes]
    reorder_depth: int | None


def form_of(codec: LeanCodec, clock_hz: int, sets: tuple[bytes, ...]) -> Form | None:
    """The format that parameter sets describe; None when they don't describe one."""
    if codec == "mjpeg":
        return _jpeg_form(clock_hz, sets)
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
    in FFmpeg. The first ones get none (Normaliser finds them from those that follow): as many as
    are reordered, one more to see the step between pictures, and all that are stamped alike, as
    some servers do at the start.
    """

    def __init__(self, depth: int | None, clock_hz: int = 90_000) -> None:
        self._depth = depth
        self._jump_ticks = limits.CLOCK_JUMP_US_MIN * clock_hz // US_PER_SECOND
        self._first: list[int] | None = []
        self._newest: list[int] = []

    def push(self, ticks: int) -> int | None:
        """The next picture in decoding order."""
        if self._first is not None:
            return self._begun(self._first, ticks)
        newest = self._newest
        if not newest[0] - self._jump_ticks <= ticks <= newest[-1] + self._jump_ticks:
            # The camera's clock jumped, or much is missing: what was before orders nothing here.
            newest[:] = [ticks] * len(newest)
            return ticks
        if len(newest) == 1:
            if ticks > newest[0]:
                newest[0] = ticks
                return ticks
            if ticks < newest[0]:
                newest.insert(0, ticks)  # reordering where none was stated or seen
            return ticks
        insort(newest, ticks)
        del newest[0]
        return newest[0]

    def _begun(self, first: list[int], ticks: int) -> int | None:
        first.append(ticks)
        depth = self._depth
        if depth is None:
            # Seen from the first pictures, and from more of them when they are disordered.
            depth = max(sum(a > b for a in first[:at]) for at, b in enumerate(first))
            enough = _LOOK_LAST if depth else _LOOK_FIRST
        else:
            enough = depth + 2
        is_enough = len(first) >= enough and first[-1] != first[-2]
        if not is_enough and len(first) < limits.START_HELD_PACKETS_MAX:
            return None
        self._newest, self._first = sorted(first)[-depth - 1 :], None
        return self._newest[0]


def _jpeg_form(clock_hz: int, sets: tuple[bytes, ...]) -> Form | None:
    """Of pictures that need no parameter sets: their size is given as one."""
    if not sets:
        return None
    video = VideoFormat(
        codec="mjpeg",
        width_px=int.from_bytes(sets[0][:2], "big"),
        height_px=int.from_bytes(sets[0][2:], "big"),
        tick_numerator=1,
        tick_denominator=clock_hz,
        parameter_sets=b"",
    )
    return Form(video=video, sets=frozenset(sets), reorder_depth=0)


def _depth_of(sps: bytes) -> int | None:
    try:
        return nal.reorder_depth(sps)
    except BadInput:
        return None
