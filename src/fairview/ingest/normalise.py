"""Camera time put in order. Pure: time stamps in, time stamps out, no clock is read.

A decoder and a container need decoding times that strictly increase. Cameras and demuxers give
us missing ones (the first picture of nearly every RTSP stream), repeated ones (two pictures
stamped alike), negative ones (an edit list) and ones that go back. What is sound is kept as it
is: relative times, variable steps, and the order of presentation of B-frames.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from fairview.core import limits
from fairview.core.media import VideoFormat

_DURATION_TICKS_MAX = 2**32 - 1
"""A sample's duration is stored in four bytes."""


class RawTimes(NamedTuple):
    """What came with one access unit, in decoding order. None: it came without.

    is_after_loss: something is missing before it, so the one before does not last until here.

    Units:  ticks of the stream's time base; duration_ticks 0 when unknown.
    """

    ticks: int | None
    decode_ticks: int | None
    duration_ticks: int = 0
    is_key: bool = False
    is_after_loss: bool = False


class Times(NamedTuple):
    """The same in order: decode_ticks strictly increase, ticks >= decode_ticks."""

    ticks: int
    decode_ticks: int
    duration_ticks: int


class Step(NamedTuple):
    """What one more access unit made ready, earliest first; at most one is still held.

    jump_us: how far the camera's clock jumped (negative: back); None when it did not. After a
    jump the unit that showed it belongs to nothing, and the run is over.
    """

    ready: tuple[Times, ...]
    jump_us: int | None = None


class Normaliser:
    """Puts one run's time stamps in order; a new run gets a new one.

    Each pushed unit comes back exactly once, in the order of pushes, by a later `push` or by
    `end`. One unit is held because its duration is the step to the next; at the very start up to
    limits.START_HELD_PACKETS_MAX are, until the first decoding time shows up.

    Source:  FFmpeg's H.264 parser gives no time stamp for the first access unit of an RTSP
    stream, and no decoding time until it has seen the depth of reordering.
    """

    def __init__(self, form: VideoFormat, *, is_file: bool = False) -> None:
        """is_file: long steps are real (a file of motion recordings), and stated durations are."""
        self._is_file = is_file
        self._form = form
        self._forward_max = None if is_file else max(1, form.ticks_of(limits.CLOCK_JUMP_US_MAX))
        self._back_max = max(1, form.ticks_of(limits.CLOCK_JUMP_US_MIN))
        self._key_every = max(1, form.ticks_of(limits.KEY_INTERVAL_US_ASSUMED))
        self._key_seen: int | None = None
        self._key_measured = False
        self._start: list[RawTimes] | None = []
        self._held: Times | None = None
        self._held_raw: RawTimes | None = None
        self._step = 0

    def push(self, raw: RawTimes) -> Step:
        """Take the next access unit's times."""
        if self._start is not None:
            self._start.append(raw)
            if not self._is_clear(self._start):
                return Step(ready=())
            return self._settle()
        assert self._held is not None, "after the start one unit is always held"
        decode = self._decode_of(raw, self._held)
        jump = self._jump_of(decode, self._held)
        if jump is not None:
            return Step(ready=(), jump_us=jump)
        return Step(ready=self._take(raw, decode))

    def end(self) -> tuple[Times, ...]:
        """What is still held; its last duration is the stated one, else the last step."""
        ready: tuple[Times, ...] = ()
        if self._start:
            ready = self._settle().ready
        if self._held is None or self._held_raw is None:
            return ready
        stated = self._held_raw.duration_ticks
        if stated <= 1:  # FFmpeg says 1 when it can't tell
            stated = self._form.ticks_of(limits.FRAME_US_ASSUMED)
        duration = stated if self._is_file else self._step or stated
        last = self._ended(self._held, duration)
        self._held = self._held_raw = None
        return (*ready, last)

    def _is_clear(self, start: list[RawTimes]) -> bool:
        """Whether the first units' times can be told, or have to be."""
        if len(start) >= limits.START_HELD_PACKETS_MAX:
            return True
        if start[-1].decode_ticks is None:
            return False
        # Without the first time the step to it must be seen between the next two.
        return len(start) >= 3 or (start[0].ticks is not None and len(start) == 1)

    def _settle(self) -> Step:
        """Give times to the units from before the first decoding time."""
        assert self._start is not None
        start, self._start = self._start, None
        ready: list[Times] = []
        for raw in _filled(start, self._form):
            if self._held is None:
                assert raw.decode_ticks is not None, "filled times are complete"
                ready.extend(self._take(raw, raw.decode_ticks))
                continue
            decode = self._decode_of(raw, self._held)
            jump = self._jump_of(decode, self._held)
            if jump is not None:
                return Step(ready=tuple(ready), jump_us=jump)
            ready.extend(self._take(raw, decode))
        return Step(ready=tuple(ready))

    def _decode_of(self, raw: RawTimes, before: Times) -> int:
        """The decoding time a unit claims, or the best guess when it claims none."""
        if raw.decode_ticks is not None:
            return raw.decode_ticks
        if raw.ticks is not None and before.ticks == before.decode_ticks < raw.ticks:
            return raw.ticks
        return before.decode_ticks + max(1, self._step or raw.duration_ticks)

    def _jump_of(self, decode: int, before: Times) -> int | None:
        step = decode - before.decode_ticks
        if step < -min(self._key_every, self._back_max) or (
            self._forward_max is not None and step > self._forward_max
        ):
            return self._form.us_of(step)
        return None

    def _take(self, raw: RawTimes, decode: int) -> tuple[Times, ...]:
        """Hold this unit, let the one before it go with its duration."""
        before, before_raw = self._held, self._held_raw
        if before is not None and decode <= before.decode_ticks:
            decode = before.decode_ticks + 1
        is_repeat = before_raw is not None and raw.ticks == before_raw.ticks
        ticks = decode if raw.ticks is None or is_repeat else max(raw.ticks, decode)
        self._held = Times(ticks=ticks, decode_ticks=decode, duration_ticks=0)
        self._held_raw = raw
        if raw.is_key:
            self._see_key(decode)
        if before is None:
            return ()
        step = decode - before.decode_ticks
        if raw.is_after_loss and self._step:
            step = min(step, self._step)
        if step > 1:
            self._step = step
        return (self._ended(before, step),)

    def _see_key(self, decode: int) -> None:
        if self._key_seen is not None:
            interval = decode - self._key_seen
            self._key_every = max(self._key_every, interval) if self._key_measured else interval
            self._key_measured = True
        self._key_seen = decode

    def _ended(self, times: Times, duration: int) -> Times:
        return Times(
            ticks=times.ticks,
            decode_ticks=times.decode_ticks,
            duration_ticks=min(max(1, duration), _DURATION_TICKS_MAX),
        )


def _filled(start: list[RawTimes], form: VideoFormat) -> list[RawTimes]:
    """The first units with every time present, guessed backwards from the first decoding time."""
    known = sorted({raw.ticks for raw in start if raw.ticks is not None})
    step = _usual_step(start, known, form)
    decodes = _decodes(start, known, step)
    ticks = [_ticks_of(index, start, decodes) for index in range(len(start))]
    if ticks[0] is None:
        # The first unit is a key frame (or nothing can be decoded): it is shown first.
        later = [tick for tick in ticks[1:] if tick is not None]
        ticks[0] = max(decodes[0], min(later) - step) if later else decodes[0]
    return [
        RawTimes(
            ticks=decode if tick is None else tick,
            decode_ticks=decode,
            duration_ticks=raw.duration_ticks,
            is_key=raw.is_key,
            is_after_loss=raw.is_after_loss,
        )
        for raw, tick, decode in zip(start, ticks, decodes, strict=True)
    ]


def _ticks_of(index: int, start: list[RawTimes], decodes: list[int]) -> int | None:
    """A unit's own presentation time, unless another has the same: then its decoding time."""
    own = start[index].ticks
    if own is None or start[index].decode_ticks is not None:
        return own
    is_shared = any(other.ticks == own for at, other in enumerate(start) if at != index)
    return decodes[index] if is_shared else own


def _usual_step(start: list[RawTimes], known: list[int], form: VideoFormat) -> int:
    shown = [raw.ticks for raw in start if raw.ticks is not None]
    if len(known) > 1 and shown == known:
        return known[1] - known[0]
    stated = [raw.duration_ticks for raw in start if raw.duration_ticks > 1]
    if stated:
        return stated[0]
    if len(known) > 1:
        return min(later - earlier for earlier, later in pairwise(known))
    return max(1, form.ticks_of(limits.FRAME_US_ASSUMED))


def _decodes(start: list[RawTimes], known: list[int], step: int) -> list[int]:
    """Decoding times backwards from the last unit, strictly increasing."""
    shown = [raw.ticks for raw in start if raw.ticks is not None]
    is_in_order = shown == known
    last = start[-1].decode_ticks
    if last is None:
        # No decoding time at all: as if the deepest reordering seen here were the rule.
        depth = max((len([a for a in shown[:i] if a > b]) for i, b in enumerate(shown)), default=0)
        last = known[-1] - depth * step if known else (len(start) - 1) * step
    decodes = [last]
    for raw in reversed(start[:-1]):
        after = decodes[-1]
        decode = after - step
        if raw.decode_ticks is not None:
            decode = raw.decode_ticks
        elif raw.ticks is not None:
            decode = raw.ticks if is_in_order else min(decode, raw.ticks)
        decodes.append(min(decode, after - 1))
    decodes.reverse()
    return decodes
