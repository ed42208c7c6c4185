"""An analyser: live packets in; counts, speeds, what is seen now and what covers hide out. It holds
no key and keeps no picture.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import structlog

from fairview.analyse.detectors.choose import detector_for
from fairview.analyse.detectors.models import ModelStore, here
from fairview.analyse.gate import Gate
from fairview.analyse.region_taps import REGIONS, RegionTaps, region_service
from fairview.analyse.sights import SIGHTS, SightTaps, serve_sights
from fairview.analyse.trigger_taps import TRIGGERS, TriggerTaps, trigger_service
from fairview.config.scene_file import scene_of
from fairview.config.settings import Settings
from fairview.core.camera import Camera
from fairview.core.errors import BadInput, FairviewError, Unavailable
from fairview.core.health import AnalyserSigns, AnalysisSign
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits import PROCESS_START_US_MAX
from fairview.core.limits_seeing import ANALYSIS_RETRY_US, SCENES_EVERY_US
from fairview.core.scene import DetectorWish, Scene
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Clock, Span, SystemClock
from fairview.record.rows import RowQueue
from fairview.run.analysing.camera_analysis import AnalysisParts, CameraAnalysis, bin_start
from fairview.run.analysing.cover_looks import CoverLooks
from fairview.run.analysing.looker import Feed, FeedParts, Looker
from fairview.run.analysing.motion_watch import TriggerLooks
from fairview.run.analysing.rule_watch import RuleSigns
from fairview.run.health.messages import TellAnalyser
from fairview.run.health.telling import Teller
from fairview.run.live_streams import LiveStreams
from fairview.run.orders import StartOrders, follow, read_start
from fairview.run.recorder_process import Wanted
from fairview.store.catalogue_remote import RemoteCatalogue
from fairview.store.contracts import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyserSupplies:
    """What all cameras of one analyser share."""

    settings: Settings
    catalogue: Catalogue
    rows: RowQueue
    streams: LiveStreams
    taps: SightTaps
    clock: Clock
    triggers: TriggerTaps = field(default_factory=lambda: TriggerTaps(TRIGGERS))
    regions: RegionTaps = field(default_factory=lambda: RegionTaps(REGIONS))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """One camera under way. key: what it was started with; another one starts it anew."""

    key: tuple[int, int]
    feed: Feed
    looker: Looker
    analysis: CameraAnalysis

    def is_broken(self, camera: CameraId) -> bool:
        has_ended = not self.looker.is_alive or not self.feed.is_alive
        return has_ended or self.looker.has_lost(camera)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refused:
    """One camera that can't be analysed as things are: what was tried, why not, when again."""

    key: tuple[int, int]
    because: str
    again_us: int


class AnalysisKeeper:
    """Starts and stops the analysis of cameras. Used by one thread."""

    def __init__(self, supplies: AnalyserSupplies) -> None:
        self._supplies = supplies
        self._kept: dict[CameraId, _Kept] = {}
        self._refused: dict[CameraId, _Refused] = {}
        self._lookers: dict[DetectorWish, Looker] = {}
        self._covers = CoverLooks(
            supplies.settings, supplies.streams, supplies.regions, supplies.clock
        )
        self._triggers = TriggerLooks(supplies.triggers, supplies.streams.connect, supplies.clock)
        self._log = structlog.get_logger()

    def keep(self, cameras: frozenset[CameraId]) -> None:
        """Analyse exactly these cameras, each with its newest scene. Errors: Unavailable."""
        catalogue = self._supplies.catalogue
        for name in tuple(self._kept):
            if name not in cameras:
                self._end(name)
        rows = catalogue.cameras()
        mine = tuple(row.camera for row in rows if row.camera.id in cameras)
        self._covers.keep(mine)
        self._triggers.keep(mine)
        for row in rows:
            camera = row.camera
            scene = catalogue.scene(camera.id) if camera.id in cameras else None
            if scene is None or not camera.is_active:
                self._end(camera.id)
                continue
            key = (scene.revision, camera.revision)
            kept = self._kept.get(camera.id)
            if kept is not None and (kept.key != key or kept.is_broken(camera.id)):
                self._end(camera.id)
                kept = None
            if kept is None and self._is_due(camera.id, key):
                self._try_begin(camera, scene.text, key)
        self._rest_lookers()

    def signs(self) -> tuple[AnalysisSign, ...]:
        """How every camera does that is analysed or should be; from any thread."""
        now_us = self._supplies.clock.monotonic_us()
        kept = [_sign(name, one, now_us) for name, one in tuple(self._kept.items())]
        refused = [
            AnalysisSign(camera=name, looked=0, dropped=0, silent_us=0, dead_because=one.because)
            for name, one in tuple(self._refused.items())
        ]
        return (*kept, *refused)

    @property
    def detectors(self) -> tuple[DetectorWish, ...]:
        """Which detectors run."""
        return tuple(self._lookers)

    def close(self) -> None:
        """Every camera's last rows are put; safe to repeat."""
        for name in tuple(self._kept):
            self._end(name)
        for looker in self._lookers.values():
            looker.close()
        self._covers.close()
        self._triggers.close()

    def _try_begin(self, camera: Camera, text: str, key: tuple[int, int]) -> None:
        """One camera that can't be analysed never stops another."""
        before = self._refused.pop(camera.id, None)
        try:
            scene = scene_of(text.encode())
            if scene.lines or scene.zones or scene.rules:
                self._begin(camera, scene, key)
        except Unavailable:
            raise
        except FairviewError as error:
            again_us = self._supplies.clock.monotonic_us() + ANALYSIS_RETRY_US
            now = _Refused(key=key, because=str(error), again_us=again_us)
            self._refused[camera.id] = now
            if before is None or (before.key, before.because) != (key, now.because):
                self._log.warning("not analysed", camera=camera.id, because=now.because)

    def _is_due(self, camera: CameraId, key: tuple[int, int]) -> bool:
        """Whether to try: at once what is new, now and then what failed (a model may come)."""
        refused = self._refused.get(camera)
        if refused is None or refused.key != key:
            return True
        return self._supplies.clock.monotonic_us() >= refused.again_us

    def _rest_lookers(self) -> None:
        """A detector that no camera wishes for any more goes, with its thread and its model."""
        used = {id(kept.looker) for kept in self._kept.values()}
        for wish, looker in tuple(self._lookers.items()):
            if id(looker) not in used:
                looker.close()
                del self._lookers[wish]

    def _begin(self, camera: Camera, scene: Scene, key: tuple[int, int]) -> None:
        supplies = self._supplies
        bin_us = supplies.settings.analysis.bin_min * US_PER_MINUTE
        now = supplies.clock.now()
        under_way = Span(start=bin_start(now, bin_us), end=now.plus(1))
        looker = self._looker(scene.detector)
        gate = Gate(camera.id) if _is_gated(camera.id, supplies.settings) else None
        rules = self._rules(camera, scene)
        analysis = CameraAnalysis(
            AnalysisParts(
                scene=scene,
                accuracy=looker.accuracy,
                bin_us=bin_us,
                tap=supplies.taps.make(camera.id),
                before=supplies.catalogue.counts(camera.id, under_way),
                put=supplies.rows.put,
                gate=gate,
                rules=rules,
            )
        )
        looker.add(analysis, camera.id)
        stream = _stream(camera, supplies.settings.analysis.stream)
        feed = Feed(
            FeedParts(
                camera=camera.id,
                scene=scene,
                fps=supplies.settings.analysis.fps,
                input_px=looker.input_px,
                connect=lambda: supplies.streams.connect(camera.id, stream),
                put=looker.put,
                clock=supplies.clock,
                gate=gate,
                quiet=lambda span: looker.quiet(camera.id, span),
                waiting=lambda: looker.waiting(camera.id),
                asleep=None if rules is None else rules.quiet,
            )
        )
        feed.start()
        self._kept[camera.id] = _Kept(key=key, feed=feed, looker=looker, analysis=analysis)
        self._log.info("analysis began", camera=camera.id, detector=scene.detector.kind)

    def _rules(self, camera: Camera, scene: Scene) -> RuleSigns | None:
        """For a camera that is kept by its rules."""
        tap = self._triggers.tap(camera.id)
        if tap is None or "rule" not in camera.recording.triggers:
            return None
        return RuleSigns(scene, tap)

    def _end(self, name: CameraId) -> None:
        kept = self._kept.pop(name, None)
        if kept is None:
            return
        kept.feed.close()
        kept.looker.remove(name)
        self._supplies.taps.remove(name)
        self._log.info("analysis ended", camera=name)

    def _looker(self, wish: DetectorWish) -> Looker:
        """The thread that runs this detector, for all cameras that wish for the same.

        Errors:  BadInput with what the detector said; Unavailable is the catalogue's alone, since
        all cameras wait for that.
        """
        known = self._lookers.get(wish)
        if known is not None and known.is_alive:
            return known
        models = _models(self._supplies.settings)
        looker = Looker(lambda: detector_for(wish, models), self._supplies.clock)
        looker.start()
        if not looker.is_ready.wait(PROCESS_START_US_MAX / US_PER_SECOND):
            looker.close()
            raise BadInput(f"the detector {wish.model or wish.kind} did not start in time")
        if looker.failed is not None:
            raise BadInput(str(looker.failed)) from looker.failed
        self._lookers[wish] = looker
        return looker


def _sign(name: CameraId, kept: _Kept, now_us: int) -> AnalysisSign:
    figures = kept.looker.figures(name)
    is_dead = figures is None or kept.is_broken(name)
    since_us = kept.feed.taken_us
    if figures is not None and kept.looker.waiting(name):
        since_us = figures.looked_us
    return AnalysisSign(
        camera=name,
        looked=0 if figures is None else figures.looked,
        dropped=0 if figures is None else figures.dropped,
        silent_us=now_us - since_us,
        dead_because="its analysis ended and begins anew" if is_dead else None,
        fault=", ".join(sorted(kept.analysis.faults)) or None,
    )


def _models(settings: Settings) -> ModelStore:
    return here() if settings.models is None else ModelStore(settings.models)


def _is_gated(camera: CameraId, settings: Settings) -> bool:
    return settings.analysis.gate == "auto" and camera not in settings.analysis.always_on


def _stream(camera: Camera, wished: StreamName) -> StreamName:
    return wished if camera.source(wished) is not None else "main"


def main() -> None:
    orders = read_start("analyser")
    stop, wanted = threading.Event(), Wanted()
    follow(stop, wanted.hear)
    run_analyser(orders, wanted, SystemClock(), stop)


def run_analyser(orders: StartOrders, wanted: Wanted, clock: Clock, stop: threading.Event) -> None:
    """Analyse the wanted cameras until told to stop; the bins under way are then written."""
    catalogue = RemoteCatalogue(orders.sockets.path("catalogue"), orders.secrets["catalogue"])
    rows = RowQueue(catalogue, clock)
    rows.start()
    streams = LiveStreams(orders.sockets, orders.secrets["live"])
    taps, regions, triggers = SightTaps(SIGHTS), RegionTaps(REGIONS), TriggerTaps(TRIGGERS)
    server = serve_sights(
        orders.sockets.path(f"sights-{orders.extra['group']}"),
        taps,
        orders.secrets["sights"],
        region_service(regions),
        trigger_service(triggers),
    )
    keeper = AnalysisKeeper(
        AnalyserSupplies(
            settings=orders.settings,
            catalogue=catalogue,
            rows=rows,
            streams=streams,
            taps=taps,
            regions=regions,
            triggers=triggers,
            clock=clock,
        )
    )
    process = f"analyser-{orders.extra['group']}"
    teller = Teller(
        orders.sockets.path("health"),
        orders.secrets["health"],
        lambda: TellAnalyser(
            AnalyserSigns(process=process, cameras=keeper.signs(), queues=(rows.sign(),))
        ),
        clock,
    )
    teller.start()
    log = structlog.get_logger()
    try:
        while not stop.is_set():
            if wanted.cameras is not None:
                try:
                    keeper.keep(wanted.cameras)
                except Unavailable as error:
                    log.debug("catalogue away", because=str(error))
            clock.wait(stop, SCENES_EVERY_US)
    finally:
        teller.close()
        keeper.close()
        rows.close()
        server.close()
        streams.close()
        catalogue.close()


if __name__ == "__main__":
    main()
