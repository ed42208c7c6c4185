"""The public halves a camera's recorder seals to, issued ahead and signed by the door.

A key file is JSON: `signed` (the text that is signed, itself JSON) and `signature` (Ed25519, hex).
There is one way to write each key file, byte for byte, so that any change is found.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fairview.core.errors import BadInput, Corrupt
from fairview.core.ids import CameraId, KeyPairId, camera_id, is_hex_id
from fairview.core.limits import KEY_FILE_PAIRS_MAX
from fairview.core.time import Instant

KEY_FILE_FORMAT = 1
"""A newer one is refused; the door writes the newest at each start."""

_INFO = b"fairview/1 key file\x00"
_PUBLIC_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedPair:
    """A key pair by its public half (32 raw X25519 bytes).

    hour: the UTC hour whose segments are sealed to it; None for the camera's spare, which is
    used when the hour is in doubt.
    """

    id: KeyPairId
    hour: Instant | None
    public: bytes

    def __post_init__(self) -> None:
        if not is_hex_id(self.id):
            raise BadInput("a key pair's id is 32 hexadecimal digits")
        if len(self.public) != _PUBLIC_BYTES:
            raise BadInput("a public half has 32 bytes")
        if self.hour is not None and self.hour != self.hour.hour():
            raise BadInput("a key pair's hour begins on the hour")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """What the door issued for one camera: pairs with rising hours, and the spare.

    Bounds:  at most KEY_FILE_PAIRS_MAX pairs.
    """

    camera: CameraId
    issued_at: Instant
    pairs: tuple[IssuedPair, ...]
    spare: IssuedPair

    def __post_init__(self) -> None:
        camera_id(self.camera)
        hours = [pair.hour.us for pair in self.pairs if pair.hour is not None]
        if len(hours) != len(self.pairs) or self.spare.hour is not None:
            raise BadInput("each pair has its hour, the spare has none")
        if any(later <= earlier for earlier, later in itertools.pairwise(hours)):
            raise BadInput("a key file's hours rise")
        if len(self.pairs) > KEY_FILE_PAIRS_MAX:
            raise BadInput(f"a key file has at most {KEY_FILE_PAIRS_MAX} pairs")
        if len({pair.id for pair in (*self.pairs, self.spare)}) != len(self.pairs) + 1:
            raise BadInput("each pair of a key file has its own id")

    def pair_of(self, moment: Instant) -> IssuedPair | None:
        """The pair for the hour of a moment; None when none was issued for it."""
        hour = moment.hour()
        return next((pair for pair in self.pairs if pair.hour == hour), None)


class _Pair(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    hour_us: int | None
    public: str


class _Text(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    camera: str
    issued_us: int
    pairs: list[_Pair]
    spare: _Pair


class _Envelope(msgspec.Struct, forbid_unknown_fields=True):
    signed: str
    signature: str


def sign_key_file(file: KeyFile, key: Ed25519PrivateKey) -> bytes:
    """The bytes of a key file."""
    text = _Text(
        format=KEY_FILE_FORMAT,
        camera=file.camera,
        issued_us=file.issued_at.us,
        pairs=[_pair_text(pair) for pair in file.pairs],
        spare=_pair_text(file.spare),
    )
    signed = msgspec.json.encode(text)
    signature = key.sign(_INFO + signed)
    return msgspec.json.encode(_Envelope(signed=signed.decode(), signature=signature.hex())) + b"\n"


def read_key_file(data: bytes, door_public: bytes) -> KeyFile:
    """The key file in the bytes, when the door signed exactly these.

    Errors:  Corrupt on any change, a wrong key, or a content that cannot be.
    """
    try:
        envelope = msgspec.json.decode(data, type=_Envelope)
        if msgspec.json.encode(envelope) + b"\n" != data:
            raise Corrupt("a key file was rewritten after it was signed; have the door issue anew")
        signed = envelope.signed.encode()
        Ed25519PublicKey.from_public_bytes(door_public).verify(
            bytes.fromhex(envelope.signature), _INFO + signed
        )
        return _file_of(msgspec.json.decode(signed, type=_Text))
    except (msgspec.DecodeError, UnicodeError, ValueError, BadInput, InvalidSignature) as error:
        raise Corrupt("a key file is not what the door signed; have the door issue anew") from error


def _pair_text(pair: IssuedPair) -> _Pair:
    hour_us = None if pair.hour is None else pair.hour.us
    return _Pair(id=pair.id, hour_us=hour_us, public=pair.public.hex())


def _file_of(text: _Text) -> KeyFile:
    if text.format != KEY_FILE_FORMAT:
        raise BadInput(f"key file format {text.format} is not known")
    return KeyFile(
        camera=CameraId(text.camera),
        issued_at=Instant(text.issued_us),
        pairs=tuple(map(_pair_of, text.pairs)),
        spare=_pair_of(text.spare),
    )


def _pair_of(pair: _Pair) -> IssuedPair:
    hour = None if pair.hour_us is None else Instant(pair.hour_us)
    return IssuedPair(id=KeyPairId(pair.id), hour=hour, public=bytes.fromhex(pair.public))
