"""Pictures out of multipart streams that lie about themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput
from fairview.core.limits_http import HTTP_ASTRAY_BYTES_MAX, HTTP_PICTURE_BYTES_MAX
from fairview.ingest import jpeg
from fairview.ingest.http.multipart import Part, Parts
from tests.ingest.http.serving import jpeg_picture

PICTURES = [jpeg_picture(number) for number in range(4)]


def taken(parts: Parts, data: bytes, step: int = 0) -> list[Part]:
    """What comes out when bytes arrive in pieces of `step`; 0: all at once."""
    found: list[Part] = []
    for at in range(0, len(data), step or len(data)):
        found += parts.feed(data[at : at + (step or len(data))])
    return found


def part(data: bytes, line: str = "--frame", head: str = "", end: str = "\r\n") -> bytes:
    return f"{line}{end}{head}{end}".encode() + data + end.encode()


def stream(heads: list[str], line: str = "--frame", end: str = "\r\n") -> bytes:
    pairs = zip(PICTURES, heads, strict=True)
    return b"".join(part(data, line, head, end) for data, head in pairs)


def lengths(wrong: int = 0) -> list[str]:
    return [f"Content-Length: {len(data) + wrong}\r\n" for data in PICTURES]


@pytest.mark.parametrize("step", [0, 1, 7, 500])
@pytest.mark.parametrize(
    ("boundary", "line"),
    [
        ("frame", "--frame"), ("--frame", "--frame"), ("--frame", "----frame"),
        ("frame", "frame"), ('"frame"', "--frame"), (None, "--frame"), ("", "--frame"),
    ],
)  # fmt: skip
def test_boundaries_are_read_with_and_without_dashes(
    boundary: str | None, line: str, step: int
) -> None:
    found = taken(Parts(boundary), stream(lengths(), line), step)
    assert [one.data for one in found] == PICTURES


@pytest.mark.parametrize("step", [0, 1, 7, 500])
@pytest.mark.parametrize("wrong", [-400, -3, 3, 400, 10**6, 10**9])
def test_wrong_lengths_cost_nothing(wrong: int, step: int) -> None:
    heads = [text if "-" not in text[15:] else "" for text in lengths(wrong)]
    data = stream(heads) + b"--frame--\r\n"
    assert [one.data for one in taken(Parts("frame"), data, step)] == PICTURES


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_missing_lengths_cost_nothing_and_no_waiting(end: str, step: int) -> None:
    found = taken(Parts("frame"), stream([""] * 4, end=end).rstrip(), step)
    assert [one.data for one in found] == PICTURES


def test_a_picture_with_a_true_length_is_given_out_before_the_next_boundary() -> None:
    whole = part(PICTURES[0], head=lengths()[0], end="\r\n")
    assert len(taken(Parts("frame"), whole.rstrip(b"\r\n"))) == 1


def test_a_thumbnail_inside_a_picture_does_not_end_it() -> None:
    thumbnail = PICTURES[1]
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    data = PICTURES[0][:2] + segment + PICTURES[0][2:]
    for step in (1, 0):
        found = taken(Parts("frame"), part(data) + part(PICTURES[2]), step)
        assert [one.data for one in found] == [data, PICTURES[2]]


def test_other_things_between_pictures_are_passed_over_without_a_loss() -> None:
    data = part(PICTURES[0]) + part(b"<motion/>", head="Content-Type: text/xml\r\n")
    found = taken(Parts("frame"), data + part(PICTURES[1]))
    assert [(one.data, one.is_after_loss) for one in found] == [
        (PICTURES[0], False),
        (PICTURES[1], False),
    ]


def test_a_picture_that_is_cut_short_is_told_as_a_loss() -> None:
    data = part(PICTURES[0]) + part(PICTURES[1][:-300]) + part(PICTURES[2])
    found = taken(Parts("frame"), data)
    assert [(one.data, one.is_after_loss) for one in found] == [
        (PICTURES[0], False),
        (PICTURES[2], True),
    ]


def test_headers_are_not_needed_and_stamps_are_kept() -> None:
    data = b"--frame\r\n" + PICTURES[0] + part(PICTURES[1], head="X-Timestamp: 12.5\r\n")
    found = taken(Parts("frame"), data)
    assert [(one.data, one.stamp) for one in found] == [(PICTURES[0], None), (PICTURES[1], "12.5")]


def test_bare_pictures_in_a_row_are_parted() -> None:
    found = taken(Parts.bare(), b"".join(PICTURES) + PICTURES[0][:5], 11)
    assert [one.data for one in found] == PICTURES


def test_streams_without_an_end_are_refused_at_their_bounds() -> None:
    with pytest.raises(BadInput, match="without a boundary"):
        taken(Parts("frame"), b"x" * (HTTP_ASTRAY_BYTES_MAX + 100_000), 65_536)
    with pytest.raises(BadInput, match="larger than"):
        taken(
            Parts("frame"), part(b"\xff\xd8\xff\xda\0\2" + bytes(HTTP_PICTURE_BYTES_MAX)), 1 << 20
        )
    with pytest.raises(BadInput, match="headers without end"):
        taken(Parts("frame"), b"--frame\r\n" + b"x: y\r\n" * 10_000, 1 << 20)


@given(st.binary(max_size=3_000), st.integers(1, 300))
def test_rubbish_never_breaks_the_reader_and_pieces_make_no_difference(
    data: bytes, step: int
) -> None:
    mixed = part(PICTURES[0]) + data + b"\r\n" + part(PICTURES[1]) + b"--frame\r\n"
    outcomes = [[one.data for one in taken(Parts("frame"), mixed, size)] for size in (0, step)]
    for found in outcomes:
        assert found[0] == PICTURES[0]
        assert all(jpeg.is_whole(one) for one in found)


@given(st.integers(0, 3), st.data())
def test_the_end_of_a_picture_is_the_same_however_it_comes(
    number: int, data: st.DataObject
) -> None:
    picture = PICTURES[number]
    finder, cuts = jpeg.EndFinder(), sorted(data.draw(st.lists(st.integers(0, len(picture)))))
    for cut in cuts:
        assert finder.find(picture[:cut]) is None or cut == len(picture)
    assert finder.find(picture + b"\r\n--frame") == len(picture)
