"""The cover: what leaks, what is hidden for nothing, and what it costs, beside `deface`.

    python -m bench.cover [real] [sim] [cost] [--model picodet-s-416] [--seconds 40]

real: every test clip covered as a whole by `fairview cover`, then looked at in the pictures whose
boxes were drawn by hand (tests/truth); `deface` gets the same pictures (it looks at each by
itself) at thresholds 0.1 to 0.6, with boxes of solid fill. A pixel counts as hidden when it is
fill in the picture that comes out. Two truths: the whole person, and the head part (the upper
quarter of a box, the middle two thirds of its width), since deface is for heads.

sim: simulated clips in several conditions, every picture's boxes known. `motion` is the cover
without a model, on the empty street as its clean picture; a leak is a person of whom pixels are
shown that are neither fill nor the empty street. With the model it is a person, 24 px high or
more and more than half in view, of whom less than 90 % is under fill.

cost: CPU time per covered picture at 640x360 and 1920x1080, decoding to encoding, beside
`ffmpeg` (decode, blur, x264 ultrafast, one thread) on the same file.

A person leaks when less than 90 % is hidden (also printed at 50, 75 and 99 %): below that a face
or a leg can be in view; above it what is missing are the rims that the tolerance of boxes drawn
by hand covers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from tests.analyse.cover_doubles import sighted
from tests.shared_data import SHARED
from tests.truth.read import TruePicture, true_pictures

from fairview.access.cover_finders import cover_detectors
from fairview.access.render_encode import PictureEncoder
from fairview.access.render_paint import BORDER_RGB, FILL_RGB
from fairview.access.render_scene import CoverModelName, SceneRendering, Showing
from fairview.analyse.clean import CleanPicture
from fairview.analyse.cover_finds import Finders
from fairview.analyse.decode import Decoded, open_video
from fairview.analyse.detectors.models import ModelStore
from fairview.analyse.planes import colour_of, planes_of_rgb, rgb_of
from fairview.core.time import US_PER_SECOND, Instant, cpu_us
from fairview.run.watch.cover_file import CoverWish, cover_film
from fairview.sim.conditions import Condition
from fairview.sim.films import make_film

Picture = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

ROOT = Path(__file__).resolve().parent.parent
DEFACE = ROOT / ".venv-peers" / "bin" / "deface"
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
SHARES = (0.5, 0.75, 0.9, 0.99)
LEAK_BELOW = 0.9
SMALL_PX, LARGE_PX = 60, 160
CONDITIONS: tuple[Condition, ...] = ("clear", "night", "rain", "exposure", "shake")
MODELS = {"FAIRVIEW_MODELS": os.environ.get("FAIRVIEW_MODELS", str(SHARED / "models"))}
LABEL_ROWS_FRAC = 0.06


@dataclass(slots=True)
class Score:
    """What was hidden of the people of some pictures, and of the rest."""

    people: list[tuple[str, float, float, float]] = field(default_factory=list)
    """clip/who, height in px, share of the person hidden, share of the head part hidden."""
    hidden: list[float] = field(default_factory=list)
    over: list[float] = field(default_factory=list)

    def add(self, truth: TruePicture, mask: Mask) -> None:
        rest = np.ones(mask.shape, dtype=bool)
        for number, one in enumerate(truth.boxes):
            left, top, right, bottom = one.box_px
            rest[top:bottom, left:right] = False
            if one.kinds[0] != "person":
                continue
            height, width = bottom - top, right - left
            head = mask[top : top + max(height // 4, 1), left + width // 6 : right - width // 6]
            who = f"{truth.clip}/{one.who or f'{truth.frame}-{number}'}"
            part = mask[top:bottom, left:right]
            self.people.append((who, height, float(part.mean()), float(head.mean())))
        for region in truth.ignored:
            left, top, right, bottom = region.box_px
            rest[top:bottom, left:right] = False
        self.hidden.append(float(mask.mean()))
        if rest.any():
            self.over.append(float(mask[rest].mean()))

    def leaks(self, share: float, *, heads: bool, sizes: tuple[float, float] = (0, 1e9)) -> str:
        chosen = [
            (head if heads else body) < share
            for _, height, body, head in self.people
            if sizes[0] <= height < sizes[1]
        ]
        return f"{sum(chosen)}/{len(chosen)}"

    def identities(self, *, heads: bool) -> float:
        """Share of the people of whom no picture leaks."""
        found: dict[str, bool] = {}
        for who, _, body, head in self.people:
            found[who] = found.get(who, True) and (head if heads else body) >= LEAK_BELOW
        return sum(found.values()) / max(len(found), 1)

    def row(self, name: str) -> str:
        bodies = "  ".join(f"{self.leaks(share, heads=False):>8}" for share in SHARES)
        heads = "  ".join(f"{self.leaks(share, heads=True):>8}" for share in SHARES)
        return (
            f"{name:<18}{bodies}   |{heads}   |{self.identities(heads=False):7.1%}"
            f"{self.identities(heads=True):7.1%}{np.mean(self.hidden):8.1%}{np.mean(self.over):8.1%}"
        )


def filled(picture: Picture, colour: tuple[int, int, int], off: int) -> Mask:
    """Where a picture is flat fill of one colour."""
    near = np.abs(picture.astype(np.int16) - np.array(colour)).max(axis=2) <= off
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    spread = cv2.blur(grey * grey, (5, 5)) - cv2.blur(grey, (5, 5)) ** 2
    flat = cv2.dilate((spread < 9).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    return np.asarray(near & flat)


def pictures_of(path: Path, wanted: set[int]) -> dict[int, Picture]:
    with av.open(str(path)) as file:
        return {
            number: np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            for number, frame in enumerate(file.decode(video=0))
            if number in wanted
        }


def real(model: str) -> None:
    by_clip: dict[Path, list[TruePicture]] = {}
    for one in true_pictures():
        if one.source.suffix == ".mp4":
            by_clip.setdefault(one.source, []).append(one)
    ours, peers = Score(), {threshold: Score() for threshold in THRESHOLDS}
    print("start-up and coverage by clip:")
    with tempfile.TemporaryDirectory() as folder:
        for source, truths in by_clip.items():
            _ours(source, truths, Path(folder), model, ours)
            _deface(source, truths, Path(folder), peers)
    shares = "  ".join(f"{f'<{share:.0%}':>8}" for share in SHARES)
    print(f"\n{'':<18}{shares}   |{shares}   | without a leak   hidden    over")
    print(f"{'':<18}{'persons of whom so much is hidden':<41}|{'head parts':<41}| whole  head")
    print(ours.row("fairview cover"))
    for threshold, score in peers.items():
        print(score.row(f"deface {threshold}"))
    print("\nfairview cover, leaks (< 90 %) by height in px, whole / head part:")
    for low, high in ((0, SMALL_PX), (SMALL_PX, LARGE_PX), (LARGE_PX, 10_000)):
        sizes = (low, high)
        whole = ours.leaks(LEAK_BELOW, heads=False, sizes=sizes)
        heads = ours.leaks(LEAK_BELOW, heads=True, sizes=sizes)
        print(f"  {low:>4} to {high:<6}{whole:>10}{heads:>10}")
    for who, height, body, head in sorted(ours.people, key=lambda one: one[2])[:8]:
        print(f"  least hidden: {who:<45} {height:4.0f} px  {body:6.1%}  head {head:6.1%}")


def _ours(
    source: Path, truths: Sequence[TruePicture], folder: Path, model: str, score: Score
) -> None:
    out = folder / "covered.mp4"
    done = cover_film(
        CoverWish(source=source, out=out, model=model, environment=MODELS, may_replace=True),
        lambda share, now: None,
    )
    shown = pictures_of(out, {0} | {one.frame for one in truths})
    mine = Score()
    for one in truths:
        for into in (score, mine):
            into.add(one, filled(shown[one.frame], FILL_RGB, 14))
    first = filled(shown[0], FILL_RGB, 14).mean()
    print(
        f"  {source.stem:<36} first picture {first:4.0%} hidden, mean {done.hidden_frac:4.0%}, "
        f"whole frames {done.frames_whole}/{done.frames}, over {np.mean(mine.over):4.0%}, "
        f"leaks {mine.leaks(LEAK_BELOW, heads=False)}, CPU {done.cpu_s / done.seconds:.2f} s/s"
    )


def _deface(
    source: Path, truths: Sequence[TruePicture], folder: Path, peers: dict[float, Score]
) -> None:
    if not DEFACE.exists():
        return
    shown = pictures_of(source, {one.frame for one in truths})
    for number, picture in shown.items():
        cv2.imwrite(str(folder / f"in-{number}.png"), picture[:, :, ::-1])
    for threshold, score in peers.items():
        command = [str(DEFACE), "--boxes", "--replacewith", "solid", "-t", str(threshold)]
        subprocess.run(  # a fixed program of the bench's own environment
            [*command, *(str(folder / f"in-{number}.png") for number in shown)],
            check=True,
            capture_output=True,
        )
        for one in truths:
            read = cv2.imread(str(folder / f"in-{one.frame}_anonymized.png"))
            assert read is not None, "deface wrote a picture"
            score.add(one, (read == 0).all(axis=2))


def sim(model: str, seconds: float, seed: int = 23) -> None:
    finders = cover_detectors(ModelStore(Path(MODELS["FAIRVIEW_MODELS"])), model).finders
    print(
        f"\nsimulated, {seconds:.0f} s a condition: leak frames per hour, share of people without "
        "one,\npeople's pixels under fill, over-cover, frames covered whole, first cover after"
    )
    for condition in CONDITIONS:
        for name, found in (("motion", None), (model, finders)):
            print(f"  {condition:<10}{name:<16}{_sim(condition, found, seconds, seed)}")


def _sim(condition: Condition, finders: Finders | None, seconds: float, seed: int) -> str:
    clip = make_film(seed, seconds, condition)
    clean = CleanPicture(pixels=clip.empty(), made_at=Instant(0))
    showing = Showing(
        rendition="covered",
        clean=clean,
        model=None if finders is None else CoverModelName(folder="", name=""),
    )
    scene = SceneRendering(showing, clip.width_px, clip.height_px, "bt601", finders)
    leaks = wholes = 0
    frames = 0
    first: int | None = None
    under: list[float] = []
    over: list[float] = []
    people: dict[int, bool] = {}
    base = planes_of_rgb(clip.empty(), "bt601").luma
    for picture in clip.pictures():
        frames += 1
        at = Instant((picture.frame - 1) * US_PER_SECOND // clip.fps)
        planes = planes_of_rgb(picture.pixels, "bt601")
        painted = scene.paint(Decoded(at=at, planes=planes, is_damaged=False))
        # Brightness tells exactly: nothing is coded here, and only colour planes mix at edges.
        out = painted.planes.luma
        is_whole = painted.cover == "whole_frame"
        wholes += is_whole
        if first is None and not is_whole:
            first = at.us
        fill = np.isin(out, [colour_of(one, "bt601")[0] for one in (FILL_RGB, BORDER_RGB)])
        fill |= is_whole
        hidden = fill if finders is not None else fill | (out == base)
        hidden[round(out.shape[0] * (1 - LABEL_ROWS_FRAC)) :] = True
        rest = np.ones(fill.shape, bool)
        leaked = False
        for one in picture.seen:
            left, top, right, bottom = (round(side) for side in one.box_px)
            box = (slice(max(top, 0), bottom), slice(max(left, 0), right))
            rest[box] = False
            if one.kind not in ("person", "bicycle", "motorcycle"):
                continue
            if bottom - top < 24 or one.seen_frac < 0.5 or not hidden[box].size:
                continue
            under.append(float(fill[box].mean()))
            is_leak = float(hidden[box].mean()) < LEAK_BELOW
            leaked |= is_leak
            people[one.number] = people.get(one.number, True) and not is_leak
        leaks += leaked
        if not is_whole:
            over.append(float(fill[rest].mean()))
    hours = frames / clip.fps / 3_600
    kept = sum(people.values()) / max(len(people), 1)
    return (
        f"{leaks / hours:8.0f} /h {kept:7.1%} of {len(people):<4}{np.mean(under or [0]):7.1%}"
        f"{np.mean(over or [0]):7.1%}{wholes / frames:7.1%}  "
        f"{'never' if first is None else f'{first / US_PER_SECOND:.2f} s'}"
    )


def cost(model: str) -> None:
    finders = cover_detectors(ModelStore(Path(MODELS["FAIRVIEW_MODELS"])), model).finders
    source = SHARED / "videos" / "person-bicycle-car-detection.mp4"
    print("\nCPU ms per covered picture, decoding to encoding, one thread:")
    with tempfile.TemporaryDirectory() as folder:
        for width, height in ((640, 360), (1_920, 1_080)):
            scaled = Path(folder) / f"{height}.mp4"
            _ffmpeg(
                ["-i", str(source), "-vf", f"scale={width}:{height}"],
                ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", str(scaled)],
            )
            frames = sum(1 for _ in open_video(scaled).pictures())
            blur = _cpu(partial(_blurred, scaled))
            rows = [
                (name, _covered(scaled, found))
                for name, found in (
                    ("silhouettes", None),
                    ("persons, looks aside", _never()),
                    (f"persons, {model}", finders),
                )
            ]
            told = "   ".join(f"{name} {one / frames:5.2f}" for name, one in rows)
            print(f"  {width}x{height}: {told}   ffmpeg decode+blur+x264 {blur / frames:5.2f}")


def _never() -> Finders:
    return Finders(traffic=lambda planes: sighted())


def _covered(path: Path, finders: Finders | None) -> float:
    """CPU milliseconds for a whole file through the live renderer's own steps."""
    film = open_video(path)
    middle = next(picture for picture in film.pictures() if picture.frame == 200)
    clean = CleanPicture(pixels=rgb_of(middle.planes), made_at=Instant(0))
    showing = Showing(
        rendition="covered",
        clean=clean,
        model=None if finders is None else CoverModelName(folder="", name=""),
    )
    scene = SceneRendering(showing, film.width_px, film.height_px, middle.planes.matrix, finders)
    encoder = PictureEncoder(
        scene.width_px, scene.height_px, matrix=middle.planes.matrix, origin=Instant(0)
    )
    began = cpu_us()
    for picture in _decoded(path):
        painted = scene.paint(picture)
        encoder.encode(painted.planes, picture.at, is_key=False)
    return (cpu_us() - began) / 1_000


def _decoded(path: Path) -> Iterator[Decoded]:
    for one in open_video(path).pictures():
        yield Decoded(at=one.at, planes=one.planes, is_damaged=one.is_damaged)


def _blurred(path: Path) -> None:
    _ffmpeg(
        ["-threads", "1", "-i", str(path), "-vf", "boxblur=10", "-filter_threads", "1"],
        ["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-f", "null", "-"],
    )


def _ffmpeg(before: Sequence[str], after: Sequence[str]) -> None:
    subprocess.run(
        ["ffmpeg", "-y", "-loglevel", "error", *before, *after], check=True, capture_output=True
    )


def _cpu(work: Callable[[], None]) -> float:
    """CPU milliseconds of the programs that some work starts."""
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    return used * 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help="real, sim, cost; all when none is named")
    parser.add_argument("--model", default="picodet-s-416")
    parser.add_argument("--seconds", type=float, default=40.0)
    words = parser.parse_args()
    cv2.setNumThreads(1)
    parts = words.parts or ["real", "sim", "cost"]
    if unknown := set(parts) - {"real", "sim", "cost"}:
        parser.error(f"no such part: {json.dumps(sorted(unknown))}")
    if "real" in parts:
        real(words.model)
    if "sim" in parts:
        sim(words.model, words.seconds)
    if "cost" in parts:
        cost(words.model)


if __name__ == "__main__":
    main()
