"""Settings as plain values, for a process that has no use for what checks them.

A recorder is one of many and lives for months; pydantic is 10 MB of each. The node has checked
the settings; what it hands over has the same names and values, and nothing that could check.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fairview.core.errors import Corrupt

if TYPE_CHECKING:
    from fairview.config.settings import Settings

_SECTION, _PATH, _ROW = "section", "path", "row"


class _Section:
    """One section, frozen."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.__dict__.update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{name} can't be set: settings are frozen")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Section) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash(tuple(self.__dict__.items()))


def to_plain(settings: Settings) -> Any:
    """The settings as JSON can carry them; `from_plain` reads it."""
    return _written(settings.model_dump(mode="python", by_alias=False))


def from_plain(written: Any) -> Settings:
    """Settings by name, without the methods of a model.

    Errors:  Corrupt for what `to_plain` did not write.
    """
    read = _read(written)
    if not isinstance(read, _Section):
        raise Corrupt("settings are a section")
    # Every field has the same name and value; nobody who gets them this way asks for more.
    return cast("Settings", read)


def _written(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_SECTION: {name: _written(one) for name, one in value.items()}}
    if isinstance(value, Path):
        return {_PATH: str(value)}
    if isinstance(value, tuple | list):
        return {_ROW: [_written(one) for one in value]}
    assert value is None or isinstance(value, str | int | float), type(value)
    return value


def _read(written: Any) -> Any:
    if not isinstance(written, dict):
        return written
    if set(written) == {_SECTION}:
        return _Section({name: _read(one) for name, one in written[_SECTION].items()})
    if set(written) == {_PATH}:
        return Path(written[_PATH])
    if set(written) == {_ROW}:
        return tuple(_read(one) for one in written[_ROW])
    raise Corrupt("settings hold what is neither a section nor a value")
