"""Brings a catalogue's file to the newest version of its tables."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from fairview.core.errors import BadInput
from fairview.store.schema.tables import metadata

NEWEST = "0002"
"""The last upgrade under upgrades/versions; a test holds it to that."""

_VERSION_TABLE = "alembic_version"
_SCRIPTS = Path(__file__).parent / "upgrades"


def bring_up_to_date(connection: sa.Connection) -> None:
    """Make the tables in an empty database, or run the upgrades an older one lacks.

    Runs inside the caller's transaction: all of it or nothing. Made afresh and upgraded give the
    same database (tests/store/test_schema.py).

    Errors:  BadInput when a newer Fairview made the database, or it is not ours.
    """
    tables = set(sa.inspect(connection).get_table_names())
    if not tables:
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
    if _VERSION_TABLE not in tables:
        raise BadInput("this database was not made by Fairview; use another --data folder")
    version = connection.exec_driver_sql(
        f"SELECT version_num FROM {_VERSION_TABLE}"  # noqa: S608  # our constant
    ).scalar()
    if version != NEWEST:
        upgrade_from_older(connection)


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
