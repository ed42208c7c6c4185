"""The gate against always-on, key frames only and a pixel-motion gate, on streams of known truth.

    python -m bench.gate [--seeds N ...] [--rates NAME ...]

The gate's settings were tried on films 11 and 37; film 23 was looked at only when they stood.
GATE_FILMS names a folder in which encoded films are kept for the next time.

Simulated films (bench/gate_streams.py) at a variable, a capped and a constant bit rate. Every way
looks at 5 pictures a second where it looks, as a node does, with the motion detector and the
tracker; our way is the node's own decoder behind its gate. Each film begins with a part in which
gates learn; the figures are of the parts after it.

Printed in Markdown, for each way: CPU of decoding, gate, detecting and tracking against always-on;
the same with the measured cost of PicoDet for each picture looked at, where that model is here;
the share of the truth's presence (road users x time, at least a third visible) during which it
looked, key frames enough for who stands; and the share of always-on's track-seconds (those on
somebody of the truth) at which it had a track in the same place.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from bench.gate_streams import FPS, RATES, Stream, kept_streams
from fairview.analyse.decode import Decoded, PictureDecoder
from fairview.analyse.detectors.choose import detector_for
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.models import here
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.gate import Gate, GateState, Rest
from fairview.analyse.planes import shrunk
from fairview.analyse.track.tracker import Tracker
from fairview.core.errors import FairviewError
from fairview.core.ids import CameraId
from fairview.core.media import Packet, Sample
from fairview.core.scene import DetectorWish
from fairview.core.sight import Track
from fairview.core.time import US_PER_SECOND, Instant, Span
from fairview.run.analysing.gated import GatedDecoder

if TYPE_CHECKING:
    import numpy.typing as npt

CAMERA = CameraId("bench")
LOOK_US = int(0.9 * US_PER_SECOND / 5)
_STANDS_KMH = 0.5
_SAME_OVERLAP = 0.3
_MODEL = "picodet-s-416"


@dataclass(slots=True)
class Way:
    """One way of looking. seen: per frame 2 looked, 1 key frames and packets only, 0 not.

    cpu_s: at the start of each part and at the end; asking more often costs what it measures.
    pictures: per frame, how many the detector got.
    """

    name: str
    stream: Stream
    seen: npt.NDArray[np.int8] = field(init=False)
    pictures: npt.NDArray[np.int32] = field(init=False)
    cpu_s: list[float] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    state: GateState | None = None

    def __post_init__(self) -> None:
        frames = len(self.stream.samples)
        self.seen, self.pictures = np.zeros(frames, np.int8), np.zeros(frames, np.int32)

    def samples(self) -> Iterator[tuple[int, Sample]]:
        """The stream's, with the clock read where a part begins."""
        starts = {part.start for _, part in self.stream.parts}
        for number, sample in enumerate(self.stream.samples):
            if number in starts:
                self.cpu_s.append(time.thread_time())
            yield number, sample
        self.cpu_s.append(time.thread_time())

    def cost_s(self, place: int, costs: Costs | None = None) -> float:
        """CPU of the part at `place`; with PicoDet in the motion detector's place."""
        cpu_s = self.cpu_s[place + 1] - self.cpu_s[place]
        if costs is None:
            return cpu_s
        part = self.stream.parts[place][1]
        looked = int(self.pictures[part.start : part.stop].sum())
        return cpu_s + looked * (costs.model_s - costs.motion_s)


class Looking:
    """Pace, detector and tracker, as every way has them."""

    def __init__(self, way: Way, gate: Gate | None = None) -> None:
        self._way, self._gate = way, gate
        self._detector, self._tracker = MotionDetector(), Tracker(CAMERA)
        self._rest = Rest()
        self._due_us = 0
        self._frame = 0

    def look(self, shown: Decoded, now: int) -> None:
        """One picture, while frame `now` arrives, if it is due."""
        if shown.at.us < self._due_us:
            return
        self._due_us = shown.at.us + LOOK_US
        self._frame += 1
        picture = Picture(camera=CAMERA, frame=self._frame, at=shown.at, planes=shown.planes)
        self._tracker.advance(self._detector.detect([picture])[0])
        # A node draws them in any case.
        tracks = self._tracker.open
        if self._gate is not None:
            moving, restless = self._rest.look(tracks, shown.at)
            self._gate.found(shown.at, moving=moving, restless=restless)
        self._way.tracks += self._tracker.take_finished()
        self._way.pictures[now] += 1

    def close(self) -> None:
        self._way.tracks += self._tracker.close()


def at_of(number: int) -> Instant:
    return Instant(number * US_PER_SECOND // FPS)


def number_of(at: Instant) -> int:
    return round(at.us * FPS / US_PER_SECOND)


def always(stream: Stream) -> Way:
    way = Way("always-on", stream)
    looking, decoder = Looking(way), PictureDecoder(stream.format, coarse=True)
    for number, sample in way.samples():
        shown = list(decoder.decode(sample, at_of(number)))
        for one in shown:
            way.seen[number_of(one.at)] = 2
            looking.look(one, number)
    looking.close()
    return way


def keys_only(stream: Stream) -> Way:
    way = Way("key frames only", stream)
    looking = Looking(way)
    decoder = PictureDecoder(stream.format, coarse=True, decodes="keys")
    for number, sample in way.samples():
        shown = list(decoder.decode(sample, at_of(number)))
        way.seen[number] = 1
        for one in shown:
            way.seen[number_of(one.at)] = 2
            looking.look(one, number)
    looking.close()
    return way


def pixel_gate(stream: Stream) -> Way:
    """All decoded; detected only near differences, as recorders with a motion stage do."""
    way = Way("pixel motion", stream)
    looking, decoder = Looking(way), PictureDecoder(stream.format, coarse=True)
    usual: npt.NDArray[np.float32] | None = None
    until = -1
    for number, sample in way.samples():
        shown = list(decoder.decode(sample, at_of(number)))
        for one in shown:
            small = shrunk(one.planes, (160, 90)).luma.astype(np.float32)
            if usual is None:
                usual = small
            soft = cv2.GaussianBlur(np.abs(small - usual), (0, 0), 1.0)
            usual += (small - usual) * np.float32(0.05)
            if np.count_nonzero(soft > 10) >= 6:
                until = number_of(one.at) + FPS
        for one in shown:
            if number_of(one.at) <= until:
                way.seen[number_of(one.at)] = 2
                looking.look(one, number)
    looking.close()
    return way


def gated(stream: Stream, gate: Gate | None = None) -> Way:
    """Ours."""
    way, gate = Way("fairview", stream), gate or Gate(CAMERA)
    looking = Looking(way, gate)
    decoder = GatedDecoder(
        gate, lambda decodes: PictureDecoder(stream.format, coarse=True, decodes=decodes)
    )
    for number, sample in way.samples():
        for one in decoder.take(_packet(stream, number, sample)):
            if isinstance(one, Span):
                _see(way, range(number_of(one.start), number_of(one.end) + 1), 1)
            else:
                _see(way, range(number_of(one.picture.at), number_of(one.picture.at) + 1), 2)
                looking.look(one.picture, number)
    looking.close()
    way.state = gate.state
    return way


def _see(way: Way, frames: range, how: int) -> None:
    where = slice(frames.start, frames.stop)
    way.seen[where] = np.maximum(way.seen[where], how)


def _packet(stream: Stream, number: int, sample: Sample) -> Packet:
    return Packet(
        camera=CAMERA,
        stream="sub",
        format=stream.format,
        ticks=sample.ticks,
        decode_ticks=sample.decode_ticks,
        duration_ticks=sample.duration_ticks,
        is_key=sample.is_key,
        at=at_of(number),
        arrived_at=at_of(number),
        data=sample.data,
    )


def presence_kept(stream: Stream, way: Way, part: range) -> float:
    """Share of road users x frames during which it looked; who stands may be confirmed only."""
    truth = stream.truth
    inside = (truth.frame >= part.start) & (truth.frame < part.stop)
    looked = way.seen[truth.frame[inside]]
    stands = truth.speed_kmh[inside] < _STANDS_KMH
    kept = (looked == 2) | ((looked == 1) & stands)
    return float(kept.mean()) if len(kept) else 1.0


def tracks_kept(all_of: Way, way: Way, part: range) -> tuple[int, float]:
    """Always-on's track points in a part that are on somebody of the truth, and the share at which
    the other way had a track in the same place (its boxes joined by straight lines between its
    pictures). Lamps and shadows that always-on tracks too are nobody's loss.
    """
    total = kept = 0
    truth, size = all_of.stream.truth, all_of.stream.format
    scale = np.array([size.width_px, size.height_px] * 2, np.float32)
    spans = [(int(one.at_us[0]), int(one.at_us[-1]), one) for one in way.tracks]
    for track in all_of.tracks:
        frames = np.rint(track.at_us * FPS / US_PER_SECOND)
        for place in np.flatnonzero((frames >= part.start) & (frames < part.stop)):
            at_us, box = int(track.at_us[place]), track.boxes_unit[place]
            low, high = np.searchsorted(truth.frame, [frames[place], frames[place] + 1])
            there = truth.boxes_px[low:high] / scale
            if not any(overlap(one, box) >= _SAME_OVERLAP for one in there):
                continue
            total += 1
            kept += any(
                first <= at_us <= last and overlap(_box_at(one, at_us), box) >= _SAME_OVERLAP
                for first, last, one in spans
            )
    return total, kept / total if total else 1.0


def _box_at(track: Track, at_us: int) -> npt.NDArray[np.float64]:
    return np.array([np.interp(at_us, track.at_us, track.boxes_unit[:, side]) for side in range(4)])


def overlap(
    a: npt.NDArray[np.float64] | npt.NDArray[np.float32], b: npt.NDArray[np.float32]
) -> float:
    inner = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None).prod()
    areas = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod()
    return float(inner / max(areas - inner, 1e-9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU of one picture through PicoDet and through the motion detector."""

    model_s: float
    motion_s: float


def measured_costs(stream: Stream) -> Costs | None:
    """On this machine, in the stream's first pictures; None where the model is not here."""
    try:
        model = detector_for(DetectorWish(kind="onnx", model=_MODEL), here())
    except FairviewError:
        return None
    motion, decoder = MotionDetector(), PictureDecoder(stream.format, coarse=True)
    both: tuple[list[float], list[float]] = ([], [])
    for number in range(10 * FPS):
        for shown in decoder.decode(stream.samples[number], at_of(number)):
            if number % 3:
                continue
            asked = Picture(camera=CAMERA, frame=number + 1, at=shown.at, planes=shown.planes)
            for detector, costs in zip((model, motion), both, strict=True):
                before = time.process_time()
                detector.detect([asked])
                costs.append(time.process_time() - before)
    return Costs(model_s=float(np.median(both[0])), motion_s=float(np.median(both[1])))


WAYS: dict[str, tuple[Callable[[Stream], Way], ...]] = {
    "variable": (always, keys_only, pixel_gate, gated),
    "capped": (always, gated),
    "constant": (always, gated),
}
"""By rate: the two others look at pictures only, and are the same at every rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way in one part of one stream. points: track points of always-on, kept: share of them."""

    part: str
    rate: str
    way: str
    cpu_s: float
    most_s: float
    model_s: float
    model_most_s: float
    presence: float
    points: int
    kept: float
    seen_frac: float


def rows(stream: Stream, costs: Costs | None) -> Iterator[Row]:
    """All ways over one stream."""
    ways = [way(stream) for way in WAYS[stream.rate]]
    for place, (name, part) in enumerate(stream.parts[1:], start=1):
        for way in ways:
            points, kept = tracks_kept(ways[0], way, part)
            yield Row(
                part=name,
                rate=stream.rate,
                way=way.name,
                cpu_s=way.cost_s(place),
                most_s=ways[0].cost_s(place),
                model_s=way.cost_s(place, costs),
                model_most_s=ways[0].cost_s(place, costs),
                presence=presence_kept(stream, way, part),
                points=points,
                kept=kept,
                seen_frac=float(np.mean(way.seen[part.start : part.stop] == 2)),
            )
    state = ways[-1].state
    assert state is not None
    told = "nothing audited" if state.missed_frac is None else f"{state.missed_frac:.1%} missed"
    print(
        f"- film {stream.seed}, {stream.rate}: gate {'on' if state.is_on else 'off'}: "
        f"{state.because}; by its audits of {state.audited_s} s: {told}",
        flush=True,
    )


def table(found: list[Row], costs: Costs | None) -> Iterator[str]:
    """Sums over all films: CPU added up, shares weighted by what they are shares of."""
    pico = "" if costs is None else " with PicoDet |"
    yield (
        f"| rate | traffic | way | less CPU |{pico} presence kept | track-seconds kept | decoded |"
    )
    yield "|---" * (7 + (costs is not None)) + "|"
    keys = dict.fromkeys((one.rate, one.part, one.way) for one in found)
    for rate, part, way in keys:
        those = [one for one in found if (one.rate, one.part, one.way) == (rate, part, way)]
        points = sum(one.points for one in those)
        kept = sum(one.points * one.kept for one in those) / max(points, 1)
        cpu = sum(one.most_s for one in those) / max(sum(one.cpu_s for one in those), 1e-9)
        model = sum(one.model_most_s for one in those) / max(
            sum(one.model_s for one in those), 1e-9
        )
        with_model = "" if costs is None else f" {model:.2f} x |"
        yield (
            f"| {rate} | {part} | {way} | {cpu:.2f} x |{with_model} "
            f"{np.mean([one.presence for one in those]):.1%} | {kept:.1%} | "
            f"{np.mean([one.seen_frac for one in those]):.1%} |"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description="the gate, side by side")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 37, 23])
    parser.add_argument("--rates", nargs="+", default=list(RATES), choices=list(RATES))
    asked = parser.parse_args()
    kept = os.environ.get("GATE_FILMS")
    cv2.setNumThreads(1)
    found: list[Row] = []
    costs: Costs | None = None
    for seed in asked.seeds:
        for stream in kept_streams(seed, Path(kept) if kept else None):
            if stream.rate not in asked.rates:
                continue
            if not found:
                costs = measured_costs(stream)
            sizes = ", ".join(
                f"{stream.kbit_s(part):.0f} kbit/s {name}" for name, part in stream.parts
            )
            print(f"- film {seed}, {stream.rate}: {sizes}", flush=True)
            found += rows(stream, costs)
    if costs is not None:
        print(
            f"\nA picture costs PicoDet {costs.model_s * 1_000:.1f} ms of CPU here, the motion "
            f"detector {costs.motion_s * 1_000:.1f} ms."
        )
    print("\n" + "\n".join(table(found, costs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
