"""Roboflow's `trackers` on detections in a MOTChallenge file. Run by the peers' own interpreter.

    python bench/peers/roboflow_trackers.py bytetrack|sort DETECTIONS.txt TIMES.txt OUT.txt [SCORE]

TIMES.txt: seconds of each frame. Its defaults, told the nominal frame rate and each picture's
time; with SCORE, both of ByteTrack's scores are that instead of its own. Detections are made
ready first; only `update` is timed. Prints JSON: CPU ms per frame.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import supervision as sv
from trackers import ByteTrackTracker, SORTTracker


def main(arguments: list[str]) -> int:
    name, found, times, out = arguments[:4]
    at_s = [float(line) for line in Path(times).read_text().split()]
    pictures = _pictures(Path(found), len(at_s))
    fps = (len(at_s) - 1) / (at_s[-1] - at_s[0])
    scores = {}
    if name == "bytetrack" and arguments[4:] and arguments[4] != "own":
        score = float(arguments[4])
        scores = {"track_activation_threshold": score, "high_conf_det_threshold": score}
    kind = ByteTrackTracker if name == "bytetrack" else SORTTracker
    tracker = kind(frame_rate=fps, **scores)
    answers = []
    began = time.thread_time()
    for picture, at in zip(pictures, at_s, strict=True):
        answers.append(tracker.update(picture, timestamp=at))
    spent = time.thread_time() - began
    with Path(out).open("w") as file:
        for frame, answer in enumerate(answers, start=1):
            if answer.tracker_id is None:
                continue
            for box, number in zip(answer.xyxy.tolist(), answer.tracker_id.tolist(), strict=True):
                if number >= 0:
                    left, top, right, bottom = box
                    file.write(
                        f"{frame},{number + 1},{left:.2f},{top:.2f},"
                        f"{right - left:.2f},{bottom - top:.2f},1,-1,-1,-1\n"
                    )
    print(json.dumps({"ms": 1000 * spent / len(pictures)}))
    return 0


def _pictures(path: Path, count: int) -> list[sv.Detections]:
    boxes: list[list[list[float]]] = [[] for _ in range(count)]
    scores: list[list[float]] = [[] for _ in range(count)]
    for line in path.read_text().splitlines():
        fields = line.split(",")
        left, top, width, height, score = (float(one) for one in fields[2:7])
        boxes[int(fields[0]) - 1].append([left, top, left + width, top + height])
        scores[int(fields[0]) - 1].append(score)
    return [
        sv.Detections(
            xyxy=np.array(box, dtype=np.float32).reshape(-1, 4),
            confidence=np.array(score, dtype=np.float32),
            class_id=np.zeros(len(score), dtype=int),
        )
        for box, score in zip(boxes, scores, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
