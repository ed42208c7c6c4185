"""What comes after an answer's head: in chunks, of a stated length, or until the line is closed.

Source:  RFC 9112 6 (message body), 7.1 (chunked).
"""

from __future__ import annotations

import re
import socket

from fairview.core.errors import BadInput
from fairview.core.limits_http import HTTP_HEAD_BYTES_MAX, HTTP_READ_BYTES

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\Z")


class Body:
    """Read by one thread. Nothing more than one reading's bytes is held."""

    def __init__(
        self, line: socket.socket, rest: bytes, *, is_chunked: bool, length: int | None
    ) -> None:
        """rest: what came together with the head. length: None when it is not stated."""
        self._line, self._rest = line, rest
        self._is_chunked, self._left = is_chunked, length
        self._is_inside = False
        self.is_stated = length is not None
        self.is_over = False

    @property
    def is_measured(self) -> bool:
        """Whether its end is told by itself, not by the line's."""
        return self._is_chunked or self.is_stated

    def read(self, count: int = HTTP_READ_BYTES) -> bytes:
        """Some bytes, at least one and at most count; none at the end.

        Errors:  OSError when the line breaks or is silent; BadInput for chunks that are none.
        """
        if self._is_chunked:
            return self._chunked(count)
        if self._left is None:
            data = self._taken(count)
            self.is_over = not data
            return data
        data = self._taken(min(count, self._left)) if self._left else b""
        self._left -= len(data)
        self.is_over = not data
        return data

    def _chunked(self, count: int) -> bytes:
        if self.is_over:
            return b""
        if not self._left:
            self._left = self._chunk_size()
            if self._left == 0:
                while self._text_line():  # trailers, up to the empty line
                    pass
                self.is_over = True
                return b""
        data = self._taken(min(count, self._left))
        if not data:
            self.is_over = True
            return b""
        self._left -= len(data)
        self._is_inside = True
        return data

    def _chunk_size(self) -> int:
        if self._is_inside and self._text_line():
            raise BadInput("a body whose chunks don't add up")
        line = self._text_line()
        stated = _SIZE.match(line)
        if stated is None:
            if not line and self.is_over:  # closed without a last chunk
                return 0
            raise BadInput("a body whose chunks don't add up")
        return int(stated.group(1), 16)

    def _text_line(self) -> bytes:
        """One line without its end; empty also when the line was closed."""
        while (end := self._rest.find(b"\n")) < 0:
            if len(self._rest) > HTTP_HEAD_BYTES_MAX:
                raise BadInput("a chunk's size without end")
            more = self._line.recv(HTTP_HEAD_BYTES_MAX)
            if not more:
                self.is_over = True
                return b""
            self._rest += more
        line, self._rest = self._rest[:end], self._rest[end + 1 :]
        return line.rstrip(b"\r")

    def _taken(self, count: int) -> bytes:
        if self._rest:
            data, self._rest = self._rest[:count], self._rest[count:]
            return data
        return self._line.recv(count)
