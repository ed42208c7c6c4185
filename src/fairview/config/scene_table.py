"""One table of a scene file, read key by key; every error names the table and the key."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypeVar, get_args

from fairview.core.errors import BadInput
from fairview.core.limits_seeing import SCENE_POINTS_MAX, SCENE_THINGS_MAX
from fairview.core.scene import Point

_Choice = TypeVar("_Choice", bound=str)
NAME_CHARACTERS_MAX = 100
_FORMULA_SIGNS = ("=", "+", "-", "@")
NUMBER_MAX = 1e7
"""No coordinate, length or parameter is larger: a slip of the keyboard is."""


def nearest_key(key: str, known: Iterable[str]) -> str:
    """The known key that looks most like this one."""
    return difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.0)[0]


class SceneTable:
    """A TOML table with its place in the file.

    Errors:  BadInput for unknown keys, wrong types and values out of bounds, from every method.
    """

    def __init__(self, value: object, where: str, known: Sequence[str]) -> None:
        if not isinstance(value, Mapping):
            raise BadInput(f"{where} must be a table, not {_kind_of(value)}")
        self.where = where
        self._value: Mapping[str, object] = value
        for key in value:
            if key not in known:
                raise BadInput(
                    f"{where} has no key {key!r}; the nearest known one is "
                    f"{nearest_key(key, known)!r}"
                )

    def __contains__(self, key: str) -> bool:
        return key in self._value

    def renamed(self, where: str) -> None:
        """A better place for later errors, once the table's name is known."""
        self.where = where

    def wrong(self, key: str, because: str) -> BadInput:
        return BadInput(f"{self.where} {key}: {because}")

    def raw(self, key: str) -> object:
        if key not in self._value:
            raise BadInput(f"{self.where} needs {key}")
        return self._value[key]

    def text(self, key: str, default: str | None = None) -> str:
        if default is not None and key not in self._value:
            return default
        value = self.raw(key)
        if not isinstance(value, str):
            raise self.wrong(key, f"must be text, not {_kind_of(value)}")
        if not value.strip() or len(value) > NAME_CHARACTERS_MAX or not value.isprintable():
            raise self.wrong(key, f"must be 1 to {NAME_CHARACTERS_MAX} printable characters")
        return value

    def name(self, key: str, default: str | None = None) -> str:
        """A name that may stand in a table. Errors:  also BadInput for what a spreadsheet runs."""
        value = self.text(key, default)
        if value.lstrip()[0] in _FORMULA_SIGNS:
            raise self.wrong(
                key,
                f"{value[:40]!r} begins like a formula, and a spreadsheet that opens the results "
                f"would run it: begin with another character than {' '.join(_FORMULA_SIGNS)}",
            )
        return value

    def number(self, key: str, low: float, high: float) -> float:
        value = self.raw(key)
        number = _number(value)
        if number is None:
            raise self.wrong(key, f"must be a number, not {_kind_of(value)}")
        if not low <= number <= high:
            raise self.wrong(key, f"is {number:g}, must lie between {low:g} and {high:g}")
        return number

    def positive(self, key: str, high: float) -> float:
        """A number above 0."""
        number = self.number(key, 0.0, high)
        if number == 0:
            raise self.wrong(key, f"is 0, must lie above 0 and at most at {high:g}")
        return number

    def choice(self, key: str, kind: object, default: _Choice | None = None) -> str:
        """One of the words of a Literal type."""
        if default is not None and key not in self._value:
            return default
        return self.one_of(key, self.text(key), get_args(kind))

    def one_of(self, key: str, value: str, words: Sequence[str]) -> str:
        if value not in words:
            raise self.wrong(
                key,
                f"{value!r} is not one of {', '.join(words)}; the nearest is "
                f"{nearest_key(value, words)!r}",
            )
        return value

    def point(self, key: str) -> Point:
        return self._point(key, self.raw(key))

    def points(self, key: str, least: int) -> tuple[Point, ...]:
        value = self.raw(key)
        if not isinstance(value, list):
            raise self.wrong(key, f"must be a list of points [x, y], not {_kind_of(value)}")
        if not least <= len(value) <= SCENE_POINTS_MAX:
            raise self.wrong(
                key, f"has {len(value)} points, must have {least} to {SCENE_POINTS_MAX}"
            )
        return tuple(
            self._point(f"{key}, point {number}", one) for number, one in enumerate(value, 1)
        )

    def _point(self, key: str, value: object) -> Point:
        if not isinstance(value, list) or len(value) != 2:
            raise self.wrong(key, f"must be a point [x, y], not {_kind_of(value)}")
        x, y = (_number(one) for one in value)
        if x is None or y is None:
            raise self.wrong(key, "must be a point of two numbers [x, y]")
        if max(abs(x), abs(y)) > NUMBER_MAX:
            raise self.wrong(key, f"lies beyond {NUMBER_MAX:g}")
        return x, y

    def table(self, key: str, known: Sequence[str]) -> SceneTable:
        return SceneTable(self.raw(key), f"[{key}]", known)

    def items(self, key: str, where: str | None = None) -> list[object]:
        """What stands in a list of tables, [[key]], unopened; nothing when it is not there."""
        value = self._value.get(key, [])
        where = where or key
        if not isinstance(value, list):
            raise BadInput(f"[[{where}]] must be written with two brackets, not {_kind_of(value)}")
        if len(value) > SCENE_THINGS_MAX:
            raise BadInput(f"{len(value)} [[{where}]], at most {SCENE_THINGS_MAX} are allowed")
        return value

    def tables(self, key: str, known: Sequence[str], where: str) -> list[SceneTable]:
        """The tables of a list of them, [[key]], opened."""
        return [
            SceneTable(one, f"[[{where}]] {number}", known)
            for number, one in enumerate(self.items(key, where), 1)
        ]


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    names: tuple[tuple[type, Literal["text", "a number", "a list", "a table"]], ...] = (
        (str, "text"),
        (int, "a number"),
        (float, "a number"),
        (list, "a list"),
        (Mapping, "a table"),
    )
    shown = next((name for kind, name in names if isinstance(value, kind)), "a date or time")
    return f"{shown} ({value!r})"[:80]
