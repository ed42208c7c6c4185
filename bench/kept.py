"""What a contender kept, against what it was sent."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import av

from bench.recorder import PRIVATE_HALVES, camera_of
from fairview.core.media import GapBecause, Segment
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.layout import open_data_folder
from fairview.store.sealing import open_key, open_record
from fairview.store.segment_walk import walk

_START = b"\x00\x00\x00\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Pictures by camera, and what was found wrong with any of them."""

    pictures: dict[str, int]
    faults: tuple[str, ...]


def sent_pictures(footage: Path) -> list[bytes]:
    """The loop's pictures as a camera's client should have them: Annex B, parameter sets first."""
    pictures = []
    with av.open(str(footage)) as container:
        stream = container.streams.video[0]
        extra = stream.codec_context.extradata
        assert extra is not None
        size = int.from_bytes(extra[6:8], "big")
        sps, after = extra[8 : 8 + size], 8 + size + 1
        pps = extra[after + 2 : after + 2 + int.from_bytes(extra[after : after + 2], "big")]
        for packet in container.demux(stream):
            if not packet.size:
                continue
            data, at = bytes(packet), 0
            units = [sps, pps] if packet.is_keyframe else []
            while at < len(data):
                length = int.from_bytes(data[at : at + 4], "big")
                units.append(data[at + 4 : at + 4 + length])
                at += 4 + length
            pictures.append(b"".join(_START + unit for unit in units))
    return pictures


def opened(place: Path, cameras: int, pictures: list[bytes]) -> Kept:
    """Open all that our recorders sealed in a folder: found by the catalogue, every digest and
    seal checked, every picture compared with the one that was sent at its place.
    """
    folder = open_data_folder(place / "data")
    private = json.loads((place / PRIVATE_HALVES).read_text())
    blobs = FileBlobs(folder.blobs)
    kept: dict[str, int] = {}
    faults: list[str] = []
    found: set[str] = set()
    with closing(SqliteCatalogue(folder.catalogue)) as catalogue:
        for number in range(cameras):
            rows = catalogue.segments(camera_of(number))
            found.update(row.blob for row in rows)
            samples = (data for row in rows for data in _samples(blobs, row, private, faults))
            kept[str(number)] = _compared(number, samples, pictures, faults)
            # One lies behind the last picture: from there to when the recorder was told to stop.
            gaps = catalogue.gaps(camera_of(number))
            if any(gap.because is not GapBecause.STOPPED for gap in gaps):
                faults.append(f"camera {number} has a gap")
    strays = set(blobs.names()) - found
    if strays:
        faults.append(f"{len(strays)} segments are in no index")
    return Kept(pictures=kept, faults=tuple(faults))


def _samples(
    blobs: FileBlobs, row: Segment, private: dict[str, str], faults: list[str]
) -> Iterable[bytes]:
    size = blobs.size_bytes(row.blob)
    found = walk(lambda start, length: blobs.read(row.blob, start, length), size)
    if found.fault is not None or found.trailer is None or size != row.size_bytes:
        faults.append(f"{row.blob} is not as its row says")
        return
    key = open_key(found.header, bytes.fromhex(private[found.header.key_pair]))
    for record in found.records:
        sealed = blobs.read(row.blob, record.sealed_offset, record.sealed_bytes)
        for sample in open_record(found.header, record, sealed, key).samples:
            yield sample.data


def _compared(
    number: int, samples: Iterable[bytes], pictures: list[bytes], faults: list[str]
) -> int:
    place: int | None = None
    count = 0
    for data in samples:
        if place is None:
            place = pictures.index(data) if data in pictures else 0
        if data != pictures[(place + count) % len(pictures)]:
            faults.append(f"camera {number}: picture {count} differs from the one sent")
            return count
        count += 1
    return count
