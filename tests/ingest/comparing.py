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
    """Of one access unit, in either form.

    Some MP4 files hold two units behind one length, with a start code between; no unit can hold
    a start code, so they are parted here as every server parts them.
    """
    return tuple(
        hashlib.sha256(unit).hexdigest()
        for stored in nal.units(data, parameter_sets)
        for unit in nal.annex_b_units(b"\x00\x00\x01" + stored)
        if nal.kind_of(unit) in KEPT
    )


def source_digests(clip: Path) -> list[Digests]:
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        sets = bytes(video.codec_context.extradata or b"")
        return [digests(bytes(packet), sets) for packet in container.demux(video) if packet.size]


def write_laps(clip: Path, out: Path, *, laps: int, seconds: float) -> None:
    """The first seconds of a file, bit for bit, several times over in one file."""
    with av.open(str(clip)) as container, av.open(str(out), "w", format="mp4") as target:
        video = container.streams.video[0]
        stream = target.add_stream_from_template(video)
        assert video.time_base is not None
        packets = [packet for packet in container.demux(video) if packet.size]
        first = packets[0].dts or 0
        limit = first + int(seconds / video.time_base)
        packets = [packet for packet in packets if (packet.dts or 0) < limit]
        times = [(packet.pts or 0, packet.dts or 0) for packet in packets]
        lap_ticks = times[-1][1] + (packets[-1].duration or 1) - first
        for lap in range(laps):
            for packet, (pts, dts) in zip(packets, times, strict=True):
                packet.stream = stream
                packet.time_base = video.time_base
                packet.pts, packet.dts = pts + lap * lap_ticks, dts + lap * lap_ticks
                target.mux(packet)


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
