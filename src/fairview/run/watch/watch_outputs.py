"""What was seen becomes files: the tables of FORMATS, stays, events and the report."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from fairview.analyse.files.mot import MotWriter, write_mot
from fairview.analyse.files.parquet import ParquetTracks, PointGround
from fairview.analyse.files.read import FileFacts
from fairview.analyse.ground.ground import Ground
from fairview.analyse.measure.looked import Looked, observed_frac
from fairview.analyse.measure.measures import MeasureContext, Measures, measure
from fairview.analyse.measure.tables import counts_csv, crossings_csv, flows_csv, speeds_csv
from fairview.core.event import TrafficEvent
from fairview.core.limits_seeing import WATCH_SORTED_POINTS_MAX
from fairview.core.scene import Scene
from fairview.core.sight import KINDS
from fairview.core.time import US_PER_SECOND, Span
from fairview.core.traffic import Stay
from fairview.events.lines import Provenance, line_of
from fairview.events.rules import unevaluated
from fairview.run.watch.looking import Seen
from fairview.run.watch.point_speeds import PointSpeeds, point_speeds
from fairview.run.watch.rule_events import traffic_events
from fairview.run.watch.watch_report import Report, StageClock, Totals, general_warnings
from fairview.store.durable import told_as_ours

STAYS_COLUMNS = (
    "track",
    "class",
    "zone",
    "start",
    "end",
    "seconds",
    "open_start",
    "open_end",
)
FILES = frozenset(
    {
        "tracks.txt",
        "tracks.parquet",
        "crossings.csv",
        "counts.csv",
        "flows.csv",
        "speeds.csv",
        "stays.csv",
        "events.jsonl",
        "covered.mp4",
        "report.json",
    }
)
"""Every file these commands may write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known before anything was seen."""

    command: Literal["watch", "measure"]
    scene: Scene
    ground: Ground | None
    bin_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What came of it: for the words at the end, and for the covered copy."""

    known: Known
    seen: Seen
    measures: Measures
    observed_frac: float
    events: tuple[TrafficEvent, ...]
    warnings: tuple[str, ...]

    def with_film(self, warnings: Iterable[str]) -> Written:
        """With what the making of the covered copy had to say."""
        return replace(
            self, warnings=(*self.warnings, *(f"covered.mp4: {one}" for one in warnings))
        )

    def write_report(self, folder: Path, stages: StageClock) -> None:
        """report.json, the last of the files."""
        report = report_of(self, stages.seconds())
        text = json.dumps(report.as_json(), indent=2, ensure_ascii=False)
        with told_as_ours(folder, "writing results into"):
            _write(folder / "report.json", text + "\n")


def write_results(folder: Path, known: Known, seen: Seen, stages: StageClock) -> Written:
    """Measure, run the rules, and write every file but the report and the covered copy."""
    looked = Looked(watched=seen.watched, unmeasurable=seen.unmeasurable)
    measures = measure(
        seen.tracks,
        known.scene,
        looked,
        MeasureContext(bin_us=known.bin_us, accuracy=seen.detector.accuracy, ground=known.ground),
    )
    points = {track.id: point_speeds(track, known.scene, known.ground) for track in seen.tracks}
    events = traffic_events(known.scene, seen, measures, points)
    stages.done("measure")
    with told_as_ours(folder, "writing results into"):
        _write_tracks(folder, known, seen, points)
        _write(folder / "crossings.csv", crossings_csv(measures))
        _write(folder / "counts.csv", counts_csv(measures))
        _write(folder / "flows.csv", flows_csv(measures))
        _write(folder / "speeds.csv", speeds_csv(measures))
        _write(folder / "stays.csv", stays_csv(measures.stays))
        _write(folder / "events.jsonl", events_text(known, seen, events))
    stages.done("write")
    return Written(
        known=known,
        seen=seen,
        measures=measures,
        observed_frac=observed_frac(looked.measurable(), Span(start=looked.start, end=looked.end)),
        events=events,
        warnings=tuple(_warnings(known, seen)),
    )


def report_of(written: Written, cpu_seconds: dict[str, float]) -> Report:
    """The report's values."""
    known, seen = written.known, written.seen
    return Report(
        command=known.command,
        scene=known.scene,
        input=seen.input,
        watched=Span(start=seen.watched[0].start, end=seen.watched[-1].end),
        observed_frac=written.observed_frac,
        unmeasurable=seen.unmeasurable,
        ground=known.ground,
        detector=seen.detector,
        totals=Totals(
            tracks=len(seen.tracks),
            crossings=len(written.measures.crossings),
            stays=len(written.measures.stays),
            events=len(written.events),
        ),
        unevaluated=unevaluated(known.scene),
        cpu_seconds=cpu_seconds,
        warnings=written.warnings,
    )


def stays_csv(stays: Sequence[Stay]) -> str:
    """stays.csv: one row per stay of a road user in a zone, in order of time."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(STAYS_COLUMNS)
    for stay in stays:
        writer.writerow(
            [
                stay.track,
                KINDS[stay.kind],
                stay.zone,
                stay.span.start.iso(),
                stay.span.end.iso(),
                f"{stay.span.duration_us / US_PER_SECOND:.6f}",
                str(stay.is_open_start).lower(),
                str(stay.is_open_end).lower(),
            ]
        )
    return out.getvalue()


def events_text(known: Known, seen: Seen, events: Iterable[TrafficEvent]) -> str:
    """events.jsonl, in order of time."""
    provenance = Provenance(
        detector=seen.detector.name or seen.input.name,
        scene_digest=known.scene.digest,
        rules=known.scene.rules,
    )
    return "".join(f"{line_of(event, provenance)}\n" for event in events)


def _write_tracks(folder: Path, known: Known, seen: Seen, points: dict[int, PointSpeeds]) -> None:
    width_px, height_px = seen.size_px
    if sum(len(track) for track in seen.tracks) <= WATCH_SORTED_POINTS_MAX:
        write_mot(folder / "tracks.txt", seen.tracks, width_px=width_px, height_px=height_px)
    else:
        with MotWriter(folder / "tracks.txt", width_px=width_px, height_px=height_px) as writer:
            for track in seen.tracks:
                writer.add(track)
    facts = FileFacts(
        camera=known.scene.camera.id,
        width_px=width_px,
        height_px=height_px,
        fps=seen.fps,
        start=seen.start,
    )
    with ParquetTracks(folder / "tracks.parquet", facts) as table:
        for track in seen.tracks:
            at = points[track.id]
            table.add(
                track,
                PointGround(east_m=at.metres[:, 0], north_m=at.metres[:, 1], speed_kmh=at.kmh),
            )


def _warnings(known: Known, seen: Seen) -> list[str]:
    said = general_warnings(known.scene, seen.input, unevaluated(known.scene))
    if known.command == "watch" and seen.detector.accuracy is None:
        said.append(
            f"the recall and precision of {seen.detector.name} were never measured: counts have "
            "no interval (low and high are empty)"
        )
    if known.ground is not None:
        said += known.ground.report.warnings
    return [*said, *seen.warnings]


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(text)
