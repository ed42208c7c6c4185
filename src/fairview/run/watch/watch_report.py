"""report.json: what ran, on what, how well it is known, and what to be careful about."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from fairview import __version__
from fairview.analyse.ground.ground import Ground
from fairview.core.scene import Rule, Scene
from fairview.core.sight import Unmeasurable
from fairview.core.time import US_PER_SECOND, Span, cpu_us
from fairview.core.traffic import Accuracy

REPORT_VERSION = 1
_PARTS = ("numpy", "opencv-python-headless", "av", "onnxruntime", "scipy", "pyarrow")

Stage = Literal["decode", "health", "detect", "track", "measure", "cover", "write", "other"]
STAGES: tuple[Stage, ...] = (
    "decode",
    "health",
    "detect",
    "track",
    "measure",
    "cover",
    "write",
    "other",
)
InputKind = Literal["video", "pictures", "stream", "tracks", "detections"]


class StageClock:
    """CPU time by stage: what passed since the last call is put down to the stage named.

    All threads of the process together, so that a decoder's own threads count. Used by one thread.
    """

    def __init__(self) -> None:
        self._last_us = cpu_us()
        self._us: dict[Stage, int] = dict.fromkeys(STAGES, 0)

    def done(self, stage: Stage) -> None:
        """Everything since the last call was this stage."""
        now = cpu_us()
        self._us[stage] += now - self._last_us
        self._last_us = now

    def seconds(self) -> dict[str, float]:
        """By stage, and `total`."""
        by_stage: dict[str, float] = {}
        for name, us in self._us.items():
            by_stage[name] = round(us / US_PER_SECOND, 3)
        return {**by_stage, "total": round(sum(self._us.values()) / US_PER_SECOND, 3)}


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFacts:
    """What was read. name: without the way to it, and without a login.

    frames_*: None where there are no pictures. frames_read counts all the input has, also those
    that --at-fps passed over.
    """

    name: str
    kind: InputKind
    size_px: tuple[int, int] | None
    has_times: bool
    frames_read: int | None
    frames_decoded: int | None
    frames_detected: int | None
    frames_damaged: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorFacts:
    """name: None when others' tracks are measured. accuracy None: never measured here."""

    name: str | None
    accuracy: Accuracy | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    tracks: int
    crossings: int
    stays: int
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything report.json says. watched None: nothing was looked at."""

    command: Literal["watch", "measure"]
    scene: Scene
    input: InputFacts
    watched: Span | None
    observed_frac: float
    unmeasurable: tuple[Unmeasurable, ...]
    ground: Ground | None
    detector: DetectorFacts
    totals: Totals
    unevaluated: tuple[Rule, ...]
    cpu_seconds: dict[str, float]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """As docs/reference/report.schema.json says."""
        return {
            "version": REPORT_VERSION,
            "command": self.command,
            "versions": versions(),
            "scene": {
                "camera": self.scene.camera.id,
                "digest": self.scene.digest,
                "size_px": [self.scene.camera.width_px, self.scene.camera.height_px],
            },
            "input": _input(self.input),
            "frames": {
                "read": self.input.frames_read,
                "decoded": self.input.frames_decoded,
                "detected": self.input.frames_detected,
                "damaged": self.input.frames_damaged,
            },
            "watched": _span(self.watched) if self.watched else None,
            "observed_frac": round(self.observed_frac, 6),
            "unmeasurable": [
                {**_span(one.span), "because": one.because} for one in self.unmeasurable
            ],
            "calibration": _calibration(self.ground),
            "detector": _detector(self.detector),
            "totals": {
                "tracks": self.totals.tracks,
                "crossings": self.totals.crossings,
                "stays": self.totals.stays,
                "events": self.totals.events,
            },
            "rules_not_evaluated": [
                {"rule": rule.name, "kind": rule.kind} for rule in self.unevaluated
            ],
            "cpu_seconds": self.cpu_seconds,
            "warnings": list(dict.fromkeys(self.warnings)),
        }


def versions() -> dict[str, str]:
    """Of Fairview, Python and the libraries that figures depend on."""
    found = {"fairview": __version__, "python": platform.python_version()}
    for name in _PARTS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def general_warnings(scene: Scene, facts: InputFacts, unevaluated: Iterable[Rule]) -> list[str]:
    """What follows from the scene and the input alone."""
    said: list[str] = []
    if scene.camera.start is None and facts.kind != "stream":
        said.append(
            "the scene has no camera.start: times count from 1970-01-01T00:00:00Z, so only their "
            "distances mean something"
        )
    if not scene.has_ground:
        said.append("the scene has no [ground]: speeds are empty")
    if not (scene.lines or scene.zones):
        said.append("the scene has no line and no zone: there is nothing to count")
    said += [
        f"rule {rule.name} ({rule.kind}) is not evaluated by this version" for rule in unevaluated
    ]
    return said


def _input(facts: InputFacts) -> dict[str, object]:
    return {
        "name": facts.name,
        "kind": facts.kind,
        "size_px": list(facts.size_px) if facts.size_px else None,
        "has_times": facts.has_times,
    }


def _span(span: Span) -> dict[str, str]:
    return {"start": span.start.iso(), "end": span.end.iso()}


def _calibration(ground: Ground | None) -> dict[str, object] | None:
    if ground is None:
        return None
    report = ground.report
    return {
        "leave_one_out_m": _rounded(report.leave_one_out_m),
        "residual_m": _rounded(report.residual_m),
        "scale_half_frac": _rounded(report.scale_half_frac),
        "directions": report.directions,
        "distortion": report.distortion,
        "items": [
            {
                "name": item.name,
                "metres": _rounded(item.metres),
                "residual_m": _rounded(item.residual_m),
                "left_out_m": _rounded(item.left_out_m),
            }
            for item in report.items
        ],
    }


def _detector(facts: DetectorFacts) -> dict[str, object]:
    accuracy = facts.accuracy
    return {
        "name": facts.name,
        "recall": accuracy.recall if accuracy else None,
        "precision": accuracy.precision if accuracy else None,
        "truth_n": accuracy.truth_n if accuracy else None,
        "found_n": accuracy.found_n if accuracy else None,
        "source": accuracy.source if accuracy else None,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(float(value), 4)
