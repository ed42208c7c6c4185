"""From each picture's boxes to finished tracks, by place and motion alone.

`Tracker` follows one camera. `together` makes trackers of many cameras whose work `advance_all`
does in one array pass; they give the same tracks as each by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairview.analyse.track.history import BOX, SCORE
from fairview.analyse.track.kalman import cornered
from fairview.analyse.track.pool import Pool
from fairview.analyse.track.settings import TrackSettings
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import TRAIL_POINTS_MAX
from fairview.core.sight import COORDINATE_MAX, COORDINATE_MIN, Detections, OpenTrack, Track
from fairview.core.time import Instant

DEFAULTS = TrackSettings()


class Tracker:
    """Turns one camera's detections, picture by picture, into tracks with ids from 1.

    Give every picture that was looked at, also those without boxes: time without boxes ends
    tracks. Steps between pictures may be uneven. Not for two threads at once.

    Bounds:  TRACKS_OPEN_MAX open tracks (further boxes begin none), TRACK_POINTS_MAX points of
             one track (it is finished and begins anew), TRACKS_FINISHED_MAX finished ones.
    Errors:  BadInput for another camera's boxes or pictures out of order; Overloaded when
             finished tracks are never taken.
    Cost:    0.2 to 0.7 ms a picture with 20 to 60 road users (bench/track.py).
    """

    def __init__(self, camera: CameraId, settings: TrackSettings = DEFAULTS) -> None:
        self._pool = Pool((camera,), settings)
        self._lane = 0

    @property
    def camera(self) -> CameraId:
        return self._pool.cameras[self._lane]

    def advance(self, found: Detections) -> None:
        """One more picture."""
        self._pool.advance([(self._lane, found)])

    @property
    def open(self) -> tuple[OpenTrack, ...]:
        """Confirmed tracks under way, by id; for drawing."""
        pool, rows = self._pool, self._pool.rows
        here = np.flatnonzero((rows.lane == self._lane) & (rows.id > 0))
        here = here[np.argsort(rows.id[here])]
        if not len(here):
            return ()
        at = Instant(pool.now_us(self._lane))
        predicted = np.clip(cornered(rows.x), COORDINATE_MIN, COORDINATE_MAX)
        out = []
        for row in here:
            is_seen = bool(rows.misses[row] == 0)
            points = pool.history.latest(int(rows.slot[row]), TRAIL_POINTS_MAX)
            boxes = points[points[:, SCORE] >= 0][:, BOX]
            trail = np.column_stack([(boxes[:, 0] + boxes[:, 2]) / 2, boxes[:, 3]])
            box = rows.last[row] if is_seen else predicted[row]
            out.append(
                OpenTrack(
                    id=int(rows.id[row]),
                    at=at,
                    kind=int(rows.votes[row].argmax()),
                    box_unit=box.astype(np.float32),
                    trail_unit=trail.astype(np.float32),
                    is_seen=is_seen,
                )
            )
        return tuple(out)

    def so_far(self) -> tuple[Track, ...]:
        """Confirmed tracks under way as if they ended with this picture, in order of beginning."""
        return self._pool.so_far(self._lane)

    def take_finished(self) -> tuple[Track, ...]:
        """The tracks that ended since the last call, in order of ending."""
        return self._pool.take_finished(self._lane)

    def close(self) -> tuple[Track, ...]:
        """Finish every open track; returns all that were not taken. The next picture may be of
        any time; ids go on.
        """
        self._pool.end_all(self._lane)
        return self.take_finished()


def together(
    cameras: Sequence[CameraId], settings: TrackSettings = DEFAULTS
) -> tuple[Tracker, ...]:
    """One tracker per camera, sharing their arrays: for `advance_all`, and for one thread.

    Errors:  BadInput for a camera named twice.
    """
    if len(set(cameras)) != len(cameras):
        raise BadInput("a camera has one tracker; one was named twice")
    pool = Pool(cameras, settings)
    return tuple(_lane_of(pool, lane) for lane in range(len(cameras)))


def advance_all(trackers: Sequence[Tracker], detections: Sequence[Detections]) -> None:
    """One more picture of each of these trackers, those made by `together` in one array pass.

    Errors:  as `Tracker.advance`; BadInput for lists of different length.
    """
    if len(trackers) != len(detections):
        raise BadInput(f"{len(trackers)} trackers were given {len(detections)} pictures")
    by_pool: dict[int, tuple[Pool, list[tuple[int, Detections]]]] = {}
    for tracker, found in zip(trackers, detections, strict=True):
        pool = tracker._pool
        by_pool.setdefault(id(pool), (pool, []))[1].append((tracker._lane, found))
    for pool, those in by_pool.values():
        pool.advance(those)


def _lane_of(pool: Pool, lane: int) -> Tracker:
    tracker = Tracker.__new__(Tracker)
    tracker._pool, tracker._lane = pool, lane
    return tracker
