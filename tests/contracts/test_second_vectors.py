"""Cobblestone-256 from its page against the library's: fixed vectors, and the same refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.cobblestone import Cobblestone256Decryptor, Cobblestone256Encryptor

from tests.contracts.both_decoders import (
    changed,
)
from tests.contracts.second_decoder import (
    Refused,
    cobblestone_open,
    cobblestone_seal,
    is_message_length,
    sha256,
)

VECTORS = Path(__file__).parent / "vectors" / "cobblestone256.json"


def pattern(length: int) -> bytes:
    return bytes(place % 251 for place in range(length))


def vector_cases() -> list[dict[str, object]]:
    """Key, context and salt fixed; short messages whole, long ones by their digest."""
    cases: list[dict[str, object]] = []
    for number, length in enumerate((0, 1, 15, 16, 1024, 16_383, 16_384, 16_385, 32_768, 40_000)):
        key = sha256(b"key %d" % number)
        context = b"fairview/1" + sha256(b"segment")[:16] + number.to_bytes(4, "big")
        salt = sha256(b"salt %d" % number)[:24]
        if number == 0:
            context = b""
        message = cobblestone_seal(pattern(length), key, context, salt)
        case: dict[str, object] = {
            "key": key.hex(),
            "context": context.hex(),
            "salt": salt.hex(),
            "payload_bytes": length,
            "message_bytes": len(message),
            "message_sha256": sha256(message).hex(),
        }
        if length <= 1024:
            case["message"] = message.hex()
        cases.append(case)
    return cases


def test_the_stored_vectors_are_what_the_second_writer_makes() -> None:
    stored = json.loads(VECTORS.read_text(encoding="ascii"))
    assert stored["cases"] == vector_cases()


@pytest.mark.parametrize("case", json.loads(VECTORS.read_text(encoding="ascii"))["cases"])
def test_vectors_are_opened_by_the_library_and_the_librarys_messages_by_us(
    case: dict[str, str],
) -> None:
    key, context, salt = (bytes.fromhex(case[name]) for name in ("key", "context", "salt"))
    payload = pattern(int(case["payload_bytes"]))
    message = cobblestone_seal(payload, key, context, salt)
    assert sha256(message).hex() == case["message_sha256"]
    assert is_message_length(len(message))
    reader = Cobblestone256Decryptor(key, context)
    assert reader.update(message) + reader.finalize() == payload
    writer = Cobblestone256Encryptor(key, context)
    theirs = writer.update(payload) + writer.finalize()
    assert cobblestone_open(theirs, key, context) == payload
    assert theirs == cobblestone_seal(payload, key, context, theirs[:24])
    assert len(theirs) == int(case["message_bytes"])


@pytest.mark.parametrize("length", [0, 1, 16_384, 40_000])
def test_a_changed_message_is_refused_by_library_and_us(length: int) -> None:
    key, context = sha256(b"key"), b"context"
    good = cobblestone_seal(pattern(length), key, context, b"\x05" * 24)
    flips = [
        changed(good, place) for place in {*range(0, len(good), 613), 0, 24, 56, len(good) - 1}
    ]
    cuts = [good[:size] for size in (0, 55, 56, 71, len(good) - 17, len(good) - 16, len(good) - 1)]
    cases = [(one, key, context) for one in [*flips, *cuts, good + b"\x00", good + good[-16:]]]
    for message, with_key, with_context in [
        *cases,
        (good, sha256(b"other"), context),
        (good, key, b"contexT"),
    ]:
        with pytest.raises(Refused):
            cobblestone_open(message, with_key, with_context)
        reader = Cobblestone256Decryptor(with_key, with_context)
        with pytest.raises(Exception):  # noqa: B017  # whichever way the library says no
            reader.update(message) + reader.finalize()
