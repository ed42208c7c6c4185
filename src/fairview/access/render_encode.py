"""Painted pictures to H.264, and to fragmented MP4. The one place that chooses an encoder."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from fairview.analyse.planes import Matrix, Planes, rgb_of
from fairview.core.media import Sample, VideoFormat
from fairview.core.time import US_PER_SECOND, Instant

if TYPE_CHECKING:
    import numpy.typing as npt

TICKS_PER_SECOND = 90_000
JPEG_QUALITY = 82
_MATRIX_CODES: dict[Matrix, int] = {"bt601": 6, "bt709": 1}
"""ITU-T H.273 codes: 6 is SMPTE 170M (BT.601), 1 is BT.709."""
_LIMITED_RANGE = 1


def open_encoder(width_px: int, height_px: int, matrix: Matrix) -> VideoCodecContext:
    """An H.264 encoder for pictures as they come: no look-ahead, no B-frames, one thread.

    libx264, which PyAV's wheel carries: 0.5 to 0.8 ms for a covered 640x360 picture of a busy
    scene. The wheel has no OpenH264; another encoder is chosen here and nowhere else.
    """
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext), "a video codec makes a video context"
    context.width, context.height = width_px, height_px
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, TICKS_PER_SECOND)
    # Only says which H.264 level is named; pictures keep their own times.
    context.framerate = Fraction(30, 1)
    context.thread_count = 1
    context.gop_size = 600
    code = _MATRIX_CODES[matrix]
    context.colorspace, context.color_primaries, context.color_trc = code, code, code
    context.color_range = _LIMITED_RANGE
    context.flags |= 1 << 22  # AV_CODEC_FLAG_GLOBAL_HEADER: parameter sets apart, for MP4
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": "25",
        "forced-idr": "1",
        "x264-params": "scenecut=0:sliced-threads=0:threads=1:sync-lookahead=0",
    }
    context.open()
    return context


class PictureEncoder:
    """Pictures of one size to samples in 90 kHz ticks; used by one thread.

    Ticks count from `origin`, so that parts of one look share a time line.
    """

    def __init__(self, width_px: int, height_px: int, *, matrix: Matrix, origin: Instant) -> None:
        self._context = open_encoder(width_px, height_px, matrix)
        self._origin = origin
        self._last_ticks: int | None = None
        self._code = _MATRIX_CODES[matrix]
        self.format = VideoFormat(
            codec="h264",
            width_px=width_px,
            height_px=height_px,
            tick_numerator=1,
            tick_denominator=TICKS_PER_SECOND,
            parameter_sets=bytes(self._context.extradata or b""),
        )

    def encode(self, planes: Planes, at: Instant, *, is_key: bool) -> Sample | None:
        """One sample per picture, in order; None for a picture not later than the one before."""
        ticks = self.ticks(at)
        if self._last_ticks is not None and ticks <= self._last_ticks:
            return None
        frame = VideoFrame(planes.width_px, planes.height_px, "yuv420p")
        for number, plane in enumerate((planes.luma, planes.blue, planes.red)):
            _fill(frame, number, plane)
        frame.pts = ticks
        frame.time_base = Fraction(1, TICKS_PER_SECOND)
        frame.colorspace, frame.color_range = self._code, _LIMITED_RANGE
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        packets = self._context.encode(frame)
        assert len(packets) == 1, "the encoder gives a sample for each picture at once"
        self._last_ticks = ticks
        return Sample(
            ticks=ticks,
            decode_ticks=ticks,
            duration_ticks=0,
            is_key=packets[0].is_keyframe,
            data=bytes(packets[0]),
        )

    def ticks(self, at: Instant) -> int:
        """A moment on the samples' time line."""
        return at.since(self._origin) * TICKS_PER_SECOND // US_PER_SECOND


def jpeg_of(planes: Planes) -> bytes:
    """A picture as JPEG."""
    done, data = cv2.imencode(
        ".jpg", rgb_of(planes)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    assert done, "a picture of uint8 can always be written as JPEG"
    return bytes(data)


def _fill(frame: VideoFrame, number: int, values: npt.NDArray[np.uint8]) -> None:
    plane = frame.planes[number]
    rows = np.frombuffer(plane, dtype=np.uint8)  # type: ignore[call-overload]  # a buffer object
    rows = rows[: plane.line_size * plane.height].reshape(plane.height, plane.line_size)
    rows[:, : plane.width] = values
