"""The items of one long array in a JSON file, one at a time, so that memory stays flat."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fairview.core.errors import BadInput
from fairview.core.limits import CENSUS_JSON_ITEM_BYTES_MAX

_CHUNK_BYTES = 1 << 18
_SPACE = " \t\r\n"


class JsonItems:
    """Iterates over the objects in the array `name` of a file's outermost object.

    The other members are in `rest` as far as they were passed: those before the array at the first
    item, all of them at the end.

    Bounds:  one item or other member at most CENSUS_JSON_ITEM_BYTES_MAX characters.
    Errors:  BadInput with the place, for anything that is not such a file.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.rest: dict[str, Any] = {}
        self._path = path
        self._name = name
        self._decoder = json.JSONDecoder()
        self._text = ""
        self._at = 0
        self._passed = 0
        self._is_end = False

    def __iter__(self) -> Iterator[Any]:
        try:
            with self._path.open("rb") as file:
                self._file = file
                self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()
                yield from self._object()
        except OSError as error:
            raise BadInput(f"{self._path} cannot be read: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise BadInput(f"{self._path} is not UTF-8 text") from error

    def _object(self) -> Iterator[Any]:
        self._expect("{")
        found = False
        if self._peek() == "}":
            raise BadInput(f"{self._path} has no array {self._name!r}")
        while True:
            name = self._value()
            self._expect(":")
            if name == self._name and self._peek() == "[":
                found = True
                yield from self._array()
            else:
                self.rest[str(name)] = self._value()
            sign = self._peek()
            self._at += 1
            if sign == "}":
                break
            if sign != ",":
                self._fail("a comma or the end of the object is missing")
        if not found:
            raise BadInput(f"{self._path} has no array {self._name!r}")

    def _array(self) -> Iterator[Any]:
        self._expect("[")
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._value()
            sign = self._peek()
            self._at += 1
            if sign == "]":
                return
            if sign != ",":
                self._fail("a comma or the end of the array is missing")

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                # Half a value looks like a broken one: read on and see.
                if not self._more():
                    self._fail(error.msg, error)
                continue
            except RecursionError as error:
                self._fail("it is nested too deeply", error)
            if end == len(self._text) and not self._is_end:
                self._more()  # 12 may be the beginning of 123
                continue
            self._at = end
            return value

    def _peek(self) -> str:
        while True:
            while self._at < len(self._text) and self._text[self._at] in _SPACE:
                self._at += 1
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                self._fail("it ends too early")

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            self._fail(f"{sign!r} is missing")
        self._at += 1

    def _more(self) -> bool:
        if self._is_end:
            return False
        # Growing steps keep one long item from being parsed again for every small chunk.
        rest = len(self._text) - self._at
        if rest > CENSUS_JSON_ITEM_BYTES_MAX:
            self._fail(f"one item is longer than {CENSUS_JSON_ITEM_BYTES_MAX} characters")
        chunk = self._file.read(max(_CHUNK_BYTES, rest))
        self._is_end = not chunk
        self._passed += self._at
        self._text = self._text[self._at :] + self._utf8.decode(chunk, final=self._is_end)
        self._at = 0
        return True

    def _fail(self, because: str, error: Exception | None = None) -> None:
        place = self._passed + self._at
        raise BadInput(
            f"{self._path} is not the JSON expected, at character {place}: {because}"
        ) from error
