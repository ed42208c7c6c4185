"""Segment roots: every few minutes one leaf over all segment heads since the last (decision 4)."""

from __future__ import annotations

from fairview.access.journal import Journal
from fairview.access.leaves import SegmentsRoot
from fairview.core.limits import ROOT_SEGMENTS_MAX
from fairview.core.media import Segment
from fairview.store.contracts import Catalogue, RootTaken
from fairview.store.merkle import root_over


def take_root(catalogue: Catalogue, journal: Journal) -> RootTaken | None:
    """One leaf over the ended segments that none covers yet; None when there are none.

    A crash between leaf and row leaves a leaf that no row points at, and its segments get
    another one with the next root: they are proved twice, never not at all.
    Errors:  Unavailable.
    """
    segments = sorted(catalogue.segments_without_root(ROOT_SEGMENTS_MAX), key=lambda one: one.id)
    if not segments:
        return None
    root = root_over([head_of(one) for one in segments])
    leaf = journal.append(SegmentsRoot(root=root.hex(), segments=len(segments)))
    taken = RootTaken(leaf=leaf, segments=tuple(one.id for one in segments))
    catalogue.write([taken])
    return taken


def head_of(segment: Segment) -> bytes:
    """The 32-byte chain head of an ended segment."""
    assert segment.head is not None, "only a segment that has ended has a head"
    return bytes.fromhex(segment.head)
