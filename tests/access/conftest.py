"""Footage with a walker in it, and renderers that know a model."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fairview.access.render import RenderPool, SealedPiece
from fairview.access.render_scene import CoverModelName
from fairview.core.time import SystemClock
from tests.access.footage import Footage, sealed, walk
from tests.shared_data import shared


@pytest.fixture(scope="module")
def footage() -> Footage:
    return walk()


@pytest.fixture(scope="module")
def pieces(footage: Footage) -> tuple[SealedPiece, ...]:
    return sealed(footage.fragments)


@pytest.fixture(scope="module")
def pool() -> Iterator[RenderPool]:
    made = RenderPool(
        clock=SystemClock(),
        children_max=3,
        model=CoverModelName(folder=str(shared("models")), name="picodet-s-416"),
    )
    yield made
    made.close()
