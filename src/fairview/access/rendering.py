"""The rendering pool, made when the first picture is asked for."""

from __future__ import annotations

import os
import threading

from fairview.access.render import RenderPool
from fairview.access.render_scene import CoverModelName
from fairview.config.settings import Settings
from fairview.core.time import Clock


def cover_model_of(settings: Settings) -> CoverModelName | None:
    """The model that the settings ask covers to be made with, after a look that it is here.

    Errors:  NotFound when it or the models for faces and plates are not on this machine, saying
    how to fetch them; Corrupt for other bytes than on their cards.
    """
    name = settings.covering.model
    if name is None:
        return None
    # Imported here, not above: without a model the door does without a model's runtime.
    from fairview.analyse.detectors.choose import FACES_DEFAULT, PLATES_DEFAULT
    from fairview.analyse.detectors.models import ModelStore, models_folder

    folder = settings.models or models_folder(os.environ)
    models = ModelStore(folder)
    for one in (name, FACES_DEFAULT, PLATES_DEFAULT):
        models.read(one)
    return CoverModelName(folder=str(folder.absolute()), name=name)


class Rendering:
    """Many commands open the door and render nothing: they start no children.

    Safe from several threads. A pool that was handed in is the caller's to close.
    """

    def __init__(
        self,
        clock: Clock,
        children_max: int,
        pool: RenderPool | None = None,
        model: CoverModelName | None = None,
    ) -> None:
        """model: what covers are made with; a pool that is handed in was made with the same."""
        self.model = model
        self._clock = clock
        self._children_max = children_max
        self._lock = threading.Lock()
        self._pool = pool
        self._is_ours = pool is None

    def pool(self) -> RenderPool:
        with self._lock:
            if self._pool is None:
                self._pool = RenderPool(
                    clock=self._clock, children_max=self._children_max, model=self.model
                )
            return self._pool

    def forget(self, look: str) -> None:
        """A look has closed: end its idle children, and their keys with them."""
        with self._lock:
            pool = self._pool
        if pool is not None:
            pool.forget(look)

    def close(self) -> None:
        """Safe to repeat."""
        with self._lock:
            pool = self._pool if self._is_ours else None
            if self._is_ours:
                self._pool = None
        if pool is not None:
            pool.close()
