from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fairview.analyse.region_code import region_code, regions_of
from fairview.analyse.region_taps import CoverCodes
from fairview.core.camera import Source
from fairview.core.errors import BadInput, Unavailable
from fairview.core.ids import CameraId
from fairview.core.limits import FRAGMENT_US_MAX
from fairview.core.limits_seeing import COVER_STORED_EVERY_US
from fairview.core.media import EndedBecause
from fairview.core.sight import CoverCode, CoverRegions
from fairview.core.time import US_PER_SECOND, Instant
from fairview.record.keyring import Keyring
from fairview.record.recorder import Stores, StreamRecorder
from fairview.run.analysing.cover_looks import cover_code
from fairview.run.recording.cover_keeping import CoverPackets, CoverStream
from fairview.store.check import check
from tests.builders import NOON
from tests.record.desk import CAMERA, SIGNER, Desk
from tests.record.keys import DOOR

SHAPE = (18, 32)


def regions(number: int) -> CoverRegions:
    mask = np.zeros(SHAPE, np.uint8)
    mask[number % SHAPE[0]] = 255
    at = NOON.plus(number * COVER_STORED_EVERY_US)
    return CoverRegions(camera=CAMERA, at=at, mask=mask, is_whole=False)


def code(number: int) -> CoverCode:
    return cover_code(regions(number), "picodet-s-416")


class Told:
    """An analyser's stream that ends after what it has; then nobody is there."""

    def __init__(self, codes: list[CoverCode], done: threading.Event) -> None:
        self._codes, self._done = iter(codes), done

    def __iter__(self) -> Iterator[CoverCodes]:
        return self

    def __next__(self) -> CoverCodes:
        found = next(self._codes, None)
        if found is None:
            self._done.set()
            raise Unavailable("the analyser went away")
        return CoverCodes(codes=(found,))

    def close(self) -> None:
        self._codes = iter(())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def cover_recorder(desk: Desk) -> StreamRecorder:
    return StreamRecorder(
        camera=CAMERA,
        stream="cover",
        stores=Stores(blobs=desk.blobs, rows=desk.rows, signer=SIGNER, clock=desk.clock),
        keyring=Keyring(
            desk.key_path,
            camera=CAMERA,
            door_public=DOOR.public_key().public_bytes_raw(),
            clock=desk.clock,
            tell=lambda event: None,
        ),
    )


def recorded(desk: Desk, numbers: range) -> None:
    recorder, packets = cover_recorder(desk), CoverPackets()
    for number in numbers:
        packet = packets.packet(code(number), desk.clock.now())
        assert packet is not None
        recorder.packet(packet)
        desk.clock.advance(COVER_STORED_EVERY_US)
    recorder.close()


def test_masks_come_back_from_their_seal_as_they_were(desk: Desk) -> None:
    recorded(desk, range(100))
    (segment,) = desk.segments()
    assert segment.stream == "cover"
    assert segment.ended_because is EndedBecause.STOPPED
    found = [
        regions_of(sample.data, CAMERA, fragment.at(sample))
        for fragment in desk.fragments(segment)
        for sample in fragment.samples
    ]
    assert [one.at for one in found] == [regions(number).at for number in range(100)]
    for number, one in enumerate(found):
        assert np.array_equal(one.mask, regions(number).mask)


def test_each_fragment_is_short_and_stands_alone(desk: Desk) -> None:
    recorded(desk, range(100))
    for fragment in desk.fragments(desk.segments()[0]):
        assert fragment.is_key
        assert not fragment.format.is_video
        assert fragment.format.parameter_sets == b"picodet-s-416"
        assert fragment.duration_us <= FRAGMENT_US_MAX


def test_segments_of_a_cover_end_as_those_of_pictures_do_and_check_is_clean(desk: Desk) -> None:
    recorded(desk, range(130 * 5))
    assert len(desk.segments()) > 1
    report = check(desk.blobs, desk.catalogue)
    assert report.findings == ()
    assert report.segments == len(desk.segments())


def test_an_analyser_that_goes_leaves_a_gap_in_the_cover_and_no_word_of_the_camera(
    desk: Desk,
) -> None:
    done, nobody = threading.Event(), threading.Event()
    lines = [Told([code(number) for number in range(20)], done)]

    def connect(camera: CameraId) -> Told:
        assert camera == CAMERA
        if lines:
            return lines.pop()
        nobody.set()
        raise Unavailable("nobody looks")

    stream = CoverStream(CAMERA, connect, cover_recorder(desk), desk.clock)  # type: ignore[arg-type]  # a double
    thread = threading.Thread(target=stream.run)
    thread.start()
    assert done.wait(5)
    while not nobody.is_set():
        desk.clock.advance(10 * US_PER_SECOND)
    stream.close()
    desk.clock.advance(10 * US_PER_SECOND)
    thread.join(5)
    assert not thread.is_alive()
    (segment,) = desk.segments()
    assert segment.ended_because is EndedBecause.CAMERA_AWAY
    assert all(gap.stream == "cover" for gap in desk.gaps())
    assert desk.gaps()
    assert desk.events() == ()


def test_codes_that_are_not_newer_are_left_out_and_a_clock_set_back_begins_anew() -> None:
    packets = CoverPackets()
    assert packets.packet(code(10), NOON) is not None
    assert packets.packet(code(10), NOON) is None
    assert packets.packet(code(9), NOON) is None
    back = packets.packet(code(0), NOON)
    assert back is not None
    assert back.is_key


def test_a_code_keeps_its_mask() -> None:
    one = code(3)
    assert one.code == region_code(regions(3))
    assert (one.rows, one.columns) == SHAPE
    assert one.at == Instant(NOON.us + 3 * COVER_STORED_EVERY_US)


def test_no_camera_sends_a_cover() -> None:
    with pytest.raises(BadInput):
        Source(stream="cover", kind="sim", address="sim:junction?seed=7")  # type: ignore[arg-type]  # on purpose
