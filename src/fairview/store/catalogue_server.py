"""The catalogue process's work: one writer that commits in groups, answered over the wire."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from fairview.core.errors import FairviewError, Unavailable
from fairview.core.event import HealthEvent
from fairview.core.limits import CATALOGUE_BATCH_MAX, CATALOGUE_PAGE_MAX
from fairview.core.media import Gap, Segment
from fairview.core.traffic import Count, SpeedBin
from fairview.store import catalogue_messages as say
from fairview.store.contracts import CameraRow, Catalogue, Change
from fairview.store.wire import Handler, Hangup, WireServer, answers, serve, streams

T = TypeVar("T")


@dataclass(slots=True)
class _Waiting:
    changes: Sequence[Change]
    done: threading.Event = field(default_factory=threading.Event)
    error: FairviewError | None = None
    is_stored: bool = False


class GroupCommit:
    """Lets writers from many threads share one durable commit.

    Whoever comes first commits at once; those who come while that commit is under way go together
    in the next one, up to CATALOGUE_BATCH_MAX changes. So nobody waits longer than the commit
    under way and their own, and a lone writer waits for nothing: company gathers by itself
    exactly when the disk is the slower side (decision 15's 200 ms is never slept).
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._queue: deque[_Waiting] = deque()
        self._is_led = False

    def write(self, changes: Sequence[Change]) -> None:
        """As Catalogue.write; all of one caller's changes are in one transaction.

        Errors:  Unavailable for every caller of a group that failed.
        """
        mine = _Waiting(changes)
        with self._lock:
            self._queue.append(mine)
            leads, self._is_led = not self._is_led, True
        if leads:
            self._lead(mine)
        else:
            mine.done.wait()
            if not mine.is_stored and mine.error is None:
                self._lead(mine)
        if mine.error is not None:
            # A copy: one error object raised in many threads would mix their tracebacks.
            raise type(mine.error)(str(mine.error)) from mine.error

    def _lead(self, mine: _Waiting) -> None:
        """Commit one group, with ours in it, then hand the lead to the next one waiting."""
        group = [mine]
        try:
            with self._lock:
                self._queue.remove(mine)
                count = len(mine.changes)
                while self._queue and count + len(self._queue[0].changes) <= CATALOGUE_BATCH_MAX:
                    count += len(self._queue[0].changes)
                    group.append(self._queue.popleft())
            self._catalogue.write([change for one in group for change in one.changes])
            for one in group:
                one.is_stored = True
        except FairviewError as error:
            for one in group:
                one.error = error
        finally:
            with self._lock:
                following = self._queue[0] if self._queue else None
                self._is_led = following is not None
            for one in group[1:]:
                if not one.is_stored and one.error is None:
                    one.error = Unavailable("the catalogue stopped while it was writing")
                one.done.set()
            if following is not None:
                following.done.set()


def serve_catalogue(
    catalogue: Catalogue,
    path: Path,
    *,
    secret: bytes,
    allowed_uids: frozenset[int] | None = None,
) -> WireServer:
    """Answer for a catalogue at a socket; see store/wire.py. RemoteCatalogue is the other side."""
    return serve(path, _handlers(catalogue), secret=secret, allowed_uids=allowed_uids)


def _handlers(catalogue: Catalogue) -> list[Handler]:
    group = GroupCommit(catalogue)

    def write(message: say.WriteChanges) -> None:
        group.write([one.change for one in message.changes])

    def cameras(message: say.AskCameras) -> tuple[CameraRow, ...]:
        if message.camera is None:
            return catalogue.cameras()
        return (catalogue.camera(message.camera),)

    def segments(message: say.AskSegments, _: Hangup) -> Iterator[tuple[Segment, ...]]:
        return _pages(catalogue.segments(message.camera, message.stream, message.span))

    def gaps(message: say.AskGaps, _: Hangup) -> Iterator[tuple[Gap, ...]]:
        return _pages(catalogue.gaps(message.camera, message.stream, message.span))

    def events_of(message: say.AskEventsOf, _: Hangup) -> Iterator[tuple[HealthEvent, ...]]:
        return _pages(catalogue.events_of(message.camera, message.kind, message.span))

    def counts(message: say.AskCounts, _: Hangup) -> Iterator[tuple[Count, ...]]:
        return _pages(catalogue.counts(message.camera, message.span))

    def speeds(message: say.AskSpeeds, _: Hangup) -> Iterator[tuple[SpeedBin, ...]]:
        return _pages(catalogue.speeds(message.camera, message.span))

    return [
        streams(say.AskEventsOf, events_of),
        streams(say.AskCounts, counts),
        streams(say.AskSpeeds, speeds),
        answers(say.AskScene, lambda one: say.SceneFound(scene=catalogue.scene(one.camera))),
        answers(say.WriteChanges, write),
        answers(say.AskCameras, cameras),
        streams(say.AskSegments, segments),
        streams(say.AskGaps, gaps),
        answers(say.AskSizes, lambda one: catalogue.sizes(one.span)),
        answers(say.AskSegment, lambda one: catalogue.segment(one.segment)),
        answers(say.AskOpenSegments, lambda _: catalogue.open_segments()),
        answers(say.AskSegmentsWithoutRoot, lambda one: catalogue.segments_without_root(one.limit)),
        answers(say.AskRoot, lambda one: say.RootFound(root=catalogue.root_of(one.segment))),
        answers(say.AskEvents, lambda one: catalogue.events(one.since, one.limit)),
        answers(
            say.AskCleanPicture,
            lambda one: say.PictureFound(
                picture=catalogue.clean_picture(one.camera, approved=one.approved)
            ),
        ),
        answers(say.Checkpoint, lambda _: catalogue.checkpoint()),
    ]


def _pages(rows: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    for first in range(0, len(rows), CATALOGUE_PAGE_MAX):
        yield rows[first : first + CATALOGUE_PAGE_MAX]
