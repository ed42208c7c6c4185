"""HOTA, IDF1 and MOTA of MOTChallenge files, by TrackEval. Run by the peers' own interpreter.

    python bench/peers/trackeval_run.py TRUTH.txt TRACKS.txt [TRACKS.txt ...]

Prints a JSON object per file of tracks. All classes count as one. Boxes match by their overlap.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from trackeval.metrics import CLEAR, HOTA, Identity

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

_QUIET = {"PRINT_CONFIG": False}


def main(arguments: list[str]) -> int:
    truth = rows(Path(arguments[0]))
    for name in arguments[1:]:
        print(json.dumps({"file": name, **scores(truth, rows(Path(name)))}), flush=True)
    return 0


def rows(path: Path) -> dict[int, Floats]:
    """(n, 5) id, left, top, width, height by frame."""
    found: dict[int, list[list[float]]] = defaultdict(list)
    for line in path.read_text().splitlines():
        fields = line.split(",")
        found[int(fields[0])].append([float(one) for one in fields[1:6]])
    return {frame: np.array(boxes) for frame, boxes in found.items()}


def scores(truth: dict[int, Floats], tracks: dict[int, Floats]) -> dict[str, float]:
    true_ids, track_ids = _numbered(truth), _numbered(tracks)
    data: dict[str, Any] = {
        "num_timesteps": 0,
        "num_gt_dets": sum(map(len, truth.values())),
        "num_tracker_dets": sum(map(len, tracks.values())),
        "num_gt_ids": len(true_ids),
        "num_tracker_ids": len(track_ids),
        "gt_ids": [],
        "tracker_ids": [],
        "similarity_scores": [],
    }
    none = np.empty((0, 5))
    for frame in sorted(truth.keys() | tracks.keys()):
        one, other = truth.get(frame, none), tracks.get(frame, none)
        data["gt_ids"].append(np.array([true_ids[box[0]] for box in one], dtype=int))
        data["tracker_ids"].append(np.array([track_ids[box[0]] for box in other], dtype=int))
        data["similarity_scores"].append(_overlaps(one[:, 1:], other[:, 1:]))
        data["num_timesteps"] += 1
    hota = HOTA().eval_sequence(data)
    clear = CLEAR(dict(_QUIET)).eval_sequence(data)
    who = Identity(dict(_QUIET)).eval_sequence(data)
    return {
        "hota": float(np.mean(hota["HOTA"])),
        "deta": float(np.mean(hota["DetA"])),
        "assa": float(np.mean(hota["AssA"])),
        "idf1": float(who["IDF1"]),
        "mota": float(clear["MOTA"]),
        "switches": int(clear["IDSW"]),
        "tracks": len(track_ids),
        "truth": len(true_ids),
    }


def _numbered(found: dict[int, Floats]) -> dict[float, int]:
    ids = sorted({box[0] for boxes in found.values() for box in boxes})
    return {one: number for number, one in enumerate(ids)}


def _overlaps(one: Floats, other: Floats) -> Floats:
    a, b = one[:, None, :], other[None, :, :]
    inside = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    inside = np.maximum(inside - np.maximum(a[..., :2], b[..., :2]), 0.0)
    shared = inside[..., 0] * inside[..., 1]
    both = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3]
    return np.asarray(shared / np.maximum(both - shared, 1e-9))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
