"""Signed notes and the checkpoints written in them. Pure.

Source:  C2SP signed-note and tlog-checkpoint. Only Ed25519 signatures (type 0x01) are made and
verified here; signatures of keys we don't know are ignored, as the page demands.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fairview.core.errors import BadInput, Corrupt
from fairview.core.limits import NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX
from fairview.store.merkle import HASH_BYTES

_TYPE_ED25519: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_SIGNATURE_BEGINS: Final = "— "
_SIZE_MAX: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteKey:
    """A key that may sign notes: its name and its 32-byte Ed25519 public half."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise BadInput(f"{self.name!r} can't name a signing key: no spaces and no +")
        if len(self.public) != 32:
            raise BadInput("an Ed25519 public key has 32 bytes")

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name, newline, type, public key)."""
        data = self.name.encode() + b"\n" + _TYPE_ED25519 + self.public
        return hashlib.sha256(data).digest()[:_KEY_ID_BYTES]

    @property
    def text(self) -> str:
        """As other tools take it: `name+key id in hex+base64 of type and public key`."""
        return f"{self.name}+{self.id.hex()}+{_base64(_TYPE_ED25519 + self.public)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note whose signatures were verified. text ends in a newline."""

    text: str
    signed_by: tuple[NoteKey, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A log's tree head: what it is called, how many leaves it has, and their root.

    C2SP allows extension lines behind these; our checkpoints have none and we take none.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not 0 <= self.size <= _SIZE_MAX or len(self.root) != HASH_BYTES:
            raise BadInput("a checkpoint has a size from 0 and a root of 32 bytes")
        if not self.origin or "\n" in self.origin:
            raise BadInput("a checkpoint's lines are not empty")

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"


def is_key_name(name: str) -> bool:
    """Whether a text can name a key: not empty, no Unicode space, no plus, no control."""
    return bool(name) and not any(
        letter.isspace() or letter == "+" or letter < " " for letter in name
    )


def read_note_key(text: str) -> NoteKey:
    """A key from its text form. Errors: BadInput when it is not one, or its id differs."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        data = unbase64(encoded)
    except Corrupt as error:
        raise BadInput(f"{text!r} is not a log's key") from error
    if data[:1] != _TYPE_ED25519:
        raise BadInput(f"{text!r} is not an Ed25519 key")
    key = NoteKey(name=name, public=data[1:])
    if key.id.hex() != key_id:
        raise BadInput(f"{text!r} is not a log's key: its id does not belong to it")
    return key


def note_key(name: str, signer: Ed25519PrivateKey) -> NoteKey:
    """The public side of a signing key under a name."""
    return NoteKey(name=name, public=signer.public_key().public_bytes_raw())


def sign_note(text: str, name: str, signer: Ed25519PrivateKey) -> bytes:
    """The note with one signature. Errors: BadInput for a text that no note may hold."""
    if not text.endswith("\n") or not _is_clean(text):
        raise BadInput("a note's text ends in a newline and holds no control characters")
    signature = note_key(name, signer).id + signer.sign(text.encode())
    return f"{text}\n{_SIGNATURE_BEGINS}{name} {_base64(signature)}\n".encode()


def open_note(note: bytes, keys: Sequence[NoteKey]) -> Note:
    """The text of a note that at least one of the keys signed.

    Bounds:  NOTE_BYTES_MAX and NOTE_SIGNATURES_MAX.
    Errors:  Corrupt when it is no note, none of the keys signed it, or a signature of one of
    them is wrong.
    """
    text, lines = _split_note(note)
    message = text.encode()
    signed_by = []
    for line in lines:
        name, _, encoded = line.removeprefix(_SIGNATURE_BEGINS).partition(" ")
        data = unbase64(encoded)
        if not line.startswith(_SIGNATURE_BEGINS) or not is_key_name(name):
            raise Corrupt("a note's signature line is malformed")
        if len(data) <= _KEY_ID_BYTES:
            raise Corrupt("a note's signature is too short")
        for key in keys:
            if key.name == name and key.id == data[:_KEY_ID_BYTES]:
                _verify(key, data[_KEY_ID_BYTES:], message)
                signed_by.append(key)
    if not signed_by:
        raise Corrupt("none of the known keys signed this note")
    return Note(text=text, signed_by=tuple(signed_by))


def read_checkpoint(text: str) -> Checkpoint:
    """A checkpoint from a verified note's text. Errors: Corrupt when it is not exactly one."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not all(lines[:3]):
        raise Corrupt("a checkpoint is origin, size and root, a line each")
    try:
        checkpoint = Checkpoint(
            origin=lines[0],
            size=read_number(lines[1]),
            root=unbase64(lines[2]),
        )
    except BadInput as error:
        raise Corrupt("a checkpoint holds values that cannot be true") from error
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, signer: Ed25519PrivateKey) -> bytes:
    """The checkpoint as a note signed under its origin's name."""
    return sign_note(checkpoint.text, checkpoint.origin, signer)


def open_checkpoint(note: bytes, key: NoteKey) -> Checkpoint:
    """The checkpoint that the log of this key signed.

    Errors:  Corrupt also for a checkpoint of another origin.
    """
    checkpoint = read_checkpoint(open_note(note, [key]).text)
    if checkpoint.origin != key.name:
        raise Corrupt(f"a checkpoint of {checkpoint.origin} is not one of {key.name}")
    return checkpoint


def read_number(text: str) -> int:
    """A decimal number without signs or leading zeroes. Errors: Corrupt."""
    if not text.isascii() or not text.isdigit() or len(text) > 19 or text != str(int(text)):
        raise Corrupt(f"{text[:40]!r} is not a number written plainly")
    return int(text)


def unbase64(text: str) -> bytes:
    """Standard base64, in its one canonical spelling only. Errors: Corrupt."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Corrupt("a line that should be base64 is not") from error
    if _base64(data) != text:
        raise Corrupt("a line is base64 in an unusual spelling")
    return data


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _split_note(note: bytes) -> tuple[str, list[str]]:
    if len(note) > NOTE_BYTES_MAX:
        raise Corrupt(f"a note of {len(note)} bytes is over its bound")
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Corrupt("a note is UTF-8 text") from error
    text, blank, signatures = whole.rpartition("\n\n")
    lines = signatures.split("\n")
    if not blank or not _is_clean(whole) or lines.pop() != "" or not lines:
        raise Corrupt("a note is a text, an empty line and its signatures")
    if len(lines) > NOTE_SIGNATURES_MAX:
        raise Corrupt(f"a note with {len(lines)} signatures is over its bound")
    return text + "\n", lines


def _is_clean(text: str) -> bool:
    return not any(letter < " " and letter != "\n" for letter in text)


def _verify(key: NoteKey, signature: bytes, message: bytes) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise Corrupt(f"the signature of {key.name} under a note is wrong") from error
