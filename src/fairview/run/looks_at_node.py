"""Looks at footage while a node runs on the folder: its door is asked, in the owner's session.

The same looks and the same lines in the ledger as without a node, decided by the same door.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fairview.access.door import Door, TimeLapseWish
from fairview.config.settings import Settings
from fairview.core.camera import Camera
from fairview.core.errors import NotFound
from fairview.core.ids import CameraId
from fairview.core.limits import TIMELINE_US_MAX
from fairview.core.time import US_PER_DAY, Clock, Instant, Span
from fairview.run.owner.camera_book import running_node
from fairview.run.owner.office import OwnerLooks, Progress, open_office
from fairview.run.owner.owner_door import open_owner_door


class NodeLooks(OwnerLooks):
    """Footage as a running node's door tells of it."""

    def __init__(self, door: Door, session: str, clock: Clock) -> None:
        super().__init__(door, session)
        self._clock = clock

    def known(self, camera: CameraId) -> Camera:
        views = self._door.cameras(self._session)
        for view in views:
            if view.camera.id == camera:
                return view.camera
        names = ", ".join(view.camera.id for view in views) or "none"
        raise NotFound(f"there is no camera {camera} in this folder (known: {names})")

    def footage(self, camera: CameraId) -> Span:
        """Looked for as far back as footage of this camera lives."""
        end = self._clock.now().plus(US_PER_DAY)
        oldest_us = max(0, end.us - self.known(camera).register.retention_us - 3 * US_PER_DAY)
        found: list[Span] = []
        while end.us > oldest_us:
            start = Instant(max(oldest_us, end.us - TIMELINE_US_MAX))
            window = Span(start=start, end=end)
            found += self._door.timeline(self._session, camera, window).footage
            end = start
        if not found:
            raise NotFound(f"nothing of {camera} is recorded (any more)")
        return Span(start=min(one.start for one in found), end=max(one.end for one in found))

    def has_footage(self, camera: CameraId, span: Span) -> bool:
        return bool(self._door.timeline(self._session, camera, span).footage)

    def time_lapse(self, wish: TimeLapseWish, progress: Progress) -> Iterator[bytes]:
        """The door says nothing of how far it is: progress is told at the end."""
        self.known(wish.camera)
        yield from self._door.time_lapse(self._session, wish)
        progress(1.0, "")


@contextmanager
def open_looks(settings: Settings, clock: Clock) -> Iterator[OwnerLooks]:
    """Looks at `settings.data`, through its node when one runs.

    Errors:  as run.owner.open_book.
    """
    if running_node(settings.data) is None:
        with open_office(settings, clock) as office:
            yield office
        return
    with open_owner_door(settings, clock) as owner:
        yield NodeLooks(owner.door, owner.session, clock)
