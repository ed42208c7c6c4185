"""OpenCV, ONNX Runtime's defaults and Roboflow's ByteTrack on many cameras.

Run by the peers' own interpreter.

    python bench/peers/cv_cameras.py plain|motion MODEL.onnx ADDRESS...

A thread per camera decodes everything and hands on 5 pictures a second (the newest; a queue of
four a camera, the oldest dropped); one thread runs YOLOX with a default session. With `motion`,
as recorders with a motion stage do, only pictures within a second of a difference are detected.
Ends at SIGTERM and prints what it did as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp"

import cv2
import numpy as np
import onnxruntime as ort
import supervision as sv
from trackers import ByteTrackTracker

if TYPE_CHECKING:
    import numpy.typing as npt

    Pixels = npt.NDArray[np.uint8]

FPS = 5.0
SIDE = 416
ROAD = (0, 1, 2, 3, 5, 7)
"""COCO's persons and vehicles."""


@dataclass(slots=True)
class Eye:
    address: str
    tracker: Any
    waiting: deque[tuple[float, Pixels]] = field(default_factory=lambda: deque(maxlen=4))
    usual: Any = None
    until: float = 0.0
    put: int = 0
    looked: int = 0
    skipped: int = 0
    spans: dict[int, tuple[float, float]] = field(default_factory=dict)


def read(eye: Eye, stop: threading.Event) -> None:
    while not stop.is_set():
        capture = cv2.VideoCapture(eye.address, cv2.CAP_FFMPEG)
        due = 0.0
        while not stop.is_set():
            good, picture = capture.read()
            if not good:
                break
            now = time.monotonic()
            if now >= due:
                due = now + 0.9 / FPS
                eye.put += 1
                eye.waiting.append((now, np.asarray(picture, np.uint8)))
        capture.release()
        stop.wait(0.5)


def moves(eye: Eye, at: float, picture: Pixels) -> bool:
    """Differences from a running mean of small grey pictures."""
    small = cv2.cvtColor(cv2.resize(picture, (160, 90)), cv2.COLOR_BGR2GRAY).astype(np.float32)
    if eye.usual is None:
        eye.usual = small
    soft = cv2.GaussianBlur(np.abs(small - eye.usual), (0, 0), 1.0)
    eye.usual += (small - eye.usual) * np.float32(0.05)
    if np.count_nonzero(soft > 10) >= 6:
        eye.until = at + 1.0
    return at <= eye.until


def boxes_of(session: ort.InferenceSession, picture: Pixels) -> sv.Detections:
    scale = min(SIDE / picture.shape[0], SIDE / picture.shape[1])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    padded = np.full((SIDE, SIDE, 3), 114, np.uint8)
    padded[: size[1], : size[0]] = cv2.resize(picture, size)
    fed = padded.transpose(2, 0, 1)[None].astype(np.float32)
    out = session.run(None, {session.get_inputs()[0].name: fed})[0][0]
    grids, strides = [], []
    for stride in (8, 16, 32):
        y, x = np.mgrid[: SIDE // stride, : SIDE // stride]
        grids.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full((len(grids[-1]), 1), stride))
    grid, step = np.concatenate(grids), np.concatenate(strides)
    scores = out[:, 4:5] * out[:, 5:]
    kinds = np.array(ROAD)[scores[:, ROAD].argmax(axis=1)]
    best = scores[np.arange(len(out)), kinds]
    keep = best > 0.3
    middle, wide = (out[keep, :2] + grid[keep]) * step[keep], np.exp(out[keep, 2:4]) * step[keep]
    found = sv.Detections(
        xyxy=np.concatenate([middle - wide / 2, middle + wide / 2], axis=1) / scale,
        confidence=best[keep],
        class_id=kinds[keep],
    )
    return found.with_nms(0.5)


def main(arguments: list[str]) -> int:
    mode, model, addresses = arguments[0], arguments[1], arguments[2:]
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    quiet = ort.SessionOptions()
    quiet.log_severity_level = 3
    session = ort.InferenceSession(model, quiet, providers=["CPUExecutionProvider"])
    eyes = [
        Eye(
            address=one,
            tracker=ByteTrackTracker(
                frame_rate=FPS, track_activation_threshold=0.3, high_conf_det_threshold=0.3
            ),
        )
        for one in addresses
    ]
    for eye in eyes:
        threading.Thread(target=read, args=(eye, stop), daemon=True).start()
    while not stop.is_set():
        idle = True
        for eye in eyes:
            if not eye.waiting:
                continue
            idle = False
            at, picture = eye.waiting.popleft()
            if mode == "motion" and not moves(eye, at, picture):
                eye.skipped += 1
                continue
            eye.looked += 1
            tracked = eye.tracker.update(boxes_of(session, picture), timestamp=at)
            for number in tracked.tracker_id if tracked.tracker_id is not None else []:
                if number >= 0:
                    first = eye.spans.get(int(number), (at, at))[0]
                    eye.spans[int(number)] = (first, at)
        if idle:
            stop.wait(0.01)
    print(
        json.dumps(
            {
                "looked": sum(eye.looked for eye in eyes),
                "skipped": sum(eye.skipped for eye in eyes),
                "dropped": sum(eye.put - eye.looked - eye.skipped for eye in eyes),
                "track_s": sum(b - a for eye in eyes for a, b in eye.spans.values()),
            }
        ),
        flush=True,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
