"""Decoding only what is asked, at the size that is asked."""

from __future__ import annotations

from collections.abc import Iterator

import av
import cv2
import numpy as np
import pytest

from fairview.analyse.decode import Decoded, Decodes, PictureDecoder, planes_of, rgb_small
from fairview.analyse.planes import Matrix, limited, planes_of_rgb, rgb_of, shrunk
from fairview.sim.view import Picture
from tests.access.footage import Footage, coded
from tests.analyse.scenes import noisy, street


@pytest.fixture(scope="module")
def reordered() -> Footage:
    return coded([noisy(street(), number) for number in range(20)], bframes=2)


def decoded(footage: Footage, decodes: Decodes) -> list[Decoded]:
    decoder = PictureDecoder(footage.fragments[0].format, decodes=decodes, size=(160, 90))

    def all_of() -> Iterator[Decoded]:
        for fragment in footage.fragments:
            for sample in fragment.samples:
                yield from decoder.decode(sample, fragment.at(sample))
        yield from decoder.flush()

    return list(all_of())


def test_key_frames_alone_come_at_once_and_at_their_times(reordered: Footage) -> None:
    every = {one.at: one.planes for one in decoded(reordered, "all")}
    keys = {
        fragment.at(sample)
        for fragment in reordered.fragments
        for sample in fragment.samples
        if sample.is_key
    }
    found = decoded(reordered, "keys")
    assert {one.at for one in found} == keys
    for one in found:
        assert np.array_equal(one.planes.luma, every[one.at].luma)


def test_reference_pictures_are_the_same_as_when_all_are_decoded(reordered: Footage) -> None:
    every = {one.at: one.planes for one in decoded(reordered, "all")}
    found = decoded(reordered, "references")
    assert len(every) == 20
    assert 7 <= len(found) < 20
    for one in found:
        assert np.array_equal(one.planes.luma, every[one.at].luma)


def gradient(width: int, height: int) -> Picture:
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    rgb = np.stack([40 + 160 * x, 60 + 140 * y, 200 - 120 * x], axis=2)
    return np.asarray(rgb, dtype=np.uint8)


@pytest.mark.parametrize("matrix", ["bt601", "bt709"])
@pytest.mark.parametrize("size", [(640, 360), (416, 234), (417, 235), (1280, 720), (1600, 900)])
def test_small_rgb_is_the_picture_in_its_colours(size: tuple[int, int], matrix: Matrix) -> None:
    pixels = gradient(1280, 720)
    found = rgb_small(planes_of_rgb(pixels, matrix), size)
    expected = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=int)
    assert found.shape == (size[1], size[0], 3)
    assert np.abs(found.astype(int) - expected).max() <= 4


def test_fine_patterns_become_grey_instead_of_false_stripes() -> None:
    pixels = np.zeros((720, 1280, 3), np.uint8)
    pixels[:, ::2] = 255
    luma = shrunk(planes_of_rgb(pixels, "bt709"), (300, 170)).luma
    assert int(luma.max()) - int(luma.min()) <= 2


def test_a_picture_of_the_wanted_size_is_the_same_object() -> None:
    planes = planes_of_rgb(street(), "bt601")
    assert shrunk(planes, (320, 180)) is planes


def test_full_range_pictures_look_the_same_as_limited_ones() -> None:
    pixels = gradient(320, 180)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
    full = frame.reformat(format="yuvj420p", dst_colorspace="ITU601", dst_color_range="JPEG")
    found = planes_of(full, (160, 90))
    shown = rgb_of(found).astype(int)
    expected = np.asarray(cv2.resize(pixels, (160, 90), interpolation=cv2.INTER_AREA), dtype=int)
    assert np.abs(shown - expected).max() <= 6


def test_black_and_white_of_full_range_are_those_of_limited_range() -> None:
    planes = planes_of_rgb(street(), "bt601")
    planes.luma[:2] = [[0] * 320, [255] * 320]
    brought = limited(planes)
    assert (brought.luma[0, 0], brought.luma[1, 0]) == (16, 235)
