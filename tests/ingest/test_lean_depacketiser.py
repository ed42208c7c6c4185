"""Frames to access units: exact, wherever the bytes are cut, and whatever is sent."""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairview.core import limits
from fairview.core.errors import BadInput, FairviewError
from fairview.ingest.lean.depacketiser import Depacketiser
from fairview.ingest.lean.units import H264, H265, Assembled, Rules
from tests.ingest.rtp import (
    START,
    Rtp,
    h264_payloads,
    h264_together,
    h265_payloads,
    h265_together,
    numbered,
    on_channel,
    wire,
    without,
)

SPS, PPS = b"\x67\x42\x00\x1e" + b"s" * 9, b"\x68\xce\x38\x80"
SEI = b"\x06\x05\x03abc\x80"
RECOVERY = b"\x06\x06\x01\x84\x80"
KEY = b"\x65\x88" + bytes(range(1, 251)) * 4
PICTURE = b"\x41\x9a" + bytes(range(1, 251)) * 2
SECOND_SLICE = b"\x41\x2a" + b"second" * 20
H265_SETS = (b"\x40\x01vps", b"\x42\x01sps", b"\x44\x01pps")
H265_KEY = b"\x26\x01\xaf" + bytes(range(1, 251)) * 4
H265_PICTURE = b"\x02\x01\xd0" + bytes(range(1, 251)) * 2


def fed(data: bytes, *, cut: int = 0, rules: Rules = H264, channel: int = 0) -> Depacketiser:
    """All of the data in pieces of `cut` bytes (0: at once), the rest goes on as in a reader."""
    parts = Depacketiser(rules, payload_type=96, channel=channel)
    rest = b""
    for at in range(0, len(data), cut or max(1, len(data))):
        room = bytearray(rest + data[at : at + (cut or len(data))])
        done = parts.feed(room, len(room))
        rest = bytes(room[done:])
        room[:] = b"\xee" * len(room)  # others use it next
    return parts


def ended(parts: Depacketiser) -> list[Assembled]:
    parts.finish()
    return parts.ready


def annex_b(*units: bytes) -> bytes:
    return b"".join(START + one for one in units)


def film() -> list[Rtp]:
    """A key frame and three pictures in small packets, across a wrap of numbers and of time."""
    pictures = [
        (0xFFFFF000, [SPS, PPS, SEI, *h264_payloads(KEY, 100)]),
        (0xFFFFF000 + 3_600, h264_payloads(PICTURE, 100)),
        (
            0xFFFFF000 + 7_200,
            [h264_together([SEI, PICTURE[:60]]), *h264_payloads(SECOND_SLICE, 50)],
        ),
        (0xFFFFF000 + 10_800, [PICTURE]),
    ]
    return list(numbered(pictures))


EXPECTED = [
    annex_b(SPS, PPS, SEI, KEY),
    annex_b(PICTURE),
    annex_b(SEI, PICTURE[:60], SECOND_SLICE),
    annex_b(PICTURE),
]


def test_units_come_back_exact_cut_at_every_byte() -> None:
    data = wire(film())
    for cut in (*range(1, 140), 500, 0):
        got = ended(fed(data, cut=cut))
        assert [one.data for one in got] == EXPECTED, cut
        assert [one.is_key for one in got] == [True, False, False, False]
        assert [b.ticks - a.ticks for a, b in pairwise(got)] == [3_600] * 3
        assert got[0].sets == (SPS, PPS)
        assert not any(one.is_after_loss for one in got)


@pytest.mark.parametrize("cut", [0, 1, 7, 97])
def test_h265_units_come_back_exact(cut: int) -> None:
    pictures = [
        (0, [h265_together(H265_SETS), *h265_payloads(H265_KEY, 100)]),
        (3_000, h265_payloads(H265_PICTURE, 100)),
        (6_000, [H265_PICTURE]),
    ]
    got = ended(fed(wire(list(numbered(pictures))), cut=cut, rules=H265))
    assert [one.data for one in got] == [
        annex_b(*H265_SETS, H265_KEY),
        annex_b(H265_PICTURE),
        annex_b(H265_PICTURE),
    ]
    assert [one.is_key for one in got] == [True, False, False]
    assert got[0].sets == H265_SETS


def test_any_lost_packet_drops_what_it_was_part_of_and_no_more() -> None:
    packets = film()
    for at in range(1, len(packets) - 1):
        parts = fed(wire(without(packets, at)))
        got = [one.data for one in ended(parts)]
        assert parts.lost_packets == 1
        # Without its parameter sets a key frame is whole all the same: they were announced.
        assert all(one in EXPECTED or one == annex_b(PPS, SEI, KEY) for one in got), at
        assert len(got) >= 2, at
        assert any(one.is_after_loss for one in parts.ready), at


def test_late_and_doubled_packets_change_nothing() -> None:
    packets = film()
    doubled = [one for packet in packets for one in (packet, packet)]
    parts = fed(wire(doubled))
    assert [one.data for one in ended(parts)] == EXPECTED
    assert parts.late_packets == len(packets)
    assert parts.lost_packets == 0


def test_other_channels_and_types_and_messages_between_frames_are_passed_over() -> None:
    answer = b"RTSP/1.0 200 OK\r\nCSeq: 9\r\nContent-Length: 3\r\n\r\n$ab"
    asked = b"ANNOUNCE rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"
    data = b""
    for packet in film():
        sound = replace(packet, payload_type=0)
        data += answer + on_channel([packet], 4)[0].frame() + asked + sound.frame()
        data += packet.frame()
    for cut in (0, 1, 13):
        parts = fed(data, cut=cut)
        assert [one.data for one in ended(parts)] == EXPECTED
        assert parts.lost_packets == 0
        assert parts.messages[0].status == 200


def test_extensions_and_padding_are_taken_off() -> None:
    packets = [replace(one, extension=b"onvftime", padding=4) for one in film()]
    assert [one.data for one in ended(fed(wire(packets), cut=11))] == EXPECTED


def test_a_marker_on_every_packet_does_not_cut_pictures() -> None:
    packets = [replace(one, is_marked=True) for one in film()]
    assert [one.data for one in ended(fed(wire(packets)))] == EXPECTED


def test_pictures_stamped_alike_stay_two() -> None:
    pictures = [(0, [SPS, PPS, KEY]), (3_600, [PICTURE]), (3_600, [PICTURE]), (7_200, [PICTURE])]
    got = ended(fed(wire(list(numbered(pictures)))))
    assert [one.data for one in got] == [annex_b(SPS, PPS, KEY), *[annex_b(PICTURE)] * 3]


def test_steady_markers_give_a_picture_out_at_once() -> None:
    pictures = [(3_600 * at, [PICTURE]) for at in range(40)]
    parts = fed(wire(list(numbered(pictures))))
    assert len(parts.ready) == 40  # the first ones wait for the next picture


def test_a_recovery_point_begins_like_a_key_frame() -> None:
    pictures = [(0, [SPS, PPS, RECOVERY, PICTURE]), (3_600, [SEI, PICTURE])]
    assert [one.is_key for one in ended(fed(wire(list(numbered(pictures)))))] == [True, False]


def test_several_units_in_one_payload_are_all_seen() -> None:
    joined = SPS + START + PPS + START + KEY
    got = ended(fed(wire(list(numbered([(0, [joined]), (3_600, [PICTURE])])))))
    assert got[0].is_key
    assert got[0].sets == (SPS, PPS)
    assert got[0].data == annex_b(joined)


def test_goodbye_ends_the_stream_and_its_last_picture_counts() -> None:
    goodbye = struct.pack(">BBH", 0x24, 1, 8) + b"\x81\xcb\x00\x01abcd"
    parts = fed(wire(film()) + goodbye + wire(film()))
    assert parts.is_over
    assert [one.data for one in ended(parts)] == EXPECTED


def test_a_picture_cut_by_the_end_is_not_kept() -> None:
    data = wire(film()[:-3])
    assert [one.data for one in ended(fed(data))] == EXPECTED[:2]


def test_rubbish_between_frames_costs_the_picture_it_lies_in() -> None:
    packets = film()
    data = wire(packets[:6]) + b"\x00garbage$\x07" * 9 + wire(packets[6:])
    got = [one.data for one in ended(fed(data, cut=50))]
    assert got == EXPECTED[1:]


def test_a_picture_without_end_is_refused() -> None:
    parts = Depacketiser(H264, payload_type=96, channel=0)
    first = wire([Rtp(number=0, ticks=0, payload=b"\x7c\x85" + b"x" * 100)])
    parts.feed(bytearray(first), len(first))
    piece = b"\x7c\x05" + b"x" * 60_000

    def more() -> None:
        for number in range(1, limits.LEAN_UNIT_BYTES_MAX // 60_000 + 2):
            frame = bytearray(Rtp(number=number, ticks=0, payload=piece).frame())
            parts.feed(frame, len(frame))

    with pytest.raises(BadInput, match="without end"):
        more()


def test_endless_rubbish_is_refused() -> None:
    with pytest.raises(BadInput, match="no picture"):
        fed(b"\x01" * (limits.LEAN_ASTRAY_BYTES_MAX + 500_000), cut=100_000)


def test_endless_words_are_refused() -> None:
    with pytest.raises(BadInput, match="without end"):
        fed(b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 20_000, cut=30_000)


FRAGMENTS = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from([one.frame() for one in film()]),
        st.builds(
            lambda channel, body: struct.pack(">BBH", 0x24, channel, len(body)) + body,
            st.integers(0, 3),
            st.binary(max_size=80),
        ),
        st.builds(
            lambda number, ticks, payload: Rtp(number=number, ticks=ticks, payload=payload).frame(),
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFFFFFF),
            st.binary(max_size=60),
        ),
        st.sampled_from([b"RTSP/1.0 ", b"\r\n\r\n", b"$", b"$\x00\x00\x00", b"$\x00\xff\xff"]),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(pieces=FRAGMENTS, cut=st.integers(1, 200), rules=st.sampled_from([H264, H265]))
def test_anything_sent_gives_units_or_an_error_alike_however_it_is_cut(
    pieces: list[bytes], cut: int, rules: Rules
) -> None:
    data = b"".join(pieces)
    outcomes: list[object] = []
    for step in (cut, 0):
        try:
            outcomes.append([one.data for one in ended(fed(data, cut=step, rules=rules))])
        except FairviewError as error:
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]
