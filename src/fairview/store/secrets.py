"""Camera logins at rest: sealed under a key that the door and the recorders read."""

from __future__ import annotations

import contextlib
import secrets
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fairview.core.camera import Login, Secret
from fairview.core.errors import Corrupt, NotFound, Unavailable
from fairview.core.ids import CameraId
from fairview.store.durable import DISK, Disk, replace_file

KEY_BYTES = 32
SEALED_VERSION = b"\x01"
_NONCE_BYTES = 12
_CONTEXT = b"fairview/1 secret\x00"


class SecretBox:
    """AES-256-GCM with random nonces: one version byte, 12 bytes nonce, the sealed bytes.

    Bounds:  far below the 2^32 messages a key may seal with random nonces; logins are few.
    """

    def __init__(self, key: bytes) -> None:
        assert len(key) == KEY_BYTES, "a secret box takes a 32-byte key"
        self._cipher = AESGCM(key)

    def seal(self, data: bytes, context: bytes) -> bytes:
        """Sealed bytes that open only with the same context."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return SEALED_VERSION + nonce + self._cipher.encrypt(nonce, data, _CONTEXT + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Errors:  Corrupt for other bytes, another key or another context."""
        nonce = sealed[1 : 1 + _NONCE_BYTES]
        if sealed[:1] != SEALED_VERSION or len(nonce) != _NONCE_BYTES:
            raise Corrupt(
                "sealed bytes of an unknown kind: damaged, or written by a newer Fairview"
            )
        try:
            return self._cipher.decrypt(nonce, sealed[1 + _NONCE_BYTES :], _CONTEXT + context)
        except InvalidTag as error:
            raise Corrupt("sealed bytes were changed, or belong to another key") from error


class _LoginText(msgspec.Struct):
    name: str
    password: str


def seal_login(box: SecretBox, camera: CameraId, login: Login) -> bytes:
    """A login for one camera; it opens for no other."""
    text = _LoginText(name=login.name, password=login.password.reveal())
    return box.seal(msgspec.msgpack.encode(text), b"login " + camera.encode())


def open_login(box: SecretBox, camera: CameraId, sealed: bytes) -> Login:
    """Errors:  Corrupt."""
    data = box.open(sealed, b"login " + camera.encode())
    try:
        text = msgspec.msgpack.decode(data, type=_LoginText)
    except msgspec.DecodeError as error:
        raise Corrupt(f"the login of camera {camera} can't be read; set it again") from error
    return Login(name=text.name, password=Secret(text.password))


def read_key(path: Path) -> bytes:
    """A 32-byte key from its file. Errors: NotFound, Unavailable, Corrupt for another length."""
    try:
        key = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"the key {path} is not there") from error
    except OSError as error:
        raise Unavailable(f"the key {path} can't be read: {error.strerror}") from error
    if len(key) != KEY_BYTES:
        raise Corrupt(f"the key {path} has {len(key)} bytes instead of {KEY_BYTES}")
    return key


def read_secret_box(path: Path) -> SecretBox:
    """The box of the key in a file. Errors: as `read_key`."""
    return SecretBox(read_key(path))


def read_or_make_key(path: Path, *, disk: Disk = DISK) -> bytes:
    """The key in the file, made and durable (0600) on the first call. One process at a time."""
    with contextlib.suppress(NotFound):
        return read_key(path)
    key = secrets.token_bytes(KEY_BYTES)
    replace_file(path, key, disk=disk)
    return key
