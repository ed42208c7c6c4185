"""Brings a catalogue's file to the newest version of its tables, and tells versions apart."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from fairview.core.errors import BadInput, Conflict, Corrupt
from fairview.store.schema.tables import metadata

NEWEST = "0002"
"""The last upgrade under upgrades/versions; a test holds it to that."""

_VERSION_TABLE = "alembic_version"
_SCRIPTS = Path(__file__).parent / "upgrades"


def bring_up_to_date(connection: sa.Connection) -> None:
    """Make the tables in an empty database; leave one of the newest version as it is.

    Runs inside the caller's transaction: all of it or nothing. Made afresh and upgraded give the
    same database (tests/store/test_schema.py).

    Errors:  BadInput when a newer Fairview made the database, or it is not ours; Conflict for an
    older one, which only `fairview upgrade` changes.
    """
    if not sa.inspect(connection).get_table_names():
        metadata.create_all(connection)
        connection.exec_driver_sql(
            f"CREATE TABLE {_VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
            f"CONSTRAINT {_VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
        )
        connection.exec_driver_sql(
            f"INSERT INTO {_VERSION_TABLE} (version_num) VALUES (?)",  # noqa: S608  # our constant
            (NEWEST,),
        )
        return
    version = version_of(connection)
    if version != NEWEST:
        raise Conflict(
            f"the catalogue is of version {version}, this Fairview's is {NEWEST}: bring it up to "
            "date with `fairview upgrade`"
        )


def known_versions() -> tuple[str, ...]:
    """Every version there was, oldest first, by the files under upgrades/versions."""
    return tuple(sorted(path.name[1:5] for path in _SCRIPTS.glob("versions/v*.py")))


def version_of(connection: sa.Connection) -> str:
    """The version of a catalogue's tables.

    Errors:  BadInput for a database that is not ours, or of a version that is not known here.
    """
    if _VERSION_TABLE not in sa.inspect(connection).get_table_names():
        raise BadInput("this database was not made by Fairview; use another --data folder")
    version = connection.exec_driver_sql(
        f"SELECT version_num FROM {_VERSION_TABLE}"  # noqa: S608  # our constant
    ).scalar()
    if version not in known_versions():
        raise BadInput(
            f"the catalogue (version {version}) was made by a newer Fairview, this one knows up "
            f"to {NEWEST}; use that version (format.json beside it names it)"
        )
    return str(version)


def upgrade(connection: sa.Connection) -> None:
    """Bring an older catalogue to the newest version, inside the caller's transaction, and compare
    it with a fresh one, table by table.

    Errors:  BadInput as `version_of`; Corrupt when it came out otherwise than a fresh one.
    """
    if version_of(connection) != NEWEST:
        upgrade_from_older(connection)
    fresh = sa.create_engine("sqlite://")
    try:
        with fresh.begin() as empty:
            bring_up_to_date(empty)
            wanted = tables_of(empty)
    finally:
        fresh.dispose()
    found = tables_of(connection)
    wrong = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
    if wrong:
        raise Corrupt(
            f"the upgraded catalogue differs from a fresh one in {', '.join(wrong)}: nothing was "
            "changed; keep the folder and make its catalogue anew with `fairview check --rebuild`"
        )


def tables_of(connection: sa.Connection) -> dict[str, tuple[object, ...]]:
    """What SQLite keeps of each table: columns, keys, indexes, foreign keys, strictness.

    Comments are not among it (SQLite has none): they stand in tables.py alone, so an upgraded
    catalogue and a fresh one share them.
    """
    listed = connection.exec_driver_sql("PRAGMA table_list").mappings().all()
    return {
        str(row["name"]): _table(connection, str(row["name"]), (row["strict"], row["wr"]))
        for row in listed
        if not str(row["name"]).startswith("sqlite_")
    }


def _table(connection: sa.Connection, name: str, kinds: tuple[object, ...]) -> tuple[object, ...]:
    def asked(pragma: str, of: str) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.exec_driver_sql(f'PRAGMA {pragma}("{of}")')]

    indexes = []
    for _, index, is_unique, origin, is_partial in asked("index_list", name):
        where = connection.exec_driver_sql(
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", (index,)
        ).scalar()
        condition = (where or "").partition(" WHERE ")[2]
        columns = tuple(asked("index_xinfo", str(index)))
        indexes.append((str(index), is_unique, origin, is_partial, columns, condition))
    return (
        kinds,
        tuple(asked("table_xinfo", name)),
        tuple(sorted(asked("foreign_key_list", name))),
        tuple(sorted(indexes, key=lambda one: one[0])),
    )


def upgrade_from_older(connection: sa.Connection) -> None:
    """Run what Alembic finds between the database's version and the newest.

    Errors:  BadInput for a version this program does not know.
    """
    # Alembic takes a third of a second to import; only an upgrade pays it.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)

    def steps(version: tuple[str, ...], _: MigrationContext) -> list[RevisionStep]:
        return scripts._upgrade_revs(NEWEST, version)  # type: ignore[arg-type]  # as alembic.command.upgrade passes it

    with EnvironmentContext(config, scripts, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        try:
            environment.run_migrations()
        except CommandError as error:
            raise BadInput(
                "the catalogue was made by a newer Fairview; use that version"
            ) from error
