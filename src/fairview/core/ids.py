"""Names of things: plain strings and bytes with a stated shape, checked where they enter."""

from __future__ import annotations

import re
import secrets
from typing import Literal, NewType

from fairview.core.errors import BadInput

CameraId = NewType("CameraId", str)
"""1 to 63 of a-z, 0-9 and '-', beginning with a letter or digit."""

SegmentId = NewType("SegmentId", str)
"""32 hexadecimal digits (16 random bytes)."""

KeyPairId = NewType("KeyPairId", str)
"""32 hexadecimal digits (16 random bytes)."""

LookId = NewType("LookId", str)
"""32 hexadecimal digits (16 random bytes)."""

ActorId = NewType("ActorId", str)
"""1 to 63 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit."""

CameraStream = Literal["main", "sub"]
CAMERA_STREAMS: tuple[CameraStream, ...] = ("main", "sub")
"""What a camera itself sends."""

StreamName = Literal["main", "sub", "cover"]
STREAM_NAMES: tuple[StreamName, ...] = ("main", "sub", "cover")
"""What is sealed of a camera. `cover` is no picture: it is what the cover of `main` hides."""

_CAMERA = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_ACTOR = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
_HEX_32 = re.compile(r"[0-9a-f]{32}\Z")


def camera_id(text: str) -> CameraId:
    """Errors:  BadInput when the text is not a camera name."""
    if not _CAMERA.match(text):
        raise BadInput(
            f"{text!r} is not a camera name: use 1 to 63 of a-z, 0-9 and '-', "
            "beginning with a letter or digit"
        )
    return CameraId(text)


def actor_id(text: str) -> ActorId:
    """Errors:  BadInput when the text is not an actor's name."""
    if not _ACTOR.match(text):
        raise BadInput(
            f"{text!r} is not a name to sign in with: use 1 to 63 of a-z, 0-9, '.', '_' and '-', "
            "beginning with a letter or digit"
        )
    return ActorId(text)


def camera_stream(text: str) -> CameraStream:
    """Errors:  BadInput when the text is neither main nor sub."""
    for name in CAMERA_STREAMS:
        if text == name:
            return name
    raise BadInput(f"{text!r} is not a stream of a camera: use main or sub")


def stream_name(text: str) -> StreamName:
    """Errors:  BadInput when the text is none of main, sub and cover."""
    for name in STREAM_NAMES:
        if text == name:
            return name
    raise BadInput(f"{text!r} is not a stream: use main, sub or cover")


def is_hex_id(text: str) -> bool:
    """Whether the text has the shape of a segment, key-pair or look id."""
    return bool(_HEX_32.match(text))


def new_hex_id() -> str:
    """A fresh random id of 16 bytes as 32 hexadecimal digits."""
    return secrets.token_hex(16)
