"""Interleaved frames to access units: from the bytes of a TCP connection, as they come. Pure.

Nearly all packets of a stream are parts of a fragmented unit that follow the one before. `_run`
takes those in a loop of its own, by comparing all that is known of the next packet at once;
everything else takes the slow way in `_packet`.

Source:  RFC 2326 10.12 (interleaved), RFC 3550 5.1 and 6 (RTP, RTCP), RFC 6184 5 (H.264),
RFC 7798 4.4 (H.265).
"""

from __future__ import annotations

import struct

from fairview.core import limits
from fairview.core.errors import BadInput
from fairview.core.limits_sources import SENDER_REPORTS_KEPT_MAX
from fairview.ingest.lean.messages import (
    MESSAGE_LOOKED_AT,
    Message,
    begins_message,
    message_at,
)
from fairview.ingest.lean.rtcp import GOODBYE, SENDER_REPORT, Sent, blocks
from fairview.ingest.lean.units import START, Assembled, Rules, is_recovery_point

_DOLLAR = 0x24
_ONE = 1 << 32
"""One packet further, in an RTP word: version and type, sequence number, time."""
_RTP = struct.Struct(">BBHI")
_MISORDER_MAX = 100
_DROPOUT_MAX = 3_000
_MARKER = 0x80 << 48
"""The marker in an RTP word."""
_LAST = 0x40
"""The bit of a unit's last part in its fragment header."""
TRUSTED = 25
"""So many pictures that ended with a marker in a row, and the next marker ends one at once."""


class Depacketiser:
    """One connection's frames. ready, messages, reports: what came out, for the caller to take.

    A packet missing in the sequence damages the access units that it may belong to; those are
    dropped, never half kept. Sequences that begin anew, duplicates and late packets are borne.

    Bounds:  limits.LEAN_UNIT_BYTES_MAX in hand, LEAN_ASTRAY_BYTES_MAX looked through in a row.
    """

    def __init__(self, rules: Rules, *, payload_type: int, channel: int) -> None:
        self._rules = rules
        self._payload_type = payload_type
        self._channel = channel
        self._mark = _DOLLAR << 8 | channel
        self._body = 4 + 12 + rules.head_bytes + 1
        # The next packet, as the quick way expects it.
        self._word = -1
        self._first = self._fragment = 0
        # The access unit in hand.
        self._pieces: list[bytes | memoryview] = []
        self._settled = 0
        self._size = 0
        self._sets: list[bytes] = []
        self._has_picture = self._is_key = self._is_damaged = self._in_fragment = False
        # The stream.
        self._next: int | None = None
        self._ticks: int | None = None
        self._unwrapped = 0
        self._is_after_loss = self._had_loss = False
        self._had_marker = False
        self._trust = 0
        self._astray = 0
        self.ready: list[Assembled] = []
        self.messages: list[Message] = []
        self.reports: list[Sent] = []
        self.source: int | None = None
        self.lost_packets = 0
        self.dropped_units = 0
        self.late_packets = 0
        self.is_over = False

    def feed(self, data: bytearray, end: int) -> int:
        """Take the bytes up to end; how many are done with. The rest comes again, with more.

        Errors:  BadInput for what is no RTP within RTSP, or over a bound.
        """
        at = 0
        with memoryview(data) as view:
            try:
                while at < end and not self.is_over:
                    if self._word >= 0:
                        at = self._run(view, at, end)
                    step = self._frame(data, view, at, end)
                    if step < 0:
                        break
                    at = step
            finally:
                self._settle()
        if self._size > limits.LEAN_UNIT_BYTES_MAX:
            raise BadInput("the camera sends a picture without end")
        return at

    def finish(self) -> None:
        """The stream ended: give out the last access unit, when it is whole."""
        if self._in_fragment or not (self._had_marker or self.is_over):
            self._is_damaged = True
        if self._has_picture:
            self._give()

    def flush(self) -> None:
        """Nothing follows for long: give out what is there, unless it was cut in the middle."""
        if self._has_picture and not self._in_fragment:
            self._give()

    def _taken(self, word: int, size: int) -> None:
        """Middle parts were taken: so many bytes, and what the next packet begins with."""
        self._size += size
        self._next = word >> 32 & 0xFFFF
        self._word = word
        self._had_marker = False
        self._astray = 0

    def _run(self, view: memoryview, at: int, end: int) -> int:
        """Parts of the unit in hand, as long as they are what is expected; where they end."""
        word = self._word
        unpack, append = self._rules.head.unpack_from, self._pieces.append
        mark, first, fragment, body = self._mark, self._first, self._fragment, self._body
        last = end - body
        begin = at
        while at < last:
            is_mark, length, is_word, is_first, is_fragment = unpack(view, at)
            after: int = at + 4 + length
            if is_first != first or is_mark != mark or length < body or after > end:
                break
            if is_word == word and is_fragment == fragment:
                append(view[at + body : after])
                at = after
                word += _ONE
            elif is_fragment == fragment | _LAST and is_word | _MARKER == word | _MARKER:
                append(view[at + body : after])
                self._taken(word + _ONE, after - begin)
                self._unit_ended(is_marked=is_word != word)
                return after
            else:
                break
        if at != begin:
            self._taken(word, at - begin)
        return at

    def _unit_ended(self, *, is_marked: bool) -> None:
        """The last part of the unit in hand was taken."""
        self._in_fragment = False
        self._word = -1
        self._had_marker = is_marked
        if is_marked and self._trust >= TRUSTED and self._has_picture:
            self._give()

    def _frame(self, data: bytearray, view: memoryview, at: int, end: int) -> int:
        """One frame or message; where it ends, -1 while it is not complete."""
        if at >= end:
            return -1
        if view[at] != _DOLLAR:
            return self._text(data, at, end)
        if self._astray and at + 2 <= end and view[at + 1] != self._channel:
            return self._search(data, at + 1, end)
        if at + 4 > end:
            return -1
        after = at + 4 + (view[at + 2] << 8 | view[at + 3])
        if after > end:
            return -1
        if view[at + 1] == self._channel:
            if not self._packet(view, at + 4, after):
                return self._search(data, at + 1, end)
            self._astray = 0
        elif view[at + 1] == self._channel ^ 1:
            self._report(view, at + 4, after)
        return after

    def _text(self, data: bytearray, at: int, end: int) -> int:
        """A message of the server's between frames, or nothing we know.

        Astray only a frame is the way back, so that it is the same wherever reads are cut.
        """
        if self._astray:
            return self._search(data, at + 1, end)
        begins = begins_message(bytes(data[at : min(end, at + MESSAGE_LOOKED_AT)]))
        if begins:
            found = message_at(data, at, end)
            if found is None:
                return -1
            self.messages.append(found[0])
            del self.messages[: -limits.LEAN_SETS_MAX]
            return found[1]
        if begins is None:
            return -1
        return self._search(data, at + 1, end)

    def _search(self, data: bytearray, start: int, end: int) -> int:
        """Astray: the next place where a frame may begin."""
        found = data.find(bytes((_DOLLAR, self._channel)), start, end)
        after = found if found >= 0 else max(start, end - 1)
        self._astray += after - start + 1
        self._lose(0)
        if self._astray > limits.LEAN_ASTRAY_BYTES_MAX:
            raise BadInput("the camera sends what is no picture within RTSP")
        return after

    def _report(self, view: memoryview, start: int, end: int) -> None:
        """RTCP: the sender's two clocks, and its goodbye."""
        for kind, body in blocks(view[start:end]):
            if kind == GOODBYE:
                self.is_over = True
            elif kind == SENDER_REPORT and len(body) >= 20 and self._ticks is not None:
                away = int.from_bytes(body[12:16], "big") - self._ticks
                ticks = self._unwrapped + ((away + 0x80000000) & 0xFFFFFFFF) - 0x80000000
                self.reports.append(Sent(bytes(body[:20]), ticks))
                del self.reports[:-SENDER_REPORTS_KEPT_MAX]

    def _packet(self, view: memoryview, start: int, end: int) -> bool:
        """One RTP packet, the slow way; whether it is one."""
        self._word = -1
        if end - start < 12:
            return end == start
        flags, kind, number, ticks = _RTP.unpack_from(view, start)
        if flags >> 6 != 2:
            return False
        if kind & 0x7F != self._payload_type:
            return True
        if self.source is None:
            self.source = int.from_bytes(view[start + 8 : start + 12], "big")
        body = start + 12
        if flags != 0x80:
            body, end = _body_of(view, start, end)
            if body < 0:
                return True
        if number == self._next:
            self._next = (number + 1) & 0xFFFF
        elif not self._is_next(number):
            return True
        if body < end:
            is_marked = kind >= 0x80
            self._payload(view, body, end, ticks)
            self._had_marker = is_marked
            if is_marked and self._trust >= TRUSTED and self._has_picture:
                self._give()
            elif self._in_fragment and flags == 0x80:
                following = (number + 1) & 0xFFFF
                self._word = (0x8000 | self._payload_type) << 48 | following << 32 | ticks
        return True

    def _is_next(self, number: int) -> bool:
        """Whether to take a packet of this number: not one from before. Missing ones count."""
        expected, self._next = self._next, (number + 1) & 0xFFFF
        if expected is None or number == expected:
            return True
        step = (number - expected) & 0xFFFF
        if step >= 0x10000 - _MISORDER_MAX:
            self._next = expected
            self.late_packets += 1
            return False
        # Further away it is a sequence that began anew: nobody knows what is missing.
        if step >= _DROPOUT_MAX:
            self.source = None
        self._lose(step if step < _DROPOUT_MAX else 1)
        return True

    @property
    def following(self) -> int | None:
        """The sequence number expected next; None before the first packet."""
        return self._next

    def _lose(self, packets: int) -> None:
        self.lost_packets += packets
        self._is_after_loss = True
        self._word = -1
        if self._pieces and not self._had_marker:
            self._is_damaged = True
        self._in_fragment = False

    def _moment(self, ticks: int) -> None:
        """A packet of this moment follows: another one than before ends the access unit."""
        if ticks != self._ticks:
            if self._has_picture:
                self._bound()
            if self._ticks is not None:
                self._unwrapped += ((ticks - self._ticks + 0x80000000) & 0xFFFFFFFF) - 0x80000000
            self._ticks = ticks

    def _payload(self, view: memoryview, start: int, end: int, ticks: int) -> None:
        self._moment(ticks)
        rules = self._rules
        kind = rules.kind(view[start])
        if kind == rules.fragment:
            self._part(view, start, end)
        elif kind == rules.together:
            at = start + rules.head_bytes
            while at + 2 < end:
                after = at + 2 + (view[at] << 8 | view[at + 1])
                if after > end:
                    self._is_damaged = True
                    break
                self._unit(view[at + 2 : after])
                at = after
        elif kind in rules.single:
            self._unit(view[start:end])

    def _unit(self, unit: memoryview) -> None:
        """One whole unit."""
        head = self._rules.head_bytes
        if len(unit) < head:
            return
        kind = self._rules.kind(unit[0])
        if kind in self._rules.slices:
            self._open(kind, is_first=len(unit) > head and unit[head] >= 0x80)
        else:
            self._other(kind, bytes(unit))
        self._pieces += (START, unit)
        self._size += len(unit) + 4
        self._in_fragment = False

    def _part(self, view: memoryview, start: int, end: int) -> None:
        """A part of a unit."""
        head = self._rules.head_bytes
        body = start + head + 1
        if body > end:
            return
        flags = view[start + head]
        kind = flags & (0x1F if head == 1 else 0x3F)
        if flags & 0x80:
            first = bytes((view[start] & 0xE0 | kind,))
            if head == 2:
                first = bytes((view[start] & 0x81 | kind << 1, view[start + 1]))
            if kind in self._rules.slices:
                self._open(kind, is_first=body < end and view[body] >= 0x80)
            else:
                self._other(kind, first + bytes(view[body:end]))
            self._pieces += (START + first,)
            self._first = view[start] if head == 1 else view[start] << 8 | view[start + 1]
            self._fragment = kind
            self._in_fragment = True
        elif not self._in_fragment:
            self._is_damaged = True
            self._has_picture = self._has_picture or kind in self._rules.slices
            self._is_after_loss = False
            self._had_loss = True
        self._pieces.append(view[body:end])
        self._size += end - body + 5
        if flags & 0x40:
            self._in_fragment = False

    def _open(self, kind: int, *, is_first: bool) -> None:
        """A slice comes: of the picture in hand, or the first of the next."""
        if self._has_picture and is_first:
            self._bound()
        elif (
            not is_first and not self._is_after_loss and (self._had_marker or not self._has_picture)
        ):
            self._trust = -1  # this camera marks more than the end of its pictures
        if self._is_after_loss:
            self._mend_loss(is_beginning=is_first)
        self._has_picture = True
        if kind in self._rules.key_slices:
            self._is_key = True

    def _other(self, kind: int, unit: bytes) -> None:
        """A unit that is no slice comes."""
        is_opener = kind in self._rules.openers
        if is_opener and self._has_picture:
            self._bound()
        elif self._had_marker and self._has_picture:
            self._trust = -1
        if self._is_after_loss:
            self._mend_loss(is_beginning=is_opener)
        inner = unit.find(b"\x00\x00\x01", 1)
        if kind in self._rules.sets and len(self._sets) < limits.LEAN_SETS_MAX:
            self._sets.append(unit if inner < 0 else unit[:inner].rstrip(b"\x00"))
        if kind == self._rules.message and is_recovery_point(unit):
            self._is_key = True
        while inner >= 0:
            # Several units in one payload, with start codes between: some cameras do that.
            following = unit.find(b"\x00\x00\x01", inner + 3)
            self._inner(unit[inner + 3 : following if following >= 0 else None])
            inner = following

    def _inner(self, unit: bytes) -> None:
        if not unit:
            return
        kind = self._rules.kind(unit[0])
        if kind in self._rules.slices:
            self._has_picture = True
            self._is_key = self._is_key or kind in self._rules.key_slices
        elif kind in self._rules.sets and len(self._sets) < limits.LEAN_SETS_MAX:
            self._sets.append(unit.rstrip(b"\x00"))

    def _mend_loss(self, *, is_beginning: bool) -> None:
        """After a loss: whether the access unit in hand can be whole."""
        self._is_after_loss = False
        self._had_loss = True
        if self._pieces or not is_beginning:
            self._is_damaged = True

    def _bound(self) -> None:
        """The access unit in hand is over, because the next begins."""
        if self._trust >= 0:
            self._trust = self._trust + 1 if self._had_marker else 0
        self._give()

    def _give(self) -> None:
        if self._is_damaged:
            self.dropped_units += 1
            self._had_loss = True
        else:
            self.ready.append(
                Assembled(
                    self._unwrapped,
                    b"".join(self._pieces),
                    self._is_key,
                    tuple(self._sets),
                    self._had_loss,
                )
            )
            self._had_loss = False
        self._pieces = []
        self._settled = self._size = 0
        self._sets = []
        self._has_picture = self._is_key = self._is_damaged = self._in_fragment = False
        self._had_marker = False
        self._word = -1

    def _settle(self) -> None:
        """What is in hand is copied out of the room, which others use next."""
        if len(self._pieces) > self._settled:
            self._pieces[self._settled :] = [b"".join(self._pieces[self._settled :])]
            self._settled = len(self._pieces)


def _body_of(view: memoryview, start: int, end: int) -> tuple[int, int]:
    """Where a packet's payload begins and ends, behind sources and extensions and before padding;
    it begins before 0 in a packet that is cut."""
    flags = view[start]
    body = start + 12 + 4 * (flags & 15)
    if flags & 0x10:
        if body + 4 > end:
            return -1, end
        body += 4 + 4 * (view[body + 2] << 8 | view[body + 3])
    return body, end - view[end - 1] if flags & 0x20 else end
