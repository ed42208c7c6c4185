"""Compares what came through a server with what the file holds, unit by unit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av

from fairview.ingest import nal

KEPT = nal.SLICES | {nal.SEI}
Digests = tuple[str, ...]
"""The pictures and messages (VCL and SEI units) of one access unit, in order, by SHA-256."""


def digests(data: bytes, parameter_sets: bytes) -> Digests:
    return tuple(
        hashlib.sha256(unit.rstrip(b"\x00")).hexdigest()
        for unit in nal.units(data, parameter_sets)
        if nal.kind_of(unit) in KEPT
    )


def source_digests(clip: Path) -> list[Digests]:
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        sets = bytes(video.codec_context.extradata or b"")
        return [digests(bytes(packet), sets) for packet in container.demux(video) if packet.size]


def follows(got: list[Digests], source: list[Digests]) -> int:
    """How many access units in a row equal the source's, read round and round.

    The first is found in the source; it is the caller's to say how many are enough.
    """
    if not got or got[0] not in source:
        return 0
    at = source.index(got[0])
    for count, unit in enumerate(got):
        if unit != source[(at + count) % len(source)]:
            return count
    return len(got)
