"""A commit survives a power cut, what was deleted is gone, and trouble has a name."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from fairview.core.errors import Corrupt, Unavailable
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.contracts import CameraSaved, CleanPictureSaved
from fairview.store.sqlite import open_engine, reading
from tests import builders
from tests.builders import NOON


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalogue.sqlite"


def test_every_connection_is_durable_and_forgetful(path: Path) -> None:
    engine = open_engine(path)
    wanted = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1}
    with reading(engine, path) as one, reading(engine, path) as two:
        for connection in (one, two):
            for name, value in wanted.items():
                assert connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value
    engine.dispose()


def test_the_files_are_for_their_user_only(path: Path) -> None:
    catalogue = SqliteCatalogue(path)
    catalogue.write([CameraSaved(camera=builders.camera(), sealed_login=None)])
    modes = {one.name: one.stat().st_mode & 0o777 for one in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    catalogue.close()


def test_a_locked_database_is_unavailable_and_works_again_after(path: Path) -> None:
    catalogue = SqliteCatalogue(path, busy_us=1_000)
    saved = CameraSaved(camera=builders.camera(), sealed_login=None)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked"):
        catalogue.write([saved])
    assert catalogue.cameras() == ()
    other.execute("ROLLBACK")
    other.close()
    catalogue.write([saved])
    assert len(catalogue.cameras()) == 1
    catalogue.close()


def test_a_full_database_keeps_all_or_nothing(path: Path) -> None:
    catalogue = SqliteCatalogue(path)
    pages = 40
    with reading(catalogue._engine, path) as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    camera = CameraSaved(camera=builders.camera("small"), sealed_login=None)
    big = CameraSaved(camera=builders.camera("big"), sealed_login=b"x" * pages * 4_096)
    with pytest.raises(Unavailable, match="full"):
        catalogue.write([camera, big])
    assert catalogue.cameras() == ()
    catalogue.write([camera])
    assert [row.camera.id for row in catalogue.cameras()] == ["small"]
    catalogue.close()


def test_a_damaged_database_is_corrupt(path: Path) -> None:
    path.write_bytes(b"this is no database at all. " * 100)
    with pytest.raises(Corrupt):
        SqliteCatalogue(path)


def test_what_was_replaced_is_in_no_file_after_a_checkpoint(path: Path) -> None:
    catalogue = SqliteCatalogue(path)
    secret = b"the login that was replaced" * 20
    camera = builders.camera().id
    picture = CleanPictureSaved(camera=camera, made_at=NOON, sealed=secret, approved_by=None)
    catalogue.write([CameraSaved(camera=builders.camera(), sealed_login=secret), picture])
    catalogue.write([CameraSaved(camera=builders.camera(revision=2), sealed_login=b"new")])
    catalogue.write(
        [CleanPictureSaved(camera=camera, made_at=NOON.plus(1), sealed=b"newer", approved_by=None)]
    )
    catalogue.checkpoint()
    assert all(secret[:27] not in one.read_bytes() for one in path.parent.iterdir())
    catalogue.close()


def test_a_checkpoint_under_a_reader_is_unavailable_and_can_be_repeated(path: Path) -> None:
    catalogue = SqliteCatalogue(path, busy_us=1_000)
    with reading(catalogue._engine, path) as connection:
        connection.exec_driver_sql("SELECT count(*) FROM cameras")
        catalogue.write([CameraSaved(camera=builders.camera(), sealed_login=None)])
        with pytest.raises(Unavailable, match="being read"):
            catalogue.checkpoint()
    catalogue.checkpoint()
    assert path.with_name(path.name + "-wal").stat().st_size == 0
    catalogue.close()


def test_rows_are_there_after_opening_again(path: Path) -> None:
    first = SqliteCatalogue(path)
    first.write([CameraSaved(camera=builders.camera(), sealed_login=b"x")])
    second = SqliteCatalogue(path)
    assert second.cameras() == first.cameras()
    first.close()
    second.close()
