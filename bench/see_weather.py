"""Night, rain, changing exposure, shake and fog on the simulated junction: what is left of seeing.

Each condition is drawn onto the same twelve seconds of a busy crossing, a bad day (1) and beyond
use (2); pictures go straight into detector, tracker and health, without an encoder between, and
`motion` begins cold. Truth: road users more than half in view and 12 px high or more; those less
in view are neither right nor wrong.
`could be seen`: the share of them that stands out from the empty street by more than three times
the sensor's grain. Where less than half does, "not measurable" should be said, and elsewhere not.
Crossings: four lines over the junction's arms, truth from where each road user is on the ground;
while "not measurable" is said nothing is counted, and nothing is asked for.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.see_boxes import OVERLAP, Floats, overlaps
from bench.see_sources import CAMERA, detector, peer, table
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.files.mot import MotWriter
from fairview.analyse.measure.looked import Looked
from fairview.analyse.measure.measures import MeasureContext, measure
from fairview.analyse.planes import planes_of_rgb
from fairview.analyse.track.tracker import Tracker
from fairview.core.sight import Track, Unmeasurable
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.run.analysing.camera_faults import FaultWatch
from fairview.sim.conditions import Condition
from fairview.sim.films import FilmPicture, SimFilm, make_film
from fairview.sim.junction import VIEW
from fairview.sim.scene import junction_scene

CASES: tuple[tuple[Condition, float], ...] = (
    ("clear", 1.0),
    ("night", 1.0),
    ("night", 2.0),
    ("rain", 1.0),
    ("rain", 2.0),
    ("exposure", 1.0),
    ("exposure", 2.0),
    ("shake", 1.0),
    ("shake", 2.0),
    ("fog", 1.0),
    ("fog", 2.0),
)
SEED = 21
HEIGHT_PX_MIN = 12
SEEN_FRAC_MIN = 0.5
STANDS_OUT = 3.0
COUNTS = tuple[str, str]


@dataclass(slots=True)
class Truth:
    """One picture: boxes that are asked for, with their numbers, and boxes that are spared."""

    frame: int
    asked: Floats
    numbers: list[int]
    spared: Floats


@dataclass(slots=True)
class Seen:
    """What one detector made of a clip."""

    hits: int = 0
    found: int = 0
    asked: int = 0
    tracks: list[Track] = field(default_factory=list)


def main(seconds: float = 12.0) -> None:
    """Print the table."""
    rows = []
    for condition, strength in CASES:
        clip = make_film(SEED, seconds, condition, strength=strength)
        rows += _rows(clip, f"{condition} {strength:g}")
    print("### Weather and light on the simulated junction\n")
    heads = ["condition", "could be seen", "said not measurable", "as it should"]
    heads += ["boxes by", "recall", "precision", "HOTA", "crossings of truth", "lines' errors"]
    table(heads, rows)


def _rows(clip: SimFilm, name: str) -> list[list[str]]:
    finders = {finder: detector(finder) for finder in ("motion", "picodet-s-416")}
    trackers = {finder: Tracker(CAMERA) for finder in finders}
    seen = {finder: Seen() for finder in finders}
    faults, truths, contrasts = FaultWatch(CAMERA), [], []
    way: dict[int, list[tuple[int, float, float]]] = {}
    for picture in clip.pictures():
        at = Instant(picture.frame * US_PER_SECOND // clip.fps)
        planes = planes_of_rgb(picture.pixels, "bt601")
        faults.look(planes, at)
        truth = _truth(picture)
        truths.append(truth)
        contrasts += _contrasts(picture)
        for one in picture.seen:
            way.setdefault(one.number, []).append((at.us, one.x_m, one.y_m))
        for finder, those in seen.items():
            (found,) = finders[finder].detect(
                (Picture(camera=CAMERA, frame=picture.frame, at=at, planes=planes),)
            )
            _score(those, truth, found.boxes_unit.astype(np.float64) * _size(clip))
            trackers[finder].advance(found)
            those.tracks += trackers[finder].take_finished()
    whole = Span(start=Instant(0), end=Instant(round(clip.seconds * US_PER_SECOND) + 1))
    said = faults.unmeasurable(whole)
    looked = Looked(watched=(whole,), unmeasurable=said)
    visible = float(np.mean(np.array(contrasts) > STANDS_OUT)) if contrasts else 0.0
    away = 1 - looked.observed_frac(whole)
    crossed = _true_crossings(way, looked)
    rows = []
    for finder, those in seen.items():
        those.tracks += trackers[finder].close()
        counted = _counted(those.tracks, looked)
        errors = sum(abs(counted[place] - crossed[place]) for place in counted | crossed)
        first = [name, f"{visible:.0%}", f"{away:.0%}{_why(said)}"]
        first.append("yes" if (visible < 0.5) == (away > 0.5) else "**no**")
        rows.append(
            [
                *(first if finder == "motion" else ["", "", "", ""]),
                finder,
                f"{those.hits / max(those.asked, 1):.2f}",
                f"{those.hits / max(those.found, 1):.2f}",
                _hota(clip, truths, those.tracks),
                f"{counted.total()} of {crossed.total()}",
                str(errors),
            ]
        )
    return rows


def _why(said: Sequence[Unmeasurable]) -> str:
    reasons = sorted({one.because for one in said})
    return f" ({', '.join(reasons)})" if reasons else ""


def _size(clip: SimFilm) -> Floats:
    return np.array([clip.width_px, clip.height_px] * 2, np.float64)


def _truth(picture: FilmPicture) -> Truth:
    asked, spared, numbers = [], [], []
    for one in picture.seen:
        high = one.box_px[3] - one.box_px[1]
        if one.seen_frac > SEEN_FRAC_MIN and high >= HEIGHT_PX_MIN:
            asked.append(one.box_px)
            numbers.append(one.number)
        else:
            spared.append(one.box_px)
    return Truth(
        frame=picture.frame,
        asked=np.array(asked, np.float64).reshape(-1, 4),
        numbers=numbers,
        spared=np.array(spared, np.float64).reshape(-1, 4),
    )


def _contrasts(picture: FilmPicture) -> list[float]:
    return [
        contrast
        for one, contrast in zip(picture.seen, picture.contrasts, strict=True)
        if one.seen_frac > SEEN_FRAC_MIN and one.box_px[3] - one.box_px[1] >= HEIGHT_PX_MIN
    ]


def _score(seen: Seen, truth: Truth, boxes: Floats) -> None:
    """Best overlaps first; each true box once."""
    over = overlaps(boxes, truth.asked)
    hits = 0
    right: set[int] = set()
    while over.size and over.max() >= OVERLAP:
        i, j = np.unravel_index(int(np.argmax(over)), over.shape)
        over[i, :], over[:, j] = 0.0, 0.0
        right.add(int(i))
        hits += 1
    wrong = [i for i in range(len(boxes)) if i not in right]
    false = sum(not _is_spared(boxes[i], truth.spared) for i in wrong)
    seen.hits += hits
    seen.found += hits + false
    seen.asked += len(truth.asked)


def _is_spared(box: Floats, spared: Floats) -> bool:
    return bool(len(spared)) and float(overlaps(box[None], spared).max()) >= OVERLAP / 2


def _true_crossings(
    way: dict[int, list[tuple[int, float, float]]], looked: Looked
) -> Counter[COUNTS]:
    """Who passed which line which way, in the picture without shake, once per direction."""
    spans = looked.measurable()
    found: Counter[COUNTS] = Counter()
    for points in way.values():
        ground = np.array([(x, y, 0.0) for _, x, y in points])
        px = VIEW.project(ground)
        once: set[COUNTS] = set()
        for line in junction_scene(CAMERA).lines:
            a, b = (np.array(corner) for corner in line.points_px)
            along = b - a
            side = along[0] * (px[:, 1] - a[1]) - along[1] * (px[:, 0] - a[0])
            share = (px - a) @ along / float(along @ along)
            for k in np.flatnonzero((side[:-1] > 0) != (side[1:] > 0)):
                at = Instant(points[int(k) + 1][0])
                place = (line.name, "forward" if side[k] > 0 else "backward")
                inside = 0 <= share[k] <= 1 and any(span.holds(at) for span in spans)
                if inside and place not in once:
                    once.add(place)
                    found[place] += 1
    return found


def _counted(tracks: Sequence[Track], looked: Looked) -> Counter[COUNTS]:
    if not looked.measurable():
        return Counter()
    figures = measure(tracks, junction_scene(CAMERA), looked, MeasureContext())
    return Counter((one.line, one.direction) for one in figures.crossings)


def _hota(clip: SimFilm, truths: Sequence[Truth], tracks: Sequence[Track]) -> str:
    """TrackEval's, on what was asked for; tracks on what was spared are left out."""
    spared = {one.frame: one.spared for one in truths}
    with tempfile.TemporaryDirectory() as folder:
        true, ours, kept = (Path(folder) / name for name in ("true.txt", "ours.txt", "kept.txt"))
        true.write_text(
            "".join(
                f"{one.frame},{number},{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},1,1,1\n"
                for one in truths
                for number, (x1, y1, x2, y2) in zip(one.numbers, one.asked, strict=True)
            )
        )
        with MotWriter(ours, width_px=clip.width_px, height_px=clip.height_px) as file:
            for track in tracks:
                file.add(track)
        lines = []
        for line in ours.read_text().splitlines():
            frame, _, left, top, wide, high = (float(part) for part in line.split(",")[:6])
            box = np.array([left, top, left + wide, top + high])
            if not _is_spared(box, spared[int(frame)]):
                lines.append(line)
        kept.write_text("\n".join(lines) + "\n")
        if not lines:
            return "0.00"
        (score,) = peer("trackeval_run.py", str(true), str(kept))
    return f"{score['hota']:.2f}"
