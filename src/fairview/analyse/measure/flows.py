"""From which line to which: origin and destination of each road user. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fairview.analyse.measure.counts import Passing
from fairview.core.scene import Flow
from fairview.core.traffic import Crossing


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginDestination:
    """How many road users of a class crossed one line first and one last; equal when they crossed
    only one, or came back to it.
    """

    first_line: str
    last_line: str
    kind: int
    n: int


def flow_passings(crossings: Sequence[Crossing], flow_list: Sequence[Flow]) -> list[Passing]:
    """The flows one road user took, from its crossings in order of time; at its last crossing.

    A flow from a line to the same line needs two crossings of it (a turn back).
    """
    if len(crossings) < 2:
        return []
    first, last = crossings[0], crossings[-1]
    return [
        Passing(at=last.at, place=flow.name, direction=None, kind=last.kind)
        for flow in flow_list
        if flow.from_line == first.line and flow.to_line == last.line
    ]


def origin_destination(ways: Iterable[Sequence[Crossing]]) -> tuple[OriginDestination, ...]:
    """The table of first and last lines, over each road user's crossings in order of time."""
    found = Counter((way[0].line, way[-1].line, way[-1].kind) for way in ways if way)
    return tuple(
        OriginDestination(first_line=first, last_line=last, kind=kind, n=n)
        for (first, last, kind), n in sorted(found.items())
    )
