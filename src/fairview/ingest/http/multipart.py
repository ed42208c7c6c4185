"""Pictures out of a stream of JPEG parts (multipart/x-mixed-replace), whatever it says of itself.

Cameras state boundaries with and without their dashes, leave lengths out or state wrong ones, and
put other things between their pictures. A part's length is only a hint: it is believed when what
it measures is a whole picture. Otherwise the picture ends where its own markers say, or at the
next boundary. Pure: bytes in, pictures out.

Source:  RFC 2046 5.1 (multipart); ITU-T T.81.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fairview.core.errors import BadInput
from fairview.core.limits_http import (
    HTTP_ASTRAY_BYTES_MAX,
    HTTP_HEAD_BYTES_MAX,
    HTTP_PICTURE_BYTES_MAX,
)
from fairview.ingest import jpeg

_LINE_BYTES_MAX = 256
"""A boundary has 70 characters at most; ours has room for dashes and blanks around it."""
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FIRST_LINE = re.compile(rb"(?:^|\n)(--[^\r\n]{0,200})\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One picture. stamp: what the camera wrote as its time. is_after_loss: a damaged picture
    stood before it.
    """

    data: bytes
    stamp: str | None
    is_after_loss: bool


class Parts:
    """Takes bytes as they come and gives pictures as soon as they are whole.

    Bounds:  one picture HTTP_PICTURE_BYTES_MAX, one part's headers HTTP_HEAD_BYTES_MAX, bytes
    outside of parts HTTP_ASTRAY_BYTES_MAX.
    """

    def __init__(self, boundary: str | None) -> None:
        """boundary: as the content type states it; None: the first line that can be one is it.
        For pictures that just follow one another use `bare`.
        """
        self._buffer = bytearray()
        self._delimiter: _Delimiter | None = None
        self._is_bare = False
        self._in_part = False
        self._length: int | None = None
        self._stamp: str | None = None
        self._searched = 0
        self._end = jpeg.EndFinder()
        self._is_lost = False
        self._astray = 0
        if boundary is not None and boundary.strip('" \t'):
            self._delimiter = _Delimiter(boundary.strip('" \t').encode("latin-1", "replace"))

    @classmethod
    def bare(cls) -> Parts:
        """For pictures that follow one another with nothing between."""
        parts = cls(None)
        parts._is_bare = True
        return parts

    def feed(self, data: bytes) -> Iterator[Part]:
        """Errors:  BadInput at a bound."""
        self._buffer += data
        while True:
            if not self._in_part and not self._begun():
                return
            part = self._taken()
            if self._in_part:
                return
            if part is not None:
                yield part

    # Between parts

    def _begun(self) -> bool:
        """Whether the buffer begins with a picture by now; its headers have been read."""
        at = self._bare_start() if self._is_bare else self._part_start()
        if at is None:
            if len(self._buffer) > HTTP_HEAD_BYTES_MAX:
                self._skip(len(self._buffer) - _LINE_BYTES_MAX)
            return False
        del self._buffer[:at]
        self._astray = 0
        self._in_part = True
        self._searched = 0
        self._end = jpeg.EndFinder()
        return True

    def _skip(self, count: int) -> None:
        self._astray += count
        del self._buffer[:count]
        if self._astray > HTTP_ASTRAY_BYTES_MAX:
            raise BadInput("a stream of pictures without a boundary: is this a camera's video?")

    def _bare_start(self) -> int | None:
        at = self._buffer.find(jpeg.BEGIN)
        self._length = self._stamp = None
        return at if at >= 0 else None

    def _part_start(self) -> int | None:
        if self._delimiter is None:
            first = _FIRST_LINE.search(self._buffer)
            if first is None:
                return None
            self._delimiter = _Delimiter(first.group(1))
        line = self._boundary_in(self._buffer)
        if line is None:
            return None
        begin = line[1]
        if self._buffer[begin : begin + 2] == jpeg.BEGIN:  # no headers at all
            self._length = self._stamp = None
            return begin
        # The boundary's own line end belongs to an empty head.
        head = _HEAD_END.search(self._buffer, begin - 1)
        if head is None:
            if len(self._buffer) - begin > HTTP_HEAD_BYTES_MAX:
                raise BadInput("a part's headers without end: is this a camera's video?")
            return None
        self._read_head(bytes(self._buffer[begin : head.start()]))
        return head.end()

    def _read_head(self, head: bytes) -> None:
        self._length = self._stamp = None
        for line in head.decode("latin-1").splitlines():
            key, _, value = line.partition(":")
            word = key.strip().lower()
            if word == "content-length" and value.strip().isdecimal() and len(value) < 16:
                length = int(value)
                self._length = length if 0 < length <= HTTP_PICTURE_BYTES_MAX else None
            elif word == "x-timestamp":
                self._stamp = value.strip()

    # Inside a part

    def _taken(self) -> Part | None:
        """The part, once it is over; None and still inside while it is not, or with nothing."""
        self._drop_blank_lines()
        size = self._stated_size()
        if size is None:
            ends = (self._bounded_size(), self._walked_size())
            size = min((end for end in ends if end is not None), default=None)
        if size is None:
            if len(self._buffer) > HTTP_PICTURE_BYTES_MAX:
                raise BadInput("a picture larger than 16 MB: is this a camera's video?")
            return None
        data = bytes(memoryview(self._buffer)[:size])
        del self._buffer[:size]
        self._in_part = False
        if not jpeg.is_whole(data):
            # Other things between pictures are no loss: they are not pictures.
            self._is_lost = self._is_lost or data.startswith(jpeg.BEGIN)
            return None
        is_after_loss, self._is_lost = self._is_lost, False
        return Part(data=data, stamp=self._stamp, is_after_loss=is_after_loss)

    def _drop_blank_lines(self) -> None:
        if self._searched == 0 and self._buffer.startswith((b"\r", b"\n")):
            blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
            if self._buffer[blank : blank + 2] == jpeg.BEGIN:
                del self._buffer[:blank]

    def _stated_size(self) -> int | None:
        """The stated length, when it measures one whole picture."""
        length = self._length
        if length is None or len(self._buffer) < length:
            return None
        begin = max(0, self._searched - _LINE_BYTES_MAX)
        is_whole = jpeg.is_whole(self._buffer, length)
        if is_whole and self._boundary_in(self._buffer, begin, length) is None:
            return length
        self._length = None
        return None

    def _bounded_size(self) -> int | None:
        """What stands before the next boundary."""
        found = self._boundary_in(self._buffer, max(0, self._searched - _LINE_BYTES_MAX))
        self._searched = len(self._buffer)
        return None if found is None else found[0]

    def _walked_size(self) -> int | None:
        """A picture's own end, unless its length is stated and has not come yet."""
        if self._length is not None or not self._buffer.startswith(jpeg.BEGIN):
            return None
        try:
            return self._end.find(self._buffer)
        except BadInput:
            if self._is_bare:
                self._is_lost = True
                return max(2, self._buffer.find(jpeg.BEGIN, 2))
            return None  # damaged: the next boundary ends it

    def _boundary_in(
        self, data: bytearray, start: int = 0, end: int | None = None
    ) -> tuple[int, int] | None:
        if self._delimiter is None:
            return None
        return self._delimiter.search(data, start, len(data) if end is None else end)


class _Delimiter:
    """A boundary's line with however many dashes, right behind a picture or on a line of its own.

    The line end before it belongs to it, the one behind it ends it.
    Cost:    its name is looked for first, at the speed of memory; the line only around it.
    """

    def __init__(self, boundary: bytes) -> None:
        name = boundary.strip().strip(b"-")
        self._name = name or b"--"
        dashes = b"-*" + re.escape(name) + b"(?:--)?" if name else b"--+"
        self._line = re.compile(rb"(?:^|\r?\n|(?<=\xff\xd9))" + dashes + rb"[ \t]*\r?\n")

    def search(self, data: bytearray, start: int, end: int) -> tuple[int, int] | None:
        """Where the first one begins and ends; None where there is no whole one before `end`."""
        at = data.find(self._name, start, end)
        while at >= 0:
            begin = max(0, at - _LINE_BYTES_MAX)
            window = bytes(data[begin : min(end, at + _LINE_BYTES_MAX + len(self._name))])
            for found in self._line.finditer(window, max(0, start - begin)):
                is_first = begin == 0 or found.group()[:1] in (b"\r", b"\n")
                is_behind = window[: found.start()].endswith(jpeg.END)
                if found.end() > at - begin and (is_first or is_behind):
                    return begin + found.start(), begin + found.end()
            at = data.find(self._name, at + 1, end)
        return None
