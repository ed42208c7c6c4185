"""A cached minute of the junction: drawn once, then replayed for ever.

The cache is a folder per seed and version of the drawing, put in place whole by one rename, so a
kill at any moment leaves either a finished loop or finished parts that the next try keeps. While
a loop is still being drawn its finished parts can be replayed already.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl

import av
import cv2
import numpy as np
import structlog

from fairview.core.errors import BadInput, Corrupt, Unavailable
from fairview.core.ids import CAMERA_STREAMS, StreamName
from fairview.core.media import VideoFormat
from fairview.sim.draw import Painter
from fairview.sim.drawing import (
    Progress,
    draw_loop,
    drawing_right,
    loop_folder,
    making_folder,
)
from fairview.sim.junction import FPS, LOOP_FRAMES, VIEW
from fairview.sim.render_part import PART_FRAMES, part_folder
from fairview.sim.scenery import build_scenery
from fairview.sim.truth import Truth, read_truth
from fairview.sim.view import Picture

SEED_DEFAULT = 7
TICKS_PER_SECOND = 90_000
TICKS_PER_FRAME = TICKS_PER_SECOND // FPS
_ADDRESS = re.compile(r"sim:(?P<scene>[a-z]+)(?:\?(?P<query>.*))?\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSample:
    """One encoded frame: length-prefixed NAL units."""

    data: bytes
    is_key: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedFrame:
    """A sample and what decodes it."""

    format: VideoFormat
    sample: LoopSample


class Replayed(Protocol):
    """What a simulated camera replays: a finished loop, or one being drawn."""

    def coded(self, stream: StreamName, frame: int) -> CodedFrame | None:
        """A frame (0 to 719) of a stream; None while it is not drawn yet.

        Errors:  Unavailable when it can't be drawn.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedLoop:
    """One stream of a loop, or of a part of it: a key frame each second, no reordering."""

    format: VideoFormat
    samples: tuple[LoopSample, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A minute of the junction on disk. main and sub are in memory, about 9 MB together."""

    folder: Path
    seed: int
    main: EncodedLoop
    sub: EncodedLoop

    def stream(self, name: StreamName) -> EncodedLoop:
        return self.main if name == "main" else self.sub

    def coded(self, stream: StreamName, frame: int) -> CodedFrame:
        """A frame (0 to 719) of a stream."""
        encoded = self.stream(stream)
        return CodedFrame(format=encoded.format, sample=encoded.samples[frame])

    def truth(self) -> Truth:
        """What is so in every frame. Cost: reads 6 MB."""
        return read_truth(self.folder / "truth.jsonl")

    def empty(self) -> Picture:
        """The street with nobody on it and all signals dark. Shapes: (360, 640, 3) RGB."""
        return empty_picture(self.folder)


def empty_picture(folder: Path) -> Picture:
    """A loop folder's clean picture. Shapes: (360, 640, 3) RGB. Errors: Corrupt."""
    pixels = cv2.imread(str(folder / "empty.png"), cv2.IMREAD_COLOR)
    if pixels is None:
        raise Corrupt(f"{folder}/empty.png can't be read; remove the folder to draw it again")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def empty_street(address: str) -> Picture:
    """A simulated camera's clean picture, also before its loop is drawn; as in its loop folder.

    Shapes:  (360, 640, 3) RGB. Errors: as seed_of. Cost: about 1 s of one core.
    """
    return Painter(VIEW, build_scenery(VIEW, seed_of(address))).empty()


def seed_of(address: str) -> int:
    """The seed in `sim:junction?seed=7`; 7 when it names none.

    Errors:  BadInput for another scene, an unknown word, or a seed that isn't 0 to 999999.
    """
    found = _ADDRESS.match(address)
    if found is None or found["scene"] != "junction":
        raise BadInput(f"{address!r} is not a simulated camera: write sim:junction?seed=7")
    words = dict(parse_qsl(found["query"] or "", keep_blank_values=True))
    text = words.pop("seed", str(SEED_DEFAULT))
    if words:
        raise BadInput(f"{address!r}: only seed can be set, not {sorted(words)[0]}")
    if not text.isascii() or not text.isdigit() or int(text) > 999_999:
        raise BadInput(f"{address!r}: a seed is a whole number from 0 to 999999")
    return int(text)


def make_loop(folder: Path, *, seed: int, progress: Progress | None = None) -> Loop:
    """A seed's loop, drawn when the cache hasn't got it; safe to call from several at once.

    Errors:  Unavailable when it can't be drawn or the cache can't be written.
    Cost:    about 9 s on two cores, 18 s of CPU; 0.02 s from the cache.
    """
    done = loop_folder(folder, seed)
    try:
        if not done.is_dir():
            with drawing_right(folder, seed, waits=True):
                if not done.is_dir():
                    draw_loop(folder, seed, first_part=0, progress=progress)
        return _load(done, seed)
    except OSError as error:
        raise Unavailable(f"the simulated camera's pictures can't be kept in {folder}") from error


def ready_loop(folder: Path, address: str, *, first_frame: int = 0) -> Loop | LoopBeingDrawn:
    """The loop of a simulated camera's address, at once: finished, or being drawn meanwhile.

    first_frame: what is needed first, when it must be drawn.
    Errors:  as seed_of; Corrupt when the cache is damaged.
    """
    seed = seed_of(address)
    done = loop_folder(folder, seed)
    if done.is_dir():
        return _load(done, seed)
    return LoopBeingDrawn(folder, seed, first_frame=first_frame)


class LoopBeingDrawn:
    """A loop whose finished parts can be had while the rest is drawn.

    Several may watch one folder; whoever holds the right draws, in a thread of its own, and
    another takes over when that one dies. Used by one thread; looks at the disk when asked.
    """

    def __init__(self, folder: Path, seed: int, *, first_frame: int = 0) -> None:
        self._folder = folder
        self._seed = seed
        self._first_part = first_frame % LOOP_FRAMES // PART_FRAMES
        self._whole: Loop | None = None
        self._parts: dict[tuple[StreamName, int], EncodedLoop] = {}
        self._drawing: threading.Thread | None = None
        self._failed: Unavailable | None = None

    def coded(self, stream: StreamName, frame: int) -> CodedFrame | None:
        """A frame (0 to 719) of a stream; None while it is not drawn yet.

        Errors:  Unavailable when drawing failed.
        """
        if self._whole is not None:
            return self._whole.coded(stream, frame)
        part, index = divmod(frame, PART_FRAMES)
        encoded = self._parts.get((stream, part))
        if encoded is None:
            return self._look(stream, frame)
        return CodedFrame(format=encoded.format, sample=encoded.samples[index])

    def _look(self, stream: StreamName, frame: int) -> CodedFrame | None:
        """See what has come; make sure that somebody is drawing."""
        done = loop_folder(self._folder, self._seed)
        if done.is_dir():
            self._whole = _load(done, self._seed)
            self._parts.clear()
            return self._whole.coded(stream, frame)
        part, index = divmod(frame, PART_FRAMES)
        place = part_folder(making_folder(self._folder, self._seed), part)
        if place.is_dir():
            try:
                encoded = _encoded(place / f"{stream}.mp4", PART_FRAMES)
            except Corrupt:
                # Between two looks the parts were joined and put away; the whole is there next.
                if place.is_dir():
                    raise
                return None
            self._parts[stream, part] = encoded
            return CodedFrame(format=encoded.format, sample=encoded.samples[index])
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise failed
        if self._drawing is None or not self._drawing.is_alive():
            self._drawing = threading.Thread(target=self._draw, name="sim drawing", daemon=True)
            self._drawing.start()
        return None

    def _draw(self) -> None:
        """The drawing thread: draws when nobody else does, else ends at once."""
        try:
            with drawing_right(self._folder, self._seed, waits=False) as is_mine:
                if is_mine and not loop_folder(self._folder, self._seed).is_dir():
                    log = structlog.get_logger()
                    log.info("drawing a simulated junction", seed=self._seed)
                    draw_loop(self._folder, self._seed, first_part=self._first_part, progress=None)
                    log.info("simulated junction drawn", seed=self._seed)
        except Unavailable as error:
            self._failed = error
        except OSError as error:
            self._failed = Unavailable(
                f"the simulated camera's pictures can't be kept in {self._folder}: {error}"
            )


def _load(done: Path, seed: int) -> Loop:
    main, sub = (_encoded(done / f"{name}.mp4", LOOP_FRAMES) for name in CAMERA_STREAMS)
    return Loop(folder=done, seed=seed, main=main, sub=sub)


def _encoded(path: Path, frames: int) -> EncodedLoop:
    try:
        with av.open(str(path)) as source:
            video = source.streams.video[0]
            samples = tuple(
                LoopSample(data=bytes(packet), is_key=packet.is_keyframe)
                for packet in source.demux(video)
                if packet.size
            )
            context = video.codec_context
            described = VideoFormat(
                codec="h264",
                width_px=context.width,
                height_px=context.height,
                tick_numerator=1,
                tick_denominator=TICKS_PER_SECOND,
                parameter_sets=bytes(context.extradata or b""),
            )
    except av.FFmpegError as error:
        raise Corrupt(f"{path} can't be read; remove its folder to draw it again") from error
    if len(samples) != frames or not all(one.is_key for one in samples[::FPS]):
        raise Corrupt(f"{path} is cut short; remove its folder to draw it again")
    return EncodedLoop(format=described, samples=samples)
