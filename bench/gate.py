"""The gate against always-on, key frames only and a pixel-motion gate, on streams of known truth.

    python -m bench.gate [SECONDS]

Simulated junctions with a sensor's grain are encoded as cameras do (H.264, a key frame every two
seconds): little traffic, some, and a busy crossing at a variable bit rate, the busy one again
under a cap and at a constant rate. The first half of each stream is for learning and has some
traffic everywhere; figures are of the second half. Printed for each way of looking: the CPU of
decoding and detecting against always-on, and the share of the truth's presence (road users x
time, at least a third visible) during which it looked.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from fairview.analyse.decode import PictureDecoder
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.gate import Gate, GateState
from fairview.analyse.planes import Planes, shrunk
from fairview.analyse.track.tracker import Tracker
from fairview.core.ids import CameraId
from fairview.core.media import Sample, VideoFormat
from fairview.core.sight import OpenTrack
from fairview.core.time import US_PER_SECOND, Instant
from fairview.sim.clips import SimClip, make_clip
from fairview.sim.truth import SeenObject

CAMERA = CameraId("bench")
FPS = 12
KEY_EVERY = 2 * FPS
_STANDS_KMH = 0.5
_RATES: dict[str, dict[str, str]] = {
    "variable": {"crf": "26"},
    "capped": {"crf": "18", "maxrate": "500k", "bufsize": "250k"},
    "constant": {"b": "500k", "minrate": "500k", "maxrate": "500k", "bufsize": "100k"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    name: str
    format: VideoFormat
    samples: tuple[Sample, ...]
    truth: tuple[tuple[SeenObject, ...], ...]


@dataclass(slots=True)
class Way:
    """One way of looking: its CPU, and which frames it looked at (2), or only confirmed (1)."""

    cpu_s: float = 0.0
    looked: dict[int, int] | None = None
    state: GateState | None = None


def traffic_for(share: float, seconds: int) -> SimClip:
    """Road users chosen so that somebody is there for a fifth of the first half of the time, and
    for `share` of the second. From 1 on: everybody.
    """
    clip = make_clip(11, seconds)
    if share >= 1:
        return clip
    stays = sorted(clip.stays().items(), key=lambda one: one[1][1] - one[1][0])
    half = clip.frames_total // 2
    busy, chosen = np.zeros(clip.frames_total + 1, bool), set()
    rng = np.random.default_rng(3)
    short = [one for one in stays if 3 * FPS <= one[1][1] - one[1][0] <= 14 * FPS]
    for place in rng.permutation(len(short)):
        number, (first, last) = short[place]
        wanted = 0.2 if last <= half else share
        part = busy[:half] if last <= half else busy[half:]
        if (first <= half < last) or part.mean() + (last - first) / half > wanted * 1.15:
            continue
        busy[first : last + 1] = True
        chosen.add(number)
    return replace(clip, only=frozenset(chosen))


def encoded(clip: SimClip, name: str, rates: dict[str, dict[str, str]]) -> list[Stream]:
    """The clip under each rate, painted once."""
    coders: dict[str, VideoCodecContext] = {}
    for rate, options in rates.items():
        context = av.CodecContext.create("libx264", "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = 640, 360, "yuv420p"
        context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
        hrd = ":nal-hrd=cbr:filler=1" if rate == "constant" else ""
        context.options = {
            **options,
            "preset": "veryfast",
            "threads": "1",
            "x264-params": f"keyint={KEY_EVERY}:scenecut=0:bframes=0:repeat-headers=1{hrd}",
        }
        coders[rate] = context
    samples: dict[str, list[Sample]] = {rate: [] for rate in rates}
    truth = []

    def kept(rate: str, packets: list[av.Packet[VideoStream]]) -> None:
        for packet in packets:
            assert packet.pts is not None
            samples[rate].append(
                Sample(
                    ticks=packet.pts,
                    decode_ticks=packet.pts,
                    duration_ticks=1,
                    is_key=packet.is_keyframe,
                    data=bytes(packet),
                )
            )

    for one in clip.pictures():
        truth.append(tuple(seen for seen in one.seen if seen.seen_frac > 1 / 3))
        frame = av.VideoFrame.from_ndarray(one.pixels, format="rgb24").reformat(format="yuv420p")
        for rate, coder in coders.items():
            frame.pts, frame.time_base = one.frame - 1, Fraction(1, FPS)
            frame.pict_type = av.video.frame.PictureType.NONE
            kept(rate, coder.encode(frame))
    for rate, coder in coders.items():
        kept(rate, coder.encode(None))
    described = VideoFormat(
        codec="h264",
        width_px=640,
        height_px=360,
        tick_numerator=1,
        tick_denominator=FPS,
        parameter_sets=b"",
    )
    return [
        Stream(
            name=f"{name}, {rate}",
            format=described,
            samples=tuple(samples[rate]),
            truth=tuple(truth),
        )
        for rate in rates
    ]


class Looking:
    """Decoder and detector, as every way of looking uses them."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decoder = PictureDecoder(stream.format)
        self._detector = MotionDetector()
        self._tracker = Tracker(CAMERA)

    def begin_again(self) -> None:
        self._decoder = PictureDecoder(self._stream.format)

    def decode(self, number: int) -> list[tuple[int, Planes]]:
        sample = self._stream.samples[number]
        at = Instant(number * US_PER_SECOND // FPS)
        return [
            (round(one.at.us * FPS / US_PER_SECOND), one.planes)
            for one in self._decoder.decode(sample, at)
        ]

    def detect(self, number: int, planes: Planes) -> tuple[int, int]:
        """How many tracks are under way, and how many road users are there at all.

        A lamp that changed stands before the empty scene for a while, but does not move.
        """
        at = Instant(number * US_PER_SECOND // FPS)
        picture = Picture(camera=CAMERA, frame=number + 1, at=at, planes=planes)
        self._tracker.advance(self._detector.detect([picture])[0])
        self._tracker.take_finished()
        seen = [one for one in self._tracker.open if one.is_seen]
        moved = sum(_has_moved(one) for one in seen)
        return moved, len(seen)


def _has_moved(track: OpenTrack) -> bool:
    """By a quarter of its own size over its latest points."""
    size = track.box_unit[2:] - track.box_unit[:2]
    away = np.abs(track.trail_unit[-1] - track.trail_unit[max(-6, -len(track.trail_unit))])
    return len(track.trail_unit) >= 4 and bool(np.any(away > 0.25 * size))


def always(stream: Stream, numbers: range) -> Way:
    way, looking = Way(looked={}), Looking(stream)
    for number in range(numbers.stop):
        before = time.process_time()
        for shown, planes in looking.decode(number):
            looking.detect(shown, planes)
        _count(way, number, numbers, before, 2)
    return way


def keys_only(stream: Stream, numbers: range) -> Way:
    way, looking = Way(looked={}), Looking(stream)
    for number in range(numbers.stop):
        if not stream.samples[number].is_key:
            continue
        before = time.process_time()
        looking.begin_again()
        for shown, planes in looking.decode(number):
            looking.detect(shown, planes)
        _count(way, number, numbers, before, 2)
    return way


def pixel_gate(stream: Stream, numbers: range) -> Way:
    """All decoded; detected only near differences, as recorders with a motion stage do."""
    way, looking = Way(looked={}), Looking(stream)
    usual: np.ndarray | None = None
    until = -1
    for number in range(numbers.stop):
        before = time.process_time()
        looks = 0
        for shown, planes in looking.decode(number):
            small = shrunk(planes, (160, 90)).luma.astype(np.float32)
            if usual is None:
                usual = small
            soft = cv2.GaussianBlur(np.abs(small - usual), (0, 0), 1.0)
            usual += (small - usual) * np.float32(0.05)
            if np.count_nonzero(soft > 10) >= 6:
                until = shown + FPS
            if shown <= until:
                looking.detect(shown, planes)
                looks = 2
        _count(way, number, numbers, before, looks)
    return way


def gated(stream: Stream, numbers: range) -> Way:
    """Ours."""
    way, looking, gate = Way(looked={}), Looking(stream), Gate(CAMERA)
    last_key, last_shown = 0, -1
    for number in range(numbers.stop):
        before = time.process_time()
        sample = stream.samples[number]
        if sample.is_key:
            last_key = number
        at = Instant(number * US_PER_SECOND // FPS)
        verdict = gate.see(at, len(sample.data), is_key=sample.is_key)
        fed = _fed(verdict.mode, verdict.wakes, number, last_key)
        if verdict.mode == "keys" and sample.is_key:
            fed = range(number, number + 1)
        if fed.start == last_key and len(fed):
            looking.begin_again()
        for one in fed:
            for shown, planes in looking.decode(one):
                if shown <= last_shown:
                    # A key frame that was looked at already begins the pre-roll.
                    continue
                last_shown = shown
                moved, there = looking.detect(shown, planes)
                gate.found(
                    Instant(shown * US_PER_SECOND // FPS), moving=float(moved), present=there
                )
        for one in fed:
            _count(way, one, numbers, None, 2)
        confirmed = 1 if verdict.mode == "keys" else 0
        _count(way, number, numbers, before, confirmed)
    way.state = gate.state
    return way


def _fed(mode: str, wakes: bool, number: int, last_key: int) -> range:
    if mode != "all":
        return range(0)
    return range(last_key, number + 1) if wakes else range(number, number + 1)


def _count(way: Way, number: int, numbers: range, before: float | None, looked: int) -> None:
    if number in numbers and way.looked is not None:
        way.looked[number] = max(way.looked.get(number, 0), looked)
    if before is not None and number in numbers:
        way.cpu_s += time.process_time() - before


def presence_kept(stream: Stream, way: Way, numbers: range) -> float:
    """Share of road users x frames during which it looked; who stands may be confirmed only."""
    assert way.looked is not None
    total = kept = 0
    for number in numbers:
        looked = way.looked.get(number, 0)
        for seen in stream.truth[number]:
            total += 1
            kept += looked == 2 or (looked == 1 and seen.speed_kmh < _STANDS_KMH)
    return kept / total if total else 1.0


def streams(seconds: int) -> Iterator[Stream]:
    yield from encoded(traffic_for(0.05, seconds), "5 % active", {"variable": _RATES["variable"]})
    yield from encoded(traffic_for(0.2, seconds), "20 % active", {"variable": _RATES["variable"]})
    yield from encoded(traffic_for(1.0, seconds), "busy", _RATES)


def main() -> None:
    cv2.setNumThreads(1)
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 240
    for stream in streams(seconds):
        numbers = range(len(stream.samples) // 2, len(stream.samples))
        active = float(np.mean([bool(stream.truth[number]) for number in numbers]))
        size = sum(len(one.data) for one in stream.samples) * 8 / seconds / 1_000
        print(f"{stream.name}: {size:.0f} kbit/s, somebody there {active:.0%} of the time")
        ways = {
            "always-on": always(stream, numbers),
            "key frames only": keys_only(stream, numbers),
            "pixel motion": pixel_gate(stream, numbers),
            "fairview": gated(stream, numbers),
        }
        most = ways["always-on"].cpu_s
        for name, way in ways.items():
            assert way.looked is not None
            share = sum(looked == 2 for looked in way.looked.values()) / len(numbers)
            print(
                f"  {name:<16} {most / max(way.cpu_s, 1e-9):6.2f} x less CPU   "
                f"presence looked at {presence_kept(stream, way, numbers):7.2%}   "
                f"frames decoded and detected {share:6.1%}"
            )
        state = ways["fairview"].state
        assert state is not None
        print(
            f"  gate {'on' if state.is_on else 'off'}: {state.because}; "
            f"missed by its own audits: {state.missed_frac}",
            flush=True,
        )


if __name__ == "__main__":
    main()
