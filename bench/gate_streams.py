"""Streams of known truth for bench.gate: one painted film for each seed, encoded at each rate.

A film has parts of growing traffic, so that a gate is judged as it lives: it learns in the first
part and is measured in the others. The junction is painted with a sensor's grain and encoded as
sub streams of cameras are: H.264, 640x360, 12 pictures a second, a key frame every two seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

from fairview.core.media import Sample, VideoFormat
from fairview.sim.films import SimFilm, make_film

if TYPE_CHECKING:
    import numpy.typing as npt
    from av.video.stream import VideoStream

FPS = 12
KEY_EVERY = 2 * FPS
RATES: dict[str, dict[str, str]] = {
    "variable": {"crf": "26"},
    "capped": {"crf": "18", "maxrate": "500k", "bufsize": "250k"},
    "constant": {"b": "500k", "minrate": "500k", "maxrate": "500k", "bufsize": "100k"},
}
LEARN_TIMES = 3
"""The first part comes so many times in a row: gates learn for minutes, and painting is slow."""

_VISIBLE_FRAC = 1 / 3
_APART_FRAMES = 2 * FPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a film. share: for how much of its time somebody is there; 1: everybody."""

    name: str
    seconds: int
    share: float
    longest_s: float = 14.0


PARTS = (
    Part(name="learning", seconds=100, share=0.2),
    Part(name="5 % active", seconds=200, share=0.05, longest_s=8.0),
    Part(name="20 % active", seconds=100, share=0.2, longest_s=20.0),
    Part(name="busy", seconds=50, share=1.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Who is there, at least a third visible.

    Shapes:  all (n,): frame from 0, number of the road user, speed; boxes (n, 4) in pixels.
    """

    frame: npt.NDArray[np.int32]
    number: npt.NDArray[np.int32]
    speed_kmh: npt.NDArray[np.float32]
    boxes_px: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One film at one rate. parts: the frames of each, in order."""

    seed: int
    rate: str
    format: VideoFormat
    samples: tuple[Sample, ...]
    truth: Truth
    parts: tuple[tuple[str, range], ...]

    def kbit_s(self, frames: range) -> float:
        size = sum(len(self.samples[number].data) for number in frames)
        return size * 8 / (len(frames) / FPS) / 1_000


def spans(parts: tuple[Part, ...]) -> tuple[tuple[str, range], ...]:
    found, start = [], 0
    for part in parts:
        end = start + part.seconds * FPS
        found.append((part.name, range(start, end)))
        start = end
    return tuple(found)


def chosen_film(seed: int, parts: tuple[Part, ...] = PARTS) -> SimFilm:
    """Road users chosen so that each part has its share of time with somebody in it."""
    clip = make_film(seed, sum(part.seconds for part in parts))
    rng = np.random.default_rng(seed)
    stays = clip.stays()
    chosen: set[int] = set()
    for part, (_, frames) in zip(parts, spans(parts), strict=True):
        inside = {
            number: (first - 1, last)
            for number, (first, last) in stays.items()
            if first - 1 >= frames.start and last <= frames.stop - _APART_FRAMES
        }
        if part.share >= 1:
            chosen |= {n for n, (first, last) in stays.items() if first - 1 >= frames.start}
            continue
        busy, places = np.zeros(len(frames), bool), sorted(inside)
        for place in rng.permutation(len(places)):
            first, last = inside[places[place]]
            lasts = last - first
            if not 2 * FPS <= lasts <= part.longest_s * FPS:
                continue
            trial = busy.copy()
            trial[first - frames.start : last - frames.start] = True
            if trial.mean() > part.share * 1.15 or trial.mean() == busy.mean():
                continue
            busy = trial
            chosen.add(places[place])
    return replace(clip, only=frozenset(chosen))


def coder(rate: str, clip: SimFilm) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = clip.width_px, clip.height_px, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    hrd = ":nal-hrd=cbr:filler=1" if rate == "constant" else ""
    context.options = {
        **RATES[rate],
        "preset": "veryfast",
        "threads": "1",
        "x264-params": f"keyint={KEY_EVERY}:scenecut=0:bframes=0:repeat-headers=1{hrd}",
    }
    return context


def encoded(
    seed: int, parts: tuple[Part, ...] = PARTS
) -> tuple[dict[str, tuple[Sample, ...]], npt.NDArray[np.float64], tuple[int, int]]:
    """The film under each rate, painted once; with rows of truth and its size in pixels."""
    clip = chosen_film(seed, parts)
    coders = {rate: coder(rate, clip) for rate in RATES}
    samples: dict[str, list[Sample]] = {rate: [] for rate in RATES}
    rows: list[tuple[float, ...]] = []

    def keep(rate: str, packets: list[av.Packet[VideoStream]]) -> None:
        for packet in packets:
            assert packet.pts is not None
            samples[rate].append(_sample(packet.pts, packet.is_keyframe, bytes(packet)))

    for one in clip.pictures():
        rows += [
            (one.frame - 1, seen.number, seen.speed_kmh, *seen.box_px)
            for seen in one.seen
            if seen.seen_frac > _VISIBLE_FRAC
        ]
        frame = av.VideoFrame.from_ndarray(one.pixels, format="rgb24").reformat(format="yuv420p")
        for rate, context in coders.items():
            frame.pts, frame.time_base = one.frame - 1, Fraction(1, FPS)
            frame.pict_type = av.video.frame.PictureType.NONE
            keep(rate, context.encode(frame))
    for rate, context in coders.items():
        keep(rate, context.encode(None))
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    size = (clip.width_px, clip.height_px)
    return {rate: tuple(samples[rate]) for rate in RATES}, table, size


def kept_streams(seed: int, folder: Path | None) -> list[Stream]:
    """A film at each rate; with a folder, kept there and read again the next time."""
    if folder is None:
        films, table, size = encoded(seed)
        return [_stream(seed, rate, film, table, size, PARTS) for rate, film in films.items()]
    places = {rate: folder / f"gate-{seed}-{rate}.npz" for rate in RATES}
    if not all(place.exists() for place in places.values()):
        folder.mkdir(parents=True, exist_ok=True)
        films, table, size = encoded(seed)
        for rate, film in films.items():
            np.savez(
                places[rate],
                sizes=[len(one.data) for one in film],
                keys=[one.is_key for one in film],
                data=np.frombuffer(b"".join(one.data for one in film), np.uint8),
                truth=table,
                size_px=size,
            )
    return [_read(seed, rate, place) for rate, place in places.items()]


def _read(seed: int, rate: str, place: Path) -> Stream:
    with np.load(place, allow_pickle=False) as kept:
        data, samples, start = kept["data"].tobytes(), [], 0
        for number, (size, is_key) in enumerate(zip(kept["sizes"], kept["keys"], strict=True)):
            samples.append(_sample(number, bool(is_key), data[start : start + int(size)]))
            start += int(size)
        width, height = (int(one) for one in kept["size_px"])
        return _stream(seed, rate, tuple(samples), kept["truth"], (width, height), PARTS)


def _sample(number: int, is_key: bool, data: bytes) -> Sample:
    return Sample(ticks=number, decode_ticks=number, duration_ticks=1, is_key=is_key, data=data)


def _stream(
    seed: int,
    rate: str,
    samples: tuple[Sample, ...],
    table: npt.NDArray[np.float64],
    size: tuple[int, int],
    parts: tuple[Part, ...],
) -> Stream:
    """With the first part in front of itself, as often as it takes to learn."""
    (first, learnt), *others = spans(parts)
    more = (LEARN_TIMES - 1) * len(learnt)
    shown = (*samples[: len(learnt)] * (LEARN_TIMES - 1), *samples)
    moved = [table + 0.0 for _ in range(LEARN_TIMES)]
    for times, one in enumerate(moved):
        one[:, 0] += times * len(learnt)
    again = [one[one[:, 0] < (times + 1) * len(learnt)] for times, one in enumerate(moved[:-1])]
    truth = np.concatenate([*again, moved[-1]])
    return Stream(
        seed=seed,
        rate=rate,
        format=VideoFormat(
            codec="h264",
            width_px=size[0],
            height_px=size[1],
            tick_numerator=1,
            tick_denominator=FPS,
            parameter_sets=b"",
        ),
        samples=tuple(
            replace(one, ticks=number, decode_ticks=number) for number, one in enumerate(shown)
        ),
        truth=Truth(
            frame=truth[:, 0].astype(np.int32),
            number=truth[:, 1].astype(np.int32),
            speed_kmh=truth[:, 2].astype(np.float32),
            boxes_px=truth[:, 3:7].astype(np.float32),
        ),
        parts=(
            (first, range(len(learnt) + more)),
            *((name, range(one.start + more, one.stop + more)) for name, one in others),
        ),
    )
