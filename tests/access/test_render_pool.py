from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from fairview.access.render import FULL, TILE, PartWish, RenderPool, SealedPiece
from fairview.access.render_paint import BORDER_RGB, FILL_RGB, FLAT_RGB, OUTLINE_RGB
from fairview.access.render_process import RenderProcess
from fairview.access.render_scene import Showing
from fairview.access.render_words import PartAsk, PartDone, Piece
from fairview.analyse.clean import CleanPicture
from fairview.core.camera import PrivacyZone
from fairview.core.errors import Corrupt, NotFound, Overloaded, Unavailable
from fairview.core.media import Packet
from fairview.core.time import Clock, Instant, Span, SystemClock
from tests.access.footage import Footage, packets, sealed, walk
from tests.analyse.scenes import Picture, street
from tests.builders import NOON

pytestmark = pytest.mark.slow
CLEAN = CleanPicture(pixels=street(), made_at=NOON)
LABEL_ROWS = 22
RINGING = 6
"""Pixels that coding may throw off at an edge; the person has 540."""


@pytest.fixture(scope="module")
def pool() -> Iterator[RenderPool]:
    made = RenderPool(clock=SystemClock(), children_max=4)
    yield made
    made.close()


@pytest.fixture(scope="module")
def footage() -> Footage:
    return walk()


@pytest.fixture(scope="module")
def pieces(footage: Footage) -> tuple[SealedPiece, ...]:
    return sealed(footage.fragments)


def pixels_of(media: bytes) -> list[Picture]:
    with av.open(io.BytesIO(media), "r") as file:
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
            for frame in file.decode(video=0)
        ]


def strangers_in(shown: Picture, colours: list[tuple[int, int, int]], below: Picture | None) -> int:
    """Pixels above the label that are neither near one of the colours nor the one below.

    Coding mixes neighbours, so a pixel may lie between the colours around it: it is compared
    with the range that its 9x9 surroundings allow.
    """
    options = [np.broadcast_to(np.array(one, np.uint8), shown.shape) for one in colours]
    if below is not None:
        options.append(below)
    low = np.min([cv2.erode(one, np.ones((9, 9))) for one in options], axis=0).astype(int)
    high = np.max([cv2.dilate(one, np.ones((9, 9))) for one in options], axis=0).astype(int)
    outside = (shown < low - 24) | (shown > high + 24)
    return int(outside.any(axis=2)[:-LABEL_ROWS].sum())


def test_a_covered_part_shows_shapes_and_never_the_person(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    part = pool.part(
        PartWish(
            pieces=pieces, span=footage.span, clean=CLEAN, zones=(), rendition="covered", look="a"
        )
    )
    shown = pixels_of(part.init + part.media)
    assert part.cover == "silhouettes"
    assert part.codec.startswith("avc1.")
    assert len(shown) == len(footage.pictures)
    for picture in shown:
        assert strangers_in(picture, [FILL_RGB, BORDER_RGB], CLEAN.pixels) <= RINGING
        assert not ((picture[:, :, 0] > 150) & (picture[:, :, 1] < 80)).any(), "the person's red"


def test_pieces_of_a_part_show_what_the_whole_shows(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    wish = PartWish(
        pieces=pieces, span=footage.span, clean=CLEAN, zones=(), rendition="covered", look="a"
    )
    whole, made = pool.part(wish), list(pool.part_pieces(wish))
    assert len(made) > 5
    assert {one.init for one in made} == {whole.init}
    assert {one.cover for one in made} == {"silhouettes"}
    shown = pixels_of(made[0].init + b"".join(one.media for one in made))
    for one, other in zip(shown, pixels_of(whole.init + whole.media), strict=True):
        assert np.array_equal(one, other)
    assert len(pixels_of(made[0].init + made[0].media)) <= len(shown) // 5


def test_without_a_clean_picture_a_part_is_covered_as_a_whole(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    part = pool.part(
        PartWish(
            pieces=pieces, span=footage.span, clean=None, zones=(), rendition="covered", look="a"
        )
    )
    assert part.cover == "whole_frame"
    for picture in pixels_of(part.init + part.media):
        assert strangers_in(picture, [FLAT_RGB, OUTLINE_RGB], None) <= RINGING


def test_a_part_begins_with_a_key_frame_at_its_place_in_the_look(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    start = footage.span.start
    part = pool.part(
        PartWish(
            pieces=pieces,
            span=Span(start=start.plus(1_200_000), end=start.plus(1_900_000)),
            clean=CLEAN,
            zones=(),
            rendition="covered",
            look="a",
            origin=start,
        )
    )
    with av.open(io.BytesIO(part.init + part.media), "r") as file:
        found = [packet for packet in file.demux(video=0) if packet.size]
    assert found[0].is_keyframe
    times = [float(packet.pts * packet.time_base) for packet in found if packet.pts is not None]
    assert times == pytest.approx([1.2 + number / 10 for number in range(7)], abs=1e-4)


def test_raw_without_zones_is_the_cameras_own_samples(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    part = pool.part(
        PartWish(pieces=pieces, span=footage.span, clean=None, zones=(), rendition="raw", look="a")
    )
    assert part.cover == "uncovered"
    for picture, drawn in zip(pixels_of(part.init + part.media), footage.pictures, strict=True):
        assert np.abs(picture.astype(int) - drawn).mean() < 6


def test_raw_with_zones_is_coded_again_under_them(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    zone = PrivacyZone(polygon_unit=((0, 0), (0.5, 0), (0.5, 0.9), (0, 0.9)))
    part = pool.part(
        PartWish(
            pieces=pieces,
            span=footage.span,
            clean=None,
            zones=(zone,),
            rendition="raw",
            raw_because="simulated",
            look="a",
        )
    )
    for picture in pixels_of(part.init + part.media):
        assert picture[4:150, 4:150].std(axis=(0, 1)).max() < 4


def test_footage_that_cannot_be_decoded_is_one_covered_picture(
    pool: RenderPool, footage: Footage
) -> None:
    broken = replace(
        footage.fragments[0],
        samples=tuple(
            replace(sample, data=b"\x00\x00\x00\x01\x65" + b"\x11" * 300)
            for sample in footage.fragments[0].samples
        ),
    )
    part = pool.part(
        PartWish(
            pieces=sealed([broken]),
            span=broken.span,
            clean=CLEAN,
            zones=(),
            rendition="covered",
            look="a",
        )
    )
    assert part.cover == "whole_frame"


def test_a_picture_is_a_jpeg_of_the_asked_width(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    jpeg = pool.picture(
        pieces,
        footage.span.start.plus(1_550_000),
        160,
        clean=CLEAN,
        zones=(),
        rendition="covered",
        look="a",
    )
    shown = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape == (90, 160, 3)
    with pytest.raises(NotFound):
        pool.picture(
            pieces,
            footage.span.start.plus(-1),
            160,
            clean=CLEAN,
            zones=(),
            rendition="covered",
            look="a",
        )


def test_a_changed_record_is_refused(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    first = pieces[0]
    changed = SealedPiece(
        header=first.header,
        records=first.records[:-1] + bytes([first.records[-1] ^ 1]),
        segment_key=first.segment_key,
    )
    with pytest.raises(Corrupt):
        pool.part(
            PartWish(
                pieces=[changed],
                span=footage.span,
                clean=CLEAN,
                zones=(),
                rendition="covered",
                look="a",
            )
        )


def test_a_clean_picture_has_no_walker_in_it_and_needs_its_span(pool: RenderPool) -> None:
    shown = walk(120)
    made = pool.clean_picture(sealed(shown.fragments), span_us_min=10_000_000, look="a")
    assert np.abs(made.pixels.astype(int) - street()).mean() < 4
    assert not ((made.pixels[:, :, 0] > 150) & (made.pixels[:, :, 1] < 80)).any()
    with pytest.raises(Unavailable):
        pool.clean_picture(sealed(shown.fragments), look="a")
    with pytest.raises(Unavailable):
        pool.clean_picture(sealed(shown.fragments[:3]) * 5, span_us_min=0, look="a")


def test_a_look_keeps_its_child_and_another_look_never_gets_it(footage: Footage) -> None:
    pool = RenderPool(clock=SystemClock(), children_max=2)
    try:
        for look, fresh in (("a", True), ("a", False), ("b", True)):
            before = {child for child, _ in pool._nursery._idle}
            pool.part(
                PartWish(
                    pieces=sealed(footage.fragments[:1]),
                    span=footage.fragments[0].span,
                    clean=None,
                    zones=(),
                    rendition="covered",
                    look=look,
                )
            )
            after = {child for child, _ in pool._nursery._idle}
            assert bool(after - before) is fresh
        pool.forget("a")
        assert {child.look for child, _ in pool._nursery._idle} == {"b"}
    finally:
        pool.close()
    assert not pool._nursery._idle


def test_more_renderings_than_the_bound_are_pushed_back() -> None:
    pool = RenderPool(clock=SystemClock(), children_max=1)
    try:
        busy = pool._nursery.take("a")
        with pytest.raises(Overloaded):
            pool._nursery.take("b")
        pool._nursery.drop(busy)
        pool._nursery.drop(pool._nursery.take("b"))
    finally:
        pool.close()


def test_a_child_has_no_network_no_files_and_no_environment(footage: Footage) -> None:
    pool = RenderPool(clock=SystemClock(), children_max=1)
    try:
        child = pool._nursery.take("a")
        proc = Path("/proc") / str(child.process_id)
        limits = (proc / "limits").read_text()
        assert "Max file size             0" in limits
        assert "Max core file size        0" in limits
        names = set((proc / "environ").read_bytes().split(b"\0"))
        assert not [name for name in names if name.startswith((b"PATH=", b"HOME="))]
        if not child.warnings:
            ours = Path("/proc/self/ns/net").readlink()
            assert (proc / "ns" / "net").readlink() != ours
        open_files = {str(one.readlink()) for one in (proc / "fd").iterdir()}
        assert all(name.startswith("socket:") or name == "/dev/null" for name in open_files), (
            open_files
        )
        pool._nursery.drop(child)
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("program", "because"),
    [
        ("pass", "stopped"),
        ("import socket; socket.socket(fileno=0).sendall(b'\\0\\0\\0\\1\\xc1')", "stopped"),
        ("import socket; socket.socket(fileno=0).sendall(b'\\xff\\xff\\xff\\xff')", "stopped"),
    ],
)
def test_a_child_that_dies_or_talks_nonsense_is_unavailable(program: str, because: str) -> None:
    child = RenderProcess(SystemClock(), (sys.executable, "-I", "-c", program))
    with pytest.raises(Unavailable, match=because):
        child.ready()
    assert not child.is_alive


def test_a_child_that_hangs_is_killed_in_time(
    footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    ready = (
        "import socket, time; from fairview.access.render_words import Ready, send\n"
        "line = socket.socket(fileno=0)\nsend(line, Ready(warnings=()))\ntime.sleep(60)"
    )
    child = RenderProcess(SystemClock(), (sys.executable, "-I", "-c", ready))
    ask = PartAsk(
        pieces=tuple(
            Piece(header=one.header, records=one.records, segment_key=one.segment_key)
            for one in pieces
        ),
        start_us=footage.span.start.us,
        end_us=footage.span.end.us,
        origin_us=0,
        show=child.show(Showing(rendition="covered"), 1_000_000),
    )
    with pytest.raises(Unavailable, match="too long"):
        child.ask(ask, PartDone, 100_000)
    assert not child.is_alive


class Feed:
    """A live subscription whose packets come when the test says so."""

    def __init__(self, footage: Footage, clock: Clock) -> None:
        self._footage, self._clock = footage, clock
        self.subscriptions = 0
        self.stop = threading.Event()

    def __call__(self) -> Iterator[Packet]:
        self.subscriptions += 1
        begin = self._clock.now()
        for packet in packets(self._footage, begin):
            wait_us = packet.arrived_at.since(self._clock.now())
            if wait_us > 0 and self._clock.wait(self.stop, wait_us):
                return
            yield packet


def test_viewers_of_one_camera_share_a_rendering_and_a_tile_has_its_own(
    pool: RenderPool,
) -> None:
    feed = Feed(walk(40), SystemClock())
    shown = [
        pool.live("junction-1", feed, clean=CLEAN, zones=(), size=size)
        for size in (FULL, FULL, TILE)
    ]
    begun = SystemClock().now()
    firsts = [[next(one), next(one)] for one in shown]
    waited_us = SystemClock().now().since(begun)
    assert feed.subscriptions == 2
    assert waited_us >= 600_000, "nothing is shown before its hold is over"
    for init, chunk in firsts:
        assert init.is_init
        assert init.codec.startswith("avc1.")
        assert chunk.cover == "silhouettes"
    rest = b"".join(chunk.data for chunk in shown[0])
    picture = pixels_of(firsts[0][0].data + firsts[0][1].data + rest)
    assert len(picture) >= 25
    assert all(
        strangers_in(one, [FILL_RGB, BORDER_RGB], CLEAN.pixels) <= RINGING for one in picture
    )
    feed.stop.set()


def test_a_live_child_that_dies_is_replaced_and_the_picture_goes_on() -> None:
    pool = RenderPool(clock=SystemClock(), children_max=3)
    feed = Feed(walk(40), SystemClock())
    try:
        shown = pool.live("junction-1", feed, clean=CLEAN, zones=())
        next(shown)
        before = next(shown)
        rendering = next(iter(pool._hub._running.values()))
        rendering._child._process.kill()
        later = [chunk for chunk in shown]
        inits = [chunk for chunk in later if chunk.is_init]
        assert inits, "the new child's pictures begin with an initialisation of their own"
        assert later[-1].at > before.at
        assert {chunk.cover for chunk in later} <= {"silhouettes", "whole_frame"}
    finally:
        feed.stop.set()
        pool.close()


def test_a_live_picture_goes_on_when_the_cameras_time_goes_back() -> None:
    pool = RenderPool(clock=SystemClock(), children_max=3)
    begin = SystemClock().now()
    arriving = packets(walk(60), begin.plus(-2_000_000))
    jumped = [replace(one, at=one.at.plus(-1_500_000)) for one in arriving[20:]]
    try:
        shown = pool.live("junction-3", lambda: iter(arriving[:20] + jumped), clean=None, zones=())
        times = [chunk.at for chunk in shown if not chunk.is_init]
        assert times[-1] > arriving[19].at
    finally:
        pool.close()


def test_a_viewer_leaves_when_told(pool: RenderPool) -> None:
    feed = Feed(walk(40), SystemClock())
    answers = iter([True] * 3)
    shown = pool.live(
        "junction-2", feed, clean=None, zones=(), goes_on=lambda: next(answers, False)
    )
    assert len(list(shown)) <= 4
    feed.stop.set()


def test_a_piece_does_not_print_its_key() -> None:
    piece = SealedPiece(header=b"h", records=b"r", segment_key=b"secret" * 5)
    assert "secret" not in repr(piece)


def test_a_closed_pool_is_unavailable() -> None:
    pool = RenderPool(clock=SystemClock(), children_max=1)
    pool.close()
    pool.close()
    with pytest.raises(Unavailable):
        pool.picture((), Instant(0), 320, clean=None, zones=(), rendition="covered")


def test_sockets_are_closed_with_the_pool() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        RenderPool(clock=SystemClock(), children_max=1).close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
