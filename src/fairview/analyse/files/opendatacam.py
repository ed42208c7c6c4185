"""OpenDataCam's recorded detections: lines of JSON, or darknet's JSON list.

Lines: `{"frame", "detections": [{"x", "y", "w", "h", "prob", "name"}]}`, the box's middle in
pixels of the detector's picture, prob in percent, frames from 0. Darknet: `{"frame_id",
"objects": [{"name", "relative_coordinates": {…}, "confidence"}]}`, the middle in fractions.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from fairview.analyse.files.json_values import Table, a_list, a_number, a_table, a_text, read_text
from fairview.analyse.files.names import KindNames
from fairview.analyse.files.read import (
    BoxRows,
    DetectionsFrom,
    FileFacts,
    ReadDetections,
    as_detections,
)
from fairview.core.errors import BadInput

Row = tuple[int, float, float, float, float, float, int]


def read_opendatacam(path: Path, facts: FileFacts) -> ReadDetections:
    """Detections; the lowest frame number becomes frame 1. Pixels are those of facts' size.

    Errors:  BadInput naming the frame's place in the file.
    """
    names = KindNames()
    rows: list[Row] = []
    entries = _entries(path)
    is_darknet = bool(entries) and "frame_id" in entries[0]
    key = "frame_id" if is_darknet else "frame"
    for place, entry in enumerate(entries, start=1):
        where = f"{path.name}, picture {place}"
        frame = _frame(entry, key, where)
        found = _darknet(entry, facts, where) if is_darknet else _plain(entry, where)
        for name, score, (x, y, w, h) in found:
            if not 0 <= score <= 1 or w < 0 or h < 0:
                raise BadInput(f"{where}: a score lies between 0 and 1, a size not below 0")
            rows.append((frame, x - w / 2, y - h / 2, w, h, score, names.number(name)))
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    first = min((_frame(one, key, path.name) for one in entries), default=1)
    box_rows = BoxRows(
        frames=table[:, 0].astype(np.int64) - first + 1,
        ids=np.full(len(table), -1),
        boxes_px=np.concatenate([table[:, 1:3], table[:, 1:3] + table[:, 3:5]], axis=1),
        scores=table[:, 5],
        kinds=table[:, 6].astype(np.int64),
        places=np.arange(1, len(table) + 1),
        place_word=f"{path.name}, box",
    )
    return as_detections(box_rows, facts, names.warnings(), DetectionsFrom(model=path.stem))


def _entries(path: Path) -> list[Table]:
    text = read_text(path)
    try:
        if text.lstrip().startswith("["):
            found = json.loads(text)
        else:
            found = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path.name} is not JSON ({error}); is it cut?") from None
    if not all(isinstance(one, dict) for one in found):
        raise BadInput(f"{path.name}: every picture is an object; is it another format?")
    return list(found)


def _frame(entry: Table, key: str, where: str) -> int:
    number = a_number(entry, key, where)
    if number != int(number) or not 0 <= number < 2**31:
        raise BadInput(f"{where}: {key} is a whole number from 0")
    return int(number)


def _plain(entry: Table, where: str) -> list[tuple[str, float, tuple[float, float, float, float]]]:
    out = []
    for one in a_list(entry, "detections", where):
        if not isinstance(one, dict):
            raise BadInput(f"{where}: detections are objects")
        x, y, w, h = (a_number(one, key, where) for key in ("x", "y", "w", "h"))
        out.append((a_text(one, "name", where), a_number(one, "prob", where) / 100, (x, y, w, h)))
    return out


def _darknet(
    entry: Table, facts: FileFacts, where: str
) -> list[tuple[str, float, tuple[float, float, float, float]]]:
    out = []
    for one in a_list(entry, "objects", where):
        if not isinstance(one, dict):
            raise BadInput(f"{where}: objects are objects")
        box = a_table(one, "relative_coordinates", where)
        x, y, w, h = (
            a_number(box, key, where) * scale
            for key, scale in (
                ("center_x", facts.width_px),
                ("center_y", facts.height_px),
                ("width", facts.width_px),
                ("height", facts.height_px),
            )
        )
        out.append((a_text(one, "name", where), a_number(one, "confidence", where), (x, y, w, h)))
    return out
