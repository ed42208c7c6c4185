"""Samples, files and folders to pictures: only what is asked for, at the size that is wanted.

The one room of `analyse` that opens media.
"""

from __future__ import annotations

from fairview.analyse.decode.input import NumberedPicture, Pace, VideoInput, open_video
from fairview.analyse.decode.stream import (
    Decoded,
    Decodes,
    PictureDecoder,
    frames,
    key_picture,
    pictures,
    planes_of,
)
from fairview.analyse.planes import rgb_small

__all__ = [
    "Decoded",
    "Decodes",
    "NumberedPicture",
    "Pace",
    "PictureDecoder",
    "VideoInput",
    "frames",
    "key_picture",
    "open_video",
    "pictures",
    "planes_of",
    "rgb_small",
]
