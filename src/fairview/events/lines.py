"""Traffic events as lines of events.jsonl: pure.

An event's id is a digest of what makes it the same event when the same footage is looked at
again, so that whoever reads two files can tell repeats.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from fairview.core.event import TrafficEvent
from fairview.core.ids import CameraId
from fairview.core.scene import Rule, RuleKind
from fairview.core.sight import KINDS
from fairview.core.time import Instant, Span

_DIGEST_NAME = "fairview/event/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What an event rests on. detector: its name; scene_digest: SHA-256 of the scene's file."""

    detector: str
    scene_digest: str
    rules: tuple[Rule, ...]


def event_id(
    camera: CameraId, kind: RuleKind, start: Instant, first_track_start: Instant | None
) -> str:
    """SHA-256, hexadecimal, over camera, kind, start and the first track's start (FORMATS)."""
    parts = (
        _DIGEST_NAME,
        camera,
        kind,
        start.iso(),
        first_track_start.iso() if first_track_start is not None else "",
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def line_of(event: TrafficEvent, provenance: Provenance) -> str:
    """One line of events.jsonl, without its end; keys in the order of FORMATS."""
    rule = next((one for one in provenance.rules if one.name == event.rule), None)
    return json.dumps(
        {
            "id": event_id(event.camera, event.kind, event.span.start, event.first_track_start),
            "kind": event.kind,
            "camera": event.camera,
            "start": event.span.start.iso(),
            "end": event.span.end.iso(),
            "zone": event.zone,
            "line": event.line,
            "class": KINDS[event.seen_kind] if event.seen_kind is not None else None,
            "tracks": list(event.tracks),
            "values": dict(event.values),
            "evidence": [_span(one) for one in event.evidence],
            "provenance": {
                "rule": event.rule,
                "settings": dict(rule.settings) if rule is not None else {},
                "detector": provenance.detector,
                "scene": provenance.scene_digest,
            },
        },
        ensure_ascii=False,
    )


def _span(span: Span) -> dict[str, str]:
    return {"start": span.start.iso(), "end": span.end.iso()}
