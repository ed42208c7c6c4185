"""A disk that stands still in real time: nothing is lost; a kill meanwhile costs what waited."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from fairview.core.limits import HOLE_US_MIN
from fairview.core.media import EndedBecause, GapBecause
from fairview.core.time import Instant, SystemClock
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.check import check
from fairview.store.keyfile import sign_key_file
from fairview.store.mend import walk_blob
from fairview.store.recovery import recover
from fairview.store.sealing import open_key, open_record
from tests.faults.stalled_recorder import CAMERAS, FPS, SIGNER, number_of, sent
from tests.record.keys import DOOR, PRIVATE, issued

PUT_US_MAX = 500_000
"""Handing a picture over waits for no disk; what a busy machine adds is far below the stall."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A recorder process's life. stored: up to where each camera was, when it said so last."""

    begun: Instant
    stored: dict[str, int]
    outcome: dict[str, int] | None


def ran(folder: Path, *words: str, kill_at_s: int | None = None) -> Ran:
    """Run it to its end, or kill it after so many of its seconds."""
    (folder / "door.public").write_bytes(DOOR.public_key().public_bytes_raw())
    for name in CAMERAS:
        file = issued(name, SystemClock().now(), hours=3)
        (folder / f"{name}.json").write_bytes(sign_key_file(file, DOOR))
    command = [sys.executable, "-m", "tests.faults.stalled_recorder", str(folder), *words]
    begun, stored, outcome = Instant(0), dict[str, int](), None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            line = json.loads(text)
            if "begun_us" in line:
                begun = Instant(line["begun_us"])
            elif "stored" in line:
                stored = line["stored"]
                if kill_at_s is not None and line["at"] >= kill_at_s * FPS - 1:
                    os.kill(process.pid, signal.SIGKILL)
                    break
            else:
                outcome = line
    return Ran(begun=begun, stored=stored, outcome=outcome)


def kept(folder: Path, name: str, begun: Instant) -> list[int]:
    """Numbers of a camera's pictures, each bit-exact."""
    blobs, numbers = FileBlobs(folder / "blobs"), []
    catalogue = SqliteCatalogue(folder / "catalogue.sqlite")
    rows = [row for row in catalogue.segments(next(one for one in CAMERAS if one == name))]
    catalogue.close()
    for row in rows:
        found = walk_blob(blobs, row.blob)
        assert found.fault is None
        key = open_key(found.header, PRIVATE[found.header.key_pair])
        for record in found.records:
            sealed = blobs.read(row.blob, record.sealed_offset, record.sealed_bytes)
            for sample in open_record(found.header, record, sealed, key).samples:
                number = number_of(sample.data)
                assert sample.data == sent(row.camera, number, begun).data
                numbers.append(number)
    return numbers


def assert_nothing_was_lost(folder: Path, seconds: float, run: Ran) -> None:
    assert run.outcome is not None
    assert run.outcome["held"] > 0, "the disk stood still"
    assert run.outcome["overloads"] == 0
    assert run.outcome["put_us_max"] < PUT_US_MAX
    for name in CAMERAS:
        assert kept(folder, name, run.begun) == list(range(round(seconds * FPS)))
    catalogue = SqliteCatalogue(folder / "catalogue.sqlite")
    gaps = [gap.because for name in CAMERAS for gap in catalogue.gaps(name)]
    assert set(gaps) <= {GapBecause.STOPPED}
    report = check(FileBlobs(folder / "blobs"), catalogue)
    assert report.findings == (), report.in_words()
    catalogue.close()


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_disk_that_stands_still_for_three_seconds_loses_nothing(tmp_path: Path) -> None:
    run = ran(tmp_path, "--seconds", "6", "--stall-at", "1.5", "--stall-for", "3")
    assert_nothing_was_lost(tmp_path, 6, run)


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_disk_that_stands_still_for_half_a_minute_loses_nothing(tmp_path: Path) -> None:
    run = ran(tmp_path, "--seconds", "45", "--stall-at", "5", "--stall-for", "30")
    assert_nothing_was_lost(tmp_path, 45, run)


def assert_killed_soundly(folder: Path, run: Ran) -> None:
    """What was acknowledged is there; the rest is a gap that says why."""
    catalogue = SqliteCatalogue(folder / "catalogue.sqlite")
    blobs, clock = FileBlobs(folder / "blobs"), SystemClock()
    found_at = clock.now()
    recover(blobs, catalogue, clock, (SIGNER,))
    report = check(blobs, catalogue)
    assert report.findings == (), report.in_words()
    for name in CAMERAS:
        numbers = kept(folder, name, run.begun)
        assert numbers == list(range(len(numbers)))
        assert len(numbers) >= run.stored[name]
        newest = catalogue.segments(name)[-1]
        assert newest.ended_because is EndedBecause.CRASHED
        gaps = [(gap.because, gap.span.start) for gap in catalogue.gaps(name)]
        # Found so soon that nothing was missing yet, there is nothing to tell.
        if gaps or found_at.since(newest.span.end) > HOLE_US_MIN:
            assert gaps == [(GapBecause.CRASHED, newest.span.end)]
    catalogue.close()


def stall_and_kill(folder: Path, words: Sequence[str], kill_at_s: int) -> None:
    run = ran(folder, *words, kill_at_s=kill_at_s)
    assert run.outcome is None, "it was killed"
    assert all(count > 0 for count in run.stored.values())
    assert_killed_soundly(folder, run)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_kill_while_the_disk_stands_still_costs_what_waited(tmp_path: Path) -> None:
    stall_and_kill(tmp_path, ("--seconds", "20", "--stall-at", "4", "--stall-for", "15"), 7)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kill_at_s", [9, 16, 23, 30, 37])
def test_a_kill_within_half_a_minutes_stall(tmp_path: Path, kill_at_s: int) -> None:
    words = ("--seconds", "60", "--stall-at", "5", "--stall-for", "30")
    stall_and_kill(tmp_path, words, kill_at_s)
