"""Fairview's way of looking at many cameras, as one program: `python -m bench.see_eyes ADDRESS...`

Packets, decoder at the detector's size, bounded queues, one detector on one thread, one tracker
per camera; the product's own parts, and everything decoded. Ends at SIGTERM and prints what it
did as JSON.

HOLE: the gate has no part in it.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from dataclasses import dataclass

import cv2

from bench.see_sources import detector
from fairview.analyse.batch import Batches
from fairview.analyse.decode import PictureDecoder
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.track.tracker import Tracker
from fairview.core.camera import Source
from fairview.core.errors import FairviewError
from fairview.core.ids import CameraId
from fairview.core.media import Packet, Sample
from fairview.core.sight import Detections
from fairview.core.time import US_PER_SECOND, Clock, SystemClock
from fairview.ingest.address import AddressRules
from fairview.ingest.av_source import RtspSource
from fairview.run.analysing.looker import small_size

FPS = 5.0
MODEL = "yolox-nano"


@dataclass(slots=True)
class Eye:
    """One camera. looked: pictures that were detected; track_us: how long tracks lasted in all."""

    camera: CameraId
    tracker: Tracker
    due_us: int = 0
    frame: int = 0
    looked: int = 0
    put: int = 0
    track_us: int = 0

    def take(self, picture: Picture, found: Detections) -> None:
        self.looked += 1
        self.tracker.advance(found)
        self.count(close=False)

    def count(self, *, close: bool) -> None:
        tracks = self.tracker.close() if close else self.tracker.take_finished()
        self.track_us += sum(int(one.at_us[-1] - one.at_us[0]) for one in tracks)


def look(eye: Eye, address: str, queues: Batches[Picture], stop: threading.Event) -> None:
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
            _feed(eye, source, (queues, input_px), stop)
        except FairviewError:
            clock.wait(stop, US_PER_SECOND)
        finally:
            source.close()


def _feed(
    eye: Eye,
    source: RtspSource,
    into: tuple[Batches[Picture], tuple[int, int] | None],
    stop: threading.Event,
) -> None:
    queues, input_px = into
    decoder: PictureDecoder | None = None
    for packet in source.packets():
        if stop.is_set():
            return
        if decoder is None:
            size = (packet.format.width_px, packet.format.height_px)
            decoder = PictureDecoder(packet.format, coarse=True, size=small_size(size, input_px))
        for picture in decoder.decode(_sample(packet), packet.at):
            if picture.at.us < eye.due_us:
                continue
            eye.due_us = picture.at.us + int(0.9 * US_PER_SECOND / FPS)
            eye.frame += 1
            eye.put += 1
            planes = picture.planes.copy()
            queues.put(Picture(camera=eye.camera, frame=eye.frame, at=picture.at, planes=planes))


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
    addresses = sys.argv[1:]
    stop, clock = threading.Event(), SystemClock()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    queues: Batches[Picture] = Batches()
    eyes = {}
    for number, address in enumerate(addresses):
        name = CameraId(f"camera-{number}")
        eyes[name] = Eye(camera=name, tracker=Tracker(name))
        words = (eyes[name], address, queues, stop)
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
                "skipped": 0,
                "dropped": sum(one.put - one.looked for one in every),
                "track_s": sum(one.track_us for one in every) / US_PER_SECOND,
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
