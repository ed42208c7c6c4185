"""The tracker's work for one camera or many: every step is one array operation over all tracks.

A pool holds the open tracks of its cameras (lanes). One call of `advance` moves those whose
pictures came; the others stay as they are. No box ever meets a track of another lane.

Source:  SORT (Bewley et al., 2016); two looks by score after ByteTrack (Zhang et al., ECCV 2022);
         direction, recovery by the last box and the rerun over gaps after OC-SORT (Cao et al.,
         CVPR 2023). All in real time instead of frame counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.track.history import (
    AT,
    BOX,
    FIELDS,
    FRAME,
    NOT_SEEN,
    SCORE,
    History,
    Standing,
    finished,
)
from fairview.analyse.track.intake import GROUPS, Found, taken
from fairview.analyse.track.kalman import Motion, centred, cornered, sizes
from fairview.analyse.track.pairing import Pairs, Side, assigned, near_pairs, overlaps
from fairview.analyse.track.rows import Rows
from fairview.analyse.track.settings import TrackSettings
from fairview.core.errors import BadInput, Overloaded
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import TRACK_POINTS_MAX, TRACKS_FINISHED_MAX, TRACKS_OPEN_MAX
from fairview.core.sight import Detections, Track
from fairview.core.time import US_PER_SECOND

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Ints = npt.NDArray[np.intp]
    Bools = npt.NDArray[np.bool_]

_NEVER = -1
_LEFT_FRAC = 0.1
"""A predicted box with less than this of it in the picture has left."""
_LEARNING, _SURPRISE_MAX = 0.05, 9.0
"""How much one picture changes what is thought of a track's boxes (so twenty do), and the most it
may say: three deviations."""
_TENTATIVE_MISSES, _MISSES = 2, 3
"""Pictures without a box that a track is waited for at the least, however slowly they come."""


class Pool:
    """Open and finished tracks of some cameras. Not for two threads at once."""

    def __init__(self, cameras: Sequence[CameraId], settings: TrackSettings) -> None:
        self.cameras = tuple(cameras)
        self.settings = settings
        self.rows = Rows.none()
        self.history = History()
        self._motion = Motion(settings)
        self._at = np.full(len(cameras), _NEVER, dtype=np.int64)
        self._frame = np.zeros(len(cameras), dtype=np.int64)
        self._last_id = [0] * len(cameras)
        self._done: list[list[Track]] = [[] for _ in cameras]
        self._bounds = np.tile([0.0, 0.0, 1.0, 1.0], (len(cameras), 1))

    def advance(self, detections: Sequence[tuple[int, Detections]]) -> None:
        """One new picture for each of the given lanes."""
        dt_s, is_due = self._stepped(detections)
        found = taken(detections, self.settings)
        self._widen(found)
        rows = self.rows
        box_of_row = np.full(len(rows), -1, dtype=np.intp)
        if len(rows):
            if float(dt_s.max()) * US_PER_SECOND > self.settings.memory_us:
                self._end(is_due[rows.lane] & (self._gap_us() > self._memory_us()))
                box_of_row = np.full(len(rows), -1, dtype=np.intp)
            before_x, before_p = rows.x, rows.p
            rows.x, rows.p = self._motion.predicted(rows.x, rows.p, dt_s[rows.lane][:, None])
            due = is_due[rows.lane]
            self._match(found, due, box_of_row)
            self._lose(due & (box_of_row < 0), before_x, before_p)
            self._see(found, box_of_row)
        box_of_row = self._begin(found, box_of_row)
        self._write(found, box_of_row, is_due)
        self._judge(is_due)

    def take_finished(self, lane: int) -> tuple[Track, ...]:
        """What was finished since the last call, in order of ending."""
        done, self._done[lane] = self._done[lane], []
        return tuple(done)

    def so_far(self, lane: int) -> tuple[Track, ...]:
        """A lane's confirmed tracks as they would be if they ended now; they go on."""
        rows = self.rows
        here = np.flatnonzero((rows.lane == lane) & (rows.id > 0))
        return tuple(self._as_track(int(row)) for row in here[np.argsort(rows.id[here])])

    def end_all(self, lane: int) -> None:
        """Finish every track of a lane; its next picture begins anew."""
        self._end(self.rows.lane == lane)
        self._at[lane] = _NEVER

    def now_us(self, lane: int) -> int:
        return int(self._at[lane])

    def _stepped(self, detections: Sequence[tuple[int, Detections]]) -> tuple[Floats, Bools]:
        """Each lane's time step in seconds (0 where none came), and whether one came."""
        dt_s = np.zeros(len(self.cameras))
        is_due = np.zeros(len(self.cameras), dtype=np.bool_)
        for lane, one in detections:
            camera = self.cameras[lane]
            if one.camera != camera:
                raise BadInput(f"the tracker of camera {camera} was given boxes of {one.camera}")
            if is_due[lane]:
                raise BadInput(f"camera {camera} has two pictures in one step; give one at a time")
            if self._at[lane] >= 0 and (
                one.at.us <= self._at[lane] or one.frame <= self._frame[lane]
            ):
                raise BadInput(
                    f"picture {one.frame} of camera {camera} at {one.at.iso()} does not come after "
                    "the one before it; give pictures in order, or close the tracker first"
                )
            if len(self._done[lane]) >= TRACKS_FINISHED_MAX:
                raise Overloaded(
                    f"{len(self._done[lane])} finished tracks of camera {camera} wait; take them"
                )
            is_due[lane] = True
        for lane, one in detections:
            if self._at[lane] >= 0:
                dt_s[lane] = (one.at.us - self._at[lane]) / US_PER_SECOND
            self._at[lane], self._frame[lane] = one.at.us, one.frame
        return dt_s, is_due

    def _widen(self, found: Found) -> None:
        """Remember how far boxes reach beyond the picture: some detectors don't cut them."""
        if len(found):
            lowest, highest = found.boxes.min(axis=0), found.boxes.max(axis=0)
            if min(lowest[0], lowest[1]) < 0 or max(highest[2], highest[3]) > 1:
                low, high = self._bounds[:, :2], self._bounds[:, 2:]
                np.minimum.at(low, found.lanes, found.boxes[:, :2])
                np.maximum.at(high, found.lanes, found.boxes[:, 2:])

    def _match(self, found: Found, due: Bools, box_of_row: Ints) -> None:
        """Fill in which box continues which track: those that overlap the prediction, those that
        may as the prediction is unsure, weak boxes, and last places.
        """
        if not len(found):
            return
        rows, settings = self.rows, self.settings
        boxes, bounds = cornered(rows.x), self._bounds[rows.lane]
        for side in (boxes[:, :2], boxes[:, 2:]):
            np.maximum(side, bounds[:, :2], out=side)
            np.minimum(side, bounds[:, 2:], out=side)
        buffers = np.minimum(np.sqrt(rows.p[:, :2]), settings.buffer_max * sizes(rows.x))
        is_there = due & (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        pairs = near_pairs(
            Side(boxes=boxes, lanes=rows.lane),
            buffers,
            Side(boxes=found.boxes, lanes=found.lanes),
        )
        if not is_there.all():
            pairs = pairs.only(is_there[pairs.rows])
        is_long_lost = (self._gap_us() > settings.tentative_us)[pairs.rows]
        near = pairs.overlap > np.where(
            is_long_lost, settings.lost_overlap_min, settings.overlap_min
        )
        is_sure = found.is_sure[pairs.cols]
        close = pairs.only(near & is_sure)
        self._settle(close, close.overlap * self._same_kind(close, found), box_of_row)
        is_taken = np.zeros(len(found), dtype=np.bool_)
        is_taken[box_of_row[box_of_row >= 0]] = True
        left = (box_of_row[pairs.rows] < 0) & ~is_taken[pairs.cols]
        if left.any():
            left &= ~is_long_lost
            far = pairs.only(left & is_sure & (pairs.widened > settings.widened_min))
            self._settle(far, self._worth(far, found), box_of_row)
            weak = left & ~is_sure & (pairs.overlap > settings.low_overlap_min)
            if weak.any():
                low = pairs.only(weak & (box_of_row[pairs.rows] < 0))
                self._settle(low, low.overlap, box_of_row)
        self._recover(found, due, box_of_row)

    def _settle(self, pairs: Pairs, worth: Floats, box_of_row: Ints) -> None:
        """Assign the pairs with the greatest sum of worth (k,)."""
        if len(pairs.rows):
            shape = len(self.rows), int(pairs.cols.max()) + 1
            rows, cols = assigned(pairs, worth, self.rows.lane, shape)
            box_of_row[rows] = cols

    def _same_kind(self, pairs: Pairs, found: Found) -> Floats:
        """(k,): 1, less where track and box are of classes that nobody takes for one another."""
        group = GROUPS[self.rows.votes.argmax(axis=1)][pairs.rows]
        other = GROUPS[found.kinds][pairs.cols]
        clash = (group != other) & (group >= 0) & (other >= 0)
        return np.where(clash, self.settings.other_kind_frac, 1.0)

    def _worth(self, pairs: Pairs, found: Found) -> Floats:
        """How well pairs that hardly overlap go together, above 0: overlap once widened, class,
        and whether the box lies the way the track went.
        """
        settings, tracks = self.settings, self.rows
        rows, cols = pairs.rows, pairs.cols
        size = sizes(tracks.x[rows])
        speed = tracks.x[rows, 4:6] / size
        was = (tracks.last[rows, :2] + tracks.last[rows, 2:]) * 0.5
        went = ((found.boxes[cols, :2] + found.boxes[cols, 2:]) * 0.5 - was) / size
        fast, far = np.hypot(*speed.T), np.hypot(*went.T)
        # A slow track's direction is noise, and so is a short step's.
        along = (went * speed).sum(axis=1) / ((fast + 0.5) * (far + settings.place_noise))
        worth = pairs.widened * self._same_kind(pairs, found) + settings.direction_weight * along
        return np.asarray(np.maximum(worth, 1e-3))

    def _recover(self, found: Found, due: Bools, box_of_row: Ints) -> None:
        """Look once more where tracks were last seen, for those who left the predicted way."""
        rows, settings = self.rows, self.settings
        is_free = found.is_sure.copy()
        is_free[box_of_row[box_of_row >= 0]] = False
        if not is_free.any():
            return
        gap_us = self._gap_us()
        open_rows = due & (box_of_row < 0) & (rows.id > 0)
        open_rows &= rows.is_standing | (gap_us <= settings.recover_us)
        these, those = np.flatnonzero(open_rows), np.flatnonzero(is_free)
        if not len(these):
            return
        pairs = near_pairs(
            Side(boxes=rows.last[these], lanes=rows.lane[these]),
            None,
            Side(boxes=found.boxes[those], lanes=found.lanes[those]),
        )
        least = np.where(
            rows.is_standing[these],
            settings.standing_recover_overlap,
            settings.recover_overlap,
        )
        pairs = pairs.only(pairs.overlap > least[pairs.rows])
        i, j = assigned(pairs, pairs.overlap, rows.lane[these], (len(these), len(those)))
        box_of_row[these[i]] = those[j]

    def _lose(self, is_lost: Bools, before_x: Floats, before_p: Floats) -> None:
        """Note what is not seen, and keep the state of when it last was."""
        rows = self.rows
        if not is_lost.any():
            return
        newly = is_lost & (rows.misses == 0)
        rows.held_x[newly], rows.held_p[newly] = before_x[newly], before_p[newly]
        rows.x[newly & rows.is_standing, 4:] = 0.0
        rows.misses[is_lost] += 1

    def _see(self, found: Found, box_of_row: Ints) -> None:
        """Correct the filters of the tracks that were seen."""
        tracks = self.rows
        rows = np.flatnonzero(box_of_row >= 0)
        if not len(rows):
            return
        cols = box_of_row[rows]
        x, p, boxes = tracks.x[rows], tracks.p[rows], found.boxes[cols]
        at = self._at[tracks.lane[rows]]
        seen = centred(self._beyond(boxes, x, self._bounds[tracks.lane[rows]]))
        rough = tracks.roughness[rows]
        is_weak = ~found.is_sure[cols]
        now_rough = np.where(is_weak, rough * self.settings.low_noise_factor**2, rough)
        new_x, new_p, surprise = self._motion.corrected(x, p, seen, now_rough[:, None])
        rough *= 1.0 + _LEARNING * (np.minimum(surprise, _SURPRISE_MAX) - 1.0)
        tracks.roughness[rows] = np.clip(rough, 1.0, self.settings.roughness_max)
        again = np.flatnonzero(tracks.misses[rows] >= 2)
        if len(again):
            back = rows[again]
            gap_s = (at[again] - tracks.last_us[back])[:, None] / US_PER_SECOND
            new_x[again], new_p[again] = self._motion.rerun(
                tracks.held_x[back],
                tracks.held_p[back],
                centred(tracks.last[back]),
                seen[again],
                gap_s,
            )
        tracks.x[rows], tracks.p[rows] = new_x, new_p
        tracks.last[rows], tracks.last_us[rows] = boxes, at
        tracks.misses[rows] = 0
        tracks.hits[rows] += 1
        tracks.votes[rows, found.kinds[cols]] += found.scores[cols]

    def _beyond(self, boxes: Floats, x: Floats, bounds: Floats) -> Floats:
        """Boxes (k, 4) whose sides at the picture's edge go on to where they are predicted.

        A side at the edge says only that the road user reaches that far; taken at its word, a
        car driving out would seem to brake and shrink.
        """
        edge = self.settings.edge_unit
        cut_low = boxes[:, :2] <= bounds[:, :2] + edge
        cut_high = boxes[:, 2:] >= bounds[:, 2:] - edge
        if not (cut_low.any() or cut_high.any()):
            return boxes
        predicted = cornered(x)
        out = boxes.copy()
        low, high = out[:, :2], out[:, 2:]
        low[cut_low] = np.minimum(low, predicted[:, :2])[cut_low]
        high[cut_high] = np.maximum(high, predicted[:, 2:])[cut_high]
        return out

    def _begin(self, found: Found, box_of_row: Ints) -> Ints:
        """Begin a track with every sure box that is left; the new rows' boxes are appended."""
        is_new = found.is_sure.copy()
        is_new[box_of_row[box_of_row >= 0]] = False
        cols = np.flatnonzero(is_new)[: max(TRACKS_OPEN_MAX - len(self.rows), 0)]
        if not len(cols):
            return box_of_row
        boxes, lane = found.boxes[cols], found.lanes[cols]
        x, p = self._motion.begun(boxes)
        more = Rows.new(x=x, p=p, boxes=boxes, at_us=self._at[lane], lane=lane)
        more.slot = self.history.take_slots(len(cols))
        more.votes[np.arange(len(cols)), found.kinds[cols]] = found.scores[cols]
        self.rows.extend(more)
        return np.concatenate((box_of_row, cols))

    def _write(self, found: Found, box_of_row: Ints, is_due: Bools) -> None:
        """One point for every track that a picture came for, seen or not."""
        rows = self.rows
        points = np.empty((len(rows), FIELDS))
        points[:, FRAME] = self._frame[rows.lane]
        points[:, AT] = self._at[rows.lane]
        seen = np.flatnonzero(box_of_row >= 0)
        points[:, BOX], points[:, SCORE] = np.nan, NOT_SEEN
        points[seen, BOX] = found.boxes[box_of_row[seen]]
        points[seen, SCORE] = found.scores[box_of_row[seen]]
        if is_due.all():
            self.history.add(rows.slot, points)
            rows.points += 1
        else:
            due = is_due[rows.lane]
            self.history.add(rows.slot[due], points[due])
            rows.points += due

    def _judge(self, is_due: Bools) -> None:
        """Confirm, see who stands, and finish what ended."""
        rows, settings = self.rows, self.settings
        if not len(rows):
            return
        at = self._at[rows.lane]
        score = rows.votes.sum(axis=1)
        fresh = (rows.id == 0) & (rows.hits >= settings.confirm_points)
        fresh &= rows.hits >= settings.confirm_seen_frac * rows.points
        fresh &= rows.last_us - rows.first_us >= settings.confirm_us
        for row in np.flatnonzero(fresh & (score >= settings.confirm_score_sum)):
            lane = int(rows.lane[row])
            self._last_id[lane] += 1
            rows.id[row] = self._last_id[lane]
        old = np.flatnonzero((at - rows.place_us >= settings.standing_us) & (rows.misses == 0))
        if len(old):
            rows.is_standing[old] = (
                overlaps(rows.last[old], rows.place[old]) >= settings.standing_overlap
            )
            rows.place[old], rows.place_us[old] = rows.last[old], at[old]
        ends = rows.points >= TRACK_POINTS_MAX
        lost = rows.misses > 0
        if lost.any():
            ends |= lost & (self._expired() | self._left())
        if ends.any():
            self._end(ends & is_due[rows.lane])

    def _expired(self) -> Bools:
        """Whose last box is too long ago."""
        rows = self.rows
        is_sure = rows.id > 0
        memory = np.where(is_sure, self._memory_us(), self.settings.tentative_us)
        misses = np.where(is_sure, _MISSES, _TENTATIVE_MISSES)
        return np.asarray((self._gap_us() > memory) & (rows.misses >= misses))

    def _gap_us(self) -> npt.NDArray[np.int64]:
        return np.asarray(self._at[self.rows.lane] - self.rows.last_us)

    def _memory_us(self) -> npt.NDArray[np.int64]:
        """Long for who stands, but not at the picture's edge: who was last seen cut there has gone,
        and whoever shows up in the same place is the next one.
        """
        settings, rows = self.settings, self.rows
        bounds, edge = self._bounds[rows.lane], self.settings.edge_unit
        is_cut = (rows.last[:, :2] <= bounds[:, :2] + edge).any(axis=1)
        is_cut |= (rows.last[:, 2:] >= bounds[:, 2:] - edge).any(axis=1)
        is_waited_for = rows.is_standing & ~is_cut
        return np.where(is_waited_for, settings.standing_memory_us, settings.memory_us)

    def _left(self) -> Bools:
        """Whose predicted box is all but out of the picture."""
        rows = self.rows
        bounds, boxes = self._bounds[rows.lane], cornered(rows.x)
        inside = np.minimum(boxes[:, 2:], bounds[:, 2:]) - np.maximum(boxes[:, :2], bounds[:, :2])
        share = np.maximum(inside, 0.0) / np.maximum(rows.x[:, 2:4], 1e-6)
        return np.asarray(share[:, 0] * share[:, 1] < _LEFT_FRAC)

    def _as_track(self, row: int) -> Track:
        rows = self.rows
        standing = Standing(
            camera=self.cameras[int(rows.lane[row])], id=int(rows.id[row]), votes=rows.votes[row]
        )
        return finished(self.history.points(int(rows.slot[row])), standing)

    def _end(self, ends: Bools) -> None:
        """Finish these rows: confirmed ones become tracks, the others were noise."""
        rows = self.rows
        for row in np.flatnonzero(ends):
            slot, lane = int(rows.slot[row]), int(rows.lane[row])
            if rows.id[row]:
                self._done[lane].append(self._as_track(int(row)))
            self.history.free(slot)
        if ends.any():
            rows.keep(~ends)
