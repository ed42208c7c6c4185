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
from fairview.core.time import Instant, SystemClock
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.contracts import SceneSaved
from fairview.store.layout import open_data_folder
from tests.faults.node_under_fire import (
    LOST_US_MAX,
    PARTS,
    REACH_US_MAX,
    Node,
    fairview,
    holes,
    lost_before,
)
from tests.faults.soak import replayed

CAMERAS = tuple(CameraId(f"camera-{number}") for number in range(4))
FROM_FILES = 2
"""The first cameras play a file; the others are read over RTSP, by our own reader."""

KILLS_LONG = int(os.environ.get("KILLS", "200"))
SETTINGS = """\
[cameras]
allow_loopback = true

[recording]
reader = "lean"

[notifier]
local_hosts = ["127.0.0.1"]

[[notices]]
name = "nobody-listens"
conditions = ["camera_away"]
after_min = 0
webhook = "https://127.0.0.1:9/"
"""
"""A rule, so that a notifier runs."""

SCENE = """\
version = 1

[camera]
id = "camera-0"
size_px = [320, 180]
fps = 25
start = 2026-05-01T08:00:00Z

[[line]]
name = "middle"
points_px = [[10, 90], [310, 90]]
"""
"""A scene, so that an analyser runs."""


def made_node(folder: Path, port: int, footage: Path) -> Node:
    data = folder / "data"
    words = ("--purpose", "a test", "--legal-basis", "none needed", "--operator", "the tests")
    more = ("--contact", "nobody", "--area", "moving blocks", "--data", str(data))
    (folder / "fairview.toml").write_text(SETTINGS)
    for number, camera in enumerate(CAMERAS):
        address = str(footage) if number < FROM_FILES else f"rtsp://127.0.0.1:{port}/{number}"
        done = fairview("camera", "add", address, "--camera", camera, *words, *more)
        assert done.returncode == 0, done.stderr
    catalogue = SqliteCatalogue(open_data_folder(data).catalogue)
    saved_at = SystemClock().now()
    catalogue.write(
        [SceneSaved(camera=CAMERAS[0], revision=1, text=SCENE, saved_at=saved_at, saved_by="mara")]
    )
    catalogue.close()
    node = Node(data=data, cameras=CAMERAS, log=folder / "node.log")
    node.config = folder / "fairview.toml"
    return node


def under_fire(folder: Path, kills: int, seed: int) -> None:
    """Kill at seeded moments, wait for recovery each time, then hold the node to its promises."""
    footage = make_footage(folder / "street.mp4", Pictures(width_px=320, height_px=180))
    with replayed(footage, seconds=600 + 40 * kills) as port:
        node = made_node(folder, port, footage)
        killed = fired_at(node, kills, seed)
        node.stop()
    report = fairview("check", "--data", str(node.data), "--json")
    assert report.returncode == 0, report.stdout + report.stderr + node.log.read_text()[-3_000:]
    assert json.loads(report.stdout[report.stdout.index("{") :])["findings"] == []
    for camera, (segments, gaps) in node.footage().items():
        assert not holes(segments, gaps), (camera, holes(segments, gaps))
        for part, at in killed:
            lost_us = lost_before(at, segments, gaps)
            assert lost_us <= LOST_US_MAX + REACH_US_MAX, (camera, part, lost_us)


def fired_at(node: Node, kills: int, seed: int) -> list[tuple[str, Instant]]:
    """Every part in turn, each some hundred milliseconds after the last one's recovery."""
    chance, clock = random.Random(seed), SystemClock()
    node.start()
    node.wait_until_stored(clock.now())
    node.wait_until_running(PARTS)
    killed = []
    for number in range(kills):
        part = PARTS[number % len(PARTS)]
        time.sleep(chance.uniform(0.2, 2.5))
        node.wait_until_running((part,))
        at = node.kill(part, chance.randrange(4))
        killed.append((part, at))
        node.wait_until_stored(at)
    return killed


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_sixteen_seeded_kills_lose_at_most_two_seconds_each_and_say_so(tmp_path: Path) -> None:
    under_fire(tmp_path, kills=16, seed=20_261_122)


@pytest.mark.long
@pytest.mark.timeout(7_200)
def test_many_seeded_kills_lose_at_most_two_seconds_each_and_say_so(tmp_path: Path) -> None:
    under_fire(tmp_path, kills=KILLS_LONG, seed=int(os.environ.get("KILLS_SEED", "1")))
