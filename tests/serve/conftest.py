from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fairview.core.time import ManualClock
from tests.builders import NOON
from tests.serve.pretend_door import PretendDoor
from tests.serve.talk import Talk


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def door() -> PretendDoor:
    return PretendDoor(ManualClock(NOON))


@pytest.fixture
async def talk(door: PretendDoor) -> AsyncIterator[Talk]:
    """A browser nobody is signed in with."""
    talk = Talk(door)
    yield talk
    door.stop()
    await talk.http.aclose()


@pytest.fixture
async def ada(talk: Talk) -> Talk:
    """The same after set-up: signed in as ada."""
    assert (await talk.set_up()).status_code == 200
    return talk
