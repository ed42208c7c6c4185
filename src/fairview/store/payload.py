"""What is inside a seal: one fragment as bytes, and back. Pure.

Source:  docs/reference/segment-format.md, "What is sealed".
"""

from __future__ import annotations

import struct
from typing import Final

from fairview.core.errors import BadInput, Corrupt
from fairview.core.limits import DECODE_AWAY_US_MAX
from fairview.core.media import Codec, Fragment, Sample, VideoFormat
from fairview.core.time import Instant

_KIND_VIDEO: Final = 1
_CODEC_NUMBERS: Final[dict[Codec, int]] = {
    "h264": 1,
    "hevc": 2,
    "mjpeg": 3,
    "regions": 4,
}
_CODEC_NAMES: Final[dict[int, Codec]] = {number: codec for codec, number in _CODEC_NUMBERS.items()}
_FORMAT = struct.Struct(">BBHHIII")
_COUNT = struct.Struct(">I")
_SAMPLE = struct.Struct(">qqIIB")
_FLAG_KEY: Final = 1


def fragment_parts(fragment: Fragment) -> tuple[bytes, ...]:
    """The payload in order: one small index, then each sample's own bytes, nothing copied.

    Joined, the parts are the payload of the format page.

    Errors:  BadInput when a number does not fit its field, or a sample can't be shown.
    """
    _refuse_unshowable(fragment)
    form = fragment.format
    try:
        index = [
            _FORMAT.pack(
                _KIND_VIDEO,
                _CODEC_NUMBERS[form.codec],
                form.width_px,
                form.height_px,
                form.tick_numerator,
                form.tick_denominator,
                len(form.parameter_sets),
            ),
            form.parameter_sets,
            _COUNT.pack(len(fragment.samples)),
        ]
        index += [
            _SAMPLE.pack(
                sample.ticks,
                sample.decode_ticks,
                sample.duration_ticks,
                len(sample.data),
                _FLAG_KEY if sample.is_key else 0,
            )
            for sample in fragment.samples
        ]
    except struct.error as error:
        raise BadInput(f"a number in a fragment does not fit the sealed format: {error}") from error
    return (b"".join(index), *(sample.data for sample in fragment.samples))


def read_fragment(payload: bytes, *, start_at: Instant, duration_us: int) -> Fragment:
    """The fragment a payload holds; its start and duration stand in the record header.

    Errors:  Corrupt when sizes do not add up, a number is unknown, bytes are left over, or a
    sample can't be shown within the record's time.
    """
    try:
        fragment = _read(payload, start_at, duration_us)
        _refuse_unshowable(fragment)
        return fragment
    except struct.error as error:
        raise Corrupt("a sealed fragment is shorter than its own index says") from error
    except BadInput as error:
        raise Corrupt("a sealed fragment holds values that cannot be true") from error


def _refuse_unshowable(fragment: Fragment) -> None:
    """Errors:  BadInput for a sample without bytes, shown behind the fragment's end, decoded far
    away from it or not after the one before it; and for an end that is no moment."""
    form, first, end_us = fragment.format, fragment.first_ticks, fragment.duration_us
    fragment.start_at.plus(end_us)
    before: int | None = None
    for sample in fragment.samples:
        if not sample.data:
            raise BadInput("a sample without bytes is not a picture")
        if form.us_of(sample.ticks - first) > end_us:
            raise BadInput("a sample is shown behind the end of its fragment")
        if before is not None and sample.decode_ticks <= before:
            raise BadInput("decoding times must increase within a fragment")
        before = sample.decode_ticks
        if abs(form.us_of(before - first)) > DECODE_AWAY_US_MAX:
            raise BadInput("a sample is decoded far away from its fragment")


def _read(payload: bytes, start_at: Instant, duration_us: int) -> Fragment:
    kind, codec, width_px, height_px, numerator, denominator, sets_bytes = _FORMAT.unpack_from(
        payload
    )
    if kind != _KIND_VIDEO:
        raise Corrupt(f"a sealed fragment of kind {kind} is unknown: only video is ever sealed")
    if codec not in _CODEC_NAMES:
        raise Corrupt(f"a sealed fragment's codec number {codec} is unknown")
    at = _FORMAT.size + sets_bytes
    (count,) = _COUNT.unpack_from(payload, at)
    index_at = at + _COUNT.size
    data_at = index_at + count * _SAMPLE.size
    if count == 0 or data_at > len(payload):
        raise Corrupt("a sealed fragment's sample count does not fit its size")
    samples = []
    for ticks, decode_ticks, duration_ticks, size, flags in _SAMPLE.iter_unpack(
        memoryview(payload)[index_at:data_at]
    ):
        if flags & ~_FLAG_KEY:
            raise Corrupt("a sealed fragment carries flags that are unknown")
        if data_at + size > len(payload):
            raise Corrupt("a sealed fragment's samples are longer than its bytes")
        samples.append(
            Sample(
                ticks=ticks,
                decode_ticks=decode_ticks,
                duration_ticks=duration_ticks,
                is_key=bool(flags & _FLAG_KEY),
                data=payload[data_at : data_at + size],
            )
        )
        data_at += size
    if data_at != len(payload):
        raise Corrupt("a sealed fragment has bytes after its last sample")
    return Fragment(
        format=VideoFormat(
            codec=_CODEC_NAMES[codec],
            width_px=width_px,
            height_px=height_px,
            tick_numerator=numerator,
            tick_denominator=denominator,
            parameter_sets=payload[_FORMAT.size : at],
        ),
        start_at=start_at,
        duration_us=duration_us,
        samples=tuple(samples),
    )
