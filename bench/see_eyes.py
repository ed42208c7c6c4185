"""Fairview's way of looking at many cameras, as one program: `python -m bench.see_eyes ADDRESS...`

Packets, gate, decoder at the detector's size, bounded queues, one detector on one thread, one
tracker per camera; the product's own parts. Ends at SIGTERM and prints what it did as JSON.
`--no-gate` decodes everything, as a node does now.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections import deque
from dataclasses import dataclass, field

import cv2

from bench.see_sources import detector
from fairview.analyse.batch import Batches
from fairview.analyse.decode import PictureDecoder
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.gate import Gate
from fairview.analyse.track.tracker import Tracker
from fairview.core.camera import Source
from fairview.core.errors import FairviewError
from fairview.core.ids import CameraId
from fairview.core.media import Packet, Sample
from fairview.core.sight import Detections
from fairview.core.time import US_PER_SECOND, Clock, SystemClock
from fairview.ingest.address import AddressRules
from fairview.ingest.av_source import RtspSource
from fairview.run.looker import small_size

FPS = 5.0
MODEL = "yolox-nano"
_MOVED = 0.005
"""A box that moved by this share of the picture is on the move."""


@dataclass(slots=True)
class Eye:
    """One camera. looked: pictures that were detected; track_us: how long tracks lasted in all."""

    camera: CameraId
    gate: Gate
    tracker: Tracker
    lock: threading.Lock = field(default_factory=threading.Lock)
    due_us: int = 0
    frame: int = 0
    looked: int = 0
    put: int = 0
    track_us: int = 0
    boxes: list[list[float]] = field(default_factory=list)

    def take(self, picture: Picture, found: Detections) -> None:
        boxes = [[float(part) for part in box] for box in found.boxes_unit]
        moving = sum(
            all(
                max(abs(a - b) for a, b in zip(box, old, strict=True)) > _MOVED
                for old in self.boxes
            )
            for box in boxes
        )
        self.boxes = boxes
        self.looked += 1
        with self.lock:
            self.gate.found(picture.at, moving=float(moving), present=len(boxes))
        self.tracker.advance(found)
        self.count(close=False)

    def count(self, *, close: bool) -> None:
        tracks = self.tracker.close() if close else self.tracker.take_finished()
        self.track_us += sum(int(one.at_us[-1] - one.at_us[0]) for one in tracks)


def look(
    eye: Eye, address: str, queues: Batches[Picture], stop: threading.Event, gated: bool
) -> None:
    """One camera's packets until told to stop."""
    clock: Clock = SystemClock()
    input_px = detector(MODEL).input_px
    while not stop.is_set():
        source = RtspSource(
            camera=eye.camera,
            source=Source(stream="sub", kind="rtsp", address=address),
            login=None,
            rules=AddressRules(allow_loopback=True),
            clock=clock,
        )
        try:
            _feed(eye, source, queues, stop, (gated, input_px))
        except FairviewError:
            clock.wait(stop, US_PER_SECOND)
        finally:
            source.close()


def _feed(
    eye: Eye,
    source: RtspSource,
    queues: Batches[Picture],
    stop: threading.Event,
    how: tuple[bool, tuple[int, int] | None],
) -> None:
    gated, input_px = how
    decoder: PictureDecoder | None = None
    since_key: deque[Packet] = deque(maxlen=512)
    for packet in source.packets():
        if stop.is_set():
            return
        if packet.is_key:
            since_key.clear()
        since_key.append(packet)
        with eye.lock:
            verdict = eye.gate.see(packet.at, len(packet.data), is_key=packet.is_key)
        mode = verdict.mode if gated else "all"
        if mode == "none" or (mode == "keys" and not packet.is_key):
            continue
        fresh = decoder is None or (gated and (verdict.wakes or mode == "keys"))
        if fresh:
            size = (packet.format.width_px, packet.format.height_px)
            decoder = PictureDecoder(packet.format, coarse=True, size=small_size(size, input_px))
        assert decoder is not None
        for one in since_key if fresh else [packet]:
            for picture in decoder.decode(_sample(one), one.at):
                if picture.at.us < eye.due_us:
                    continue
                eye.due_us = picture.at.us + int(0.9 * US_PER_SECOND / FPS)
                eye.frame += 1
                eye.put += 1
                planes = picture.planes.copy()
                queues.put(
                    Picture(camera=eye.camera, frame=eye.frame, at=picture.at, planes=planes)
                )


def _sample(packet: Packet) -> Sample:
    return Sample(
        ticks=packet.ticks,
        decode_ticks=packet.decode_ticks,
        duration_ticks=packet.duration_ticks,
        is_key=packet.is_key,
        data=packet.data,
    )


def main() -> None:
    cv2.setNumThreads(1)
    gated = "--no-gate" not in sys.argv
    addresses = [one for one in sys.argv[1:] if not one.startswith("--")]
    stop, clock = threading.Event(), SystemClock()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    queues: Batches[Picture] = Batches()
    eyes = {}
    for number, address in enumerate(addresses):
        name = CameraId(f"camera-{number}")
        eyes[name] = Eye(camera=name, gate=Gate(name), tracker=Tracker(name))
        words = (eyes[name], address, queues, stop, gated)
        threading.Thread(target=look, args=words, daemon=True).start()
    finder = detector(MODEL)
    while not stop.is_set():
        pictures = queues.take(clock, US_PER_SECOND // 4)
        for picture, found in zip(pictures, finder.detect(pictures), strict=True):
            eyes[picture.camera].take(picture, found)
        queues.take_dropped()
    for eye in eyes.values():
        eye.count(close=True)
    every = eyes.values()
    print(
        json.dumps(
            {
                "looked": sum(one.looked for one in every),
                "dropped": sum(one.put - one.looked for one in every),
                "track_s": sum(one.track_us for one in every) / US_PER_SECOND,
                "gates_on": sum(one.gate.state.is_on for one in every),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
