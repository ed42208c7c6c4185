"""The data folder says which version wrote it and who owns it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairview import __version__
from fairview.core.errors import BadInput, Conflict, Corrupt, NotFound
from fairview.core.ids import CameraId, SegmentId
from fairview.core.time import instant
from fairview.store.layout import FORMAT, blob_name, hour_of, open_data_folder, segment_of_blob


def test_a_new_folder_gets_its_format_and_rights(tmp_path: Path) -> None:
    root = tmp_path / "some" / "data"
    folder = open_data_folder(root, create=True)
    assert json.loads(folder.format_file.read_text()) == {
        "format": FORMAT,
        "written_by": __version__,
    }
    assert [
        path.stat().st_mode & 0o777 for path in (root, folder.blobs, folder.door, folder.recorder)
    ] == [0o700] * 4
    assert folder.ledger.stat().st_mode & 0o777 == 0o755
    assert open_data_folder(root) == folder


def test_a_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    folder = open_data_folder(tmp_path, create=True)
    folder.format_file.write_text(f'{{"format": {FORMAT + 1}}}')
    with pytest.raises(BadInput, match="newer"):
        open_data_folder(tmp_path, create=True)


@pytest.mark.parametrize("text", ["", "{}", '{"format": "1"}', '{"format": 0}', "\x00\x00"])
def test_an_unreadable_format_is_corrupt(tmp_path: Path, text: str) -> None:
    open_data_folder(tmp_path, create=True).format_file.write_text(text)
    with pytest.raises(Corrupt):
        open_data_folder(tmp_path)


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_data_folder(tmp_path)
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(BadInput, match="other things"):
        open_data_folder(tmp_path, create=True)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    folder = open_data_folder(tmp_path, create=True)
    with folder.lock, pytest.raises(Conflict, match="in use by process"):
        folder.lock.take()
    with folder.lock:
        pass


def test_a_blob_lies_in_the_utc_hour_its_segment_starts_in() -> None:
    segment = SegmentId("ab" * 16)
    name = blob_name(CameraId("junction-1"), instant("2026-05-01T01:59:59.999999+02:00"), segment)
    assert name == "junction-1/2026-04-30/23/" + "ab" * 16 + ".fvs"
    assert segment_of_blob(name) == segment
    assert hour_of(name) == instant("2026-04-30T23:00:00Z")
    assert hour_of("junction-1/readme") is None
    assert hour_of("a/b/c/d") is None
