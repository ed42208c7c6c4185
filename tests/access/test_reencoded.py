"""What browsers don't play is encoded anew for watching; what they play leaves as it came."""

from __future__ import annotations

import io
from collections.abc import Iterator

import av
import numpy as np
import pytest

from fairview.access.door import LiveChunk
from fairview.access.live_look import played_pieces
from fairview.access.render import FULL, PartWish, RenderPool
from fairview.analyse.clean import CleanPicture
from fairview.core.media import Codec, Packet
from fairview.core.time import SystemClock
from fairview.record.live import LivePackets
from tests.access.footage import packets, sealed, walk
from tests.analyse.scenes import Picture, street
from tests.builders import NOON

pytestmark = pytest.mark.slow
CLEAN = CleanPicture(pixels=street(), made_at=NOON)
LABEL_ROWS = 22


@pytest.fixture(scope="module")
def pool() -> Iterator[RenderPool]:
    made = RenderPool(clock=SystemClock(), children_max=4)
    yield made
    made.close()


def pictures_of(media: bytes) -> list[Picture]:
    with av.open(io.BytesIO(media), "r") as file:
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
            for frame in file.decode(video=0)
        ]


def assert_alike(shown: Picture, drawn: Picture) -> None:
    """Coded twice, the pictures are still near to each other."""
    apart = np.abs(shown.astype(int) - drawn.astype(int))[:-LABEL_ROWS]
    assert float(apart.mean()) < 6


@pytest.mark.parametrize("codec", ["hevc", "mjpeg"])
def test_a_raw_part_is_encoded_anew_as_h264(pool: RenderPool, codec: Codec) -> None:
    footage = walk(codec=codec)
    wish = PartWish(
        pieces=sealed(footage.fragments), span=footage.span, clean=None, zones=(), rendition="raw"
    )
    made = pool.part(wish)
    assert made.codec.startswith("avc1.")
    assert made.cover == "uncovered"
    shown = pictures_of(made.init + made.media)
    assert len(shown) == len(footage.pictures)
    for one, drawn in zip(shown, footage.pictures, strict=True):
        assert_alike(one, drawn)


@pytest.mark.parametrize("codec", ["hevc", "mjpeg"])
def test_a_covered_part_is_made_of_any_codec(pool: RenderPool, codec: Codec) -> None:
    footage = walk(codec=codec)
    wish = PartWish(
        pieces=sealed(footage.fragments),
        span=footage.span,
        clean=CLEAN,
        zones=(),
        rendition="covered",
    )
    made = pool.part(wish)
    assert made.cover == "silhouettes"
    for picture in pictures_of(made.init + made.media):
        assert not ((picture[:, :, 0] > 150) & (picture[:, :, 1] < 80)).any(), "the person's red"


@pytest.mark.parametrize("codec", ["hevc", "mjpeg"])
@pytest.mark.parametrize("rendition", ["raw", "covered"])
def test_live_pictures_of_any_codec_come_as_h264(
    pool: RenderPool, codec: Codec, rendition: str
) -> None:
    clock = SystemClock()
    came = packets(walk(count=30, codec=codec), clock.now())
    chunks = list(
        pool.live(
            f"{codec}/{rendition}",
            lambda: iter(came),
            clean=CLEAN,
            zones=(),
            size=FULL,
            rendition="raw" if rendition == "raw" else "covered",
        )
    )
    assert [one.codec[:5] for one in chunks if one.is_init] == ["avc1."]
    expected = "uncovered" if rendition == "raw" else "silhouettes"
    assert expected in {one.cover for one in chunks if not one.is_init}
    assert len(pictures_of(b"".join(one.data for one in chunks))) >= 5


class Subscription:
    """Packets by runs of one format, as a stream's tap gives them."""

    def __init__(self, *runs: list[Packet]) -> None:
        self._runs = runs
        self.closed = 0

    def __iter__(self) -> Iterator[LivePackets]:
        for run in self._runs:
            for number, packet in enumerate(run):
                yield LivePackets(packets=(packet,), dropped=0, is_start=number == 0)

    def close(self) -> None:
        self.closed += 1


def rendered() -> Iterator[LiveChunk]:
    yield LiveChunk(
        is_init=True, codec="avc1.rendered", cover="uncovered", at=NOON, dropped=0, data=b"x"
    )


def codecs(subscription: Subscription, *plays: Codec) -> list[str]:
    pieces = played_pieces(subscription, plays, rendered)
    return [one.codec for one in pieces if one.is_init]


def test_live_samples_leave_as_they_came_when_the_viewer_plays_them() -> None:
    h264, hevc = (packets(walk(count=12, codec=codec), NOON) for codec in ("h264", "hevc"))
    subscription = Subscription(hevc)
    (own,) = codecs(subscription, "h264", "hevc")
    assert own.startswith("hvc1.")
    assert subscription.closed == 1
    assert codecs(Subscription(hevc), "h264") == ["avc1.rendered"]
    assert codecs(Subscription(packets(walk(count=3, codec="mjpeg"), NOON)), "h264", "hevc") == [
        "avc1.rendered"
    ]
    assert [one[:5] for one in codecs(Subscription(h264, hevc), "h264", "hevc")] == [
        "avc1.",
        "hvc1.",
    ]


def test_a_live_look_ends_where_the_camera_changes_to_a_codec_that_is_not_played() -> None:
    h264, hevc = (packets(walk(count=12, codec=codec), NOON) for codec in ("h264", "hevc"))
    subscription = Subscription(h264, hevc)
    assert [one[:5] for one in codecs(subscription, "h264")] == ["avc1."]
    assert subscription.closed == 1


def test_nothing_is_rendered_of_a_stream_that_ends_at_once() -> None:
    assert codecs(Subscription(), "h264") == []
