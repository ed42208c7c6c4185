"""What changed since the publication before, kept in the publication itself. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fairview.core.errors import BadInput, Corrupt
from fairview.core.time import Instant, instant

LINES_MAX = 200
"""Lines of one change; the rest is a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One publication that differed from the one before."""

    at: Instant
    lines: tuple[str, ...]

    @property
    def anchor(self) -> str:
        return "t" + "".join(sign for sign in self.at.iso()[:19] if sign.isdigit())


def changes_from(data: bytes | None) -> tuple[Change, ...]:
    """The log of an earlier publication, newest first. Errors: Corrupt."""
    if data is None:
        return ()
    try:
        return tuple(
            Change(at=instant(one["at"]), lines=tuple(str(line) for line in one["lines"]))
            for one in json.loads(data)
        )
    except (ValueError, KeyError, TypeError, BadInput) as error:
        raise Corrupt("data/changes.json of the earlier publication cannot be read") from error


def changes_as(changes: Sequence[Change]) -> list[dict[str, Any]]:
    return [{"at": change.at.iso(), "lines": list(change.lines)} for change in changes]


def difference(
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    flags_before: Sequence[str],
    flags_after: Sequence[str],
) -> tuple[str, ...]:
    """What to tell about two publications' claims (by id) and findings (in words).

    A claim's place in its file may move without being told.
    """
    lines = []
    for name in after:
        said = f"{after[name]['place']} {after[name]['year']}, {after[name]['publisher']}"
        if name not in before:
            lines.append(f"Claim {name} added: {said}")
            continue
        changed = [
            f"{field} was {_said(before[name].get(field))}, is {_said(value)}"
            for field, value in after[name].items()
            if not field.startswith("source_") and before[name].get(field) != value
        ]
        if changed:
            lines.append(f"Claim {name} ({said}) changed: {'; '.join(changed)}")
    lines += [
        f"Claim {name} taken away: {values['place']} {values['year']}, {values['publisher']}"
        for name, values in before.items()
        if name not in after
    ]
    lines += [f"Found: {words}" for words in flags_after if words not in flags_before]
    lines += [f"No longer found: {words}" for words in flags_before if words not in flags_after]
    if len(lines) > LINES_MAX:
        lines = [*lines[:LINES_MAX], f"and {len(lines) - LINES_MAX} more"]
    return tuple(lines)


def _said(value: object) -> str:
    return "empty" if value is None or value == "" else str(value)
