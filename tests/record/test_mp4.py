from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import av
import pytest

from fairview.core.errors import BadInput, Unavailable
from fairview.core.media import Codec, Fragment
from fairview.record.cut import FragmentCutter
from fairview.record.mp4 import write_mp4
from fairview.record.nal import nal_type, nal_units
from tests.builders import NOON
from tests.record.pictures import Coded, coded, need_shared_videos, packets_of, read


def fragments(stream: Coded, start: int = 0) -> list[Fragment]:
    cutter = FragmentCutter()
    packets = packets_of(stream, start=NOON.plus(start))
    done = [fragment for one in packets for fragment in cutter.add(one)]
    last = cutter.flush()
    return [*done, last] if last else done


def assert_exact(stream: Coded, path: Path) -> None:
    """Every NAL unit per access unit in order; presentation times relative to the first."""
    again = read(path)
    assert len(again.samples) == len(stream.samples)
    first = min(one.ticks for one in stream.samples)
    assert min(one.ticks for one in again.samples) == 0
    ours, theirs = again.format, stream.format
    for before, after in zip(stream.samples, again.samples, strict=True):
        assert after.is_key == before.is_key
        if theirs.codec == "mjpeg":
            assert after.data == before.data
        else:
            assert nal_units(ours, after.data) == nal_units(theirs, before.data)
        units = (before.ticks - first) * theirs.tick_numerator * ours.tick_denominator
        assert after.ticks * ours.tick_numerator * theirs.tick_denominator == units


@pytest.mark.parametrize(
    ("codec", "b_frames"), [("h264", 0), ("h264", 2), ("hevc", 0), ("hevc", 2), ("mjpeg", 0)]
)
@pytest.mark.parametrize("faststart", [False, True])
def test_export_is_exact(codec: Codec, b_frames: int, faststart: bool, tmp_path: Path) -> None:
    stream = coded(codec=codec, b_frames=b_frames)
    path = tmp_path / "out.mp4"
    written = write_mp4(fragments(stream), path, faststart=faststart)
    assert_exact(stream, path)
    assert (written.samples, written.duration_us, written.gaps) == (50, 2_000_000, 0)
    assert written.start_at == NOON
    assert written.size_bytes == path.stat().st_size
    assert path.read_bytes().index(b"moov") < 2_000 or not faststart
    assert [one.name for one in tmp_path.iterdir()] == ["out.mp4"]


@pytest.mark.parametrize("first_ticks", [-1_000_000, -7, 115_470])
def test_negative_and_late_first_times_keep_their_distances(
    first_ticks: int, tmp_path: Path
) -> None:
    stream = coded(b_frames=2)
    moved = replace(
        stream,
        samples=tuple(
            replace(one, ticks=one.ticks + first_ticks, decode_ticks=one.decode_ticks + first_ticks)
            for one in stream.samples
        ),
    )
    write_mp4(fragments(moved), tmp_path / "out.mp4")
    assert_exact(moved, tmp_path / "out.mp4")


def test_variable_times_are_kept(tmp_path: Path) -> None:
    stream = coded()
    chance = random.Random(7)
    ticks = [0]
    for _ in stream.samples[1:]:
        ticks.append(ticks[-1] + chance.randint(1, 20_000))
    varied = replace(
        stream,
        samples=tuple(
            replace(one, ticks=at, decode_ticks=at, duration_ticks=0)
            for one, at in zip(stream.samples, ticks, strict=True)
        ),
    )
    write_mp4(fragments(varied), tmp_path / "out.mp4")
    assert_exact(varied, tmp_path / "out.mp4")


def test_a_gap_is_a_jump_in_time_at_its_true_length(tmp_path: Path) -> None:
    stream = coded()
    both = fragments(stream) + fragments(stream, start=10_000_000)
    written = write_mp4(both, tmp_path / "out.mp4")
    assert written.gaps == 1
    assert written.duration_us == 12_000_000
    again = read(tmp_path / "out.mp4")
    assert again.samples[49].ticks == 49 * 3_600
    assert again.samples[50].ticks == 10 * 90_000


def test_a_clock_that_jumped_back_follows_on(tmp_path: Path) -> None:
    stream = coded(b_frames=2)
    both = fragments(stream) + fragments(stream, start=-10_000_000)
    assert write_mp4(both, tmp_path / "out.mp4").samples == 100
    decode = [one.decode_ticks for one in read(tmp_path / "out.mp4").samples]
    assert decode == sorted(set(decode))


def test_a_new_format_gets_its_own_description(tmp_path: Path) -> None:
    one = coded(pictures=25)
    other = coded(pictures=25, b_frames=2)
    write_mp4(fragments(one) + fragments(other, start=1_000_000), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4"), "r") as container:
        assert sum(1 for _ in container.decode(video=0)) == 50


@pytest.mark.slow
def test_real_clips_are_exact_in_every_vcl_and_sei_unit(tmp_path: Path) -> None:
    for source in need_shared_videos():
        stream = read(source)
        path = tmp_path / source.name
        write_mp4(fragments(stream), path)
        assert_exact(stream, path)
        assert any(nal_type(stream.format, unit) == 5 for unit in units_of(stream))


def units_of(stream: Coded) -> tuple[bytes, ...]:
    return nal_units(stream.format, stream.samples[0].data)


def test_nothing_is_left_behind_by_a_refusal(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises(BadInput, match="no footage"):
        write_mp4([], path)
    bare = coded()
    bare = replace(bare, format=replace(bare.format, parameter_sets=b""))
    bare = replace(bare, samples=bare.samples[1:])
    with pytest.raises(BadInput, match="parameter sets"):
        write_mp4(fragments(bare), path)
    assert not path.exists()
    with pytest.raises(Unavailable, match="can't write"):
        write_mp4(fragments(coded()), tmp_path / "absent" / "out.mp4")
