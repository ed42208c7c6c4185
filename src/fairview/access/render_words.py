"""What the pool and its children say to each other: typed, framed, bounded.

A frame is 4 bytes of length (big-endian) and one MessagePack message. An unknown message is an
error. Keys travel only inside `Piece`, only to the child that serves their look.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Literal

import msgspec

from fairview.access.render_scene import RawBecause
from fairview.core.case import Rendition
from fairview.core.errors import Unavailable
from fairview.core.limits import RENDER_MESSAGE_BYTES_MAX
from fairview.core.media import Codec

Cover = Literal["uncovered", "persons_covered", "silhouettes", "whole_frame"]


class Word(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True):
    """One message."""


class Piece(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whole records of one segment, and the key that opens them."""

    header: bytes
    records: bytes
    segment_key: bytes


class Show(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Showing without its clean picture; clean_at names the one that was loaded."""

    rendition: Rendition
    clean_at_us: int | None
    zones: tuple[tuple[tuple[float, float], ...], ...]
    raw_because: RawBecause
    width_px_max: int
    fps_max: float
    has_model: bool


class ModelLoad(Word, frozen=True):
    """The models that covered pictures are made with from now on: a folder on this machine and
    the name of the one for road users. The child checks their digests. Has no answer: what can't
    be loaded covers whole frames.
    """

    folder: str
    name: str


class CleanLoad(Word, frozen=True):
    """The clean picture that following messages mean: raw RGB rows."""

    made_at_us: int
    width_px: int
    height_px: int
    rgb: bytes


class PartAsk(Word, frozen=True):
    """covers: what was found to hide in these pieces while they were recorded. pictures_max: end
    after so many pictures; 0: at the span's end. piece_us: answered by a PartDone for about every
    so much of it, as they are made; 0: by one for all.
    """

    pieces: tuple[Piece, ...]
    start_us: int
    end_us: int
    origin_us: int
    show: Show
    covers: tuple[Piece, ...] = ()
    pictures_max: int = 0
    piece_us: int = 0


class PictureAsk(Word, frozen=True):
    pieces: tuple[Piece, ...]
    at_us: int
    show: Show
    covers: tuple[Piece, ...] = ()


class SampleAsk(Word, frozen=True):
    """One more picture for the clean picture: the first key frame of a piece."""

    piece: Piece


class CleanAsk(Word, frozen=True):
    """Make the clean picture of the samples sent so far. refresh: keep the loaded one where
    something is present."""

    span_us_min: int
    refresh: bool


class LivePacket(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    codec: Codec
    width_px: int
    height_px: int
    tick_numerator: int
    tick_denominator: int
    parameter_sets: bytes
    ticks: int
    decode_ticks: int
    is_key: bool
    at_us: int
    data: bytes


class LiveAsk(Word, frozen=True):
    """One live packet. skip: decode only. is_late: cover the whole frame without looking."""

    show: Show
    origin_us: int
    packet: LivePacket
    is_late: bool
    skip: bool


class Ready(Word, frozen=True):
    """The child has started. warnings: what of its confinement this machine refused."""

    warnings: tuple[str, ...]


class PartDone(Word, frozen=True):
    """A part, or the next piece of one. cover: of its least covered picture."""

    init: bytes
    media: bytes
    codec: str
    cover: Cover
    is_last: bool = True


class PictureDone(Word, frozen=True):
    jpeg: bytes
    cover: Cover


class SampleDone(Word, frozen=True):
    taken: bool


class CleanDone(Word, frozen=True):
    png: bytes


class Chunk(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    is_init: bool
    is_key: bool
    codec: str
    cover: Cover
    at_us: int
    data: bytes


class LiveDone(Word, frozen=True):
    chunks: tuple[Chunk, ...]


class Failed(Word, frozen=True):
    """An error of the tree, by its name."""

    name: str
    message: str


Ask = ModelLoad | CleanLoad | PartAsk | PictureAsk | SampleAsk | CleanAsk | LiveAsk
Reply = Ready | PartDone | PictureDone | SampleDone | CleanDone | LiveDone | Failed

_ENCODER = msgspec.msgpack.Encoder()
_ASKS = msgspec.msgpack.Decoder(Ask)
_REPLIES = msgspec.msgpack.Decoder(Reply)


def send(line: socket.socket, word: Ask | Reply) -> None:
    """One message, whole. Errors: OSError when the other side is gone or too slow."""
    data = _ENCODER.encode(word)
    if len(data) > RENDER_MESSAGE_BYTES_MAX:
        raise Unavailable("this stretch is too large to render at once; ask for a shorter one")
    line.sendall(len(data).to_bytes(4, "big") + data)


def read_ask(line: socket.socket) -> Ask | None:
    """The next request; None when the pool is gone."""
    data = _read(line)
    return None if data is None else _ASKS.decode(data)


def read_reply(line: socket.socket, left_s: Callable[[], float]) -> Reply | None:
    """The next answer; None when the child is gone. left_s: seconds until it is too late, so
    that a child that sends byte after byte is not waited for either.

    Errors:  TimeoutError.
    """
    data = _read(line, left_s)
    return None if data is None else _REPLIES.decode(data)


def _read(line: socket.socket, left_s: Callable[[], float] | None = None) -> bytes | None:
    head = _exactly(line, 4, left_s)
    if head is None:
        return None
    size = int.from_bytes(head, "big")
    if size > RENDER_MESSAGE_BYTES_MAX:
        return None
    return _exactly(line, size, left_s)


def _exactly(line: socket.socket, size: int, left_s: Callable[[], float] | None) -> bytes | None:
    data = bytearray(size)
    view = memoryview(data)
    got = 0
    while got < size:
        if left_s is not None:
            line.settimeout(left_s())
        count = line.recv_into(view[got:])
        if count == 0:
            return None
        got += count
    return bytes(data)
