"""A camera's login is readable only with the key, and only for its camera."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.camera import Login, Secret
from fairview.core.errors import Corrupt, NotFound
from fairview.core.ids import CameraId
from fairview.store.secrets import SecretBox, open_login, read_key, read_or_make_key, seal_login

BOX = SecretBox(b"k" * 32)
CAMERA = CameraId("junction-1")
SEALED = BOX.seal(b"hello", b"context")


@given(st.binary(max_size=100), st.binary(max_size=20))
def test_what_was_sealed_opens(data: bytes, context: bytes) -> None:
    assert BOX.open(BOX.seal(data, context), context) == data


@given(at=st.integers(0, len(SEALED) - 1), change=st.integers(1, 255))
def test_any_changed_byte_is_found(at: int, change: int) -> None:
    changed = bytearray(SEALED)
    changed[at] ^= change
    with pytest.raises(Corrupt):
        BOX.open(bytes(changed), b"context")


@pytest.mark.parametrize(
    "sealed",
    [b"", b"\x01", SEALED[:-1], SEALED + b"x"],
    ids=["empty", "version alone", "one short", "one long"],
)
def test_too_few_or_too_many_bytes_are_refused(sealed: bytes) -> None:
    with pytest.raises(Corrupt):
        BOX.open(sealed, b"context")


def test_another_key_or_context_is_refused() -> None:
    with pytest.raises(Corrupt):
        SecretBox(b"x" * 32).open(SEALED, b"context")
    with pytest.raises(Corrupt):
        BOX.open(SEALED, b"other")


def test_a_login_opens_for_its_camera_only_and_hides_its_text() -> None:
    login = Login(name="admin", password=Secret("correct horse"))
    sealed = seal_login(BOX, CAMERA, login)
    assert b"admin" not in sealed
    assert b"correct horse" not in sealed
    assert open_login(BOX, CAMERA, sealed) == login
    with pytest.raises(Corrupt):
        open_login(BOX, CameraId("junction-2"), sealed)


def test_a_key_is_made_once_and_only_for_its_user(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    with pytest.raises(NotFound):
        read_key(path)
    key = read_or_make_key(path)
    assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
    assert read_or_make_key(path) == read_key(path) == key
    path.write_bytes(b"short")
    with pytest.raises(Corrupt):
        read_or_make_key(path)
    assert path.read_bytes() == b"short"
