"""`supervision`'s LineZone over Roboflow's ByteTrack. Run by the peers' own interpreter.

    python bench/peers/line_zones.py IN.json

IN.json: fps, pictures (for each, rows of x1 y1 x2 y2 score class), lines (name to two points) and
thresholds: "own" takes the libraries' defaults, a number stands for both of the tracker's scores.
Prints JSON: for "corners" (LineZone's default) and "bottom" (the lower edge's middle) the
crossings as line, direction, picture from 0. LineZone's "in" is from the right-hand side of the
line to its left on the screen, which is Fairview's forward.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker


def main(arguments: list[str]) -> int:
    said = json.loads(Path(arguments[0]).read_text())
    pictures = [_detections(rows) for rows in said["pictures"]]
    began = time.process_time()
    tracked = _tracked(pictures, said["fps"], said["thresholds"])
    spent = time.process_time() - began
    corners = [sv.Position.TOP_LEFT, sv.Position.TOP_RIGHT]
    corners += [sv.Position.BOTTOM_LEFT, sv.Position.BOTTOM_RIGHT]
    answer: dict[str, Any] = {
        "corners": _crossings(tracked, said["lines"], corners),
        "bottom": _crossings(tracked, said["lines"], [sv.Position.BOTTOM_CENTER]),
        "ms": 1000 * spent / len(pictures),
    }
    print(json.dumps(answer))
    return 0


def _detections(rows: list[list[float]]) -> sv.Detections:
    table = np.array(rows, dtype=np.float32).reshape(-1, 6)
    return sv.Detections(
        xyxy=table[:, :4], confidence=table[:, 4], class_id=table[:, 5].astype(int)
    )


def _tracked(
    pictures: list[sv.Detections], fps: float, thresholds: float | str
) -> list[sv.Detections]:
    if thresholds == "own":
        tracker = ByteTrackTracker(frame_rate=fps)
    else:
        tracker = ByteTrackTracker(
            frame_rate=fps,
            track_activation_threshold=thresholds,
            high_conf_det_threshold=thresholds,
        )
    return [
        tracker.update(picture, timestamp=number / fps) for number, picture in enumerate(pictures)
    ]


def _crossings(
    tracked: list[sv.Detections],
    lines: dict[str, list[list[float]]],
    anchors: list[sv.Position],
) -> list[tuple[str, str, int]]:
    found = []
    for name, (start, end) in lines.items():
        zone = sv.LineZone(start=sv.Point(*start), end=sv.Point(*end), triggering_anchors=anchors)
        for number, picture in enumerate(tracked):
            if picture.tracker_id is None:
                continue
            inward, outward = zone.trigger(picture)
            found += [(name, "forward", number)] * int(inward.sum())
            found += [(name, "backward", number)] * int(outward.sum())
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
