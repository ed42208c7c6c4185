"""MOTChallenge text: `frame,id,left,top,width,height,confidence,class,-1,-1`, frames from 1, px.

Rows with id -1 are detections. The eighth column may hold a class name or nothing (-1): `moving`.

Source:  motchallenge.net's format; FORMATS names the eighth column.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

import numpy as np

from fairview.analyse.files.names import KindNames
from fairview.analyse.files.read import (
    BoxRows,
    DetectionsFrom,
    FileFacts,
    ReadDetections,
    ReadTracks,
    as_detections,
    as_tracks,
)
from fairview.core.errors import BadInput
from fairview.core.limits_seeing import FILE_LINE_CHARACTERS_MAX, FILE_ROWS_MAX
from fairview.core.sight import KINDS, MOVING, Detections, Track

if TYPE_CHECKING:
    import numpy.typing as npt

_NO_CLASS = frozenset({"", "-1", "-1.0"})
_FRAME, _ID, _LEFT, _TOP, _WIDTH, _HEIGHT, _CONFIDENCE, _CLASS = range(8)


def read_mot(path: Path, facts: FileFacts) -> ReadTracks | ReadDetections:
    """Tracks, or detections when every row's id is -1.

    Bounds:  FILE_ROWS_MAX rows; about 80 bytes a row while reading.
    Errors:  BadInput naming the line: not six or seven numbers, an id twice in a frame, a box
             far outside the picture, ids and -1 mixed.
    Cost:    about 2 s for a million rows.
    """
    names = KindNames()
    rows = _rows(path, names)
    is_plain = rows.ids == -1
    if not is_plain.any():
        return as_tracks(rows, facts, names.warnings())
    if not is_plain.all():
        mixed = rows.places[is_plain != is_plain[0]].min()
        raise BadInput(
            f"{path.name}, line {mixed}: a file has either tracks or detections (id -1), not both"
        )
    return as_detections(rows, facts, names.warnings(), DetectionsFrom(model=path.stem))


class MotWriter:
    """Writes tracks and detections as they come; rows are together by track, not by frame.

    Points a tracker filled in have confidence 0.
    """

    def __init__(self, path: Path, *, width_px: int, height_px: int) -> None:
        self._size = np.array([width_px, height_px] * 2, dtype=np.float64)
        self._file = path.open("w", encoding="ascii", newline="\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, track: Track) -> None:
        """All points of a track."""
        lines = _lines(track.frames, track.id, track.boxes_unit * self._size, track.scores)
        self._file.writelines(f"{line},{KINDS[track.kind]},-1,-1\n" for line in lines)

    def add_detections(self, found: Detections) -> None:
        """The boxes of a picture, as detections."""
        frames = np.full(len(found), found.frame)
        lines = _lines(frames, -1, found.boxes_unit * self._size, found.scores)
        self._file.writelines(
            f"{line},{KINDS[kind]},-1,-1\n" for line, kind in zip(lines, found.kinds, strict=True)
        )


def write_mot(path: Path, tracks: Iterable[Track], *, width_px: int, height_px: int) -> None:
    """All tracks, sorted by frame and id as other tools expect.

    Cost:    holds every point once: about 300 bytes each.
    """
    size = np.array([width_px, height_px] * 2, dtype=np.float64)
    keyed: list[tuple[int, int, str]] = []
    for track in tracks:
        lines = _lines(track.frames, track.id, track.boxes_unit * size, track.scores)
        kind = KINDS[track.kind]
        keyed.extend(
            (frame, track.id, f"{line},{kind},-1,-1\n")
            for frame, line in zip(track.frames.tolist(), lines, strict=True)
        )
    keyed.sort()
    with path.open("w", encoding="ascii", newline="\n") as file:
        file.writelines(line for _, _, line in keyed)


def _lines(
    frames: npt.NDArray[np.integer],
    number: int,
    boxes_px: npt.NDArray[np.float64],
    scores: npt.NDArray[np.float32],
) -> Iterator[str]:
    corners = np.round(boxes_px, 2)
    wide = np.maximum(corners[:, 2:] - corners[:, :2], 0.0)
    rows = np.column_stack([corners[:, :2], wide]).tolist()
    for frame, (left, top, width, height), score in zip(
        frames.tolist(), rows, scores.tolist(), strict=True
    ):
        yield f"{frame},{number},{left:.2f},{top:.2f},{width:.2f},{height:.2f},{score:.4g}"


def _rows(path: Path, names: KindNames) -> BoxRows:
    numbers, kinds, places = array("d"), array("B"), array("q")
    try:
        with path.open(encoding="utf-8-sig") as file:
            for place, line in _short_lines(file, path):
                fields = line.split(",")
                if len(fields) < _CONFIDENCE:
                    if not line.strip():
                        continue
                    raise _bad(path, place, line)
                try:
                    numbers.extend(map(float, fields[:_CONFIDENCE]))
                    score = fields[_CONFIDENCE] if len(fields) > _CONFIDENCE else "-1"
                    numbers.append(float(score))
                except ValueError as error:
                    raise _bad(path, place, line) from error
                name = fields[_CLASS].strip() if len(fields) > _CLASS else ""
                kinds.append(MOVING if name in _NO_CLASS else names.number(name))
                places.append(place)
                if len(places) > FILE_ROWS_MAX:
                    raise BadInput(
                        f"{path.name} has more than {FILE_ROWS_MAX} rows; cut it into parts"
                    )
    except FileNotFoundError as error:
        raise BadInput(f"there is no file {path}; give the path of a MOTChallenge file") from error
    except (UnicodeDecodeError, IsADirectoryError) as error:
        raise BadInput(f"{path} is not text; MOTChallenge rows are numbers and commas") from error
    table = np.frombuffer(numbers, dtype=np.float64).reshape(-1, 7)
    at = np.frombuffer(places, dtype=np.int64)
    _check(table, at, path)
    boxes = np.column_stack(
        [table[:, _LEFT : _TOP + 1], table[:, _LEFT : _TOP + 1] + table[:, _WIDTH : _HEIGHT + 1]]
    )
    scores = table[:, _CONFIDENCE]
    return BoxRows(
        frames=table[:, _FRAME].astype(np.int64),
        ids=table[:, _ID].astype(np.int64),
        boxes_px=boxes,
        scores=np.where(scores < 0, 1.0, scores),
        kinds=np.frombuffer(kinds, dtype=np.uint8).astype(np.int64),
        places=at,
        place_word=f"{path.name}, line",
    )


def _short_lines(file: TextIO, path: Path) -> Iterator[tuple[int, str]]:
    """Lines with their numbers; never holds one that is too long for a row of numbers."""
    place = 0
    while line := file.readline(FILE_LINE_CHARACTERS_MAX + 1):
        place += 1
        if len(line) > FILE_LINE_CHARACTERS_MAX:
            raise _bad(path, place, line)
        yield place, line


def _check(table: npt.NDArray[np.float64], at: npt.NDArray[np.int64], path: Path) -> None:
    whole = table[:, : _ID + 1]
    with np.errstate(invalid="ignore"):
        checks = (
            (~np.all(np.isfinite(table), axis=1), "every number must be finite"),
            (np.any(whole != np.rint(whole), axis=1), "frame and id are whole numbers"),
            (
                (table[:, _FRAME] < 1) | (table[:, _FRAME] > 2**31 - 1),
                "frames count from 1, at most 2147483647",
            ),
            (
                (table[:, _ID] < -1) | (table[:, _ID] > 2**53),
                "an id is a number from 0, or -1 for a detection",
            ),
            (
                (table[:, _WIDTH] < 0) | (table[:, _HEIGHT] < 0),
                "width and height are not below 0",
            ),
            (
                (table[:, _CONFIDENCE] > 1)
                | ((table[:, _CONFIDENCE] < 0) & (table[:, _CONFIDENCE] != -1)),
                "confidence lies between 0 and 1, or is -1 where it is not known",
            ),
        )
    for bad, words in checks:
        if bad.any():
            raise BadInput(f"{path.name}, line {at[bad].min()}: {words}")


def _bad(path: Path, place: int, line: str) -> BadInput:
    return BadInput(
        f"{path.name}, line {place}: {line.strip()[:60]!r} is not a MOTChallenge row; write "
        "frame,id,left,top,width,height,confidence,class,-1,-1"
    )
