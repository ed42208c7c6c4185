"""The first tables: cameras, segments, gaps, events, clean pictures, roots.

Written out, so that it stays what it was when tables.py moves on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Footage that was recorded is never given up for an older program: there is no way back."""
    _cameras()
    _segments()
    _gaps_and_events()
    _clean_pictures()


def _cameras() -> None:
    op.create_table(
        "cameras",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("sealed_login", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_table(
        "camera_revisions",
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("camera", "revision"),
        sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
        sqlite_strict=True,
    )


def _segments() -> None:
    op.create_table(
        "segments",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("start_us", sa.Integer, nullable=False),
        sa.Column("end_us", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.Integer, nullable=False),
        sa.Column("fragments", sa.Integer, nullable=False),
        sa.Column("key_pair", sa.Text, nullable=False),
        sa.Column("blob", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=True),
        sa.Column("ended_because", sa.Integer, nullable=True),
        sa.Column("leaf", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("segments_in_time", "segments", ["camera", "stream", "start_us", "end_us"])
    op.create_index(
        "segments_open", "segments", ["camera"], sqlite_where=sa.text("ended_because IS NULL")
    )
    op.create_index(
        "segments_without_leaf",
        "segments",
        ["start_us"],
        sqlite_where=sa.text("leaf IS NULL AND ended_because IS NOT NULL"),
    )
    op.create_table(
        "segment_roots",
        sa.Column("leaf", sa.Integer, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("segment", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("leaf", "place"),
        sqlite_strict=True,
    )
    op.create_index("segment_roots_by_segment", "segment_roots", ["segment"])


def _gaps_and_events() -> None:
    op.create_table(
        "gaps",
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("start_us", sa.Integer, nullable=False),
        sa.Column("end_us", sa.Integer, nullable=False),
        sa.Column("because", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("camera", "stream", "start_us"),
        sqlite_strict=True,
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("at_us", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("camera", sa.Text, nullable=True),
        sa.Column("because", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_strict=True,
    )
    op.create_index("events_in_time", "events", ["at_us"])


def _clean_pictures() -> None:
    op.create_table(
        "clean_pictures",
        sa.Column("camera", sa.Text, nullable=False),
        sa.Column("made_at_us", sa.Integer, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("approved_by", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("camera", "made_at_us"),
        sqlite_strict=True,
    )
