"""HOTA, IDF1 and MOTA by TrackEval, through our MOTChallenge writer.

Simulated crowds are `bench.track`'s. Real clips: those whose people and vehicles carry letters in
the pictures drawn by hand. Every picture of a film is tracked, as `watch` does; TrackEval then
sees the drawn pictures only, in order, as if they were the whole film: a picture with what was
drawn, and each track's box in it. So a road user counts as kept when it has one number in all
drawn pictures that it is in; switches between them that heal before the next can't be seen, and
misses in between aren't asked. Boxes mostly where nobody could tell are left out. All classes
count as one. Roboflow's ByteTrack gets the same boxes, with its defaults and with both of its
scores set to the detector's confidence.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.truth.read import TruePicture, true_pictures

from bench.see_boxes import confidence_of, film_of
from bench.see_sources import CAMERA, ROOT, detector, peer, table
from fairview.analyse.decode import open_video
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.files.mot import MotWriter
from fairview.analyse.track.tracker import Tracker
from fairview.core.sight import Detections, Track
from fairview.run.watch.watch_input import decode_size

CLIP_FRAMES = 100_000
"""Frames and numbers of one clip lie apart from those of the next by this much."""

Rows = list[tuple[int, int, float, float, float, float]]
"""Frame, number, left, top, width, height in px."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """One clip, tracked. found: what the detector found in every picture."""

    size_px: tuple[int, int]
    found: tuple[Detections, ...]
    tracks: tuple[Track, ...]


def main() -> None:
    """Print the table of real clips."""
    real()


def simulated(rounds: int = 1, seconds: float = 10.0) -> None:
    """Print `bench.track` as a table."""
    print(f"{rounds} round of {seconds:g} s; several rounds: `python -m bench.track`.\n")
    print("### Row 6: simulated crowds, beside Roboflow's trackers on the same boxes\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "bench.track"),
            *("--rounds", str(rounds), "--seconds", str(seconds)),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    rows = []
    for line in lines[1:]:
        if "batched" in line:
            rows.append([line.split("fairview")[0].strip(), "fairview, batched", line.split()[-1]])
            rows[-1] += [""] * 5
            continue
        name, who, rest = line[:24].strip(), line[24:46].strip(), line[46:].split()
        figures = rest[: rest.index("/") - 1]
        cost = figures[:-4] or [""]
        rows.append([name, who, *cost, *figures[-4:], " ".join(rest[len(figures) :])])
    table(
        ["crowd", "tracker", "CPU ms/picture", "HOTA", "IDF1", "MOTA", "switches", "tracks/truth"],
        rows,
    )


def real() -> None:
    """The lettered clips, one by one and together."""
    clips: dict[str, list[TruePicture]] = defaultdict(list)
    for one in sorted(true_pictures(), key=lambda one: (one.clip, one.frame)):
        if any(box.who for box in one.boxes):
            clips[one.clip].append(one)
    everything: dict[str, Rows] = defaultdict(list)
    rows = []
    for number, (clip, pictures) in enumerate(clips.items()):
        answers = {"truth": _truth(pictures)}
        for name in ("motion", "picodet-s-416"):
            film = tracked(pictures[0], name)
            answers[f"{name}, fairview"] = _of_tracks(film, pictures)
            answers[f"{name}, ByteTrack defaults"] = _of_peer(film, pictures, "own")
            answers[f"{name}, ByteTrack our scores"] = _of_peer(
                film, pictures, str(max(confidence_of(name), 0.1))
            )
        for name, those in answers.items():
            everything[name] += [
                (one[0] + number * CLIP_FRAMES, one[1] + number * CLIP_FRAMES, *one[2:])
                for one in those
            ]
        rows += [[clip, *row] for row in scored(answers)]
    rows += [["all together", *row] for row in scored(everything)]
    print("### Real clips, drawn pictures only\n")
    heads = ["clip", "boxes, tracker", "HOTA", "DetA", "AssA", "IDF1", "MOTA", "switches"]
    table([*heads, "tracks/truth"], rows)


def tracked(one: TruePicture, name: str) -> Film:
    """A drawn picture's film, every picture looked at and tracked."""
    path, fps = film_of(one)
    video, finder, tracker = open_video(path, fps=fps), detector(name), Tracker(CAMERA)
    found: list[Detections] = []
    tracks: list[Track] = []
    for frame, picture in enumerate(video.pictures(decode_size(video, finder.input_px)), start=1):
        (those,) = finder.detect(
            (Picture(camera=CAMERA, frame=frame, at=picture.at, planes=picture.planes),)
        )
        found.append(those)
        tracker.advance(those)
        tracks += tracker.take_finished()
    tracks += tracker.close()
    return Film(size_px=one.size_px, found=tuple(found), tracks=tuple(tracks))


def _truth(pictures: Sequence[TruePicture]) -> Rows:
    return [
        (one.frame + 1, 1 + "ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(box.who), *_left_top(box.box_px))
        for one in pictures
        for box in one.boxes
        if box.who is not None
    ]


def _left_top(box: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    return box[0], box[1], box[2] - box[0], box[3] - box[1]


def _of_tracks(film: Film, pictures: Sequence[TruePicture]) -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.txt"
        with MotWriter(path, width_px=film.size_px[0], height_px=film.size_px[1]) as file:
            for track in film.tracks:
                file.add(track)
        return read_rows(path, pictures)


def _of_peer(film: Film, pictures: Sequence[TruePicture], scores: str) -> Rows:
    start = film.found[0].at
    with tempfile.TemporaryDirectory() as folder:
        boxes, times, out = (Path(folder) / name for name in ("boxes", "times", "out"))
        with MotWriter(boxes, width_px=film.size_px[0], height_px=film.size_px[1]) as file:
            for one in film.found:
                file.add_detections(one)
        times.write_text("\n".join(f"{one.at.since(start) / 1e6:.6f}" for one in film.found))
        peer("roboflow_trackers.py", "bytetrack", str(boxes), str(times), str(out), scores)
        return read_rows(out, pictures)


def read_rows(path: Path, pictures: Sequence[TruePicture]) -> Rows:
    """The rows of the drawn pictures, without those where nobody could tell."""
    drawn = {one.frame + 1: one for one in pictures}
    rows: Rows = []
    for line in path.read_text().splitlines():
        frame, number, left, top, wide, high = (float(part) for part in line.split(",")[:6])
        picture = drawn.get(int(frame))
        if picture is None or picture.is_ignored((left, top, left + wide, top + high)):
            continue
        rows.append((int(frame), int(number), left, top, wide, high))
    return rows


def scored(answers: dict[str, Rows]) -> list[list[str]]:
    """TrackEval's figures of each answer against `truth`, which is one of them."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for number, (name, rows) in enumerate(answers.items()):
            paths[name] = Path(folder) / f"{number}.txt"
            paths[name].write_text(
                "".join(
                    f"{frame},{who},{left:.2f},{top:.2f},{wide:.2f},{high:.2f},1,-1,-1,-1\n"
                    for frame, who, left, top, wide, high in rows
                )
            )
        names = [name for name in answers if name != "truth"]
        found = peer("trackeval_run.py", str(paths["truth"]), *(str(paths[name]) for name in names))
    return [
        [
            name,
            *(f"{one[key]:.3f}" for key in ("hota", "deta", "assa", "idf1", "mota")),
            str(one["switches"]),
            f"{one['tracks']}/{one['truth']}",
        ]
        for name, one in zip(names, found, strict=True)
    ]
