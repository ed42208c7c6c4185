"""Checkpoints, keys and proof files by two hands: both take the good, both refuse the rest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import FairviewError
from fairview.store.notes import open_checkpoint as fairview_checkpoint
from fairview.store.notes import read_note_key as fairview_key
from fairview.store.proof import verify_proof as fairview_proof
from tests.contracts.both_ledgers import (
    ORIGIN,
    SIGNER,
    STEPS,
    STRANGER,
    Kept,
    assert_note_refused,
    assert_proof_refused,
    base,
    entries,
    keep,
)
from tests.contracts.second_ledger import (
    Refused,
    leaf_hash,
    open_checkpoint,
    read_note_key,
    tree_hash,
    verify_proof,
)


def signature_line(
    text: str, key_id: bytes, name: str = ORIGIN, signer: Ed25519PrivateKey = SIGNER
) -> str:
    return f"— {name} {base(key_id + signer.sign(text.encode()))}\n"


ROOT = base(tree_hash([leaf_hash(b"%d" % number) for number in range(7)]))

HEAD = f"{ORIGIN}\n7\n{ROOT}\n"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    return keep(tmp_path_factory.mktemp("ledger"))


def test_every_bit_of_a_checkpoint_counts(kept: Kept) -> None:
    note = kept.ledger.checkpoint()
    for place in range(len(note)):
        for bit in range(8):
            flipped = note[:place] + bytes([note[place] ^ 1 << bit]) + note[place + 1 :]
            assert_note_refused(flipped, kept.key_text)
    for length in range(len(note)):
        assert_note_refused(note[:length], kept.key_text)
    for more in (b"\n", b"\x00", b"hello\n", "— ".encode()):
        assert_note_refused(note + more, kept.key_text)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("+", "", 1),
        lambda text: text[:-4],
        lambda text: text + "\n",
        lambda text: text.replace("fairview.local", "fairview.locaI"),
        lambda text: text.replace(text.split("+")[1], "00000000"),
        lambda text: text.replace(text.split("+")[1], text.split("+")[1].upper()),
        lambda text: f"{text[: -len(base(bytes(33)))]}{base(bytes([2]) * 33)}",
    ],
)
def test_a_key_text_that_was_changed_is_refused_by_both(
    kept: Kept, change: Callable[[str], str]
) -> None:
    with pytest.raises(Refused):
        read_note_key(change(kept.key_text))
    with pytest.raises(FairviewError):
        fairview_key(change(kept.key_text))


@pytest.mark.parametrize(
    "text",
    [
        HEAD.replace(ORIGIN, "other"),
        HEAD.replace("\n7\n", "\n07\n"),
        HEAD.replace("\n7\n", "\n+7\n"),
        HEAD.replace("\n7\n", "\n-7\n"),
        HEAD.replace("\n7\n", "\n 7\n"),
        HEAD.replace("\n7\n", "\n7_0\n"),
        HEAD.replace("\n7\n", "\n٧\n"),
        HEAD.replace("\n7\n", "\n"),
        HEAD.replace("\n7\n", f"\n{2**64}\n"),
        HEAD.replace("\n7\n", "\n" + "9" * 5000 + "\n"),
        HEAD.replace("\n7\n", "\n7\u2028\n"),
        HEAD.replace(ROOT, ROOT.rstrip("=")),
        HEAD.replace(ROOT, ROOT[:-2] + chr(ord(ROOT[-2]) + 1) + "="),
        HEAD.replace(ROOT, ROOT[:8] + " " + ROOT[8:]),
        HEAD.replace(ROOT, base(b"x" * 31)),
        HEAD.replace(ROOT, base(b"x" * 33)),
        HEAD.replace(ROOT + "\n", ""),
        HEAD.replace("\n", "\r\n"),
        HEAD.replace(ORIGIN, f"{ORIGIN}\t"),
        "\n" + HEAD,
        HEAD + "\n",
        HEAD + "\nhello\n",
    ],
)
def test_a_checkpoint_that_its_own_key_signed_wrongly_is_refused_by_both(
    kept: Kept, text: str
) -> None:
    key_id = read_note_key(kept.key_text).id
    honest = f"{HEAD}\n{signature_line(HEAD, key_id)}".encode()
    open_checkpoint(honest, read_note_key(kept.key_text))
    fairview_checkpoint(honest, fairview_key(kept.key_text))
    assert_note_refused(f"{text}\n{signature_line(text, key_id)}".encode(), kept.key_text)


def test_signatures_of_unknown_keys_are_let_be_and_wrong_ones_are_not(kept: Kept) -> None:
    key_id = read_note_key(kept.key_text).id
    good = signature_line(HEAD, key_id)
    wrong = signature_line("something else\n", key_id)
    strange = [signature_line(HEAD, bytes(4), f"witness-{n}", STRANGER) for n in range(32)]
    for lines in (
        [*strange[:16], good],
        [good, *strange[:31]],
        [signature_line(HEAD, key_id, "witness"), good],
        [signature_line(HEAD, bytes(4)), good],
        [good, good],
    ):
        note = f"{HEAD}\n{''.join(lines)}".encode()
        ours = open_checkpoint(note, read_note_key(kept.key_text))
        theirs = fairview_checkpoint(note, fairview_key(kept.key_text))
        assert (ours.size, ours.root) == (theirs.size, theirs.root)
    for lines in (
        [],
        ["\n"],
        [wrong],
        [good, wrong],
        [wrong, good],
        strange[:2],
        [*strange, good],
        ["hello\n", good],
        ["— witness !!!!\n", good],
        [f"— witness {base(b'1234')}\n", good],
        ["— wit+ness AAAAAAA=\n", good],
        ["— wit\u00a0ness AAAAAAA=\n", good],
        [f"— {ORIGIN} {base(key_id + b'x' * 63)}\n"],
        [good.replace("—", "-")],
        [good.replace(" ", "  ", 1)],
        [good[:-1]],
        [good[:-1] + " \n"],
    ):
        assert_note_refused(f"{HEAD}\n{''.join(lines)}".encode(), kept.key_text)
    assert_note_refused(f"{HEAD}\n{good}".encode() + b"\xff", kept.key_text)
    for size, fits in ((97_800, True), (98_400, False)):
        note = f"{HEAD}\n— witness {base(bytes(size))}\n{good}".encode()
        assert (len(note) <= 128 * 1024) is fits
        if fits:
            open_checkpoint(note, read_note_key(kept.key_text))
            fairview_checkpoint(note, fairview_key(kept.key_text))
        else:
            assert_note_refused(note, kept.key_text)


def test_extension_lines_are_refused_by_both(kept: Kept) -> None:
    """C2SP allows them; no ledger of ours has any, so a key that signs some signs another thing."""
    for more in ("hello\n", "hello\nworld\n", "\n"):
        text = HEAD + more
        note = f"{text}\n{signature_line(text, read_note_key(kept.key_text).id)}".encode()
        assert_note_refused(note, kept.key_text)


def test_the_largest_size_is_the_same_for_both(kept: Kept) -> None:
    for size, fits in ((2**63 - 1, True), (2**63, False), (2**64 - 1, False)):
        text = HEAD.replace("\n7\n", f"\n{size}\n")
        note = f"{text}\n{signature_line(text, read_note_key(kept.key_text).id)}".encode()
        if fits:
            assert open_checkpoint(note, read_note_key(kept.key_text)).size == size
            assert fairview_checkpoint(note, fairview_key(kept.key_text)).size == size
        else:
            assert_note_refused(note, kept.key_text)


@pytest.mark.parametrize("name", ["a\x01b", "a\x1fb", "a b", "a\u2003b", "a+b", ""])
def test_a_name_that_no_key_may_have_is_refused_by_both(name: str) -> None:
    public = b"\x01" + bytes(32)
    key_id = hashlib.sha256(name.encode() + b"\n" + public).digest()[:4].hex()
    text = f"{name}+{key_id}+{base(public)}"
    with pytest.raises(Refused):
        read_note_key(text)
    with pytest.raises(FairviewError):
        fairview_key(text)


@pytest.mark.parametrize("extra", [b"", b"hello", b"\x00" * 1000])
def test_proof_files_are_taken_by_both(kept: Kept, extra: bytes) -> None:
    for number, entry in enumerate(entries(0, sum(STEPS))[::7]):
        proof = kept.ledger.proof(number * 7, extra=extra)
        ours = verify_proof(proof, entry, read_note_key(kept.key_text))
        theirs = fairview_proof(proof, entry, fairview_key(kept.key_text))
        assert ours.index == theirs.index == number * 7
        assert ours.checkpoint.root == theirs.checkpoint.root == kept.ledger.root


def edited(change: Callable[[list[str]], list[str]]) -> Callable[[bytes], bytes]:
    """A change to a proof's lines before the empty one."""

    def apply(proof: bytes) -> bytes:
        top, _, note = proof.decode().partition("\n\n")
        return ("\n".join(change(top.split("\n"))) + "\n\n" + note).encode()

    return apply


@pytest.mark.parametrize(
    "change",
    [
        edited(lambda lines: ["c2sp.org/tlog-proof@v2", *lines[1:]]),
        edited(lambda lines: lines[1:]),
        edited(lambda lines: [lines[0], *lines[2:]]),
        edited(lambda lines: [lines[0], "index 4", *lines[2:]]),
        edited(lambda lines: [lines[0], "index 2", *lines[2:]]),
        edited(lambda lines: [lines[0], "index 03", *lines[2:]]),
        edited(lambda lines: [lines[0], "index -3", *lines[2:]]),
        edited(lambda lines: [lines[0], "index  3", *lines[2:]]),
        edited(lambda lines: [lines[0], f"index {3 + 2**64}", *lines[2:]]),
        edited(lambda lines: [lines[0], f"index {sum(STEPS)}", *lines[2:]]),
        edited(lambda lines: lines[:-1]),
        edited(lambda lines: [*lines, lines[-1]]),
        edited(lambda lines: [*lines, base(b"x" * 32)]),
        edited(lambda lines: [*lines, *[base(b"x" * 32)] * 64]),
        edited(lambda lines: [*lines[:2], *lines[:1:-1]]),
        edited(lambda lines: [*lines[:2], lines[3], lines[2], *lines[4:]]),
        edited(lambda lines: [*lines[:2], base(b"x" * 31), *lines[3:]]),
        edited(lambda lines: [*lines[:2], " " + lines[2], *lines[3:]]),
        edited(lambda lines: [lines[0], "extra !!", *lines[1:]]),
        edited(lambda lines: [lines[0], "extra aGl=", *lines[1:]]),
        edited(lambda lines: [lines[0], "extra aGk=", "extra aGk=", *lines[1:]]),
        edited(lambda lines: [*lines[:2], "extra aGk=", *lines[2:]]),
        edited(lambda lines: [lines[0], "extra " + base(b"x" * 250_000), *lines[1:]]),
        lambda proof: proof.replace(b"\n\n", b"\n", 1),
        lambda proof: proof.replace(b"\n\n", b"\n\n\n", 1),
        lambda proof: proof.replace(b"\n", b"\r\n"),
        lambda proof: proof + b"\n",
        lambda proof: proof[:-1],
        lambda _proof: b"",
    ],
)
def test_a_proof_file_that_was_changed_is_refused_by_both(
    kept: Kept, change: Callable[[bytes], bytes]
) -> None:
    assert_proof_refused(change(kept.ledger.proof(3)), entries(3, 1)[0], kept.key_text)


def test_every_byte_of_a_proof_file_counts(kept: Kept) -> None:
    proof, entry = kept.ledger.proof(256), entries(256, 1)[0]
    for place in range(len(proof)):
        flipped = proof[:place] + bytes([proof[place] ^ 1 << place % 8]) + proof[place + 1 :]
        assert_proof_refused(flipped, entry, kept.key_text)
    for length in range(0, len(proof), 7):
        assert_proof_refused(proof[:length], entry, kept.key_text)
    for other in (b"", entry + b"\x00", entry[:-1], entries(257, 1)[0]):
        assert_proof_refused(proof, other, kept.key_text)


def test_a_proof_under_another_checkpoint_of_the_same_ledger_is_refused_by_both(
    kept: Kept,
) -> None:
    top, _, _ = kept.ledger.proof(3).partition(b"\n\n")
    for size, note in kept.saved.items():
        if size != kept.ledger.size:
            assert_proof_refused(top + b"\n\n" + note, entries(3, 1)[0], kept.key_text)
