from __future__ import annotations

from pathlib import Path

import pytest

from fairview.access.probe_child import probe_apart
from fairview.core.camera import Login, Secret, Source
from fairview.core.errors import BadInput, NotAllowed, NotFound, Unavailable
from fairview.ingest.address import AddressRules
from fairview.record.mp4 import write_mp4
from tests.access.footage import walk

RULES = AddressRules()


def file_source(path: Path) -> Source:
    return Source(stream="main", kind="file", address=str(path))


def test_a_file_is_looked_at_in_a_process_of_its_own(tmp_path: Path) -> None:
    write_mp4(walk(30).fragments, tmp_path / "a.mp4")
    found = probe_apart(file_source(tmp_path / "a.mp4"), None, RULES)
    assert (found.codec, found.width_px, found.height_px) == ("h264", 320, 180)
    assert found.fps == pytest.approx(10, abs=0.5)
    assert not found.has_audio


def test_the_childs_errors_are_ours(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        probe_apart(file_source(tmp_path / "none.mp4"), None, RULES)
    (tmp_path / "bad.mp4").write_bytes(b"\x00\x01" * 2_000)
    with pytest.raises((BadInput, Unavailable)):
        probe_apart(file_source(tmp_path / "bad.mp4"), None, RULES)


def test_an_address_out_of_bounds_is_refused_with_its_login_unsaid() -> None:
    source = Source(stream="main", kind="rtsp", address="rtsp://127.0.0.1:9/x")
    login = Login(name="root", password=Secret("hunter2secret"))
    with pytest.raises(NotAllowed) as error:
        probe_apart(source, login, RULES)
    assert "hunter2secret" not in str(error.value)


def test_a_child_that_dies_or_hangs_is_an_unavailable_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairview.access.probe_child._PROGRAM", ("/bin/false",))
    with pytest.raises(Unavailable):
        probe_apart(file_source(tmp_path / "a.mp4"), None, RULES)
    monkeypatch.setattr("fairview.access.probe_child._PROGRAM", ("/bin/sleep", "60"))
    monkeypatch.setattr("fairview.access.probe_child.PROBE_CHILD_US_MAX", 50_000)
    with pytest.raises(Unavailable):
        probe_apart(file_source(tmp_path / "a.mp4"), None, RULES)
