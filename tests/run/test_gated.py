"""Behind its gate a stream is decoded only where something moves, and nobody is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext

from fairview.analyse.decode import PictureDecoder
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.gate import Gate, GateSettings, Verdict
from fairview.core.errors import Unavailable
from fairview.core.ids import CameraId
from fairview.core.media import Packet, VideoFormat
from fairview.core.scene import Line, Scene, SceneCamera
from fairview.core.time import US_PER_SECOND, Instant, Span, SystemClock
from fairview.record.live import LivePackets
from fairview.run.analysing.camera_analysis import CameraAnalysis
from fairview.run.analysing.gated import Gated, GatedDecoder, Nuisances
from fairview.run.analysing.looker import Feed, FeedParts
from tests.builders import NOON
from tests.run.test_camera_analysis import Rows, analysis

if TYPE_CHECKING:
    import numpy.typing as npt

CAMERA = CameraId("junction-1")
FPS, KEY_EVERY = 10, 20
WIDTH, HEIGHT = 320, 180
VIDEO = VideoFormat(
    codec="h264",
    width_px=WIDTH,
    height_px=HEIGHT,
    tick_numerator=1,
    tick_denominator=FPS,
    parameter_sets=b"",
)
SCENE = Scene(
    camera=SceneCamera(id=CAMERA, width_px=WIDTH, height_px=HEIGHT),
    digest="",
    lines=(Line(name="middle", points_px=((160.0, 0.0), (160.0, 180.0))),),
)
PASSES_S = tuple(range(10, 290, 20))
SECONDS = 300
PAINT = np.random.default_rng(2).choice([60.0, 200.0], (10, 10)).repeat(3, 0).repeat(5, 1)


def painted(number: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A grainy street; for four seconds out of twenty a car crosses it."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    picture = 100.0 + 30 * ((rows // 18 + columns // 20) % 2)
    picture += rng.normal(0, 1, picture.shape)
    for start in PASSES_S:
        gone_s = number / FPS - start
        if 0 <= gone_s < 4:
            left = round(-60 + 95 * gone_s)
            car = PAINT[:, max(-left, 0) : max(WIDTH - left, 0)]
            picture[90:120, max(left, 0) : max(left, 0) + car.shape[1]] = car
    shown: npt.NDArray[np.uint8] = np.clip(picture, 16, 235).astype(np.uint8)
    return shown


@lru_cache(maxsize=1)
def packets() -> tuple[Packet, ...]:
    """The street as a camera sends it, a key frame every two seconds."""
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, FPS), Fraction(FPS)
    words = f"keyint={KEY_EVERY}:scenecut=0:bframes=0:repeat-headers=1"
    context.options = {"crf": "28", "preset": "ultrafast", "threads": "1", "x264-params": words}
    rng, made = np.random.default_rng(1), []
    for number in range(SECONDS * FPS):
        frame = av.VideoFrame.from_ndarray(painted(number, rng), format="gray8")
        frame = frame.reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        made += [(one.pts, one.is_keyframe, bytes(one)) for one in context.encode(frame)]
    made += [(one.pts, one.is_keyframe, bytes(one)) for one in context.encode(None)]
    return tuple(_packet(pts or 0, is_key, data) for pts, is_key, data in made)


def _packet(number: int, is_key: bool, data: bytes) -> Packet:
    at = NOON.plus(number * US_PER_SECOND // FPS)
    return Packet(
        camera=CAMERA,
        stream="sub",
        format=VIDEO,
        ticks=number,
        decode_ticks=number,
        duration_ticks=1,
        is_key=is_key,
        at=at,
        arrived_at=at,
        data=data,
    )


@dataclass
class Live(Iterator[LivePackets]):
    """A stream that was all recorded already, in pieces."""

    pieces: list[LivePackets]
    is_closed: bool = False

    def __next__(self) -> LivePackets:
        if not self.pieces:
            raise StopIteration
        return self.pieces.pop(0)

    def close(self) -> None:
        self.is_closed = True


@dataclass
class Fed:
    """What a feed handed on: pictures' times, and quiet stretches."""

    looked: list[Instant] = field(default_factory=list)
    quiet: list[Span] = field(default_factory=list)


def feed_all(pieces: list[LivePackets], gate: Gate | None, one: CameraAnalysis) -> Fed:
    """Everything through a Feed, looked at in its own thread."""
    fed, detector = Fed(), MotionDetector()
    is_done, streams = threading.Event(), [Live(pieces)]

    def connect() -> Live:
        if not streams:
            is_done.set()
            raise Unavailable("no more")
        return streams.pop()

    def put(picture: Picture) -> None:
        fed.looked.append(picture.at)
        one.seen(picture, detector.detect([picture])[0])

    def quiet(span: Span) -> None:
        fed.quiet.append(span)
        one.quiet(span)

    feed = Feed(
        FeedParts(
            camera=CAMERA,
            scene=SCENE,
            fps=5,
            input_px=None,
            connect=connect,  # type: ignore[arg-type]  # stands for a live stream
            put=put,
            clock=SystemClock(),
            gate=gate,
            quiet=quiet,
            waiting=lambda: 0,
        )
    )
    feed.start()
    assert is_done.wait(100)
    feed.close()
    return fed


def live(cut_at: int | None = None) -> list[LivePackets]:
    """All packets, ten at a time; `cut_at`: the packet where a new stretch begins."""
    found = []
    for start in range(0, len(packets()), 10):
        part = packets()[start : start + 10]
        is_start = start == 0 or start == cut_at
        found.append(LivePackets(packets=part, is_start=is_start, dropped=0))
    return found


@pytest.mark.slow
def test_a_quiet_street_is_looked_at_for_a_fraction_and_counted_in_full() -> None:
    rows = Rows()
    gate = Gate(CAMERA, GateSettings(learn_us=5 * US_PER_SECOND))
    one = analysis(rows, gate=gate, scene=SCENE)
    fed = feed_all(live(), gate, one)
    one.close()
    counts = [
        count
        for count in rows.catalogue.counts(CAMERA, Span(start=NOON, end=NOON.plus(1)))
        if count.place == "middle" and count.kind == 9
    ]
    later = [at for at in fed.looked if at >= NOON.plus(150 * US_PER_SECOND)]
    assert gate.state.is_on, gate.state.because
    assert len(later) < 0.6 * 150 * 5
    assert fed.quiet
    assert sum(count.n or 0 for count in counts) == len(PASSES_S)
    assert all(count.observed_frac > 0.98 for count in counts)
    assert fed.looked == sorted(fed.looked)


@pytest.mark.slow
def test_without_a_gate_every_due_picture_is_looked_at() -> None:
    one = analysis(Rows(), scene=SCENE)
    fed = feed_all(live()[:30], None, one)
    one.close()
    assert len(fed.looked) == 150
    assert fed.quiet == []


def through(decoder: GatedDecoder, some: tuple[Packet, ...]) -> list[Gated | Span]:
    return [one for packet in some for one in decoder.take(packet)]


class Sleeping(Gate):
    """Sleeps from the start on and is told when to wake."""

    def __init__(self, wakes_at: int) -> None:
        super().__init__(CAMERA)
        self._wakes_at = wakes_at
        self._seen = 0

    def see(self, at: Instant, size_bytes: int, *, is_key: bool) -> Verdict:
        del at, size_bytes
        number, self._seen = self._seen, self._seen + 1
        if number < 10 or number >= self._wakes_at:
            return Verdict(step="decode", wakes=number == self._wakes_at)
        return Verdict(step="check" if is_key else "keep", wakes=False)


def test_waking_decodes_what_was_kept_from_the_last_key_frame_that_looked_the_same() -> None:
    gate = Sleeping(wakes_at=95)
    decoder = GatedDecoder(gate, lambda decodes: PictureDecoder(VIDEO, decodes=decodes))
    found = through(decoder, packets()[:100])
    shown = [one for one in found if isinstance(one, Gated)]
    numbers = [one.picture.at.since(NOON) * FPS // US_PER_SECOND for one in shown]
    assert numbers == [*range(10), *range(80, 100)]
    assert [one.is_late for one in shown[-20:]] == [True] * 15 + [False] * 5
    spans = [one for one in found if isinstance(one, Span)]
    assert spans[0].start == shown[9].picture.at
    assert [one.end for one in spans] == [packets()[number].at for number in (20, 40, 60, 80)]


def test_a_key_frame_that_looks_new_brings_back_what_came_before_it() -> None:
    gate = Sleeping(wakes_at=10_000)
    decoder = GatedDecoder(gate, lambda decodes: PictureDecoder(VIDEO, decodes=decodes))
    found = through(decoder, packets()[:121])
    numbers = [
        one.picture.at.since(NOON) * FPS // US_PER_SECOND for one in found if isinstance(one, Gated)
    ]
    # The car comes at 10 s; the key frame at 12 s shows it.
    assert numbers[-20:] == list(range(101, 121))


def test_a_break_forgets_what_was_kept() -> None:
    gate = Sleeping(wakes_at=10_000)
    decoder = GatedDecoder(gate, lambda decodes: PictureDecoder(VIDEO, decodes=decodes))
    through(decoder, packets()[:35])
    decoder.begin()
    gate._seen = 0
    later = tuple(replace(one, at=one.at.plus(60 * US_PER_SECOND)) for one in packets()[60:70])
    shown = [one for one in through(decoder, later) if isinstance(one, Gated)]
    assert [one.picture.at for one in shown] == [one.at for one in later]


def test_a_place_that_looked_new_for_nothing_wakes_no_more_but_something_larger_does() -> None:
    places = Nuisances()
    lamp = (0.5, 0.2, 0.52, 0.25)
    assert places.without([lamp]) == [lamp]
    places.add([lamp])
    assert places.without([lamp, (0.505, 0.21, 0.515, 0.24)]) == []
    walker = (0.49, 0.2, 0.55, 0.4)
    assert places.without([lamp, walker]) == [walker]
