"""Films of single pictures: covered, a look for each hour, and gaps that say what they are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest

from fairview.access.door import TimeLapseWish, Timeline, TimelineGap
from fairview.access.render_lapse import Film
from fairview.access.time_lapse import CAUSES, LapseGap, gap_lines, plan
from fairview.core.errors import BadInput, Corrupt, NotAllowed, NotFound
from fairview.core.limits_keeping import TIME_LAPSE_PICTURES_MAX
from fairview.core.media import Gap, GapBecause
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, Span
from fairview.store.contracts import GapSaved
from tests.access.footage import Footage, walk
from tests.access.site import NAME, Site
from tests.builders import NOON


def between(start_s: float, end_s: float) -> Span:
    start, end = (NOON.plus(round(s * US_PER_SECOND)) for s in (start_s, end_s))
    return Span(start=start, end=end)


def wish(start_s: float, end_s: float, every_s: float = 1, **changes: object) -> TimeLapseWish:
    values: dict[str, object] = {
        "camera": NAME,
        "span": between(start_s, end_s),
        "every_us": round(every_s * US_PER_SECOND),
        "fps": 10,
        "width_px": 320,
        **changes,
    }
    return TimeLapseWish(**values)  # type: ignore[arg-type]  # tests name fields freely


@pytest.fixture(scope="module")
def footage() -> Footage:
    return walk(60)


@pytest.fixture
def site(tmp_path: Path, footage: Footage) -> Iterator[Site]:
    made = Site(tmp_path)
    made.add()
    made.record(NAME, footage.fragments)
    yield made
    made.gate.close()


def frames_of(film: bytes) -> list[np.ndarray]:
    with av.open(io.BytesIO(film), "r") as file:
        return [frame.to_ndarray(format="bgr24") for frame in file.decode(video=0)]


def test_a_picture_stands_for_each_moment_and_a_frame_for_each_gap() -> None:
    timeline = Timeline(
        footage=(between(10, 20), between(40, 50)),
        gaps=(TimelineGap(span=between(20, 40), because=GapBecause.NO_EVENT),),
    )
    due = plan(wish(0, 60, 5), timeline)
    shown = [
        (one.at.since(NOON) / US_PER_SECOND, None if one.gap is None else one.gap.because)
        for one in due
    ]
    assert [at for at, because in shown if because is None] == [0, 10, 15, 40, 45, 50]
    assert (20, GapBecause.NO_EVENT) in shown
    unknown = [one.gap.span for one in due if one.gap is not None and one.gap.because is None]
    assert unknown == [between(0, 10), between(50, 60)]
    assert [one.at for one in due] == sorted(one.at for one in due)


def test_a_gap_between_two_pictures_is_not_bridged() -> None:
    gap = TimelineGap(span=between(12, 15), because=GapBecause.CAMERA_AWAY)
    timeline = Timeline(footage=(between(0, 12), between(15, 60)), gaps=(gap,))
    due = plan(wish(0, 60, 30), timeline)
    assert [one.gap is not None for one in due] == [False, True, False]


def test_every_cause_has_words_for_people() -> None:
    assert set(CAUSES) == set(GapBecause)
    lines = gap_lines(LapseGap(span=between(0, 10), because=GapBecause.NO_EVENT))
    assert "events" in lines[1]
    assert "12:00:00" in lines[2]
    assert "12:00:10" in lines[2]


@pytest.mark.slow
def test_a_film_is_covered_and_in_the_ledger_before_its_first_byte(site: Site) -> None:
    before = len(site.kinds())
    pieces = site.gate.time_lapse(site.mara.token, wish(-1, 60, 0.5 * 2))
    assert site.kinds()[before:] == []
    next(pieces)
    assert site.kinds()[before:] == ["look.opened", "look.closed", "export.made"]
    leaf = site.leaves()[-1]
    assert leaf.texts["media"] == "time-lapse-covered.mp4"
    opened = site.leaves()[before]
    assert opened.texts["rendition"] == "covered"


def test_a_film_shows_gaps_as_plain_frames(site: Site) -> None:
    gap = Gap(camera=NAME, stream="main", span=between(2, 9), because=GapBecause.CAMERA_AWAY)
    site.catalogue.write([GapSaved(gap=gap)])
    film = b"".join(site.gate.time_lapse(site.mara.token, wish(0, 9)))
    frames = frames_of(film)
    assert len(frames) >= 2 + 5
    assert len({frame.shape for frame in frames}) == 1
    # The last frames are the gap's: all the same, dark ground and some text.
    last = frames[-5:]
    assert all(np.abs(one.astype(int) - last[0].astype(int)).mean() < 2 for one in last)
    assert np.median(last[0]) < 60
    assert last[0].max() > 150


@pytest.mark.slow
def test_each_hour_is_a_look_of_its_own_and_an_hour_without_footage_is_none(
    site: Site, footage: Footage
) -> None:
    later = [
        one.__class__(
            format=one.format,
            start_at=one.start_at.plus(3 * US_PER_HOUR),
            duration_us=one.duration_us,
            samples=one.samples,
        )
        for one in footage.fragments
    ]
    site.clock.advance(3 * US_PER_HOUR)
    site.record(NAME, tuple(later))
    before = len(site.kinds())
    asked = wish(0, 4 * 3_600, 1)
    b"".join(site.gate.time_lapse(site.mara.token, asked))
    found = site.kinds()[before:]
    assert found.count("look.opened") == found.count("look.closed") == 2
    assert found[-1] == "export.made"
    spans = [leaf for leaf in site.leaves() if leaf.kind == "look.opened"]
    assert all(int(str(leaf.texts["footage_us"])) <= US_PER_HOUR for leaf in spans)


def test_nothing_to_show_is_said_and_no_look_opened(site: Site) -> None:
    before = site.kinds()
    with pytest.raises(NotFound, match="nothing of junction-1 is kept"):
        site.gate.time_lapse(site.mara.token, wish(3_600, 3_700))
    assert site.kinds() == before


def test_raw_needs_what_any_raw_look_needs(site: Site) -> None:
    camera = site.add("street", "rtsp://192.0.2.7/one")
    site.record(camera.id, walk(10).fragments)
    with pytest.raises(NotAllowed, match="case"):
        next(site.gate.time_lapse(site.mara.token, wish(0, 5, camera=camera.id, rendition="raw")))


def test_who_may_not_look_gets_no_film(site: Site) -> None:
    token = site.actor("olga", "auditor")
    with pytest.raises(NotAllowed):
        next(site.gate.time_lapse(token, wish(0, 2)))


@pytest.mark.parametrize(
    "changes",
    [{"every_us": 1}, {"fps": 0}, {"fps": 61}, {"width_px": 1}],
)
def test_films_that_can_not_be_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        wish(0, 60, **changes)  # type: ignore[arg-type]  # fields by name


def test_too_many_pictures_name_how_far_apart_they_may_be() -> None:
    seconds = 2 * TIME_LAPSE_PICTURES_MAX
    with pytest.raises(BadInput, match="one every 2 s"):
        wish(0, seconds)
    assert wish(0, seconds, 2).every_us == 2 * US_PER_SECOND


def test_pictures_of_other_sizes_are_fitted_into_the_first() -> None:
    film = Film(10)
    film.plain(("No footage", "a", "b"), (64, 48), 1)
    assert film.size == (64, 48)
    with pytest.raises(Corrupt):
        film.picture(b"no picture")
    rest = film.rest()
    assert rest is not None
    assert (rest.format.width_px, rest.format.height_px) == (64, 48)
    assert rest.duration_us == 100_000
