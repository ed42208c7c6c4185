"""A covered seek: what a part of two seconds costs, with and without what was found before.

    python -m bench.cover_seek [--clip people-walking-plaza.mp4] [--parts 12]

The same sealed parts of a real clip are rendered as a rendering child does it, one after the
other, each as if it were the first of its look: as silhouettes, with the model looking now, and
with the masks that were found and sealed while recording. CPU time, because the machine may be
busy; "first picture" is a part cut after one picture, which an initialisation takes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import cv2
import numpy as np
from tests.access.footage import coded, sealed
from tests.access.test_stored_cover import cover_piece
from tests.shared_data import SHARED

from fairview.access.cover_finders import cover_detectors
from fairview.access.render import SealedPiece
from fairview.access.render_scene import CoverModelName, Showing
from fairview.access.render_words import PartAsk, Piece, Show
from fairview.access.render_work import part
from fairview.analyse.clean import CleanPicture, median_planes
from fairview.analyse.cover_ahead import RegionMaker
from fairview.analyse.cover_finds import Finders
from fairview.analyse.decode import open_video, pictures
from fairview.analyse.detectors.models import ModelStore
from fairview.analyse.planes import rgb_of
from fairview.core.ids import CameraId
from fairview.core.limits_seeing import COVER_STORED_EVERY_US, COVER_STORED_LOOK_US
from fairview.core.media import Fragment, Sample, VideoFormat
from fairview.core.sight import CoverRegions
from fairview.core.time import US_PER_SECOND, cpu_us
from fairview.run.analysing.cover_looks import cover_code

MODELS = SHARED / "models"
CAMERA = CameraId("junction-1")
NAME = CoverModelName(folder=str(MODELS), name="picodet-s-416")
LEAD_S = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A clip as it is recorded: pieces of a second, its clean picture, and its masks."""

    fragments: tuple[Fragment, ...]
    pieces: tuple[SealedPiece, ...]
    clean: CleanPicture
    cover: SealedPiece
    looks_us: tuple[int, ...]


def recorded(clip: str, seconds: int, finders: Finders) -> Site:
    film = open_video(SHARED / "videos" / clip)
    rgb, planes, due_us = [], [], 0
    for picture in film.pictures():
        if picture.at.us < due_us:
            continue
        due_us = max(due_us, picture.at.us) + 100_000
        rgb.append(rgb_of(picture.planes).copy())
        if len(rgb) % 5 == 0:
            planes.append(picture.planes.copy())
        if len(rgb) == 10 * seconds:
            break
    footage = coded(rgb)
    clean = CleanPicture(pixels=rgb_of(median_planes(planes)), made_at=footage.span.start)
    maker = RegionMaker(CAMERA, finders)
    masks: list[CoverRegions] = []
    looks: list[int] = []
    for shown in pictures(footage.fragments, coarse=True):
        if shown.at.since(footage.span.start) % COVER_STORED_LOOK_US == 0:
            began = cpu_us()
            masks += maker.look(shown.planes, shown.at)
            looks.append(cpu_us() - began)
    return Site(
        fragments=footage.fragments,
        pieces=sealed(footage.fragments),
        clean=clean,
        cover=cover_piece(_cover(masks)),
        looks_us=tuple(looks),
    )


def _cover(masks: Sequence[CoverRegions]) -> Fragment:
    codes = [cover_code(one, NAME.name) for one in masks]
    return Fragment(
        format=VideoFormat(
            codec="regions",
            width_px=codes[0].columns,
            height_px=codes[0].rows,
            tick_numerator=1,
            tick_denominator=US_PER_SECOND,
            parameter_sets=NAME.name.encode(),
        ),
        start_at=codes[0].at,
        duration_us=codes[-1].at.since(codes[0].at) + COVER_STORED_EVERY_US,
        samples=tuple(
            Sample(
                ticks=one.at.us,
                decode_ticks=one.at.us,
                duration_ticks=COVER_STORED_EVERY_US,
                is_key=number == 0,
                data=one.code,
            )
            for number, one in enumerate(codes)
        ),
    )


def words(pieces: Sequence[SealedPiece]) -> tuple[Piece, ...]:
    return tuple(
        Piece(header=one.header, records=one.records, segment_key=one.segment_key) for one in pieces
    )


def asks(site: Site, count: int, *, with_covers: bool) -> list[PartAsk]:
    show = Show(
        rendition="covered",
        clean_at_us=None,
        zones=(),
        raw_because="",
        width_px_max=0,
        fps_max=0.0,
        has_model=True,
    )
    made = []
    for number in islice(range(0, len(site.fragments) - 2, 2), count):
        start = site.fragments[number].start_at
        made.append(
            PartAsk(
                pieces=words(site.pieces[number : number + 2]),
                start_us=start.us,
                end_us=start.us + 2 * US_PER_SECOND,
                origin_us=start.us,
                show=show,
                covers=words([site.cover]) if with_covers else (),
            )
        )
    return made


def costs(wanted: Sequence[PartAsk], render: Callable[[PartAsk], object]) -> list[float]:
    """CPU milliseconds of each, after one that is not counted."""
    render(wanted[0])
    found = []
    for ask in wanted:
        began = cpu_us()
        render(ask)
        found.append((cpu_us() - began) / 1000)
    return found


def say(name: str, found: Sequence[float]) -> None:
    p95 = float(np.percentile(found, 95))
    sys.stdout.write(f"{name:44} median {statistics.median(found):7.0f} ms   p95 {p95:7.0f} ms\n")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", default="people-walking-plaza.mp4")
    parser.add_argument("--parts", type=int, default=8)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    finders = cover_detectors(ModelStore(MODELS), NAME.name).finders
    site = recorded(options.clip, 2 * options.parts + LEAD_S, finders)
    height, width = site.clean.pixels.shape[:2]
    sys.stdout.write(f"{options.clip}, {width}x{height}, CPU time of a part of 2 s at 10 fps\n")
    shapes = Showing(rendition="covered", clean=site.clean)
    model = replace(shapes, model=NAME)
    looking = asks(site, options.parts, with_covers=False)
    known = asks(site, options.parts, with_covers=True)
    say("silhouettes", costs(looking, lambda ask: part(ask, shapes)))
    say("with the model, looking now", costs(looking, lambda ask: part(ask, model, finders)))
    say("with the model, masks found before", costs(known, lambda ask: part(ask, model, finders)))
    short = [_first(one) for one in looking]
    say("first picture, looking now", costs(short, lambda ask: part(ask, model, finders)))
    short = [_first(one) for one in known]
    say("first picture, masks found before", costs(short, lambda ask: part(ask, model, finders)))
    say("one look while recording", [us / 1000 for us in site.looks_us])
    bytes_a_s = len(site.cover.records) / (len(site.fragments) or 1)
    sys.stdout.write(f"masks: {bytes_a_s:.0f} bytes a second of footage, sealed\n")
    return 0


def _first(ask: PartAsk) -> PartAsk:
    return PartAsk(
        pieces=ask.pieces,
        start_us=ask.start_us,
        end_us=ask.end_us,
        origin_us=ask.origin_us,
        show=ask.show,
        covers=ask.covers,
        pictures_max=1,
    )


if __name__ == "__main__":
    sys.exit(main())
