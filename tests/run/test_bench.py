"""The benches count what they say, and void what says nothing."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from bench.pictures import samples_in
from bench.play import p95
from bench.record import Round, Sent, missing_pictures, table, undelivered
from bench.replayer import AccessUnit, Loop, Replayer
from bench.usage import mapped
from bench.visitor import part_at, playlist_parts

from fairview.access.door import PlayPart
from fairview.core.time import Span, instant
from fairview.serve.hls import playlist

STEP_TICKS = 900
LOOP = Loop(
    units=tuple(
        AccessUnit(ticks=number * STEP_TICKS, is_key=number == 0, payloads=(bytes([number]) * 9,))
        for number in range(4)
    ),
    ticks=4 * STEP_TICKS,
    sps=b"\x67\x42\x00\x1e",
    pps=b"\x68",
)


@pytest.fixture
def replayer() -> Iterator[Replayer]:
    server = Replayer(LOOP, 0, spread_s=0.02)
    thread = threading.Thread(target=server.run, args=(20,))
    thread.start()
    yield server
    server.is_stopped = True
    thread.join()
    server.close()


def played(server: Replayer, path: str, pictures: int) -> list[tuple[int, int, bytes]]:
    """Sequence number, time stamp and payload of the first packets a client gets."""
    found = []
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as client,
        client.makefile("rb") as reader,
    ):
        for number, method in enumerate(("DESCRIBE", "SETUP", "PLAY"), 1):
            address = f"rtsp://127.0.0.1:{server.port}/{path}"
            client.sendall(f"{method} {address} RTSP/1.0\r\nCSeq: {number}\r\n\r\n".encode())
            length = 0
            while (line := reader.readline()) != b"\r\n":
                if line.startswith(b"Content-Length:"):
                    length = int(line.split()[1])
            reader.read(length)
        for _ in range(pictures):
            size = struct.unpack(">2xH", reader.read(4))[0]
            packet = reader.read(size)
            sequence, ticks = struct.unpack_from(">2xHI", packet)
            found.append((sequence, ticks, packet[12:]))
    return found


def test_replayed_pictures_begin_with_a_key_frame_and_follow_each_other(
    replayer: Replayer,
) -> None:
    for path in ("0", "1"):
        got = played(replayer, path, 9)
        assert [payload[0] for _, _, payload in got] == [0, 1, 2, 3, 0, 1, 2, 3, 0]
        assert [sequence - got[0][0] for sequence, _, _ in got] == list(range(9))
        assert [ticks - got[0][1] for _, ticks, _ in got] == [n * STEP_TICKS for n in range(9)]
    assert replayer.lost == 0
    assert {path: told.plays for path, told in replayer.told.items()} == {"0": 1, "1": 1}
    assert all(told.units >= 9 for told in replayer.told.values())


def sent(**changes: object) -> Sent:
    values: dict[str, object] = {
        "lost": 0,
        "late_max_s": 0.01,
        "plays": {"0": 1, "1": 1},
        "units": {"0": 500, "1": 500},
        "first_at_s": {"0": 1.0, "1": 2.0},
    }
    return Sent(**{**values, **changes})  # type: ignore[arg-type]  # checked by the fields


def test_a_round_counts_when_everything_was_delivered_and_kept() -> None:
    assert undelivered(sent(), 2, 3.0) == ""
    assert missing_pictures({"0": 480, "1": 500}, {"0": 500, "1": 500}) == ""


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"lost": 1}, "could not be delivered"),
        ({"late_max_s": 1.5}, "late"),
        ({"units": {"0": 500}}, "only 1 of 2"),
        ({"first_at_s": {"0": 1.0, "1": 3.5}}, "began late"),
        ({"plays": {"0": 2, "1": 1}}, "connected to again"),
    ],
)
def test_a_round_is_void_when_it_says_nothing_about_the_contender(
    changes: dict[str, object], because: str
) -> None:
    assert because in undelivered(sent(**changes), 2, 3.0)


def test_a_contender_that_kept_too_little_is_void() -> None:
    assert "1 cameras" in missing_pictures({"0": 470, "1": 500}, {"0": 500, "1": 500})
    assert "500 missing" in missing_pictures({"1": 500}, {"0": 500, "1": 500})


def test_void_rounds_are_left_out_of_the_medians_and_told() -> None:
    good = Round(
        name="Fairview (lean)",
        cameras=10,
        cpu_frac=0.005,
        start_s=0.1,
        memory_bytes=4e6,
        beside_bytes=60e6,
        written_frac=1.03,
        void="",
    )
    bad = Round(
        name="other",
        cameras=10,
        cpu_frac=0.001,
        start_s=0.1,
        memory_bytes=1e6,
        beside_bytes=0,
        written_frac=0.5,
        void="3 pictures could not be delivered",
    )
    text = table([good, bad])
    assert (
        "| 10 | Fairview (lean) | 0.500 (0.500 to 0.500) | 0.10 | 4.00 | 60 | 1.030 | 1/1 | 1.00 |"
        in text
    )
    assert "| 10 | other | void | | | | | 0/1 | |" in text
    assert text.endswith("- void: other, 10 cameras: 3 pictures could not be delivered")


def test_memory_counts_private_pages_and_a_file_once() -> None:
    smaps = (
        "7f00-7f10 r-xp 00000000 08:01 12  /usr/lib/libx.so\n"
        "Rss:                 100 kB\nAnonymous:             0 kB\n"
        "7f10-7f20 rw-p 00010000 08:01 12  /usr/lib/libx.so\n"
        "Rss:                  20 kB\nAnonymous:            12 kB\n"
        "7f30-7f40 rw-p 00000000 00:00 0 \n"
        "Rss:                  40 kB\nAnonymous:            40 kB\n"
    )
    anonymous, files = mapped(smaps)
    assert anonymous == 52 * 1024
    assert dict(files) == {"/usr/lib/libx.so": 108 * 1024}


def test_a_playlist_of_ours_is_read_back_part_by_part() -> None:
    start = instant("2026-05-01T12:00:00Z")
    spans = [
        Span(start=start.plus(at), end=start.plus(at + 2_000_000))
        for at in (0, 2_000_000, 9_000_000)
    ]
    parts = [
        PlayPart(number=number, span=span, init=number // 2, discontinuity=number == 2)
        for number, span in enumerate(spans)
    ]
    found = list(playlist_parts(playlist(parts), "/look/"))
    assert [one.span for one in found] == spans
    assert [one.address for one in found] == [f"/look/part-{number}.m4s" for number in range(3)]
    assert found[2].init == "/look/init-1.mp4"
    assert part_at(found, start.plus(3_000_000)) == found[1]


def test_samples_of_every_run_in_a_fragment_are_counted() -> None:
    def box(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I4s", 8 + len(body), kind) + body

    runs = [box(b"trun", struct.pack(">II", 0, count)) for count in (3, 4)]
    moof = box(b"moof", box(b"mfhd", b"") + box(b"traf", box(b"tfhd", b"") + b"".join(runs)))
    assert samples_in(box(b"styp", b"") + moof + box(b"mdat", bytes(50))) == 7


def test_p95_is_a_try_that_was_seen() -> None:
    assert p95([1.0]) == 1.0
    assert p95([float(one) for one in range(1, 101)]) == 95.0
