"""What covers hide, found while recording: a thread per camera decodes, one thread looks.

Runs in an analyser, for every camera it was given, when the node covers with a model. It gets no
clean picture and holds no key: masks of finds go to the recorder, which seals them.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass

import structlog

from fairview.access.cover_finders import cover_detectors
from fairview.analyse.batch import Batches
from fairview.analyse.cover_ahead import RegionMaker
from fairview.analyse.cover_finds import Finders
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.models import ModelStore, models_folder
from fairview.analyse.region_code import region_code
from fairview.analyse.region_taps import RegionTap, RegionTaps
from fairview.config.settings import Settings
from fairview.core.camera import Camera
from fairview.core.errors import FairviewError
from fairview.core.ids import CameraId
from fairview.core.limits import NODE_TURN_US
from fairview.core.sight import CoverCode, CoverRegions
from fairview.core.time import Clock
from fairview.run.analysing.cover_feed import CoverFeed
from fairview.run.analysing.cover_wish import is_cover_stored
from fairview.run.live_streams import LiveStreams

_JOIN_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """One camera under way. revision: what it was started with."""

    revision: int
    feed: CoverFeed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What the looking thread knows of one camera."""

    maker: RegionMaker
    tap: RegionTap


class CoverLooks:
    """Looks at cameras for their stored covers. `keep` and `close` are used by one thread."""

    def __init__(
        self, settings: Settings, streams: LiveStreams, taps: RegionTaps, clock: Clock
    ) -> None:
        self._settings, self._streams, self._taps, self._clock = settings, streams, taps, clock
        self._model = settings.covering.model or ""
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._batches: Batches[Picture] = Batches()
        self._kept: dict[CameraId, _Kept] = {}
        self._looked: dict[CameraId, _Looked] = {}
        self._fresh: dict[CameraId, RegionTap] = {}
        self._thread: threading.Thread | None = None

    def keep(self, cameras: tuple[Camera, ...]) -> None:
        """Look at exactly these cameras; nothing when covers are not stored."""
        if not is_cover_stored(self._settings):
            return
        wanted = {one.id: one for one in cameras if one.is_active}
        for name in tuple(self._kept):
            if name not in wanted or wanted[name].revision != self._kept[name].revision:
                self._end(name)
        for name, camera in wanted.items():
            if name not in self._kept:
                self._begin(camera)

    def close(self) -> None:
        """Safe to repeat."""
        for name in tuple(self._kept):
            self._end(name)
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)

    def _begin(self, camera: Camera) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="cover looks", daemon=True)
            self._thread.start()
        with self._lock:
            self._fresh[camera.id] = self._taps.make(camera.id)
        feed = CoverFeed(
            camera.id,
            lambda: self._streams.connect(camera.id, "main"),
            self._batches.put,
            self._clock,
        )
        feed.start()
        self._kept[camera.id] = _Kept(revision=camera.revision, feed=feed)

    def _end(self, name: CameraId) -> None:
        self._kept.pop(name).feed.close()
        with self._lock:
            self._looked.pop(name, None)
            self._fresh.pop(name, None)
        self._batches.forget(name)
        self._taps.remove(name)

    def _run(self) -> None:
        log = structlog.get_logger()
        folder = self._settings.models or models_folder(os.environ)
        try:
            finders = cover_detectors(ModelStore(folder), self._model).finders
        except FairviewError as error:
            log.error("covers are not found while recording", because=str(error))
            return
        while not self._stop.is_set():
            for picture in self._batches.take(self._clock, NODE_TURN_US):
                self._look(picture, finders)
            self._batches.take_dropped()

    def _look(self, picture: Picture, finders: Finders) -> None:
        with self._lock:
            tap = self._fresh.pop(picture.camera, None)
            if tap is not None:
                maker = RegionMaker(picture.camera, finders)
                self._looked[picture.camera] = _Looked(maker=maker, tap=tap)
            one = self._looked.get(picture.camera)
        if one is None:
            return
        try:
            made = one.maker.look(picture.planes, picture.at)
            one.tap.put(tuple(cover_code(regions, self._model) for regions in made))
        except FairviewError as error:
            structlog.get_logger().warning(
                "a picture's cover was not found", camera=picture.camera, because=str(error)
            )


def cover_code(regions: CoverRegions, model: str) -> CoverCode:
    """A mask as it is kept."""
    rows, columns = regions.mask.shape
    return CoverCode(
        camera=regions.camera,
        at=regions.at,
        columns=columns,
        rows=rows,
        model=model,
        code=region_code(regions),
    )
