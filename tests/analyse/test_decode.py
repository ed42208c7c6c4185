from __future__ import annotations

import numpy as np
import pytest

from fairview.analyse.decode import PictureDecoder, frames, key_picture, pictures
from fairview.core.errors import BadInput
from fairview.core.media import Fragment, Sample
from fairview.core.time import Span
from tests.access.footage import Footage, coded, walk
from tests.analyse.scenes import noisy, street


@pytest.fixture(scope="module")
def footage() -> Footage:
    return walk()


def test_every_picture_comes_at_its_time(footage: Footage) -> None:
    found = list(frames(footage.fragments))
    assert [frame.at.since(footage.span.start) for frame in found] == [
        number * 100_000 for number in range(20)
    ]
    for frame, drawn in zip(found, footage.pictures, strict=True):
        assert np.abs(frame.pixels.astype(int) - drawn).mean() < 6


def test_times_follow_pictures_that_were_coded_out_of_order() -> None:
    shown = coded([noisy(street(), number) for number in range(20)], bframes=2)
    times = [one.at.us for one in pictures(shown.fragments)]
    assert times == sorted(times)
    assert len(times) == 20


def test_only_what_is_asked_for_is_given(footage: Footage) -> None:
    start = footage.span.start
    wanted = Span(start=start.plus(450_000), end=start.plus(900_000))
    found = [one.at.since(start) for one in pictures(footage.fragments, wanted)]
    assert found == [500_000, 600_000, 700_000, 800_000]


def test_decoding_waits_for_a_key_frame(footage: Footage) -> None:
    first = footage.fragments[0]
    cut = Fragment(
        format=first.format,
        start_at=first.start_at,
        duration_us=first.duration_us,
        samples=first.samples[3:],
    )
    found = list(pictures([cut, footage.fragments[1]]))
    assert found[0].at == footage.fragments[1].start_at


def test_a_sample_of_noise_yields_nothing_and_is_counted(footage: Footage) -> None:
    decoder = PictureDecoder(footage.fragments[0].format)
    noise = Sample(ticks=0, decode_ticks=0, duration_ticks=1, is_key=True, data=b"\x07" * 400)
    assert list(decoder.decode(noise, footage.span.start)) == []


def test_a_key_picture_is_the_first_of_its_fragment(footage: Footage) -> None:
    found = key_picture(footage.fragments[1], 320, 180)
    assert found.at == footage.fragments[1].start_at
    with pytest.raises(BadInput):
        key_picture(footage.fragments[1], 640, 360)
