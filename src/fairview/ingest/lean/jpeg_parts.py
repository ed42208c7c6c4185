"""JPEG pictures from frames of RTP, as Depacketiser makes access units. Pure.

Source:  RFC 2435 3 (header), 4 (types).
HOLE:    a picture wider or higher than 2,040 pixels does not fit in the header; cameras that send
such, with its size elsewhere, are refused.
"""

from __future__ import annotations

from fairview.core import limits
from fairview.core.errors import BadInput
from fairview.ingest.lean.depacketiser import TRUSTED, Depacketiser
from fairview.ingest.lean.jpeg_heads import factor_tables, picture_head
from fairview.ingest.lean.units import JPEG, Assembled

_HEAD_BYTES = 8
_END = b"\xff\xd9"
_TABLES_MAX = 16
_TABLE_BYTES = (64, 128, 256)
_RESTARTS = range(64, 128)
_OWN_TABLES = 128


class JpegParts(Depacketiser):
    """As Depacketiser; each access unit is a whole JPEG picture with its headers.

    A picture that misses a part is dropped. One brings its size as its only parameter set, in four
    bytes, so that a change of it is seen.

    Errors:  BadInput also for a picture that this header can't describe.
    """

    def __init__(self, *, payload_type: int, channel: int) -> None:
        super().__init__(JPEG, payload_type=payload_type, channel=channel)
        self._trust = TRUSTED  # the marker ends a picture (RFC 2435 3)
        self._head = b""
        self._length = 0
        self._tables: dict[int, bytes] = {}

    def _payload(self, view: memoryview, start: int, end: int, ticks: int) -> None:
        self._moment(ticks)
        if end - start < _HEAD_BYTES:
            self._is_damaged = True
            return
        offset = int.from_bytes(view[start + 1 : start + 4], "big")
        kind, factor = view[start + 4], view[start + 5]
        at, restart = start + _HEAD_BYTES, 0
        if kind in _RESTARTS and at + 4 <= end:
            restart, at = view[at] << 8 | view[at + 1], at + 4
        if self._is_after_loss:
            self._is_after_loss, self._had_loss = False, True
            self._is_damaged = self._is_damaged or offset > 0
        if offset == 0:
            if self._has_picture:
                self._give()
            size = view[start + 6] * 8, view[start + 7] * 8
            at = self._begin(view, at, end, (kind, factor, restart), size)
        if offset != self._length:
            self._is_damaged = True
        self._has_picture = True
        self._pieces.append(view[at:end])
        self._length += end - at
        self._size += end - at

    def _begin(
        self,
        view: memoryview,
        at: int,
        end: int,
        shape: tuple[int, int, int],
        size: tuple[int, int],
    ) -> int:
        """The first part of a picture; where its coded bytes begin.

        shape: type, factor and restart interval.
        """
        kind, factor, restart = shape
        if kind & 0x3F > 1 or kind >= _OWN_TABLES or not all(size):
            raise BadInput(
                "the camera's JPEG pictures don't fit in RTP: make them smaller, or set H.264"
            )
        if factor < _OWN_TABLES:
            tables = factor_tables(factor)
        else:
            tables, at = self._brought(view, at, end, factor)
        self._sets = [size[0].to_bytes(2, "big") + size[1].to_bytes(2, "big")]
        self._head = picture_head(kind & 0x3F, size[0], size[1], tables, restart) if tables else b""
        return at

    def _brought(self, view: memoryview, at: int, end: int, factor: int) -> tuple[bytes, int]:
        """Tables that come with the picture, or came with an earlier one under the same factor."""
        if at + 4 > end:
            return b"", end
        length = view[at + 2] << 8 | view[at + 3]
        at += 4
        if length == 0:
            return self._tables.get(factor, b""), at
        if length not in _TABLE_BYTES or at + length > end:
            return b"", end
        tables = bytes(view[at : at + length])
        if factor < 255 and len(self._tables) < _TABLES_MAX:
            self._tables[factor] = tables
        return tables, at + length

    def finish(self) -> None:
        """The stream ended: the picture in hand lacks its marker, so it lacks its end."""
        self._let_go()

    def flush(self) -> None:
        """As `finish`."""
        self._let_go()

    def _let_go(self) -> None:
        if self._has_picture:
            self._bound()

    def _bound(self) -> None:
        """Another moment begins, and the marker of this picture did not come."""
        self._is_damaged = True
        self._give()

    def _give(self) -> None:
        if self._is_damaged or not self._head or self._length > limits.LEAN_UNIT_BYTES_MAX:
            self.dropped_units += 1
            self._had_loss = True
        else:
            data = self._head + b"".join(self._pieces)
            if not data.endswith(_END):
                data += _END
            sets = tuple(self._sets)
            self.ready.append(Assembled(self._unwrapped, data, True, sets, self._had_loss))
            self._had_loss = False
        self._pieces = []
        self._settled = self._size = self._length = 0
        self._sets, self._head = [], b""
        self._has_picture = self._is_damaged = self._had_marker = False
