"""Progressive MP4 for export: the camera's own bytes, at their true times.

Source:  ISO/IEC 14496-12 (8.6 time, 8.7 sample tables, 8.6.6 edit list).
"""

from __future__ import annotations

import shutil
import struct
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fairview.core.errors import BadInput, Unavailable
from fairview.core.limits import EXPORT_CHUNK_BYTES
from fairview.core.media import Fragment, Sample, VideoFormat
from fairview.core.time import US_PER_SECOND, Instant
from fairview.record.boxes import box, full_box, movie_header, sample_entry, timescale, track
from fairview.record.fmp4 import decode_steps
from fairview.record.nal import completed, length_prefixed

_SAME_RUN_US_MAX = 250_000
"""Wall clock and camera clock may differ by this much between two fragments of one run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mp4Written:
    """What was written. start_at: the wall-clock time of the file's time zero. gaps: how often
    the camera's clock began anew (after a gap, a jump or a new format)."""

    start_at: Instant
    duration_us: int
    samples: int
    size_bytes: int
    gaps: int


def write_mp4(fragments: Iterable[Fragment], path: Path, *, faststart: bool = False) -> Mp4Written:
    """Write fragments of one stream, in order, as one MP4 file.

    Every NAL unit stays as it is, in order; only Annex B start codes become lengths. Within a run
    presentation times keep the camera's ticks exactly, from 0 at the first picture; a gap shows
    as a picture that lasts until the next one, at its true wall-clock distance. A new format gets
    a sample description of its own. Times that overlap after a clock jump back follow on.

    faststart: put the index in front, for which the file is copied once.

    Errors:  BadInput without fragments, or for a format without parameter sets; Unavailable
    when the file can't be written (what was written of it is removed).
    Cost:    memory of one fragment and some 20 bytes a picture.
    """
    try:
        with path.open("wb") as out:
            movie = _Movie(out)
            for fragment in fragments:
                movie.add(fragment)
            index = movie.close()
        if faststart:
            _index_first(path, movie, index)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise Unavailable(f"can't write {path.name}: {error.strerror}") from error
    except BadInput:
        path.unlink(missing_ok=True)
        raise
    return movie.written(path.stat().st_size)


class _Runs:
    """Run-length pairs of a table: count, value."""

    def __init__(self) -> None:
        self._pairs: list[int] = []

    def add(self, value: int) -> None:
        if self._pairs and self._pairs[-1] == value:
            self._pairs[-2] += 1
        else:
            self._pairs += (1, value)

    def raw(self) -> bytes:
        count = len(self._pairs)
        values = (value & 0xFFFFFFFF for value in self._pairs)
        return struct.pack(f">I{count}I", count // 2, *values)


class _Movie:
    """One track being written. Media times are in units of the first format's time base."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._head = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isomiso2avc1mp41")
        out.write(self._head + struct.pack(">I4sQ", 1, b"mdat", 0))
        self._at = len(self._head) + 16
        self._formats: list[VideoFormat] = []
        self._described: dict[VideoFormat, int] = {}
        self._scale = 0
        self._sizes = array("I")
        self._keys = array("I")
        self._offsets = array("Q")
        self._chunks: list[tuple[int, int, int]] = []
        self._steps = _Runs()
        self._shifts = _Runs()
        self._last: Fragment | None = None
        self._offset = 0
        self._pending_decode = 0
        self._pending_step = 0
        self._shown_first = 0
        self._shown_end = 0
        self._start_at: Instant | None = None
        self._gaps = 0

    def add(self, fragment: Fragment) -> None:
        """Write one fragment's samples."""
        video, description = self._describe(fragment)
        if self._last is None:
            self._start_at = fragment.start_at
            self._scale = timescale(video)
            self._offset = -self._units(video, fragment.samples[0].decode_ticks)
            self._shown_first = self._units(video, fragment.first_ticks) + self._offset
        elif not _continues(self._last, fragment):
            self._gaps += 1
            self._begin_run(fragment)
        self._last = fragment
        if not self._chunks or self._chunks[-1][1:] != (len(fragment.samples), description):
            chunk = len(self._offsets) + 1
            self._chunks.append((chunk, len(fragment.samples), description))
        self._offsets.append(self._at)
        for sample, step in zip(
            fragment.samples, decode_steps(fragment.samples, None), strict=True
        ):
            self._sample(video, sample, step)

    def close(self) -> bytes:
        """Finish the media and write the index behind it; the index as if nothing moved."""
        if self._last is None:
            raise BadInput("there is no footage to write")
        self._steps.add(self._pending_step)
        index = self.index(0)
        self._out.write(index)
        self._out.seek(len(self._head) + 8)
        self._out.write(struct.pack(">Q", self._at - len(self._head)))
        return index

    def index(self, moved_bytes: int) -> bytes:
        """The moov box, with all media moved_bytes further on."""
        last = self._pending_decode + self._pending_step
        shown = self._shown_end - self._shown_first
        edit = struct.pack(">IQqI", 1, shown, self._shown_first, 0x10000)
        edits = box(b"edts", full_box(b"elst", 1, 0, edit)) if self._shown_first else b""
        content = track(
            max(video.width_px for video in self._formats),
            max(video.height_px for video in self._formats),
            durations=(shown, last),
            scale=self._scale,
            tables=self._tables(moved_bytes),
            edits=edits,
        )
        return box(b"moov", movie_header(self._scale, shown), box(b"trak", content))

    def written(self, size_bytes: int) -> Mp4Written:
        assert self._start_at is not None
        shown = self._shown_end - self._shown_first
        return Mp4Written(
            start_at=self._start_at,
            duration_us=shown * US_PER_SECOND // self._scale,
            samples=len(self._sizes),
            size_bytes=size_bytes,
            gaps=self._gaps,
        )

    @property
    def head_bytes(self) -> int:
        return len(self._head)

    @property
    def media_bytes(self) -> int:
        """Of the mdat box, header included."""
        return self._at - len(self._head)

    def _sample(self, video: VideoFormat, sample: Sample, step: int) -> None:
        decode = self._units(video, sample.decode_ticks) + self._offset
        shown = self._units(video, sample.ticks) + self._offset
        if self._sizes:
            passed = decode - self._pending_decode
            if not 0 < passed < 1 << 32:
                raise BadInput("a gap is too long for one MP4 file: export its sides apart")
            self._steps.add(passed)
        data = sample.data if video.codec == "mjpeg" else length_prefixed(video, sample.data)
        self._out.write(data)
        self._at += len(data)
        self._sizes.append(len(data))
        if sample.is_key:
            self._keys.append(len(self._sizes))
        self._shifts.add(shown - decode)
        self._pending_decode, self._pending_step = decode, max(self._units(video, step), 1)
        lasts = self._units(video, sample.duration_ticks) or self._pending_step
        self._shown_end = max(self._shown_end, shown + lasts)

    def _begin_run(self, fragment: Fragment) -> None:
        """Place a run by the wall clock, but never over what is there."""
        assert self._start_at is not None
        video = fragment.format
        passed_us = fragment.start_at.since(self._start_at)
        shown = self._shown_first + _rounded(passed_us * self._scale, US_PER_SECOND)
        offset = shown - self._units(video, fragment.first_ticks)
        free = self._pending_decode + self._pending_step
        decode = self._units(video, fragment.samples[0].decode_ticks)
        self._offset = max(offset, free - decode)

    def _units(self, video: VideoFormat, ticks: int) -> int:
        if video.tick_denominator == self._scale:
            return ticks * video.tick_numerator
        return _rounded(ticks * video.tick_numerator * self._scale, video.tick_denominator)

    def _describe(self, fragment: Fragment) -> tuple[VideoFormat, int]:
        video = fragment.format
        number = self._described.get(video)
        if number is None:
            whole = completed(video, fragment.samples[0].data)
            sample_entry(whole)
            self._formats.append(whole)
            number = self._described[video] = len(self._formats)
        return self._formats[number - 1], number

    def _tables(self, moved_bytes: int) -> bytes:
        entries = b"".join(sample_entry(video) for video in self._formats)
        chunks = b"".join(struct.pack(">III", *chunk) for chunk in self._chunks)
        offsets = array("Q", (offset + moved_bytes for offset in self._offsets))
        return b"".join(
            (
                full_box(b"stsd", 0, 0, struct.pack(">I", len(self._formats)), entries),
                full_box(b"stts", 0, 0, self._steps.raw()),
                full_box(b"ctts", 1, 0, self._shifts.raw()),
                full_box(b"stss", 0, 0, struct.pack(">I", len(self._keys)), _big(self._keys)),
                full_box(b"stsc", 0, 0, struct.pack(">I", len(self._chunks)), chunks),
                full_box(b"stsz", 0, 0, struct.pack(">II", 0, len(self._sizes)), _big(self._sizes)),
                full_box(b"co64", 0, 0, struct.pack(">I", len(offsets)), _big(offsets)),
            )
        )


def _continues(before: Fragment, after: Fragment) -> bool:
    """Whether the camera's clock goes on from one fragment to the next."""
    if after.format != before.format:
        return False
    if after.samples[0].decode_ticks <= before.samples[-1].decode_ticks:
        return False
    ticks_us = after.format.us_of(after.first_ticks - before.first_ticks)
    return abs(after.start_at.since(before.start_at) - ticks_us) <= _SAME_RUN_US_MAX


def _rounded(value: int, by: int) -> int:
    return (2 * value + by) // (2 * by)


def _big(values: array[int]) -> bytes:
    if sys.byteorder == "little":
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def _index_first(path: Path, movie: _Movie, index: bytes) -> None:
    """Copy the file with its index in front of the media."""
    passing = path.with_name(path.name + ".part")
    try:
        with path.open("rb") as source, passing.open("wb") as out:
            out.write(source.read(movie.head_bytes))
            out.write(movie.index(len(index)))
            left = movie.media_bytes
            while left:
                piece = source.read(min(left, EXPORT_CHUNK_BYTES))
                out.write(piece)
                left -= len(piece)
        shutil.move(passing, path)
    finally:
        passing.unlink(missing_ok=True)
