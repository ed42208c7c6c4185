"""What detectors find of the boxes that were drawn by hand (tests/truth/boxes.json).

Each film is looked at as `watch` does it: every picture for `motion`, which learns from what
came before, and only the drawn pictures for networks, which keep nothing. A box is right when it
overlaps a drawn one of its group by half (intersection over union), each drawn one once, best
score first. Boxes mostly in a region where nobody could tell, and persons wholly inside a drawn
vehicle, are neither right nor wrong. Where two classes were drawn as both right, both are.
Recall and precision at the card's own confidence; AP is the area under all of them (from a
confidence of 0.05, every recall with the best precision at or beyond it).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tests.truth.read import TruePicture, true_pictures

from bench.see_sources import CAMERA, JUNCTION, JUNCTION_FPS, MODEL_NAMES, MODELS, detector, table
from fairview.analyse.decode import open_video
from fairview.analyse.detectors.contract import Detector, Picture
from fairview.analyse.detectors.models import ModelStore
from fairview.analyse.planes import resized
from fairview.core.sight import KINDS, Detections
from fairview.run.watch.watch_input import decode_size

Floats = npt.NDArray[np.float64]
GROUPS = {
    "person": ("person",),
    "vehicle": ("car", "van", "bus", "truck"),
    "two-wheeler": ("bicycle", "motorcycle"),
    "anything": KINDS,
}
OVERLAP = 0.5
LOW = 0.05
INSIDE = 0.95
"""A person's box counts as wholly inside a vehicle's with this share of it inside."""


@dataclass(slots=True)
class Score:
    """What one detector made of one group: truth, and every found box's score and rightness."""

    truth: int = 0
    scores: list[float] = field(default_factory=list)
    right: list[bool] = field(default_factory=list)

    def add(self, other: Score) -> None:
        self.truth += other.truth
        self.scores += other.scores
        self.right += other.right

    def at(self, confidence: float) -> tuple[float, float]:
        """Recall and precision of the boxes from this confidence on; nan for none."""
        kept = [
            right for right, one in zip(self.right, self.scores, strict=True) if one >= confidence
        ]
        recall = sum(kept) / self.truth if self.truth else float("nan")
        return recall, sum(kept) / len(kept) if kept else float("nan")

    def found(self, confidence: float) -> int:
        return sum(one >= confidence for one in self.scores)

    def average_precision(self) -> float:
        if not self.truth:
            return float("nan")
        right = np.array(self.right, dtype=bool)[np.argsort(-np.array(self.scores), kind="stable")]
        hits = np.cumsum(right)
        precision = hits / np.arange(1, len(right) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        return float(np.sum(best[right])) / self.truth


def main() -> None:
    """Print the tables."""
    confidences = {name: confidence_of(name) for name in ("motion", *MODEL_NAMES)}
    scores: dict[tuple[str, str, str], Score] = {}
    for truth, found in looks(tuple(confidences)):
        for name, one in found.items():
            for group in GROUPS:
                place = scores.setdefault((name, group, truth.clip), Score())
                place.add(scored(truth, one, group))
    _by_group(scores, confidences)
    _by_clip(scores, confidences)


def confidence_of(name: str) -> float:
    """The card's; for motion, which has none, every box it reports."""
    return 0.0 if name == "motion" else ModelStore(MODELS).info(name).card.confidence


def looks(names: Sequence[str]) -> Iterator[tuple[TruePicture, dict[str, Detections]]]:
    """Every drawn picture, and what each detector found in it."""
    pictures = sorted(true_pictures(), key=lambda one: (one.clip, one.frame))
    for _, group in groupby(pictures, key=lambda one: one.clip):
        wanted = {one.frame: one for one in group}
        finders = {name: detector(name, None if name == "motion" else LOW) for name in names}
        yield from _film(wanted, finders)


def film_of(one: TruePicture) -> tuple[Path, float | None]:
    """What to open for a drawn picture, and the pictures a second where nothing says it."""
    return (JUNCTION, JUNCTION_FPS) if one.source.suffix == ".jpg" else (one.source, None)


def _film(
    wanted: dict[int, TruePicture], finders: dict[str, Detector]
) -> Iterator[tuple[TruePicture, dict[str, Detections]]]:
    path, fps = film_of(next(iter(wanted.values())))
    video = open_video(path, fps=fps)
    sizes = {name: decode_size(video, finder.input_px) for name, finder in finders.items()}
    last = max(wanted)
    for number, picture in enumerate(video.pictures(None)):
        found = {}
        for name, finder in finders.items():
            if name != "motion" and number not in wanted:
                continue
            size = sizes[name]
            planes = picture.planes if size is None else resized(picture.planes, *size)
            one = Picture(camera=CAMERA, frame=picture.frame, at=picture.at, planes=planes)
            (found[name],) = finder.detect((one,))
        if number in wanted:
            yield wanted[number], found
        if number == last:
            return


def scored(truth: TruePicture, found: Detections, group: str) -> Score:
    """One picture, one group. A finder that can't tell classes is asked for anything only."""
    kinds = GROUPS[group]
    width, height = truth.size_px
    boxes = found.boxes_unit.astype(np.float64) * [width, height, width, height]
    chosen = [i for i in range(len(found)) if KINDS[int(found.kinds[i])] in kinds]
    chosen.sort(key=lambda i: -float(found.scores[i]))
    main_kind = [one for one in truth.boxes if one.kinds[0] in kinds]
    also_right = [
        one for one in truth.boxes if one not in main_kind and set(one.kinds) & set(kinds)
    ]
    places = np.array([one.box_px for one in (*main_kind, *also_right)], np.float64).reshape(-1, 4)
    # A drawn box that another group's detector answered is not missing here.
    score, taken = Score(truth=len(main_kind)), set[int]()
    for i in chosen:
        over = overlaps(boxes[i][None], places)[0]
        over[list(taken)] = 0.0
        best = int(np.argmax(over)) if len(over) else -1
        if best >= 0 and over[best] >= OVERLAP:
            taken.add(best)
            if best >= len(main_kind):
                continue
        elif is_spared(truth, boxes[i], KINDS[int(found.kinds[i])]):
            continue
        score.scores.append(float(found.scores[i]))
        score.right.append(best >= 0 and over[best] >= OVERLAP)
    return score


def is_spared(truth: TruePicture, box: Floats, kind: str) -> bool:
    """Whether a box that fits nothing is neither right nor wrong."""
    edges = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    if truth.is_ignored(edges):
        return True
    if kind not in ("person", "moving"):
        return False
    area = max((edges[2] - edges[0]) * (edges[3] - edges[1]), 1e-9)
    for one in truth.boxes:
        if one.kinds[0] in GROUPS["vehicle"]:
            wide = min(edges[2], one.box_px[2]) - max(edges[0], one.box_px[0])
            high = min(edges[3], one.box_px[3]) - max(edges[1], one.box_px[1])
            if kind == "person" and max(wide, 0) * max(high, 0) >= INSIDE * area:
                return True
    return False


def overlaps(one: Floats, other: Floats) -> Floats:
    """(n, m) intersections over unions."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (one, other)]
    return np.asarray(shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9))


def _by_group(scores: dict[tuple[str, str, str], Score], confidences: dict[str, float]) -> None:
    print("### Boxes drawn by hand: all clips together, by class\n")
    rows = []
    for name, confidence in confidences.items():
        for group in GROUPS if name != "motion" else ("anything",):
            total = Score()
            for (finder, kind, _), one in scores.items():
                if (finder, kind) == (name, group):
                    total.add(one)
            recall, precision = total.at(confidence)
            rows.append(
                [
                    *(f"{name}, {group}", confidence or "all", total.truth),
                    *(total.found(confidence), f"{recall:.3f}", f"{precision:.3f}"),
                    f"{total.average_precision():.3f}",
                ]
            )
    table(["detector, class", "confidence", "drawn", "found", "recall", "precision", "AP50"], rows)


def _by_clip(scores: dict[tuple[str, str, str], Score], confidences: dict[str, float]) -> None:
    print("### Boxes drawn by hand: recall / precision / AP50 of anything, by clip\n")
    clips = sorted({clip for _, _, clip in scores})
    rows = []
    for clip in clips:
        cells = []
        for name, confidence in confidences.items():
            one = scores[name, "anything", clip]
            recall, precision = one.at(confidence)
            cells.append(
                f"{recall:.2f} / {precision:.2f} / {one.average_precision():.2f}"
                if one.truth
                else f"{one.found(confidence)} false"
            )
        rows.append([clip, scores["motion", "anything", clip].truth, *cells])
    table(["clip", "drawn", *confidences], rows)
