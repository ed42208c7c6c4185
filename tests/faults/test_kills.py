"""kill -9 of any process at any moment: nothing acknowledged is lost, and what is lost is a gap."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest
from bench.footage import Pictures, make_footage

from fairview.core.ids import CameraId
from fairview.core.time import SystemClock
from tests.faults.node_under_fire import (
    LOST_US_MAX,
    PARTS,
    REACH_US_MAX,
    Node,
    fairview,
    holes,
    lost_before,
)

CAMERAS = tuple(CameraId(f"camera-{number}") for number in range(4))
KILLS_LONG = int(os.environ.get("KILLS", "200"))


def made_node(folder: Path) -> Node:
    footage = make_footage(folder / "street.mp4", Pictures(width_px=320, height_px=180))
    data = folder / "data"
    for camera in CAMERAS:
        done = fairview(
            "camera",
            "add",
            str(footage),
            "--camera",
            camera,
            "--data",
            str(data),
            "--purpose",
            "a test",
            "--legal-basis",
            "none needed",
            "--operator",
            "the tests",
            "--contact",
            "nobody",
            "--area",
            "moving blocks",
        )
        assert done.returncode == 0, done.stderr
    return Node(data=data, cameras=CAMERAS, log=folder / "node.log")


def under_fire(folder: Path, kills: int, seed: int) -> None:
    """Kill at seeded moments, wait for recovery each time, then hold the node to its promises."""
    node, chance, clock = made_node(folder), random.Random(seed), SystemClock()
    node.start()
    node.wait_until_stored(clock.now())
    killed = []
    for number in range(kills):
        part = PARTS[number % len(PARTS)]
        time.sleep(chance.uniform(0.2, 2.5))
        at = node.kill(part, chance.randrange(4))
        killed.append((part, at))
        node.wait_until_stored(at)
    node.stop()
    report = fairview("check", "--data", str(node.data), "--json")
    assert report.returncode == 0, report.stdout + report.stderr + node.log.read_text()[-3_000:]
    assert json.loads(report.stdout[report.stdout.index("{") :])["findings"] == []
    for camera, (segments, gaps) in node.footage().items():
        assert not holes(segments, gaps), (camera, holes(segments, gaps))
        for part, at in killed:
            lost_us = lost_before(at, segments, gaps)
            assert lost_us <= LOST_US_MAX + REACH_US_MAX, (camera, part, lost_us)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_twelve_seeded_kills_lose_at_most_two_seconds_each_and_say_so(tmp_path: Path) -> None:
    under_fire(tmp_path, kills=12, seed=20_261_122)


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_many_seeded_kills_lose_at_most_two_seconds_each_and_say_so(tmp_path: Path) -> None:
    under_fire(tmp_path, kills=KILLS_LONG, seed=int(os.environ.get("KILLS_SEED", "1")))
