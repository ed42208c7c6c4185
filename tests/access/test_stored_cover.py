"""What was found to hide while recording, used when the footage is shown."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest

from fairview.access.render import PartWish, RenderPool, SealedPiece
from fairview.analyse.clean import CleanPicture
from fairview.analyse.decode import PictureDecoder, key_picture
from fairview.analyse.region_code import region_code
from fairview.config.settings import Settings, load_settings
from fairview.core.errors import BadInput
from fairview.core.ids import CameraId, KeyPairId, SegmentId, new_hex_id
from fairview.core.limits import HOLD_LIVE_US, LIVE_CHUNK_US
from fairview.core.limits_seeing import COVER_AHEAD_US, COVER_STORED_EVERY_US
from fairview.core.media import Fragment, Packet, Sample, VideoFormat
from fairview.core.sight import CoverRegions
from fairview.core.time import US_PER_SECOND, Span, SystemClock
from fairview.record.fmp4 import init_segment
from fairview.store.sealing import SegmentSealer, new_key_pair, open_key, read_header
from tests.access.footage import Footage, packets, sealed, walk
from tests.access.house import RECORDER
from tests.access.site import NAME, Site
from tests.analyse.scenes import HEIGHT_PX, WIDTH_PX, Picture, street
from tests.builders import NOON
from tests.shared_data import shared

MODEL = "picodet-s-416"
CLEAN = CleanPicture(pixels=street(), made_at=NOON)
MINUTE = Span(start=NOON.plus(-US_PER_SECOND), end=NOON.plus(60 * US_PER_SECOND))
CORNER = (slice(30, 60), slice(260, 300))
"""Nobody is ever there: filled only when a stored mask says so."""


def mask() -> Picture:
    made = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    made[CORNER] = 255
    return made


def cover(*, model: str = MODEL, is_whole: bool = False, count: int = 12) -> Fragment:
    """Masks that hide a corner, over the first two seconds of footage and more."""
    video = VideoFormat(
        codec="regions",
        width_px=WIDTH_PX,
        height_px=HEIGHT_PX,
        tick_numerator=1,
        tick_denominator=US_PER_SECOND,
        parameter_sets=model.encode(),
    )
    samples = []
    for number in range(count):
        at = NOON.plus(number * COVER_STORED_EVERY_US)
        code = region_code(CoverRegions(camera=NAME, at=at, mask=mask(), is_whole=is_whole))
        samples.append(
            Sample(
                ticks=at.us,
                decode_ticks=at.us,
                duration_ticks=COVER_STORED_EVERY_US,
                is_key=number == 0,
                data=code,
            )
        )
    return Fragment(
        format=video,
        start_at=NOON,
        duration_us=count * COVER_STORED_EVERY_US,
        samples=tuple(samples),
    )


def cover_piece(made: Fragment, camera: str = NAME) -> SealedPiece:
    private, public = new_key_pair()
    sealer = SegmentSealer(
        camera=CameraId(camera),
        stream="cover",
        segment=SegmentId(new_hex_id()),
        key_pair=KeyPairId(new_hex_id()),
        public_half=public,
        signer=RECORDER,
        created_at=NOON,
    )
    key = open_key(read_header(sealer.header), private)
    return SealedPiece(header=sealer.header, records=sealer.seal(made), segment_key=key)


def tampered(piece: SealedPiece) -> SealedPiece:
    records = bytearray(piece.records)
    records[-20] ^= 1
    return replace(piece, records=bytes(records))


def damaged_code() -> SealedPiece:
    made = cover()
    samples = tuple(replace(one, data=one.data[:-3]) for one in made.samples)
    return cover_piece(replace(made, samples=samples))


def shown(
    pool: RenderPool,
    footage: Footage,
    pieces: tuple[SealedPiece, ...],
    *covers: SealedPiece,
) -> tuple[str, list[Picture]]:
    part = pool.part(
        PartWish(
            pieces=pieces,
            span=footage.span,
            clean=CLEAN,
            covers=covers,
            zones=(),
            rendition="covered",
            look="a",
        )
    )
    return part.cover, pixels_of(part.init + part.media)


def pixels_of(media: bytes) -> list[Picture]:
    with av.open(io.BytesIO(media), "r") as file:
        return [
            np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)
            for frame in file.decode(video=0)
        ]


def hides_corner(picture: Picture) -> bool:
    """Fill there is of one colour and differs from the street's."""
    away = np.abs(picture[CORNER].astype(int) - street()[CORNER]).mean()
    return bool(away > 25 and picture[CORNER].std(axis=(0, 1)).max() < 6)


@pytest.mark.slow
def test_stored_masks_are_painted_and_so_is_what_differs_from_the_clean_picture(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    state, pictures = shown(pool, footage, pieces, cover_piece(cover()))
    assert state == "persons_covered"
    assert len(pictures) == len(footage.pictures)
    for picture in pictures:
        assert hides_corner(picture)
        assert not ((picture[:, :, 0] > 150) & (picture[:, :, 1] < 80)).any(), "the person's red"


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["none", "tampered", "code", "model", "camera", "main"])
def test_without_masks_that_can_be_trusted_the_pictures_are_looked_at(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...], fault: str
) -> None:
    covers = {
        "none": (),
        "tampered": (tampered(cover_piece(cover())),),
        "code": (damaged_code(),),
        "model": (cover_piece(cover(model="another")),),
        "camera": (cover_piece(cover(), "elsewhere"),),
        "main": sealed([cover()]),
    }[fault]
    state, pictures = shown(pool, footage, pieces, *covers)
    assert state == "persons_covered"
    for picture in pictures:
        assert not hides_corner(picture)
        assert not ((picture[:, :, 0] > 150) & (picture[:, :, 1] < 80)).any(), "the person's red"


@pytest.mark.slow
def test_masks_hide_only_the_pictures_of_their_own_time(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    short = cover(count=6)
    _, pictures = shown(pool, footage, pieces, cover_piece(short))
    inside = 5 * COVER_STORED_EVERY_US * 10 // US_PER_SECOND + 1
    assert [hides_corner(one) for one in pictures] == [
        number < inside for number in range(len(pictures))
    ]


@pytest.mark.slow
def test_a_stored_whole_frame_is_a_whole_frame(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    state, _ = shown(pool, footage, pieces, cover_piece(cover(is_whole=True)))
    assert state == "whole_frame"


@pytest.mark.slow
def test_masks_show_nothing_without_a_clean_picture(
    pool: RenderPool, footage: Footage, pieces: tuple[SealedPiece, ...]
) -> None:
    part = pool.part(
        PartWish(
            pieces=pieces,
            span=footage.span,
            clean=None,
            covers=(cover_piece(cover()),),
            zones=(),
            rendition="covered",
            look="a",
        )
    )
    assert part.cover == "whole_frame"


@pytest.mark.slow
def test_a_seek_through_the_door_finds_the_masks_of_its_time(
    pool: RenderPool, footage: Footage, tmp_path: Path
) -> None:
    settings = load_settings(
        None, {"FAIRVIEW_COVERING__MODEL": MODEL, "FAIRVIEW_MODELS": str(shared("models"))}
    )
    site = covered_site(tmp_path, pool, settings)
    site.record(NAME, footage.fragments)
    site.record(NAME, (cover(),), stream="cover")
    token = site.look(MINUTE, "covered")
    parts = site.gate.parts(token, NAME)
    assert [part.span for part in parts] == [footage.span], "a cover is no footage"
    media = site.gate.part_init(token, NAME, 0) + b"".join(site.gate.part(token, NAME, 0))
    assert all(hides_corner(one) for one in pixels_of(media))
    still = site.gate.picture(token, NAME, NOON.plus(US_PER_SECOND), WIDTH_PX)
    assert hides_corner(jpeg_pixels(still))
    site.gate.close()


def covered_site(folder: Path, pool: RenderPool, settings: Settings) -> Site:
    site = Site(folder, pool, settings)
    site.add()
    site.gate.put_clean_picture(NAME, CLEAN)
    return site


def jpeg_pixels(data: bytes) -> Picture:
    import cv2

    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return np.asarray(found[:, :, ::-1], dtype=np.uint8)


def test_nothing_decodes_or_wraps_a_cover_as_video() -> None:
    made = cover()
    with pytest.raises(BadInput, match="no video"):
        PictureDecoder(made.format)
    with pytest.raises(BadInput, match="no video"):
        key_picture(made, WIDTH_PX, HEIGHT_PX)
    with pytest.raises(BadInput, match="no video"):
        init_segment(made.format)


@pytest.mark.slow
def test_looks_run_ahead_inside_the_hold_that_a_live_piece_has_anyway(pool: RenderPool) -> None:
    clock = SystemClock()
    arriving = packets(walk(60), clock.now())
    shown = pool.live("a", partial(paced, arriving, clock), clean=CLEAN, zones=())
    ages = [
        clock.now().since(chunk.at)
        for chunk in islice(shown, 20)
        if not chunk.is_init and chunk.cover == "persons_covered"
    ]
    # A busy machine makes some late; none is early.
    assert HOLD_LIVE_US <= min(ages) < HOLD_LIVE_US + COVER_AHEAD_US + LIVE_CHUNK_US


def paced(arriving: list[Packet], clock: SystemClock) -> Iterator[Packet]:
    quiet = threading.Event()
    for one in arriving:
        clock.wait(quiet, max(0, one.at.since(clock.now())))
        yield one
