"""A rendered part (our own fragmented MP4) taken apart again, to go into one file. Pure.

Reads only what record/fmp4.py writes: one track, one moof, one trun with all fields.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from fairview.core.errors import Corrupt
from fairview.core.media import Fragment, Sample, VideoFormat
from fairview.core.time import Instant

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf")
_NOT_SYNC = 0x00010000


def fragment_of(init: bytes, media: bytes, origin: Instant) -> Fragment:
    """One part as a fragment. origin: where its media time counts from. Errors: Corrupt."""
    try:
        video = _format(dict(_boxes(init)))
        found = dict(_boxes(media))
        samples = _samples(found)
    except (KeyError, struct.error, IndexError) as error:
        raise Corrupt("a rendered part is not what our own writer makes") from error
    end = max(sample.ticks + sample.duration_ticks for sample in samples)
    first = min(sample.ticks for sample in samples)
    duration_us = video.us_of(end - first)
    return Fragment(
        format=video,
        start_at=origin.plus(video.us_of(first)),
        duration_us=max(1, duration_us),
        samples=samples,
    )


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents, containers opened."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            raise Corrupt("a box of a rendered part is cut short")
        content = data[at + 8 : at + size]
        if name in _CONTAINERS:
            yield from _boxes(content)
        else:
            yield name, content
        at += size


def _format(found: dict[bytes, bytes]) -> VideoFormat:
    entry = found[b"stsd"][8:]
    if entry[4:8] != b"avc1":
        raise Corrupt("a rendered part is H.264")
    width, height = struct.unpack_from(">HH", entry, 8 + 24)
    config = dict(_boxes(entry[8 + 78 :]))[b"avcC"]
    header = found[b"mdhd"]
    scale = struct.unpack_from(">I", header, 20 if header[0] == 1 else 12)[0]
    return VideoFormat(
        codec="h264",
        width_px=width,
        height_px=height,
        tick_numerator=1,
        tick_denominator=scale,
        parameter_sets=config,
    )


def _samples(found: dict[bytes, bytes]) -> tuple[Sample, ...]:
    decode = struct.unpack_from(">Q", found[b"tfdt"], 4)[0]
    run, media = found[b"trun"], found[b"mdat"]
    count = struct.unpack_from(">I", run, 4)[0]
    samples = []
    at = 0
    for number in range(count):
        step, size, flags, shift = struct.unpack_from(">IIIi", run, 12 + 16 * number)
        samples.append(
            Sample(
                ticks=decode + shift,
                decode_ticks=decode,
                duration_ticks=step,
                is_key=not flags & _NOT_SYNC,
                data=media[at : at + size],
            )
        )
        decode += step
        at += size
    if not samples or at != len(media):
        raise Corrupt("a rendered part's sizes do not add up")
    return tuple(samples)
