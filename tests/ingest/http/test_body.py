"""Bodies over HTTP: whatever pieces they come in, the same bytes come out, or an error of ours."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.core.limits_http import HTTP_HEAD_BYTES_MAX
from fairview.ingest.http.body import Body
from fairview.ingest.http.stamps import Stamps


def read(
    data: bytes, *, with_head: int = 0, is_chunked: bool = False, length: int | None = None
) -> bytes:
    """The body out of bytes of which some came together with the head."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(data[with_head:])
        theirs.shutdown(socket.SHUT_WR)
        body = Body(ours, data[:with_head], is_chunked=is_chunked, length=length)
        pieces = []
        while piece := body.read(1_000):
            assert len(piece) <= 1_000
            pieces.append(piece)
        assert body.is_over
        assert body.read() == b""
        return b"".join(pieces)


def chunked(pieces: list[bytes], extra: str = "", trailer: bytes = b"") -> bytes:
    whole = b"".join(b"%x%b\r\n%b\r\n" % (len(one), extra.encode(), one) for one in pieces)
    return whole + b"0\r\n" + trailer + b"\r\n"


@given(
    st.lists(st.binary(min_size=1, max_size=3_000), max_size=6),
    st.integers(0, 2_000),
    st.sampled_from(["", ";name=value", "  "]),
)
def test_chunks_are_put_together_wherever_they_are_cut(
    pieces: list[bytes], with_head: int, extra: str
) -> None:
    data = chunked(pieces, extra, b"Trailer: x\r\n") + b"what belongs to nobody"
    assert read(data, with_head=with_head, is_chunked=True) == b"".join(pieces)


@given(st.binary(max_size=3_000), st.integers(0, 3_000), st.integers(0, 3_000))
def test_a_stated_length_is_kept_and_an_unstated_one_lasts_to_the_end(
    data: bytes, with_head: int, length: int
) -> None:
    assert read(data, with_head=with_head, length=length) == data[:length]
    assert read(data, with_head=with_head) == data


@given(st.binary(max_size=400))
def test_rubbish_for_chunks_is_refused_or_ends(data: bytes) -> None:
    try:
        assert len(read(data, is_chunked=True)) <= len(data)
    except BadInput:
        return


def test_chunks_that_lie_are_refused_at_their_bounds() -> None:
    for data in (b"zz\r\nabc", b"3\r\nabcdef\r\n0\r\n\r\n", b"fffffffff\r\n", b"-1\r\n"):
        with pytest.raises(BadInput, match="don't add up"):
            read(data, is_chunked=True)
    with pytest.raises(BadInput, match="without end"):
        read(b"1" * (HTTP_HEAD_BYTES_MAX * 3), is_chunked=True)


def times(*pairs: tuple[str | None, int]) -> list[int]:
    stamps = Stamps()
    return [stamps.time_us(stamp, arrived_us) for stamp, arrived_us in pairs]


def test_running_stamps_are_the_times_whatever_the_network_does() -> None:
    assert times(("7.0", 0), ("7.1", 190_000), ("7.20", 191_000)) == [0, 100_000, 200_000]


@pytest.mark.parametrize("bad", ["7.0", "6.9", None, "soon", "99.0", "-1", "1e3", "٧.٢"])
def test_arrivals_count_once_stamps_stand_go_back_jump_or_are_missing(bad: str | None) -> None:
    found = times(("7.0", 0), ("7.1", 100_000), (bad, 230_000), ("7.3", 300_000))
    if bad == "7.0":
        assert found == [0, 100_000, 230_000, 300_000]
    assert found[:2] == [0, 100_000]
    assert found[2:] == [230_000, 300_000]


@given(st.lists(st.tuples(st.none() | st.text(max_size=12) | st.floats(0, 1e6).map(str),
                          st.integers(0, 10_000_000)), max_size=20))  # fmt: skip
def test_times_never_go_back(steps: list[tuple[str | None, int]]) -> None:
    arrived, pairs = 0, []
    for stamp, step in steps:
        arrived += step
        pairs.append((stamp, arrived))
    found = times(*pairs)
    assert found == sorted(found)
