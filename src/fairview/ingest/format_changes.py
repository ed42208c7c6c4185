"""When a stream changes its format on the way: another size, other parameter sets. Pure.

A decoder has to begin anew there, so a new segment begins too. Key frames tell: H.264 and H.265
bring their parameter sets with them, or the container announces a new decoder record; a JPEG
picture says its size itself. Pictures coming faster or slower is no change of format: each has a
time of its own.

Source:  ISO/IEC 14496-15 5.3.3.1 (avcC), 8.3.3.1 (hvcC).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from fairview.core.errors import BadInput
from fairview.core.media import VideoFormat
from fairview.ingest import hevc, jpeg, nal

START = b"\x00\x00\x00\x01"
_HEVC_SETS = frozenset({hevc.VPS, hevc.SPS, hevc.PPS})
_RECORD = b"\x01"
"""First byte of a decoder record; Annex B begins with a start code."""


def format_after(form: VideoFormat, key_frame: bytes, announced: bytes) -> VideoFormat:
    """The format from a key frame on; the same object when nothing changed.

    announced: a new decoder record that came with it; empty: none did.
    Errors:  BadInput when new parameter sets can't be read.
    """
    if form.codec == "mjpeg":
        with suppress(BadInput):  # a damaged picture changes nothing
            return _sized(form, jpeg.picture_size(key_frame), form.parameter_sets)
        return form
    if announced and announced != form.parameter_sets:
        size = _size_of(form, announced)
        return form if size is None else _sized(form, size, announced)
    if form.codec == "h264":
        brought = nal.changed_sets(key_frame, form.parameter_sets)
    else:
        brought = changed_hevc_sets(key_frame, form.parameter_sets)
    if brought is None:
        return form
    size = _size_of(form, brought)
    return form if size is None else _sized(form, size, brought)


def changed_hevc_sets(data: bytes, parameter_sets: bytes) -> bytes | None:
    """New H.265 parameter sets (Annex B) that a key frame brings; None when they are known."""
    if parameter_sets[:1] == _RECORD:
        return None
    brought: list[bytes] = []
    for unit in nal.annex_b_units(data):
        if hevc.kind_of(unit) < 32:
            break
        if hevc.kind_of(unit) in _HEVC_SETS:
            brought.append(unit)
    if not any(hevc.kind_of(unit) == hevc.SPS for unit in brought):
        return None
    if set(brought) <= set(nal.annex_b_units(parameter_sets)):
        return None
    return b"".join(START + unit for unit in brought)


def _sized(form: VideoFormat, size: nal.PictureSize, parameter_sets: bytes) -> VideoFormat:
    width, height = size.width_px, size.height_px
    if (form.width_px, form.height_px, form.parameter_sets) == (width, height, parameter_sets):
        return form
    return replace(form, width_px=width, height_px=height, parameter_sets=parameter_sets)


def _size_of(form: VideoFormat, sets: bytes) -> nal.PictureSize | None:
    """The picture's size by its sequence parameter set; None when there is none."""
    is_h264 = form.codec == "h264"
    if sets[:1] == _RECORD:
        units = _avc_record(sets) if is_h264 else _hevc_record(sets)
    else:
        units = nal.annex_b_units(sets)
    for unit in units:
        if is_h264 and nal.kind_of(unit) == nal.SPS:
            return nal.picture_size(unit)
        if not is_h264 and hevc.kind_of(unit) == hevc.SPS:
            return hevc.sequence(unit).size
    return None


def _avc_record(record: bytes) -> Iterator[bytes]:
    """The sequence parameter sets of an avcC record."""
    at = 6
    for _ in range(record[5] & 0x1F if len(record) > 5 else 0):
        yield _sized_unit(record, at)
        at += 2 + int.from_bytes(record[at : at + 2], "big")


def _hevc_record(record: bytes) -> Iterator[bytes]:
    """All units of an hvcC record."""
    at = 23
    for _ in range(record[22] if len(record) > 22 else 0):
        count = int.from_bytes(record[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            yield _sized_unit(record, at)
            at += 2 + int.from_bytes(record[at : at + 2], "big")


def _sized_unit(record: bytes, at: int) -> bytes:
    length = int.from_bytes(record[at : at + 2], "big")
    unit = record[at + 2 : at + 2 + length]
    if not unit or len(unit) < length:
        raise BadInput("the camera's decoder record is cut short")
    return unit
