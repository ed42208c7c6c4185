"""The catalogue's tables: upgraded equals new, every column explained, nobody in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from fairview.core.errors import BadInput
from fairview.store.schema.tables import metadata
from fairview.store.schema.upgrade import NEWEST, bring_up_to_date, upgrade_from_older
from fairview.store.sqlite import open_engine, reading, writing

_FORBIDDEN = re.compile(
    r"face|plate|person|embedding|vector|feature|identity|biometric|gender|age\b|ethnic|emotion|"
    r"owner|fine\b|recipient|name|track|audio"
)


def _schema(path: Path, *, by_upgrades: bool) -> list[tuple[str, ...]]:
    engine = open_engine(path)
    with writing(engine, path) as connection:
        if by_upgrades:
            upgrade_from_older(connection)
        else:
            bring_up_to_date(connection)
    with writing(engine, path) as connection:
        bring_up_to_date(connection)
    with reading(engine, path) as connection:
        rows = connection.exec_driver_sql(
            "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master "
            "UNION ALL SELECT 'version', version_num, '', '' FROM alembic_version"
        ).all()
    engine.dispose()
    return sorted(
        (
            row[0],
            row[1],
            row[2],
            re.sub(r"[\s\"]+", " ", row[3]).replace(" )", ")").replace("( ", "("),
        )
        for row in rows
    )


def test_an_upgraded_database_equals_a_new_one(tmp_path: Path) -> None:
    made = _schema(tmp_path / "made", by_upgrades=False)
    assert _schema(tmp_path / "upgraded", by_upgrades=True) == made
    assert ("version", NEWEST, "", "") in made


def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    engine = open_engine(path)
    with writing(engine, path) as connection:
        bring_up_to_date(connection)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with (
        pytest.raises(BadInput, match="newer"),
        writing(engine, path) as connection,
    ):
        bring_up_to_date(connection)
    engine.dispose()


def test_a_foreign_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    engine = open_engine(path)
    with writing(engine, path) as connection:
        connection.exec_driver_sql("CREATE TABLE holidays (a)")
    with pytest.raises(BadInput, match="not made by"), writing(engine, path) as connection:
        bring_up_to_date(connection)
    engine.dispose()


def test_every_table_and_column_says_what_it_holds() -> None:
    for table in metadata.sorted_tables:
        assert table.comment
        for column in table.columns:
            assert column.comment, f"{table.name}.{column.name}"
            assert column.comment.endswith(".") or ". " in column.comment


def test_no_column_has_a_place_for_a_person() -> None:
    names = [
        f"{table.name} {column.name}" for table in metadata.sorted_tables for column in table.c
    ]
    assert [name for name in names if _FORBIDDEN.search(name)] == []


def test_every_time_and_size_carries_its_unit() -> None:
    whole = {"revision", "fragments", "ended_because", "leaf", "place", "counted", "measured"}
    for table in metadata.sorted_tables:
        for column in table.c:
            if isinstance(column.type, sa.Integer) and column.name not in whole:
                assert column.name.endswith(("_us", "_bytes")), f"{table.name}.{column.name}"
