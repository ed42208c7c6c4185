from __future__ import annotations

import hashlib
import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from fairview.access.door_rows import DoorRows
from fairview.access.journal import Journal
from fairview.access.leaves import (
    KINDS,
    CameraRemoved,
    Leaf,
    LookOpenedLeaf,
    cameras_digest,
    read_leaf,
    write_leaf,
)
from fairview.access.words import line
from fairview.core.errors import Corrupt, NotFound, Unavailable
from fairview.core.time import US_PER_HOUR, ManualClock, Span
from tests.access.doubles import MemoryLedger
from tests.builders import NOON

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "ledger-entries.md"


def removed(actor: str = "mara") -> CameraRemoved:
    return CameraRemoved(camera="junction-1", revision=2, actor=actor)


def opened(cameras: tuple[str, ...] = ("junction-1",)) -> LookOpenedLeaf:
    return LookOpenedLeaf(
        look="a" * 32,
        cameras=cameras if len(cameras) <= 24 else (),
        cameras_n=len(cameras),
        cameras_digest=cameras_digest(cameras),
        rendition="covered",
        purpose="operation",
        is_live=False,
        is_strip=False,
        footage_us=US_PER_HOUR,
        expires_at=NOON.plus(US_PER_HOUR),
        actor="mara",
        all_cameras=cameras,
        span=Span(start=NOON, end=NOON.plus(US_PER_HOUR)),
        note="x" * 500,
        because="covered pictures are for operators",
    )


def test_a_leaf_is_canonical_and_names_its_whole_second() -> None:
    entry = write_leaf(removed(), NOON.plus(999_999), b"s" * 32).entry
    values = json.loads(entry)
    assert values["at"] == "2026-05-01T12:00:00Z"
    assert entry == json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
    assert read_leaf(entry).kind == "camera.removed"


def test_the_commitment_is_over_salt_and_private_details() -> None:
    written = write_leaf(removed(), NOON, b"s" * 32)
    assert written.details == b'{"actor":"mara"}'
    assert read_leaf(written.entry).commit == hashlib.sha256(b"s" * 32 + written.details).digest()
    assert b"mara" not in written.entry


def test_equal_private_details_give_different_commitments() -> None:
    one, two = write_leaf(removed(), NOON), write_leaf(removed(), NOON)
    assert one.digest != two.digest


def test_a_wall_of_64_long_names_fits_into_a_leaf() -> None:
    wall = tuple(f"{number:02}" + "x" * 61 for number in range(64))
    assert len(write_leaf(opened(wall), NOON).entry) < 4_096
    full = wall[:24]
    assert len(write_leaf(opened(full), NOON).entry) < 4_096


@pytest.mark.parametrize(
    "entry", [b"", b"{}", b"[]", b'"x"', b'{"v":1,"kind":1,"at":"x"}', b"\xff"]
)
def test_what_is_no_leaf_is_corrupt(entry: bytes) -> None:
    with pytest.raises(Corrupt):
        read_leaf(entry)


def test_private_details_can_be_shown_and_erased(tmp_path: Path) -> None:
    rows = DoorRows(tmp_path / "door.sqlite")
    journal = Journal(MemoryLedger(), rows, ManualClock(NOON))
    number = journal.append(removed("mara-of-roads"))
    salt, details = journal.details(number)
    assert hashlib.sha256(salt + details).digest() == journal.read(number).commit
    assert any(b"mara-of-roads" in path.read_bytes() for path in tmp_path.iterdir())
    journal.erase(number)
    with pytest.raises(NotFound):
        journal.details(number)
    assert not any(b"mara-of-roads" in path.read_bytes() for path in tmp_path.iterdir())
    assert journal.read(number).kind == "camera.removed"


def test_a_line_that_failed_yet_stands_is_found_again(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    journal = Journal(ledger, DoorRows(tmp_path / "door.sqlite"), ManualClock(NOON))
    ledger.fault = "failed_yet_stored"
    with pytest.raises(Unavailable):
        journal.append(removed())
    assert journal.find(CameraRemoved, "camera", "junction-1", 0) == 0
    assert journal.find(CameraRemoved, "camera", "junction-2", 0) is None


def test_a_look_reads_as_a_sentence_without_names_of_people() -> None:
    text = line(7, read_leaf(write_leaf(opened(), NOON).entry)).text
    assert text == (
        "Somebody looks at 1 h of stored footage of junction-1, covered, for operation."
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_described_with_exactly_its_fields(kind: type[Leaf]) -> None:
    row = re.search(
        rf"^\| `{re.escape(kind.KIND)}` \| (.*?) \|(.*?)\|$", PAGE.read_text("utf-8"), re.M
    )
    assert row is not None
    public = {one.name for one in fields(kind) if not one.metadata.get("is_private")}
    private = {one.name for one in fields(kind) if one.metadata.get("is_private")}
    assert set(filter(None, (name.strip() for name in row[1].split(",")))) == public
    assert set(filter(None, (name.strip() for name in row[2].split(",")))) == private


def test_every_kind_has_words() -> None:
    from fairview.access.words import _WORDS

    assert {kind.KIND for kind in KINDS} == set(_WORDS)
