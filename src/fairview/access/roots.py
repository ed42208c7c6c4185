"""Segment roots: every few minutes one leaf over all segment heads since the last (decision 4)."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import sqlalchemy as sa

from fairview.access.door_rows import DoorRows, segment_roots
from fairview.access.journal import Journal
from fairview.access.leaves import SegmentsRoot
from fairview.core.camera import RETENTION_US_DEFAULT
from fairview.core.ids import SegmentId
from fairview.core.limits import ROOT_SEGMENTS_MAX
from fairview.core.media import Segment
from fairview.core.time import US_PER_DAY, Clock
from fairview.store.contracts import Catalogue, RootTaken
from fairview.store.merkle import HASH_BYTES, InclusionProof, prove_head, root_over

_ID_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPlace:
    """Where a segment's head stands: under which leaf, and how it leads to that leaf's root."""

    leaf: int
    proof: InclusionProof


class Roots:
    """Takes roots and remembers what they are over. Safe from several threads."""

    def __init__(
        self, catalogue: Catalogue, journal: Journal, rows: DoorRows, clock: Clock
    ) -> None:
        self._catalogue = catalogue
        self._journal = journal
        self._rows = rows
        self._clock = clock
        self._lock = threading.Lock()

    def take(self) -> RootTaken | None:
        """One leaf over the ended segments that none covers yet; None when there are none.

        A crash between leaf and row leaves a leaf that no row points at, and its segments get
        another one with the next root: they are proved twice, never not at all.
        Errors:  Unavailable.
        """
        with self._lock:
            return self._take()

    def _take(self) -> RootTaken | None:
        found = self._catalogue.segments_without_root(ROOT_SEGMENTS_MAX)
        if not found:
            return None
        segments = sorted(found, key=lambda one: one.id)
        heads = [_head_of(one) for one in segments]
        root = root_over(heads)
        leaf = self._journal.append(SegmentsRoot(root=root.hex(), segments=len(segments)))
        with self._rows.write() as connection:
            connection.execute(
                segment_roots.insert().values(
                    leaf=leaf,
                    taken_at_us=self._clock.now().us,
                    ids=b"".join(bytes.fromhex(one.id) for one in segments),
                    heads=b"".join(heads),
                )
            )
        taken = RootTaken(leaf=leaf, segments=tuple(one.id for one in segments))
        self._catalogue.write([taken])
        return taken

    def place_of(self, segment: SegmentId) -> HeadPlace | None:
        """How an ended segment is proved; None while no root covers it."""
        taken = self._catalogue.root_of(segment)
        if taken is None:
            return None
        with self._rows.read() as connection:
            row = connection.execute(
                sa.select(segment_roots).where(segment_roots.c.leaf == taken.leaf)
            ).one_or_none()
        if row is None:
            return None
        ids = _split(row.ids, _ID_BYTES)
        index = ids.index(bytes.fromhex(segment))
        return HeadPlace(leaf=taken.leaf, proof=prove_head(_split(row.heads, HASH_BYTES), index))

    def forget_old(self) -> None:
        """Drop what no kept segment can need any more."""
        kept_us = max(
            (row.camera.register.retention_us for row in self._catalogue.cameras()),
            default=RETENTION_US_DEFAULT,
        )
        before_us = self._clock.now().us - kept_us - 7 * US_PER_DAY
        with self._rows.write() as connection:
            connection.execute(
                segment_roots.delete().where(segment_roots.c.taken_at_us < before_us)
            )


def _head_of(segment: Segment) -> bytes:
    assert segment.head is not None, "only a segment that has ended has a head"
    return bytes.fromhex(segment.head)


def _split(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]
