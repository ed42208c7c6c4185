"""Signed notes, checkpoints and proof files: C2SP's own example, and every change refused."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from fairview.core.errors import BadInput, Corrupt
from fairview.store.merkle import leaf_hash, prove_head, root_over
from fairview.store.notes import (
    Checkpoint,
    NoteKey,
    note_key,
    open_checkpoint,
    open_note,
    read_checkpoint,
    read_note_key,
    sign_checkpoint,
    sign_note,
)
from fairview.store.proof import LogProof, read_proof, verify_proof, write_proof

SIGNER = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
ORIGIN = "fairview.example/ledger"
KEY = note_key(ORIGIN, SIGNER)
ENTRIES = [b"entry %d" % number for number in range(7)]
CHECKPOINT = Checkpoint(origin=ORIGIN, size=7, root=root_over(ENTRIES))
NOTE = sign_checkpoint(CHECKPOINT, SIGNER)
# The note that golang.org/x/mod/sumdb/note documents, with the key that signed it.
PETER_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"  # noqa: E501
).encode()


def proof_file(index: int, extra: bytes = b"") -> bytes:
    path = prove_head(ENTRIES, index).path
    return write_proof(LogProof(index=index, path=path, checkpoint=NOTE, extra=extra))


def test_a_note_signed_by_another_program_opens() -> None:
    key = read_note_key(PETER_KEY)
    assert key.text == PETER_KEY
    note = open_note(PETER_NOTE, [KEY, key])
    assert note.signed_by == (key,)
    assert note.text.endswith("your problem is.\n")


def test_key_id_is_that_of_the_page() -> None:
    data = ORIGIN.encode() + b"\n\x01" + KEY.public
    assert KEY.id == hashlib.sha256(data).digest()[:4]
    assert read_note_key(KEY.text) == KEY


def test_checkpoint_text_is_three_lines_and_a_signature() -> None:
    lines = NOTE.decode().split("\n")
    assert lines[:3] == [ORIGIN, "7", base64.b64encode(root_over(ENTRIES)).decode()]
    assert lines[3] == ""
    assert lines[4].startswith(f"— {ORIGIN} ")
    assert lines[5:] == [""]
    assert open_checkpoint(NOTE, KEY) == CHECKPOINT


def test_signatures_of_strangers_are_ignored_but_never_enough() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    line = sign_note(CHECKPOINT.text, "witness.example", stranger).split(b"\n\n")[1]
    assert open_checkpoint(NOTE + line, KEY) == CHECKPOINT
    with pytest.raises(Corrupt, match="none"):
        open_note(CHECKPOINT.text.encode() + b"\n" + line, [KEY])


def test_a_wrong_signature_of_a_known_key_spoils_the_note() -> None:
    text = NOTE.decode().replace("\n7\n", "\n8\n").encode()
    with pytest.raises(Corrupt, match="wrong"):
        open_note(text, [KEY])


def test_a_checkpoint_of_another_origin_is_refused() -> None:
    other = sign_note(replace(CHECKPOINT, origin="other.example").text, ORIGIN, SIGNER)
    with pytest.raises(Corrupt, match="other"):
        open_checkpoint(other, KEY)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n7\n",
        f"{ORIGIN}\n07\n{'A' * 43}=\n",
        f"{ORIGIN}\n-7\n{'A' * 43}=\n",
        f"{ORIGIN}\n7\nAAAA\n",
        f"{ORIGIN}\n7\n{'A' * 42}B=\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\n\nextension\n",
        f"{ORIGIN}\n7\n{'A' * 43}=\nextension\n",
        f"{ORIGIN}\n{1 << 63}\n{'A' * 43}=\n",
        f"{ORIGIN}\n٧\n{'A' * 43}=\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Corrupt):
        read_checkpoint(text)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\tb", "a\u00a0b", "line\n"])
def test_a_key_name_that_notes_forbid_is_refused(name: str) -> None:
    with pytest.raises(BadInput):
        NoteKey(name=name, public=bytes(32))


@pytest.mark.parametrize("text", ["", "x", KEY.text + "A", KEY.text.replace("+", "+0", 1)])
def test_a_malformed_key_text_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read_note_key(text)


@pytest.mark.parametrize("text", ["no newline", "tab\there\n", "\x00\n"])
def test_a_text_that_no_note_may_hold_is_not_signed(text: str) -> None:
    with pytest.raises(BadInput):
        sign_note(text, ORIGIN, SIGNER)


@given(st.data())
def test_no_flipped_bit_leaves_a_note_valid(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(NOTE) - 1))
    changed = bytearray(NOTE)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Corrupt):
        open_checkpoint(bytes(changed), KEY)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_a_note(data: bytes) -> None:
    for note in (data, CHECKPOINT.text.encode() + b"\n" + data):
        with pytest.raises(Corrupt):
            open_note(note, [KEY])


def test_too_many_signatures_are_refused_and_sixteen_are_not() -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    line = sign_note(CHECKPOINT.text, "witness.example", stranger).split(b"\n\n")[1]
    assert open_checkpoint(NOTE + line * 15, KEY) == CHECKPOINT
    with pytest.raises(Corrupt, match="bound"):
        open_checkpoint(NOTE + line * 40, KEY)


def test_a_proof_file_reads_as_the_page_shows_it() -> None:
    lines = proof_file(5, b"why").decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra d2h5", "index 5"]
    assert [base64.b64decode(line) for line in lines[3:6]] == list(prove_head(ENTRIES, 5).path)
    assert lines[6:8] == ["", ORIGIN]


def test_a_proof_file_proves_its_entry_and_no_other() -> None:
    for index, entry in enumerate(ENTRIES):
        proved = verify_proof(proof_file(index), entry, KEY)
        assert (proved.index, proved.checkpoint) == (index, CHECKPOINT)
        with pytest.raises(Corrupt):
            verify_proof(proof_file(index), entry + b" ", KEY)
        with pytest.raises(Corrupt):
            verify_proof(proof_file((index + 1) % 7), entry, KEY)


@given(st.integers(0, 6), st.data())
def test_no_flipped_bit_outside_the_extra_line_leaves_a_proof_valid(
    index: int, data: st.DataObject
) -> None:
    proof = proof_file(index)
    at = data.draw(st.integers(0, len(proof) - 1))
    changed = bytearray(proof)
    changed[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Corrupt):
        verify_proof(bytes(changed), ENTRIES[index], KEY)


@given(
    st.integers(0, (1 << 63) - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=64),
    st.binary(max_size=50),
    st.binary(max_size=200),
)
def test_proof_files_round_trip(
    index: int, path: list[bytes], extra: bytes, checkpoint: bytes
) -> None:
    proof = LogProof(index=index, path=tuple(path), checkpoint=checkpoint, extra=extra)
    assert read_proof(write_proof(proof)) == proof


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_a_proof_exactly_or_refused(data: bytes) -> None:
    for text in (data, b"c2sp.org/tlog-proof@v1\nindex " + data):
        try:
            proof = read_proof(text)
        except Corrupt:
            continue
        assert write_proof(proof) == text


def test_a_proof_made_for_a_larger_tree_is_refused() -> None:
    proof = read_proof(proof_file(2))
    longer = write_proof(replace(proof, path=(*proof.path, leaf_hash(b""))))
    with pytest.raises(Corrupt):
        verify_proof(longer, ENTRIES[2], KEY)
