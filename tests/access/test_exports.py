from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.evidence_verifier import Fault, verify_bundle
from fairview.access.leaves import LookRenewed, write_leaf
from fairview.access.proof import verify
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import BadInput, Corrupt, NotFound, Overloaded
from fairview.core.event import HealthEvent
from fairview.core.time import US_PER_SECOND, ManualClock, Span
from fairview.store.contracts import EventSaved, SegmentsRemoved
from fairview.store.heads import MemoryHeads
from fairview.store.ledger import Ledger
from fairview.store.ledger_files import FolderLedgerFiles
from tests.access.footage import Footage, walk
from tests.access.site import NAME, Site, annex_b, stretched, units_of
from tests.builders import NOON

MINUTE = Span(start=NOON.plus(-US_PER_SECOND), end=NOON.plus(60 * US_PER_SECOND))


@pytest.fixture(scope="module")
def footage() -> Footage:
    return walk(60)


@pytest.fixture
def site(tmp_path: Path, footage: Footage) -> Iterator[Site]:
    made = Site(tmp_path)
    made.add()
    made.record(NAME, footage.fragments[:3])
    made.record(NAME, footage.fragments[3:])
    yield made
    made.gate.close()


def bundle_of(site: Site) -> dict[str, bytes]:
    data = b"".join(site.gate.export(site.look(MINUTE), NAME, "zip"))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_raw_mp4_has_the_cameras_units_in_order(site: Site, footage: Footage) -> None:
    data = b"".join(site.gate.export(site.look(MINUTE), NAME, "mp4"))
    with av.open(io.BytesIO(data), "r") as file:
        found = [bytes(packet) for packet in file.demux(video=0) if packet.size]
    wanted = [sample.data for one in footage.fragments for sample in one.samples]
    assert [units_of(one) for one in found] == [annex_b(one) for one in wanted]
    leaf = site.leaves()[-1]
    assert leaf.kind == "export.made"
    assert leaf.texts["media"] == "master.mp4"
    assert leaf.texts["media_digest"] == hashlib.sha256(data).hexdigest()


def test_a_bundle_holds_what_the_format_names_and_verifies(site: Site, tmp_path: Path) -> None:
    files = bundle_of(site)
    assert {
        "master.mp4",
        "manifest.json",
        "export.tlog-proof",
        "segments.tlog-proof",
        "signature",
        "README.txt",
    } <= set(files)
    assert len(files["signature"]) == 64
    manifest = json.loads(files["manifest.json"])
    assert manifest["grant"]["proof"] is None
    assert "no case" in manifest["grant"]["because"]
    assert manifest["actor"] == "mara"
    assert len(manifest["sources"]) == 2
    assert manifest["clock"]["method"] == "not measured"
    lines = verify_bundle(files)
    assert any("2 source segments" in line for line in lines)
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    assert verify(folder).kind == "bundle"
    path = tmp_path / "bundle.zip"
    path.write_bytes(b"".join(site.gate.export(site.look(MINUTE), NAME, "zip")))
    assert verify(path, site.ledger.key.text).kind == "bundle"


def test_a_bundle_says_how_the_cameras_clock_stood_and_how_that_is_known(site: Site) -> None:
    told = [(-60, "main", -3_700), (-30, "main", 1_250), (2, "main", 9_000), (3, "sub", 5)]
    for after_s, stream, offset_ms in told:
        at = NOON.plus(after_s * US_PER_SECOND)
        offset = ClockOffset(
            method="rtcp", at=at, offset_us=offset_ms * 1_000, drift_ppm=-12.5, over_us=0
        )
        because = f"{stream}: {offset.text}"
        event = HealthEvent(kind="camera_clock", camera=NAME, at=at, because=because)
        site.catalogue.write([EventSaved(event=event)])
    files = bundle_of(site)
    clock = json.loads(files["manifest.json"])["clock"]
    assert (clock["offset_us"], clock["method"]) == (1_250_000, "rtcp")
    assert clock["measured_at"] == NOON.plus(-30 * US_PER_SECOND).iso()
    assert clock["drift_ppb"] == -12_500
    assert [one["offset_us"] for one in clock["during"]] == [9_000_000]
    verify_bundle(files)


def test_the_verifier_in_the_bundle_needs_nothing_of_ours(site: Site, tmp_path: Path) -> None:
    files = bundle_of(site)
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    command = [sys.executable, "-I", "verify.py", "."]
    good = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert good.returncode == 0, good.stdout + good.stderr
    assert good.stdout.endswith("verified\n")
    assert "fairview" not in {
        line.split()[1].split(".")[0]
        for line in files["verify.py"].decode().splitlines()
        if line.startswith(("import ", "from "))
    }
    (folder / "master.mp4").write_bytes(files["master.mp4"][:-1])
    bad = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert bad.returncode == 8
    assert "NOT VERIFIED: master.mp4" in bad.stdout


def test_a_change_in_any_file_of_a_bundle_is_found(site: Site) -> None:
    files = bundle_of(site)
    for name, data in files.items():
        flipped = bytearray(data)
        flipped[len(data) // 2] ^= 1
        with pytest.raises(Fault):
            verify_bundle({**files, name: bytes(flipped)})
        with pytest.raises(Fault):
            verify_bundle({other: kept for other, kept in files.items() if other != name})
    with pytest.raises(Fault):
        verify_bundle({**files, "more.txt": b"x"})


def test_a_manifest_signed_anew_by_a_stranger_is_found(site: Site) -> None:
    files = bundle_of(site)
    stranger = Ed25519PrivateKey.generate()
    manifest = json.loads(files["manifest.json"])
    manifest["signing_key"] = stranger.public_key().public_bytes_raw().hex()
    files["master.mp4"] += b"\x00\x00\x00\x08free"
    digest = hashlib.sha256(files["master.mp4"]).hexdigest()
    manifest["media"]["digest"] = manifest["digests"]["master.mp4"] = digest
    files["manifest.json"] = json.dumps(manifest).encode()
    files["signature"] = stranger.sign(files["manifest.json"])
    with pytest.raises(Fault, match="ledger"):
        verify_bundle(files)


def test_a_bundle_of_another_sites_ledger_is_not_ours(site: Site) -> None:
    files = bundle_of(site)
    other = site.ledger.key.text.replace("fairview.local/", "elsewhere.local/")
    with pytest.raises(Fault):
        verify_bundle(files, other)


def test_open_segments_are_named_and_not_claimed(site: Site, footage: Footage) -> None:
    late = stretched(footage.fragments[:1], NOON.plus(10 * US_PER_SECOND))
    site.record(NAME, late, ended=None)
    files = bundle_of(site)
    listed = json.loads(files["segments.json"])
    assert len(listed["without_root"]) == 1
    assert any("still open" in line for line in verify_bundle(files))


def test_segments_stay_proved_when_others_under_the_same_root_are_gone(
    site: Site, footage: Footage
) -> None:
    site.gate.work[0].turn()
    gone = site.catalogue.segments(NAME)[0]
    site.catalogue.write([SegmentsRemoved(ids=(gone.id,))])
    files = bundle_of(site)
    assert len(json.loads(files["manifest.json"])["sources"]) == 1
    verify_bundle(files)


def test_an_export_without_footage_or_beyond_the_places_is_refused(site: Site) -> None:
    later = Span(start=NOON.plus(100 * US_PER_SECOND), end=NOON.plus(160 * US_PER_SECOND))
    with pytest.raises(NotFound):
        site.gate.export(site.look(later), NAME, "mp4")
    under_way = [site.gate.export(site.look(MINUTE), NAME, "mp4") for _ in range(3)]
    next(under_way[0])
    next(under_way[1])
    with pytest.raises(Overloaded):
        next(under_way[2])
    under_way[0].close()  # type: ignore[attr-defined]  # a generator
    assert next(site.gate.export(site.look(MINUTE), NAME, "mp4"))


def test_an_export_ends_with_its_look(site: Site) -> None:
    token = site.look(MINUTE)
    leaving = site.gate.export(token, NAME, "zip")
    next(leaving)
    site.gate.look_close(token)
    with pytest.raises(NotFound):
        next(leaving)


def test_nothing_of_an_export_is_left_on_the_disk(site: Site, tmp_path: Path) -> None:
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    media = b"".join(site.gate.export(site.look(MINUTE), NAME, "mp4"))
    middle = media[len(media) // 2 : len(media) // 2 + 64]
    after = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(middle in path.read_bytes() for path in after)
    assert all("ledger" in str(path) for path in set(after) - before)


def test_a_ledger_folder_verifies_and_any_changed_file_is_found(site: Site) -> None:
    folder = site.folder.ledger
    found = verify(folder)
    assert found.kind == "ledger"
    assert str(site.ledger.size) in found.lines[0]
    # Narrower tiles of before are not part of the ledger any more.
    size = str(site.ledger.size)
    names = {"checkpoint", "ledger.key.txt", size}
    checked = [one for one in folder.rglob("*") if one.is_file() and one.name in names]
    assert len(checked) == 4
    for path in checked:
        data = path.read_bytes()
        changed = bytearray(data)
        changed[len(data) // 2] ^= 1
        path.write_bytes(bytes(changed))
        with pytest.raises((Corrupt, BadInput)):
            verify(folder, site.ledger.key.text if path.suffix != ".txt" else None)
        path.write_bytes(data)
    verify(folder)


def test_a_large_ledger_verifies(tmp_path: Path) -> None:
    signer = Ed25519PrivateKey.generate()
    files = FolderLedgerFiles(tmp_path)
    ledger = Ledger(files, MemoryHeads(), signer, "fairview.local/test", ManualClock(NOON))
    entry = write_leaf(LookRenewed(look="a" * 32, expires_at=NOON), NOON).entry
    for size in (200, 57, 400):
        for _ in range(size // 100 + 1):
            ledger.append([entry] * (size // (size // 100 + 1)))
        found = verify(tmp_path, ledger.key.text)
        assert str(ledger.size) in found.lines[0]


def test_a_single_proof_verifies_with_the_ledgers_key_only(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "one.tlog-proof"
    path.write_bytes(site.ledger.proof(0, extra=site.ledger.entry(0)))
    assert "entry 0" in verify(path, site.ledger.key.text).lines[0]
    with pytest.raises(BadInput):
        verify(path)
    path.write_bytes(site.ledger.proof(0, extra=site.ledger.entry(1)))
    with pytest.raises(Corrupt):
        verify(path, site.ledger.key.text)


def test_what_is_none_of_ours_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("hello")
    with pytest.raises(BadInput):
        verify(tmp_path / "x.txt")
    with pytest.raises(NotFound):
        verify(tmp_path / "y.txt")
