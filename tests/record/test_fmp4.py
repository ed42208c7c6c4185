from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.core.media import Codec, Sample, VideoFormat
from fairview.record.fmp4 import decode_ticks_at, init_segment, media_fragment, mse_codec
from fairview.record.nal import (
    annex_b,
    completed,
    decoder_record,
    length_prefixed,
    nal_units,
    split_annex_b,
    with_lengths,
)
from tests.builders import video_format
from tests.record.pictures import Coded, coded, need_shared_videos, read

KINDS = [
    ("h264", 0, False),
    ("h264", 2, False),
    ("h264", 2, True),
    ("hevc", 0, False),
    ("hevc", 2, False),
    ("hevc", 2, True),
]


def in_fragments(stream: Coded, size: int, *, offset: int) -> bytes:
    parts = [init_segment(stream.format)]
    shift = offset - stream.samples[0].decode_ticks
    for number in range(0, len(stream.samples), size):
        some = stream.samples[number : number + size]
        later = stream.samples[number + size : number + size + 1]
        parts.append(
            media_fragment(
                stream.format,
                some,
                sequence=number + 1,
                first_decode_ticks=some[0].decode_ticks + shift,
                next_decode_ticks=later[0].decode_ticks if later else None,
            )
        )
    return b"".join(parts)


def assert_same(stream: Coded, again: Coded, *, offset: int) -> None:
    shift = offset - stream.samples[0].decode_ticks
    assert len(again.samples) == len(stream.samples)
    for before, after in zip(stream.samples, again.samples, strict=True):
        assert after.ticks == before.ticks + shift
        assert after.decode_ticks == before.decode_ticks + shift
        assert after.is_key == before.is_key
        assert nal_units(again.format, after.data) == nal_units(stream.format, before.data)


@pytest.mark.parametrize(("codec", "b_frames", "in_mp4"), KINDS)
def test_fragments_hold_every_nal_unit_and_time(codec: Codec, b_frames: int, in_mp4: bool) -> None:
    stream = coded(codec=codec, b_frames=b_frames, in_mp4=in_mp4)
    offset = stream.format.tick_denominator
    again = read(in_fragments(stream, 7, offset=offset))
    assert (again.format.width_px, again.format.height_px) == (96, 64)
    assert_same(stream, again, offset=offset)


def test_fragments_decode_to_every_picture() -> None:
    stream = coded(b_frames=2)
    with av.open(io.BytesIO(in_fragments(stream, 25, offset=90_000)), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 50


@pytest.mark.slow
def test_real_clips_keep_their_nal_units_and_times() -> None:
    for path in need_shared_videos():
        stream = read(Path(path))
        stream = replace(stream, samples=stream.samples[:200])
        offset = 2 * stream.format.tick_denominator
        assert_same(stream, read(in_fragments(stream, 30, offset=offset)), offset=offset)


def test_mse_codec_strings_name_profile_and_level() -> None:
    stream = coded()
    record = decoder_record(stream.format)
    assert mse_codec(stream.format) == f"avc1.{record[1:4].hex()}"
    assert mse_codec(coded(codec="hevc").format).startswith("hvc1.1.6.L")
    with pytest.raises(BadInput, match="MJPEG"):
        mse_codec(video_format(codec="mjpeg", parameter_sets=b""))


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_decoder_record_equals_the_one_ffmpeg_writes(codec: Codec) -> None:
    plain, muxed = coded(codec=codec), coded(codec=codec, in_mp4=True)
    ours, theirs = decoder_record(plain.format), muxed.format.parameter_sets
    if codec == "h264":
        assert ours == theirs
    else:
        assert ours[:13] == theirs[:13]
        assert ours[16:19] == theirs[16:19]


def test_parameter_sets_are_taken_from_a_key_sample_when_missing() -> None:
    stream = coded()
    without = replace(stream.format, parameter_sets=b"")
    with pytest.raises(BadInput, match="parameter sets"):
        init_segment(without)
    sets = b"".join(
        b"\x00\x00\x00\x01" + unit for unit in split_annex_b(stream.format.parameter_sets)
    )
    found = completed(without, sets + stream.samples[0].data)
    assert decoder_record(found) == decoder_record(stream.format)
    assert completed(found, b"") is found


def test_shown_time_places_the_earliest_picture() -> None:
    stream = coded(b_frames=2)
    some = stream.samples[:25]
    place = decode_ticks_at(stream.format, some, 5_000_000)
    fragment = media_fragment(stream.format, some, sequence=1, first_decode_ticks=place)
    again = read(init_segment(stream.format) + fragment)
    assert min(one.ticks for one in again.samples) == 5 * 90_000


def test_a_place_before_zero_and_backward_decoding_are_refused() -> None:
    stream = coded()
    with pytest.raises(BadInput, match="before"):
        media_fragment(stream.format, stream.samples[:2], sequence=1, first_decode_ticks=-1)
    with pytest.raises(BadInput, match="increase"):
        media_fragment(stream.format, stream.samples[1::-1], sequence=1, first_decode_ticks=0)
    with pytest.raises(BadInput, match="at least one"):
        media_fragment(stream.format, (), sequence=1, first_decode_ticks=0)


UNIT = st.binary(min_size=1, max_size=40).map(lambda body: b"\x65" + body.replace(b"\x00", b"\x07"))


@given(st.lists(UNIT, min_size=1, max_size=8), st.booleans())
def test_annex_b_and_lengths_are_the_same_units(units: list[bytes], long_codes: bool) -> None:
    code = b"\x00\x00\x00\x01" if long_codes else b"\x00\x00\x01"
    data = b"".join(code + unit for unit in units)
    plain = video_format()
    assert nal_units(plain, data) == tuple(units)
    lengths = length_prefixed(plain, data)
    assert lengths == with_lengths(units)
    record = replace(coded().format, parameter_sets=decoder_record(coded().format))
    assert nal_units(record, annex_b_of(record, lengths)) == tuple(units)


def annex_b_of(record: VideoFormat, lengths: bytes) -> bytes:
    """There and back, so that the answer is length-prefixed again."""
    return length_prefixed(video_format(), annex_b(record, lengths))


@given(st.binary(max_size=200), st.binary(min_size=1, max_size=60))
def test_hostile_bytes_are_refused_or_read(extra: bytes, data: bytes) -> None:
    for codec in ("h264", "hevc"):
        video = video_format(codec=codec, parameter_sets=extra)
        with suppress(BadInput):
            assert init_segment(video)
        with suppress(BadInput):
            assert length_prefixed(video, data) is not None


@given(st.lists(st.tuples(st.integers(1, 9_000), st.integers(0, 9_000)), min_size=1))
def test_any_increasing_times_survive(steps: list[tuple[int, int]]) -> None:
    stream = coded()
    samples: list[Sample] = []
    decode = 0
    for step, composition in steps[:30]:
        samples.append(
            Sample(
                ticks=decode + composition,
                decode_ticks=decode,
                duration_ticks=step,
                is_key=not samples,
                data=stream.samples[0].data,
            )
        )
        decode += step
    data = media_fragment(stream.format, samples, sequence=1, first_decode_ticks=90_000)
    with av.open(io.BytesIO(init_segment(stream.format) + data), "r") as container:
        found = [(one.pts, one.dts) for one in container.demux(video=0) if one.size]
    wanted = [(one.ticks + 90_000, one.decode_ticks + 90_000) for one in samples]
    assert found == wanted
