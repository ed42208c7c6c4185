"""The catalogue's tables. Each column says what it holds, in which unit, and why.

One row per camera, segment, gap, event, clean picture, scene and count bin; never per fragment,
frame or point.
No column holds who a person is, how someone looks, or what a number plate says.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

metadata = sa.MetaData()


def _column(name: str, kind: type[sa.types.TypeEngine[Any]], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, comment=comment)


def _optional(name: str, kind: type[sa.types.TypeEngine[Any]], comment: str) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True, comment=comment)


cameras = sa.Table(
    "cameras",
    metadata,
    _column("id", sa.Text, "The camera's name, as in core.ids.CameraId."),
    _column("revision", sa.Integer, "The newest revision; its text stands in camera_revisions."),
    _optional(
        "sealed_login",
        sa.LargeBinary,
        "User name and password for the camera, sealed by store/secrets.py; null without login. "
        "Only the newest is kept.",
    ),
    sa.PrimaryKeyConstraint("id"),
    comment="Cameras, also those no longer in use.",
    sqlite_strict=True,
)

camera_revisions = sa.Table(
    "camera_revisions",
    metadata,
    _column("camera", sa.Text, "Whose revision."),
    _column("revision", sa.Integer, "Counted from 1; an old event keeps its old geometry."),
    _column(
        "body",
        sa.Text,
        "The whole core.camera.Camera as JSON: title, sources without logins, register entry, "
        "zones, commissioning.",
    ),
    sa.PrimaryKeyConstraint("camera", "revision"),
    sa.ForeignKeyConstraint(["camera"], ["cameras.id"]),
    comment="Every revision of every camera.",
    sqlite_strict=True,
)

segments = sa.Table(
    "segments",
    metadata,
    _column("id", sa.Text, "32 hexadecimal digits, random."),
    _column("camera", sa.Text, "Whose footage. Not a foreign key: recording waits for nothing."),
    _column("stream", sa.Text, "main, sub or cover."),
    _column("start_us", sa.Integer, "First moment, microseconds since 1970 UTC."),
    _column("end_us", sa.Integer, "First moment after it; grows while the segment is open."),
    _column("size_bytes", sa.Integer, "Readable bytes of the blob; grows while it is open."),
    _column("fragments", sa.Integer, "Records in the blob; grows while it is open."),
    _column("key_pair", sa.Text, "The camera-hour's key pair its key is wrapped to, 32 hex."),
    _column("blob", sa.Text, "The blob's name; the blob was durable before this row."),
    _optional("head", sa.Text, "SHA-256 chain head over its records, 64 hex; null while open."),
    _optional("ended_because", sa.Integer, "core.media.EndedBecause; null while open."),
    _optional("leaf", sa.Integer, "The ledger leaf over its head; null until one is taken."),
    sa.PrimaryKeyConstraint("id"),
    comment="About a minute of one stream each, in one sealed blob.",
    sqlite_strict=True,
)

sa.Index(
    "segments_in_time",
    segments.c.camera,
    segments.c.stream,
    segments.c.start_us,
    segments.c.end_us,
)
sa.Index("segments_open", segments.c.camera, sqlite_where=segments.c.ended_because.is_(sa.null()))
sa.Index(
    "segments_without_leaf",
    segments.c.start_us,
    sqlite_where=sa.and_(
        segments.c.leaf.is_(sa.null()), segments.c.ended_because.is_not(sa.null())
    ),
)

segment_roots = sa.Table(
    "segment_roots",
    metadata,
    _column("leaf", sa.Integer, "Number of the ledger leaf that holds the Merkle root."),
    _column("place", sa.Integer, "Place of the segment under that root, from 0."),
    _column("segment", sa.Text, "The segment's id; its own row may be gone already."),
    _column("head", sa.Text, "Its chain head, 64 hex: proofs of its neighbours need it."),
    sa.PrimaryKeyConstraint("leaf", "place"),
    comment="What stands under each leaf; a leaf goes when its last segment has gone.",
    sqlite_strict=True,
)
sa.Index("segment_roots_by_segment", segment_roots.c.segment)

gaps = sa.Table(
    "gaps",
    metadata,
    _column("camera", sa.Text, "Whose gap."),
    _column("stream", sa.Text, "main, sub or cover."),
    _column("start_us", sa.Integer, "First moment without footage, microseconds since 1970 UTC."),
    _column("end_us", sa.Integer, "First moment after it; moved on while the gap lasts."),
    _column("because", sa.Text, "core.media.GapBecause."),
    sa.PrimaryKeyConstraint("camera", "stream", "start_us"),
    comment="Absence as data: when nothing was recorded, and why.",
    sqlite_strict=True,
)

events = sa.Table(
    "events",
    metadata,
    _column("id", sa.Text, "SHA-256 of the rest, so that a repeat is told from a new one."),
    _column("at_us", sa.Integer, "When, microseconds since 1970 UTC."),
    _column("kind", sa.Text, "A kind of docs/reference/events.md."),
    _optional("camera", sa.Text, "Which camera; null for the node itself."),
    _column("because", sa.Text, "The cause in words, about machines and never about people."),
    sa.PrimaryKeyConstraint("id"),
    comment="Changes in how well something works.",
    sqlite_strict=True,
)
sa.Index("events_in_time", events.c.at_us)

clean_pictures = sa.Table(
    "clean_pictures",
    metadata,
    _column("camera", sa.Text, "Whose picture."),
    _column("made_at_us", sa.Integer, "When it was made, microseconds since 1970 UTC."),
    _column("sealed", sa.LargeBinary, "The picture, sealed by the door."),
    _optional("approved_by", sa.Text, "The actor who approved it; null while it waits."),
    sa.PrimaryKeyConstraint("camera", "made_at_us"),
    comment="The empty scene under silhouettes: the newest approved and the newest waiting one.",
    sqlite_strict=True,
)

scenes = sa.Table(
    "scenes",
    metadata,
    _column("camera", sa.Text, "Whose scene."),
    _column("revision", sa.Integer, "Counted from 1; old counts keep their lines."),
    _column("body", sa.Text, "The text of scene.toml: lines, zones, lanes and the ground."),
    _column("saved_at_us", sa.Integer, "When, microseconds since 1970 UTC."),
    _column("saved_by", sa.Text, "The actor who saved it."),
    sa.PrimaryKeyConstraint("camera", "revision"),
    comment="What each camera looks at, every revision.",
    sqlite_strict=True,
)

counts = sa.Table(
    "counts",
    metadata,
    _column("camera", sa.Text, "Whose count."),
    _column("start_us", sa.Integer, "First moment of the bin, microseconds since 1970 UTC."),
    _column("place", sa.Text, "The line or flow of the scene."),
    _column("direction", sa.Text, "forward or backward over a line; empty for a flow."),
    _column("kind", sa.Text, "A class of core.sight.KINDS."),
    _column("end_us", sa.Integer, "First moment after the bin."),
    _optional("counted", sa.Integer, "How many, uncorrected; null when nothing was looked at."),
    _optional("low", sa.REAL, "The true number is at least this (95 %); null: never measured."),
    _optional("high", sa.REAL, "And at most this."),
    _column("observed_frac", sa.REAL, "Share of the bin that was looked at, 0 to 1."),
    sa.PrimaryKeyConstraint("camera", "start_us", "place", "direction", "kind"),
    comment="Road users counted, by bin, place and class; nothing about any one of them.",
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

speeds = sa.Table(
    "speeds",
    metadata,
    _column("camera", sa.Text, "Whose measurement."),
    _column("start_us", sa.Integer, "First moment of the bin, microseconds since 1970 UTC."),
    _column("place", sa.Text, "The line of the scene."),
    _column("kind", sa.Text, "A class of core.sight.KINDS."),
    _column("end_us", sa.Integer, "First moment after the bin."),
    _column("measured", sa.Integer, "How many speeds the figures are made of."),
    _column("median_kmh", sa.REAL, "Their median."),
    _column("low_kmh", sa.REAL, "The median is at least this (95 %)."),
    _column("high_kmh", sa.REAL, "And at most this."),
    _optional("p85_kmh", sa.REAL, "85 % stay below it; null when fewer than 5 were measured."),
    sa.PrimaryKeyConstraint("camera", "start_us", "place", "kind"),
    comment="Speeds at lines, by bin and class; never of one road user.",
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
