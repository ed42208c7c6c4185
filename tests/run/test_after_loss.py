"""After a machine, path, user or catalogue is lost: what plays, and what is said to be lost."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import av
import pytest

from fairview.config.settings import Settings
from fairview.core.errors import FairviewError, NotAllowed
from fairview.core.event import HealthEvent
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, ManualClock, Span
from fairview.run.care.backup import back_up
from fairview.run.care.checking import check_folder, rebuild_folder
from fairview.run.care.restore import restore
from fairview.run.care.upgrade import upgrade_folder
from fairview.store.blobs import FileBlobs
from fairview.store.contracts import EventSaved
from tests.builders import NOON
from tests.faults.town import LONG, SHORT, Town
from tests.golden.first_release import unpacked

pytestmark = pytest.mark.slow

FIRST = Span(start=NOON, end=NOON.plus(50 * US_PER_SECOND))
NOBODY = 65_534


def quiet(*_: object) -> None:
    """Nobody listens."""


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ManualClock, list[str]]:
    """A site that recorded three minutes with a break between, and stopped; and what it showed."""
    town = Town(tmp_path_factory.mktemp("lost") / "data")
    town.record(NOON.plus(US_PER_MINUTE))
    town.clock.advance(US_PER_MINUTE)
    town.record(NOON.plus(3 * US_PER_MINUTE))
    event = HealthEvent(kind="camera_away", camera=SHORT, at=NOON, because="the cable")
    town.catalogue.write([EventSaved(event=event)])
    shown = packets(town, "raw")
    town.close()
    return town.data, town.clock, shown


def packets(town: Town, rendition: str) -> list[str]:
    """Digests of what a raw export of the simulated camera holds, or of a covered one."""
    assert rendition in ("raw", "covered")
    whole = town.export(LONG, FIRST, "raw" if rendition == "raw" else "covered")
    with av.open(BytesIO(whole), "r") as film:
        return [
            hashlib.sha256(bytes(packet)).hexdigest()
            for packet in film.demux(video=0)
            if packet.size
        ]


def test_a_folder_under_another_path_plays_bit_for_bit(
    lost: tuple[Path, ManualClock, list[str]], tmp_path: Path
) -> None:
    data, clock, shown = lost
    moved = Path(shutil.copytree(data, tmp_path / "another disk" / "data"))
    town = Town.again(moved, clock)
    with contextlib.closing(town):
        assert packets(town, "raw") == shown
        assert packets(town, "covered")


AS_NOBODY = """
import os, sys
import fairview.cli.main, encodings.ascii, encodings.idna, sqlalchemy.dialects.sqlite
os.setgroups([]); os.setgid({user}); os.setuid({user})
sys.argv = ["fairview", *sys.argv[1:]]
fairview.cli.main.main()
"""
"""Loaded first: this environment's Python may lie where only its owner may read."""


def test_a_folder_of_another_user_works_for_that_user_and_no_other(tmp_path: Path) -> None:
    """The first release's folder, upgraded, given away: as after `chown -R` on a new machine."""
    if os.getuid() != 0:
        pytest.skip("only root gives folders away")
    data = unpacked(tmp_path)
    upgrade_folder(data, quiet)
    foreign = as_nobody("check", "--data", str(data))
    assert foreign.returncode != 0, "what is root's stays root's"
    for path in (data, *data.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    for path in (tmp_path, *tmp_path.parents):
        if "pytest" in str(path):
            path.chmod(0o755)
    checked = as_nobody("check", "--data", str(data))
    assert checked.returncode == 0, checked.stderr
    listed = as_nobody("camera", "csv-export", "--data", str(data))
    assert LONG in listed.stdout, listed.stderr


def as_nobody(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", AS_NOBODY.format(user=NOBODY), *words],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_a_catalogue_made_anew_from_blobs_alone_lets_all_footage_play(
    lost: tuple[Path, ManualClock, list[str]], tmp_path: Path
) -> None:
    data, clock, shown = lost
    copy = Path(shutil.copytree(data, tmp_path / "data"))
    for path in copy.glob("catalogue.sqlite*"):
        path.unlink()
    told = rebuild_folder(Settings(data=copy), clock)
    assert "2 cameras" in told
    for lost_thing in ("register entries", "logins", "events", "scenes", "clean pictures", "gaps"):
        assert lost_thing in told.partition("lost, because")[2], lost_thing
    town = Town.again(copy, clock)
    with contextlib.closing(town):
        events = [event.because for event in town.catalogue.events(NOON, 50)]
        assert "the cable" not in events, "events are lost, as said"
        row = town.catalogue.camera(SHORT)
        assert (row.camera.is_active, row.sealed_login) == (False, None)
        gaps = town.catalogue.gaps(LONG, "main")
        assert any(gap.span.overlaps(Span(start=FIRST.end, end=clock.now())) for gap in gaps), (
            "the break between is told by the blobs"
        )
        with pytest.raises(NotAllowed):
            packets(town, "raw")  # nobody knows any more that the camera is simulated
        assert packets(town, "covered")
        blobs = list(FileBlobs(town.folder.blobs).names())
        assert len(blobs) == len(town.catalogue.segments(LONG) + town.catalogue.segments(SHORT))
    assert len(shown) > 100
    assert check_folder(Settings(data=copy), clock).is_clean


def test_a_restored_site_records_and_plays_what_is_new_and_names_what_is_lost(
    lost: tuple[Path, ManualClock, list[str]], tmp_path: Path
) -> None:
    data, clock, _ = lost
    back_up(data, tmp_path / "backup", clock, quiet)
    done = restore(tmp_path / "backup", tmp_path / "new machine" / "data", clock, quiet)
    assert {one.camera for one in done.unreadable} == {SHORT, LONG}
    assert done.logins == (SHORT,)
    later = ManualClock(clock.now().plus(US_PER_MINUTE))
    town = Town.again(tmp_path / "new machine" / "data", later)
    with contextlib.closing(town):
        start = later.now()
        town.record(start.plus(US_PER_MINUTE))
        span = Span(start=start, end=start.plus(40 * US_PER_SECOND))
        assert town.export(LONG, span, "raw")
        with pytest.raises(FairviewError):
            town.export(LONG, FIRST, "raw")
        kinds = [event.kind for event in town.catalogue.events(NOON, 50)]
        assert kinds.count("footage_unreadable") == 2
        assert any(event.because == "the cable" for event in town.catalogue.events(NOON, 50))
