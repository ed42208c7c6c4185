from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.limits import FRAGMENT_BYTES_MAX, FRAGMENT_US_AIM, FRAGMENT_US_MAX
from fairview.core.media import Fragment, Packet
from fairview.record.continuity import first, following
from fairview.record.cut import FragmentCutter, fragment_of
from tests.builders import NOON, packet, video_format
from tests.record.pictures import coded, packets_of


def cut(packets: list[Packet]) -> list[Fragment]:
    cutter = FragmentCutter()
    done = [fragment for one in packets for fragment in cutter.add(one)]
    last = cutter.flush()
    assert cutter.is_empty
    return [*done, last] if last is not None else done


def test_a_fragment_ends_before_each_key_frame() -> None:
    fragments = cut([packet(number) for number in range(75)])
    assert [len(one.samples) for one in fragments] == [25, 25, 25]
    assert all(one.is_key and one.duration_us == 1_000_000 for one in fragments)
    assert [one.start_at.since(NOON) for one in fragments] == [0, 1_000_000, 2_000_000]


def test_without_key_frames_a_fragment_is_complete_before_two_seconds() -> None:
    cutter = FragmentCutter()
    done: list[Fragment] = []
    for number in range(200):
        done += cutter.add(packet(number, is_key=number == 0))
        waiting_us = (number + 1) * 40_000 - sum(one.duration_us for one in done)
        assert waiting_us <= FRAGMENT_US_AIM < FRAGMENT_US_MAX
    assert [one.is_key for one in done] == [True, False, False, False]
    assert {one.duration_us for one in done} == {1_800_000}


def test_a_fragment_ends_before_its_bytes_are_too_many() -> None:
    large = b"\x01" * (FRAGMENT_BYTES_MAX // 2)
    fragments = cut([packet(number, is_key=number == 0, data=large) for number in range(5)])
    assert [len(one.samples) for one in fragments] == [2, 2, 1]


def test_reordered_pictures_begin_at_the_earliest_and_end_at_the_latest() -> None:
    stream = coded(b_frames=2, pictures=50)
    packets = list(packets_of(stream))
    fragments = cut(packets)
    assert [sample for one in fragments for sample in one.samples] == list(stream.samples)
    assert fragments[0].start_at == NOON
    assert fragments[0].span.end == fragments[1].start_at == NOON.plus(1_000_000)
    shown = sorted(one.at(sample).us for one in fragments for sample in one.samples)
    assert shown == sorted(one.at.us for one in packets)


def test_unknown_durations_last_until_the_next_picture() -> None:
    packets = [packet(number, duration_ticks=0) for number in range(25)]
    assert fragment_of(packets).duration_us == 1_000_000
    assert fragment_of(packets[:1], packets[1]).duration_us == 40_000
    assert fragment_of(packets[:1]).duration_us == 11


@st.composite
def runs(draw: st.DrawFn) -> list[Packet]:
    steps = draw(st.lists(st.integers(1, 200_000), min_size=1, max_size=60))
    video = video_format()
    packets: list[Packet] = []
    decode = draw(st.integers(-1_000_000, 1_000_000))
    origin = decode - 200_000
    for step in steps:
        ticks = decode + draw(st.integers(0, 20_000))
        packets.append(
            packet(
                ticks=ticks,
                decode_ticks=decode,
                duration_ticks=draw(st.sampled_from((0, 3_600, step))),
                is_key=not packets or draw(st.booleans()),
                at=NOON.plus(video.us_of(ticks - origin)),
                data=draw(st.binary(min_size=1, max_size=20)),
            )
        )
        decode += step
    return packets


@given(runs())
def test_every_packet_lands_in_one_fragment_in_order(packets: list[Packet]) -> None:
    fragments = cut(packets)
    samples = [sample for one in fragments for sample in one.samples]
    assert [(one.ticks, one.decode_ticks, one.data) for one in samples] == [
        (one.ticks, one.decode_ticks, one.data) for one in packets
    ]
    times = iter(packets)
    for fragment in fragments:
        assert all(not sample.is_key for sample in fragment.samples[1:])
        decoded = fragment.samples[-1].decode_ticks - fragment.samples[0].decode_ticks
        assert fragment.format.us_of(decoded) <= FRAGMENT_US_AIM
        for sample in fragment.samples:
            assert abs(fragment.at(sample).since(next(times).at)) <= 1
            assert fragment.start_at <= fragment.at(sample) < fragment.span.end.plus(1)


def test_a_run_refuses_another_format_and_time_that_steps_back() -> None:
    cutter = FragmentCutter()
    cutter.add(packet(5))
    with pytest.raises(AssertionError, match="format"):
        cutter.add(packet(6, format=video_format(width_px=320)))
    with pytest.raises(AssertionError, match="increases"):
        cutter.add(packet(5))


def test_packets_continue_or_say_why_not() -> None:
    newest = first(packet(0)).then(packet(1))
    assert following(newest, packet(2)) == "continues"
    assert following(newest, packet(2, format=video_format())) == "continues"
    assert following(newest, packet(2, format=video_format(width_px=320))) == "new_format"
    assert following(newest, packet(1)) == "clock_jump"
    assert following(newest, replace(packet(2), at=NOON.plus(3_000_000))) == "clock_jump"
    assert following(newest, replace(packet(2), at=NOON.plus(-3_000_000))) == "clock_jump"
    assert following(newest, packet(26)) == "continues"
    assert following(newest, packet(40)) == "lost_packets"


def test_a_slow_stream_is_no_stream_of_holes() -> None:
    slow = [packet(60 * number, duration_ticks=0) for number in range(4)]
    newest = first(slow[0])
    assert following(newest, slow[1]) == "lost_packets"
    newest = newest.then(slow[1])
    assert following(newest, slow[2]) == "continues"


def test_fragments_between_key_frames_further_apart_are_of_about_one_length() -> None:
    for between in (50, 100, 125, 500):
        cutter = FragmentCutter()
        cut: list[int] = []
        for number in range(4 * between):
            made = cutter.add(packet(number, is_key=number % between == 0))
            cut += [len(one.samples) for one in made]
        last = cutter.flush()
        assert last is not None
        cut.append(len(last.samples))
        assert sum(cut) == 4 * between
        count = -(-between // 45)
        even = cut[-count:]
        assert sum(even) == between, (between, cut)
        assert max(even) - min(even) <= count + 1, (between, even)
        assert max(cut) <= 45


def test_a_camera_clock_that_begins_anew_says_nothing_about_key_frames() -> None:
    cutter = FragmentCutter()
    for number in (100, 150):
        cutter.add(packet(number, is_key=True))
    cutter.flush()
    for number in range(3):
        assert cutter.add(packet(number, is_key=number == 0)) == ()
