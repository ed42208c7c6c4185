"""Scenes, counts and speeds.

Written out, so that it stays what it was when tables.py moves on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "scenes",
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("saved_at_us", sa.Integer, nullable=False),
        sa.Column("saved_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("camera", "revision"),
        sqlite_strict=True,
    )
    op.create_table(
        "counts",
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("start_us", sa.Integer, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("end_us", sa.Integer, nullable=False),
        sa.Column("counted", sa.Integer, nullable=True),
        sa.Column("low", sa.REAL, nullable=True),
        sa.Column("high", sa.REAL, nullable=True),
        sa.Column("observed_frac", sa.REAL, nullable=False),
        sa.PrimaryKeyConstraint("camera", "start_us", "place", "direction", "kind"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "speeds",
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("start_us", sa.Integer, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("end_us", sa.Integer, nullable=False),
        sa.Column("measured", sa.Integer, nullable=False),
        sa.Column("median_kmh", sa.REAL, nullable=False),
        sa.Column("low_kmh", sa.REAL, nullable=False),
        sa.Column("high_kmh", sa.REAL, nullable=False),
        sa.Column("p85_kmh", sa.REAL, nullable=True),
        sa.PrimaryKeyConstraint("camera", "start_us", "place", "kind"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
