"""Which cameras are analysed: one that can't be never stops another, and none is given up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from fairview.analyse.detectors.models import ModelStore
from fairview.analyse.sights import SIGHTS, SightTaps
from fairview.config.settings import Settings
from fairview.core.camera import Camera
from fairview.core.errors import NotFound, Unavailable
from fairview.core.ids import CameraId, StreamName
from fairview.core.limits_seeing import ANALYSIS_RETRY_US
from fairview.core.scene import DetectorWish
from fairview.core.time import SystemClock
from fairview.record.live import LivePackets
from fairview.record.rows import RowQueue
from fairview.run import analyser_process
from fairview.run.analyser_process import AnalyserSupplies, AnalysisKeeper
from fairview.run.analysing.looker import Feed
from fairview.run.live_streams import LiveStream, LiveStreams
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import CameraSaved, SceneSaved
from tests.builders import NOON, camera
from tests.run.test_looker import Telling

NAMES = tuple(CameraId(name) for name in ("a-street", "b-street", "c-street"))


class Later(SystemClock):
    """A clock that can be moved on."""

    moved_us = 0

    def monotonic_us(self) -> int:
        return super().monotonic_us() + self.moved_us


class NoStreams:
    """Nothing is recorded."""

    def connect(self, camera: CameraId, stream: StreamName) -> LiveStream[LivePackets]:
        raise Unavailable(f"{camera}/{stream} is not recorded")


@dataclass
class Town:
    """Three cameras, their scenes, and an analyser's keeper."""

    clock: Later = field(default_factory=Later)
    catalogue: MemoryCatalogue = field(default_factory=MemoryCatalogue)
    taps: SightTaps = field(default_factory=lambda: SightTaps(SIGHTS))

    def __post_init__(self) -> None:
        for name in NAMES:
            known: Camera = camera(id=name)
            self.catalogue.write([CameraSaved(camera=known, sealed_login=None)])
        self.keeper = AnalysisKeeper(
            AnalyserSupplies(
                settings=Settings(),
                catalogue=self.catalogue,
                rows=RowQueue(self.catalogue, self.clock),
                streams=cast("LiveStreams", NoStreams()),
                taps=self.taps,
                clock=self.clock,
            )
        )

    def draw(self, name: CameraId, model: str = "", confidence: float = 0.5) -> None:
        before = self.catalogue.scene(name)
        wish = f'kind = "onnx"\nmodel = "{model}"' if model else 'kind = "motion"'
        text = (
            f'version = 1\n[camera]\nid = "{name}"\nsize_px = [64, 36]\n[detector]\n{wish}\n'
            f'confidence = {confidence}\n[[line]]\nname = "l"\npoints_px = [[1, 1], [60, 30]]\n'
        )
        revision = 1 if before is None else before.revision + 1
        self.catalogue.write(
            [SceneSaved(camera=name, revision=revision, text=text, saved_at=NOON, saved_by="mara")]
        )

    def keep(self) -> set[CameraId]:
        """One turn of the keeper; who is analysed after it."""
        self.keeper.keep(frozenset(NAMES))
        return {name for name in NAMES if self._has_tap(name)}

    def _has_tap(self, name: CameraId) -> bool:
        try:
            self.taps.of(name)
        except NotFound:
            return False
        return True


class Models:
    """Stands for `detector_for`: which models are here, and which can't even be read."""

    def __init__(self) -> None:
        self.here: set[str] = set()
        self.tries: list[str] = []
        self.made: list[Telling] = []

    def __call__(self, wish: DetectorWish, models: ModelStore) -> Telling:
        del models
        self.tries.append(wish.model or "motion")
        if wish.model == "unreadable":
            raise Unavailable("the model can't be read: input/output error")
        if wish.model is not None and wish.model not in self.here:
            raise NotFound(f"model {wish.model} is not on this machine")
        self.made.append(Telling())
        return self.made[-1]


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> Models:
    made = Models()
    monkeypatch.setattr(analyser_process, "detector_for", made)
    return made


@pytest.mark.parametrize("wrong", ["missing", "unreadable"])
def test_a_detector_that_can_t_be_had_stops_no_other_camera(models: Models, wrong: str) -> None:
    town = Town()
    town.draw(NAMES[0], wrong)
    town.draw(NAMES[1])
    town.draw(NAMES[2])
    assert town.keep() == set(NAMES[1:])
    town.keep()
    assert models.tries.count(wrong) == 1
    town.keeper.close()


def test_a_model_that_comes_later_is_found(models: Models) -> None:
    town = Town()
    town.draw(NAMES[0], "missing")
    assert town.keep() == set()
    models.here.add("missing")
    town.clock.moved_us += ANALYSIS_RETRY_US
    assert town.keep() == {NAMES[0]}
    town.keeper.close()


def test_detectors_that_nobody_wishes_for_any_more_go(models: Models) -> None:
    town = Town()
    for number in range(1, 6):
        town.draw(NAMES[0], confidence=number / 10)
        assert town.keep() == {NAMES[0]}
    assert len(models.made) == 5
    assert len(town.keeper.detectors) == 1
    town.keeper.close()


def test_a_camera_whose_pictures_stopped_for_a_mistake_begins_anew(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town()
    town.draw(NAMES[0])
    monkeypatch.setattr(Feed, "start", lambda self: None)
    assert town.keep() == {NAMES[0]}
    first = town.taps.of(NAMES[0])
    monkeypatch.undo()
    monkeypatch.setattr(analyser_process, "detector_for", models)
    town.keep()
    assert town.taps.of(NAMES[0]) is not first
    town.keeper.close()


def test_the_models_folder_is_the_one_that_was_set(tmp_path: Path) -> None:
    settings = Settings(models=tmp_path)
    assert analyser_process._models(settings).folder == tmp_path
