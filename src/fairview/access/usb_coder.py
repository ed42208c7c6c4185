"""Raw pictures of USB cameras to H.264, by the one place that chooses an encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairview.core.time import US_PER_SECOND, Instant
from fairview.ingest.usb.source import TICKS_PER_SECOND, PictureCoder, Plane

if TYPE_CHECKING:
    from fairview.access.render_encode import PictureEncoder

_ZERO = Instant(0)


def usb_coder(width_px: int, height_px: int) -> PictureCoder:
    """The coder of one run. FFmpeg is loaded here, so that only raw cameras cost its memory."""
    from fairview.access.render_encode import PictureEncoder

    return _Coder(PictureEncoder(width_px, height_px, matrix="bt601", origin=_ZERO))


class _Coder:
    def __init__(self, encoder: PictureEncoder) -> None:
        self._encoder = encoder

    def coded(self, luma: Plane, blue: Plane, red: Plane, *, ticks: int, is_key: bool) -> bytes:
        from fairview.analyse.planes import Planes

        # Rounded up, so that the encoder's own ticks are these again.
        us = -(-ticks * US_PER_SECOND // TICKS_PER_SECOND)
        planes = Planes(luma=luma, blue=blue, red=red, matrix="bt601")
        sample = self._encoder.encode(planes, _ZERO.plus(us), is_key=is_key)
        assert sample is not None, "pictures come in order, each later than the one before"
        return self._encoder.format.parameter_sets + sample.data if is_key else sample.data
