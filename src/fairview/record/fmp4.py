"""Fragmented MP4 for live sockets and HLS: bytes are wrapped, never changed. Pure.

Source:  ISO/IEC 14496-12 (8.8), the W3C byte stream format for Media Source Extensions.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

from fairview.core.errors import BadInput
from fairview.core.media import Sample, VideoFormat
from fairview.core.time import US_PER_SECOND
from fairview.record.boxes import box, full_box, movie_header, sample_entry, timescale, track
from fairview.record.nal import decoder_record, length_prefixed

_KEY_FLAGS = 0x02000000
"""Depends on no other sample."""
_OTHER_FLAGS = 0x01010000
"""Depends on others, not a sync sample."""
_TRUN_FIELDS = 0x000F01
"""Data offset; per sample: duration, size, flags, composition offset."""


def init_segment(video: VideoFormat) -> bytes:
    """ftyp and moov for one format. Sent once before its fragments.

    Errors:  BadInput when the format's parameter sets are missing (see nal.completed).
    """
    scale = timescale(video)
    tables = (
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), sample_entry(video))
        + full_box(b"stts", 0, 0, bytes(4))
        + full_box(b"stsc", 0, 0, bytes(4))
        + full_box(b"stsz", 0, 0, bytes(8))
        + full_box(b"stco", 0, 0, bytes(4))
    )
    content = track(video.width_px, video.height_px, durations=(0, 0), scale=scale, tables=tables)
    extends = full_box(b"trex", 0, 0, struct.pack(">IIIII", 1, 1, 0, 0, 0))
    return box(b"ftyp", b"iso6", struct.pack(">I", 1), b"iso6cmfcmp41") + box(
        b"moov", movie_header(scale, 0), box(b"trak", content), box(b"mvex", extends)
    )


def media_fragment(
    video: VideoFormat,
    samples: Sequence[Sample],
    *,
    sequence: int,
    first_decode_ticks: int,
    next_decode_ticks: int | None = None,
) -> bytes:
    """moof and mdat for samples in decoding order.

    Units:   ticks of the format's time base. first_decode_ticks is where the first sample's
             decoding time lies on the player's time line (see `decode_ticks_at`);
             next_decode_ticks the camera's decoding time of the sample that will follow,
             when it is known, so that the last duration is exact.
    Errors:  BadInput without samples, for a negative place or decoding times that step back.
    Cost:    a copy of the sample bytes.
    """
    if not samples:
        raise BadInput("a media fragment needs at least one sample")
    if first_decode_ticks < 0:
        raise BadInput("a media fragment can't be decoded before the time line begins")
    wrap = _as_they_are if video.codec == "mjpeg" else length_prefixed
    media = [wrap(video, sample.data) for sample in samples]
    numerator = video.tick_numerator
    rows: list[int] = []
    for sample, data, step in zip(
        samples, media, decode_steps(samples, next_decode_ticks), strict=True
    ):
        rows += (
            step * numerator,
            len(data),
            _KEY_FLAGS if sample.is_key else _OTHER_FLAGS,
            (sample.ticks - sample.decode_ticks) * numerator & 0xFFFFFFFF,
        )
    run_size = 20 + 4 * len(rows)
    data_offset = 8 + 16 + 8 + 16 + 20 + run_size + 8
    run = struct.pack(f">II{len(rows)}I", len(samples), data_offset, *rows)
    place = struct.pack(">Q", first_decode_ticks * numerator)
    fragment = box(
        b"traf",
        full_box(b"tfhd", 0, 0x020000, struct.pack(">I", 1)),
        full_box(b"tfdt", 1, 0, place),
        full_box(b"trun", 1, _TRUN_FIELDS, run),
    )
    head = box(b"moof", full_box(b"mfhd", 0, 0, struct.pack(">I", sequence & 0xFFFFFFFF)), fragment)
    size = 8 + sum(map(len, media))
    return b"".join((head, struct.pack(">I", size), b"mdat", *media))


def decode_steps(samples: Sequence[Sample], next_decode_ticks: int | None) -> list[int]:
    """How long each sample lasts in decoding time, ticks, at least 1.

    The last one lasts to next_decode_ticks, else as long as it says, else as the one before.
    Errors:  BadInput when decoding times do not increase.
    """
    steps = [later.decode_ticks - sample.decode_ticks for sample, later in pairwise(samples)]
    last = samples[-1]
    if next_decode_ticks is not None:
        steps.append(next_decode_ticks - last.decode_ticks)
    else:
        steps.append(last.duration_ticks or (steps[-1] if steps else 1))
    if min(steps) < 1:
        raise BadInput("decoding times must increase within a fragment")
    return steps


def decode_ticks_at(video: VideoFormat, samples: Sequence[Sample], shown_at_us: int) -> int:
    """first_decode_ticks that shows the earliest presented sample at shown_at_us.

    Leave a second before the first picture: with B-frames decoding begins earlier.
    Units:   shown_at_us on the player's time line; the answer in ticks, rounded down.
    """
    reorder = samples[0].decode_ticks - min(sample.ticks for sample in samples)
    shown = shown_at_us * video.tick_denominator // (video.tick_numerator * US_PER_SECOND)
    return shown + reorder


def mse_codec(video: VideoFormat) -> str:
    """The codec string for Media Source Extensions and HLS, such as avc1.64001f.

    Errors:  BadInput for MJPEG, which browsers do not play this way, or without parameter sets.
    Source:  RFC 6381; ISO/IEC 14496-15 annex E.
    """
    record = decoder_record(video)
    if video.codec == "h264":
        return f"avc1.{record[1]:02x}{record[2]:02x}{record[3]:02x}"
    space = ("", "A", "B", "C")[record[1] >> 6]
    compatible = int(f"{int.from_bytes(record[2:6], 'big'):032b}"[::-1], 2)
    tier = "H" if record[1] & 0x20 else "L"
    constraints = "".join(f".{one:x}" for one in record[6:12].rstrip(b"\x00"))
    return f"hvc1.{space}{record[1] & 0x1F}.{compatible:x}.{tier}{record[12]}{constraints}"


def _as_they_are(video: VideoFormat, data: bytes) -> bytes:
    del video
    return data
