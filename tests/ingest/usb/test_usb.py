"""USB cameras, played by a kernel of our own."""

from __future__ import annotations

import errno
import io
from itertools import pairwise

import av
import numpy as np
import pytest

from fairview.access.usb_coder import usb_coder
from fairview.core.camera import Source
from fairview.core.errors import BadInput, FairviewError, NotAllowed, NotFound, Unavailable
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause, Packet
from fairview.core.time import SystemClock
from fairview.ingest.usb import words
from fairview.ingest.usb.mark import coded_from, mark
from fairview.ingest.usb.source import UsbSource, planes_of
from tests.access.footage import walk
from tests.ingest.http.serving import jpeg_picture
from tests.ingest.usb.kernel import FakeKernel, Picture


def source_of(kernel: FakeKernel) -> UsbSource:
    return UsbSource(
        camera=CameraId("door"),
        source=Source(stream="main", kind="usb", address="/dev/video0"),
        clock=SystemClock(),
        coder=usb_coder,
        calls=kernel,
    )


def all_of(kernel: FakeKernel) -> list[Packet]:
    """Every packet until it is unplugged."""
    found: list[Packet] = []
    with pytest.raises(StreamLost, match="unplugged") as lost:
        found.extend(source_of(kernel).packets())
    assert lost.value.because is GapBecause.CAMERA_AWAY
    assert not kernel.is_open
    assert not kernel.is_running
    return found


def packets_before_silence(kernel: FakeKernel) -> list[Packet]:
    found: list[Packet] = []
    with pytest.raises(StreamLost):
        found.extend(source_of(kernel).packets())
    return found


def test_h264_of_the_camera_is_stored_bit_for_bit() -> None:
    units = [sample.data for one in walk(count=20).fragments for sample in one.samples]
    kernel = FakeKernel(pixels=("YUYV", "MJPG", "H264"), pictures=[Picture(one) for one in units])
    found = packets_before_silence(kernel)
    assert [packet.data for packet in found] == units
    assert [packet.is_key for packet in found] == [at % 10 == 0 for at in range(20)]
    assert (found[0].format.codec, found[0].format.width_px) == ("h264", 320)
    assert coded_from(found[0].data) is None


def test_jpeg_pictures_come_next_and_keep_the_drivers_times() -> None:
    pictures = [jpeg_picture(number) for number in range(6)]
    kernel = FakeKernel(pixels=("YUYV", "MJPG"), pictures=[Picture(one) for one in pictures])
    found = packets_before_silence(kernel)
    assert [packet.data for packet in found] == pictures
    steps = {later.ticks - one.ticks for one, later in pairwise(found)}
    assert steps <= {3_599, 3_600, 3_601}
    assert all(packet.is_key for packet in found)


def test_a_devices_clock_is_told_by_arrival_since_it_has_no_time_of_day() -> None:
    pictures = [Picture(jpeg_picture(number)) for number in range(6)]
    source = source_of(FakeKernel(pixels=("MJPG",), pictures=pictures))
    with pytest.raises(StreamLost):
        list(source.packets())
    offset = source.clock_offset
    assert offset is not None
    assert offset.method == "arrival"


def test_what_the_driver_dropped_or_damaged_is_told_as_a_loss() -> None:
    pictures = [Picture(jpeg_picture(number)) for number in range(6)]
    pictures[2].skipped = 3
    pictures[4].flags |= words.IS_DAMAGED
    found = packets_before_silence(FakeKernel(pixels=("MJPG",), pictures=pictures))
    assert [packet.is_after_loss for packet in found] == [False, False, True, False, True]


def drawn(number: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    width, height = size
    ramp = np.add.outer(np.arange(height) * 2, np.arange(width) * 2) + 3 * number
    return (ramp % 180 + 30).astype(np.uint8)


def raw_picture(pixels: str, number: int, extra: int = 0) -> bytes:
    luma = drawn(number)
    height, width = luma.shape
    if pixels == "YUYV":
        rows = np.full((height, width * 2 + extra), 128, np.uint8)
        rows[:, 0 : 2 * width : 2] = luma
        rows[:, 1 : 2 * width : 4] = 90
        return rows.tobytes()
    rows = np.full((height * 3 // 2, width + extra), 128, np.uint8)
    rows[:height, :width] = luma
    if pixels == "NV12":
        rows[height:, 0:width:2] = 90
        return rows.tobytes()
    chroma = np.full((height, (width + extra) // 2), 128, np.uint8)
    chroma[: height // 2] = 90
    return rows[:height].tobytes() + chroma.tobytes()


@pytest.mark.parametrize("extra", [0, 32])
@pytest.mark.parametrize("pixels", ["YUYV", "NV12", "YU12"])
def test_raw_pictures_are_coded_once_and_say_so(pixels: str, extra: int) -> None:
    pictures = [Picture(raw_picture(pixels, number, extra)) for number in range(55)]
    kernel = FakeKernel(pixels=(pixels,), pictures=pictures, row_extra=extra)
    found = packets_before_silence(kernel)
    assert len(found) == 55
    assert found[0].format.codec == "h264"
    assert [at for at, packet in enumerate(found) if packet.is_key] == [0, 50]
    for packet in found:
        expected = f"Fairview: coded at ingest from {pixels} 64x48" if packet.is_key else None
        assert coded_from(packet.data) == expected
    with av.open(io.BytesIO(b"".join(packet.data for packet in found)), "r", format="h264") as film:
        frames = [frame.to_ndarray() for frame in film.decode(video=0)]
    assert len(frames) == 55
    for number in (0, 30, 54):
        assert np.abs(frames[number][:48].astype(int) - drawn(number)).mean() < 4
        blue, red = frames[number][48:60].astype(int), frames[number][60:72].astype(int)
        assert abs(blue.mean() - 90) < 4
        assert abs(red.mean() - 128) < 4


def test_raw_pictures_that_are_cut_short_are_a_loss() -> None:
    pictures = [Picture(raw_picture("YUYV", number)) for number in range(4)]
    pictures[1].data = pictures[1].data[:-500]
    found = packets_before_silence(FakeKernel(pixels=("YUYV",), pictures=pictures))
    assert [packet.is_after_loss for packet in found] == [False, True, False]
    with pytest.raises(BadInput):
        planes_of(b"x" * 10, words.Shape(pixels="NV12", width_px=64, height_px=48))


def test_the_largest_size_within_bounds_is_asked_for() -> None:
    sizes = ((640, 480), (3840, 2160), (1920, 1080), (1280, 720))
    for pixels, wanted in (("MJPG", (1920, 1080)), ("YUYV", (1280, 720))):
        kernel = FakeKernel(pixels=(pixels,), pictures=[], sizes=sizes)
        packets_before_silence(kernel)
        assert kernel.shape is not None
        assert (kernel.shape.width_px, kernel.shape.height_px) == wanted
    kernel = FakeKernel(pixels=("MJPG",), pictures=[], sizes=())
    packets_before_silence(kernel)
    assert words.GET_FORMAT in kernel.said


def test_an_unplugged_camera_is_away_and_a_silent_one_is_silent() -> None:
    pictures = [Picture(jpeg_picture(number)) for number in range(3)]
    assert len(all_of(FakeKernel(pixels=("MJPG",), pictures=pictures))) == 3
    kernel = FakeKernel(pixels=("MJPG",), pictures=pictures, ends=None)
    with pytest.raises(StreamLost, match="sent nothing") as lost:
        list(source_of(kernel).packets())
    assert lost.value.because is GapBecause.CAMERA_SILENT


@pytest.mark.parametrize(
    ("number", "error", "told"),
    [
        (errno.ENOENT, NotFound, "plug the camera in"), (errno.EACCES, NotAllowed, "group video"),
        (errno.EBUSY, Unavailable, "another program"), (errno.ENOTTY, BadInput, "no camera"),
    ],
)  # fmt: skip
def test_a_device_that_can_t_be_opened_says_why(
    number: int, error: type[FairviewError], told: str
) -> None:
    with pytest.raises(error, match=told):
        next(source_of(FakeKernel(pixels=(), pictures=[], opens_with=number)).packets())


@pytest.mark.parametrize(
    "request_", [words.ASK_CAPABILITY, words.SET_FORMAT, words.ASK_BUFFERS, words.START]
)
def test_a_device_in_use_is_let_go(request_: int) -> None:
    kernel = FakeKernel(pixels=("MJPG",), pictures=[], refuses={request_: errno.EBUSY})
    with pytest.raises(Unavailable, match="another program"):
        next(source_of(kernel).packets())
    assert not kernel.is_open


def test_devices_without_pictures_we_read_are_told() -> None:
    with pytest.raises(BadInput, match="several devices"):
        next(source_of(FakeKernel(pixels=("MJPG",), pictures=[], can=1 << 23)).packets())
    with pytest.raises(BadInput, match="sends GREY"):
        next(source_of(FakeKernel(pixels=("GREY",), pictures=[])).packets())


def test_a_mark_is_passed_over_by_decoders_and_read_by_us() -> None:
    key = walk(count=1).fragments[0].samples[0].data
    text = "Fairview: coded at ingest from YUYV 1280x720"
    assert coded_from(mark(text) + key) == text
    assert coded_from(key) is None
    with av.open(io.BytesIO(mark(text) + key), "r", format="h264") as film:
        assert len(list(film.decode(video=0))) == 1
