"""OpenTrafficCam files: `.otdet` detections, `.ottrk` tracks (both bzip2 of JSON).

Up to format version 1.0 a box's x and y are its middle, later its left upper corner.

Source:  OTVision's and OTAnalytics' files; the change at 1.1 is visible in their pictures.
"""

from __future__ import annotations

import bz2
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fairview.analyse.files.json_values import (
    Table,
    a_list,
    a_number,
    a_table,
    a_text,
    read_json,
)
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
from fairview.core.limits_seeing import FILE_FRAMES_MAX
from fairview.core.sight import KINDS, Detections, Track
from fairview.core.time import US_PER_SECOND, Instant, instant

if TYPE_CHECKING:
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]

_CORNER_SINCE = (1, 1)
_WRITTEN_VERSION = "1.2"
_DIGITS_MAX = 18
_TRACKS_VERSION = "1.1"


@dataclass(slots=True, kw_only=True)
class _Columns:
    frames: list[int]
    ids: list[int]
    boxes: list[tuple[float, float, float, float]]
    scores: list[float]
    kinds: list[int]
    at_us: list[int]

    @classmethod
    def none(cls) -> _Columns:
        return cls(frames=[], ids=[], boxes=[], scores=[], kinds=[], at_us=[])


def read_ottrk(path: Path, facts: FileFacts) -> ReadTracks:
    """A `.ottrk` file's tracks. Size, frame rate, start and each point's time are the file's.

    Points that their tracker interpolated are not seen. A time without a zone is taken as UTC.

    Errors:  BadInput naming the file and the entry.
    """
    document = read_json(path)
    metadata = a_table(document, "metadata", path.name)
    facts = _facts(metadata, facts, path)
    names, columns = KindNames(), _Columns.none()
    entries = a_list(a_table(document, "data", path.name), "detections", path.name)
    for place, entry in enumerate(entries, start=1):
        where = f"{path.name}, detection {place}"
        if not isinstance(entry, dict):
            raise BadInput(f"{where} is not an object; export the file again")
        _add(columns, entry, names, where)
        columns.frames.append(_whole(entry, "frame", where))
        columns.ids.append(_whole(entry, "track-id", where))
        if entry.get("interpolated-detection") is True:
            columns.scores[-1] = 0.0
        columns.at_us.append(_occurrence(entry.get("occurrence"), facts, columns.frames[-1], where))
    rows = _rows(columns, metadata, facts, f"{path.name}, detection")
    at_us = np.array(columns.at_us, dtype=np.int64)
    return as_tracks(rows, facts, names.warnings(), at_us)


def read_otdet(path: Path, facts: FileFacts) -> ReadDetections:
    """A `.otdet` file's detections, frames without any included.

    Bounds:  FILE_FRAMES_MAX frames.
    Errors:  BadInput naming the file and the frame.
    """
    document = read_json(path)
    metadata = a_table(document, "metadata", path.name)
    facts = _facts(metadata, facts, path)
    names, columns, times = KindNames(), _Columns.none(), dict[int, int]()
    for key, content in a_table(document, "data", path.name).items():
        where = f"{path.name}, frame {key[:20]}"
        if not (_is_whole(key) and 1 <= int(key) <= FILE_FRAMES_MAX):
            raise BadInput(f"{where}: frames are numbers from 1 to {FILE_FRAMES_MAX}")
        if not isinstance(content, dict):
            raise BadInput(f"{where} is not an object; export the file again")
        frame = int(key)
        times[frame] = _occurrence(content.get("occurrence"), facts, frame, where)
        for entry in a_list(content, "detections", where):
            if not isinstance(entry, dict):
                raise BadInput(f"{where} has a detection that is not an object")
            _add(columns, entry, names, where)
            columns.frames.append(frame)
            columns.ids.append(-1)
    rows = _rows(columns, metadata, facts, f"{path.name}, detection")
    last = max(times, default=0)
    at_us = facts.at_us(np.arange(1, last + 1))
    for frame, us in times.items():
        at_us[frame - 1] = us
    if np.any(np.diff(at_us) <= 0):
        frame = int(np.flatnonzero(np.diff(at_us) <= 0)[0]) + 2
        raise BadInput(f"{path.name}: frame {frame} is not later than the one before it")
    origin = DetectionsFrom(model=_model(metadata), at_us=at_us)
    return as_detections(rows, facts, names.warnings(), origin)


def write_ottrk(path: Path, tracks: Iterable[Track], facts: FileFacts) -> None:
    """Tracks as OTAnalytics reads them. Holds every point; for hours, not for days."""
    all_tracks = list(tracks)
    entries: list[tuple[int, int, Table]] = []
    for track in all_tracks:
        last = len(track) - 1
        boxes = _corner_boxes(track.boxes_unit, facts)
        for index, frame in enumerate(track.frames.tolist()):
            entry = _entry(KINDS[track.kind], float(track.scores[index]), boxes[index])
            entry |= {
                "frame": frame,
                "occurrence": track.at_us[index].item() / US_PER_SECOND,
                "input_file_path": path.with_suffix(".otdet").name,
                "interpolated-detection": not bool(track.is_seen[index]),
                "first": index == 0,
                "finished": index == last,
                "track-id": track.id,
            }
            entries.append((frame, track.id, entry))
    entries.sort(key=lambda one: one[:2])
    frames = max((int(track.frames[-1]) for track in all_tracks), default=0)
    metadata = _metadata(path, facts, frames, "fairview")
    times = [one.at_us for one in all_tracks]
    metadata |= {
        "ottrk_version": _TRACKS_VERSION,
        "tracking": {
            "otvision_version": "1.0",
            "first_tracked_video_start": min((int(one[0]) for one in times), default=facts.start.us)
            / US_PER_SECOND,
            "last_tracked_video_end": max((int(one[-1]) for one in times), default=facts.start.us)
            / US_PER_SECOND,
            "tracker": {"name": "fairview"},
        },
    }
    _write(path, {"metadata": metadata, "data": {"detections": [one for *_, one in entries]}})


def write_otdet(path: Path, pictures: Iterable[Detections], facts: FileFacts) -> None:
    """Detections as OTVision's tracker reads them."""
    data: Table = {}
    frames, model = 0, "fairview"
    for found in pictures:
        frames, model = max(frames, found.frame), found.model
        boxes = _corner_boxes(found.boxes_unit, facts)
        data[str(found.frame)] = {
            "detections": [
                _entry(KINDS[kind], float(score), box)
                for kind, score, box in zip(found.kinds, found.scores, boxes, strict=True)
            ],
            "occurrence": found.at.us / US_PER_SECOND,
        }
    _write(path, {"metadata": _metadata(path, facts, frames, model), "data": data})


def _add(columns: _Columns, entry: Table, names: KindNames, where: str) -> None:
    x, y, w, h = (a_number(entry, key, where) for key in ("x", "y", "w", "h"))
    score = a_number(entry, "confidence", where)
    if not 0 <= score <= 1:
        raise BadInput(f"{where}: confidence {score} does not lie between 0 and 1")
    if w < 0 or h < 0:
        raise BadInput(f"{where}: a box's width and height are not below 0")
    columns.boxes.append((x, y, w, h))
    columns.scores.append(score)
    columns.kinds.append(names.number(a_text(entry, "class", where)))


def _rows(columns: _Columns, metadata: Table, facts: FileFacts, word: str) -> BoxRows:
    """The boxes as x1 y1 x2 y2 in pixels, whatever the version says they are."""
    given = np.array(columns.boxes, dtype=np.float64).reshape(-1, 4)
    detection = metadata.get("detection")
    if isinstance(detection, dict) and detection.get("normalized_bbox") is True:
        given = given * np.array([facts.width_px, facts.height_px] * 2)
    corner = given[:, :2]
    if _version(metadata) < _CORNER_SINCE:
        corner = corner - given[:, 2:] / 2
    n = len(given)
    return BoxRows(
        frames=np.array(columns.frames, dtype=np.int64).reshape(n),
        ids=np.array(columns.ids, dtype=np.int64).reshape(n),
        boxes_px=np.concatenate([corner, corner + given[:, 2:]], axis=1),
        scores=np.array(columns.scores, dtype=np.float64),
        kinds=np.array(columns.kinds, dtype=np.int64),
        places=np.arange(1, n + 1),
        place_word=word,
    )


def _facts(metadata: Table, facts: FileFacts, path: Path) -> FileFacts:
    """What the file says of its video, before what we were told."""
    video = a_table(metadata, "video", path.name)
    where = f"{path.name}, metadata.video"
    changed = facts
    if "width" in video and "height" in video:
        changed = replace(
            changed,
            width_px=round(a_number(video, "width", where)),
            height_px=round(a_number(video, "height", where)),
        )
    if video.get("recorded_fps") is not None:
        changed = replace(changed, fps=a_number(video, "recorded_fps", where))
    if video.get("recorded_start_date") is not None:
        changed = replace(changed, start=Instant(_moment(video["recorded_start_date"], where)))
    return changed


def _version(metadata: Table) -> tuple[int, ...]:
    text = str(metadata.get("otdet_version", "1.0"))
    parts = text.split(".")
    return tuple(int(one) for one in parts[:2]) if all(map(_is_whole, parts[:2])) else (1, 0)


def _is_whole(text: str) -> bool:
    """Whether a text is a whole number of sensible length; digits of other scripts are none."""
    return text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX


def _model(metadata: Table) -> str:
    detection = metadata.get("detection")
    model = detection.get("model") if isinstance(detection, dict) else None
    name = model.get("name") if isinstance(model, dict) else None
    return name[:60] if isinstance(name, str) else "otdet"


def _occurrence(value: object, facts: FileFacts, frame: int, where: str) -> int:
    if value is None:
        return int(facts.at_us(np.array([frame]))[0])
    return _moment(value, where)


def _moment(value: object, where: str) -> int:
    """Microseconds from seconds since 1970, or from a date; one without a zone is UTC."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2.5e11:
        return Instant(round(value * US_PER_SECOND)).us
    if isinstance(value, str):
        zoned = value if value.endswith("Z") or "+" in value[10:] else f"{value}Z"
        return instant(zoned).us
    raise BadInput(f"{where}: {str(value)[:40]!r} is not a time; write seconds since 1970")


def _whole(entry: Table, key: str, where: str) -> int:
    number = a_number(entry, key, where)
    if number != int(number) or not 0 <= number < 2**31:
        raise BadInput(f"{where}: {key} is a whole number from 0")
    return int(number)


def _corner_boxes(boxes: npt.NDArray[np.float32], facts: FileFacts) -> Sequence[Sequence[float]]:
    px = boxes * np.array([facts.width_px, facts.height_px] * 2, dtype=np.float64)
    px[:, 2:] -= px[:, :2]
    rounded: list[list[float]] = np.round(px, 4).tolist()
    return rounded


def _entry(name: str, score: float, box: Sequence[float]) -> Table:
    x, y, w, h = box
    return {"class": name, "confidence": round(score, 6), "x": x, "y": y, "w": w, "h": h}


def _metadata(path: Path, facts: FileFacts, frames: int, model: str) -> Table:
    seconds = frames / facts.fps
    hours, rest = divmod(int(seconds), 3600)
    return {
        "otdet_version": _WRITTEN_VERSION,
        "video": {
            "filename": path.stem,
            "filetype": ".mp4",
            "width": facts.width_px,
            "height": facts.height_px,
            "expected_duration": round(seconds),
            "recorded_fps": facts.fps,
            "actual_fps": facts.fps,
            "number_of_frames": frames,
            "recorded_start_date": facts.start.us / US_PER_SECOND,
            "length": f"{hours}:{rest // 60:02d}:{rest % 60:02d}",
        },
        "detection": {
            "otvision_version": "1.0",
            "model": {
                "name": model,
                "weights": "",
                "iou_threshold": 0.0,
                "image_size": facts.width_px,
                "max_confidence": 0.0,
                "half_precision": False,
                "classes": {str(number): name for number, name in enumerate(KINDS)},
            },
            "chunksize": 1,
            "normalized_bbox": False,
        },
    }


def _write(path: Path, document: Table) -> None:
    with bz2.open(path, "wt", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False)
