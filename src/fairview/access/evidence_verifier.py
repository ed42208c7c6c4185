"""Checks a Fairview evidence bundle offline. Needs only Python 3.11 and `cryptography`.

    python verify.py FOLDER [--ledger-key TEXT]

This file imports nothing of Fairview: it goes into every bundle as it is. It checks that

- `signature` is over the exact bytes of manifest.json, by the key that the manifest names;
- every file has the digest that the manifest says;
- export.tlog-proof: the export stands in the ledger, with this media digest and signing key;
- segments.json and its proofs: the heads of all source segments stand under ledger leaves;
- derivation.json leads from these segments to the media.

Whether the ledger's key is the site's own is for the reader: compare `ledger_key` with the one
the site publishes, or give it with --ledger-key.
Sources: RFC 6962 (tree), C2SP signed-note, tlog-checkpoint, tlog-proof.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Fault(Exception):
    """The first thing that is wrong."""


def verify_bundle(files: Mapping[str, bytes], ledger_key: str | None = None) -> list[str]:
    """What was found to be true, line by line. Raises Fault at the first thing that is not."""
    try:
        return _verified(files, ledger_key)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Fault("a file of the bundle does not have the form it should have") from error


def _verified(files: Mapping[str, bytes], ledger_key: str | None) -> list[str]:
    manifest = _object(_file(files, "manifest.json"), "manifest.json")
    _check_version(manifest)
    signer = _hex(manifest.get("signing_key"), 32, "the manifest's signing key")
    _check_signature(signer, _file(files, "signature"), files["manifest.json"], "the manifest")
    lines = ["manifest.json is signed by the key that it names"]
    lines += _check_digests(files, manifest)
    named_key = _text(manifest.get("ledger_key"), "the ledger's key")
    if ledger_key is not None and ledger_key.strip() != named_key:
        raise Fault("the ledger's key is not the one you gave")
    lines += _check_export(files, manifest, named_key)
    lines += _check_segments(files, manifest, named_key)
    lines += _check_derivation(files, manifest)
    if ledger_key is None:
        lines.append(f"the ledger's key, to compare with the one the site publishes: {named_key}")
    return lines


def verify_proof(proof: bytes, entry: bytes, key: str) -> tuple[int, int]:
    """The entry's number and the tree's size, when a .tlog-proof holds. Raises Fault."""
    index, path, note = _read_proof(proof)
    size, root = read_checkpoint(note, key)
    found = _root_of(hashlib.sha256(b"\x00" + entry).digest(), index, size, path)
    if found != root:
        raise Fault("an entry is not where its proof says in the ledger")
    return index, size


def entry_in(proof: bytes) -> bytes:
    """The entry that rides in a proof's extra line. Raises Fault."""
    line = proof.split(b"\n", 2)[1].decode("ascii", "replace") if proof.count(b"\n") > 2 else ""
    if not line.startswith("extra "):
        raise Fault("a proof does not carry its entry")
    return _unbase64(line.removeprefix("extra "))


def read_checkpoint(note: bytes, key: str) -> tuple[int, bytes]:
    """Size and root of a checkpoint that this key signed. Raises Fault."""
    name, key_id, public = _read_key(key)
    try:
        whole = note.decode()
    except UnicodeDecodeError as error:
        raise Fault("a checkpoint is not text") from error
    text, blank, signatures = whole.rpartition("\n\n")
    text += "\n"
    if not blank:
        raise Fault("a checkpoint has no signature")
    for line in signatures.splitlines():
        parts = line.removeprefix("— ").split(" ")
        if len(parts) != 2 or parts[0] != name:
            continue
        data = _unbase64(parts[1])
        if data[:4] == key_id:
            _check_signature(public, data[4:], text.encode(), "a checkpoint")
            break
    else:
        raise Fault("a checkpoint is not signed by the ledger's key")
    lines = text.split("\n")
    if len(lines) < 4 or lines[0] != name or not lines[1].isdigit():
        raise Fault("a checkpoint is not one of this ledger")
    return int(lines[1]), _unbase64(lines[2])


def _check_version(manifest: dict[str, Any]) -> None:
    if manifest.get("version") != 1:
        raise Fault("this bundle was made by a newer Fairview: use its own verifier")


def _check_digests(files: Mapping[str, bytes], manifest: dict[str, Any]) -> list[str]:
    digests = manifest.get("digests")
    if not isinstance(digests, dict) or not digests:
        raise Fault("the manifest names no files")
    for name, digest in digests.items():
        if hashlib.sha256(_file(files, name)).hexdigest() != digest:
            raise Fault(f"{name} was changed: its digest differs from the manifest")
    extra = set(files) - set(digests) - {"manifest.json", "signature"}
    if extra:
        raise Fault(f"{min(extra)} is not named in the manifest")
    return [f"{len(digests)} files have the digests that the manifest says"]


def _check_export(files: Mapping[str, bytes], manifest: dict[str, Any], key: str) -> list[str]:
    proof = _file(files, "export.tlog-proof")
    entry = entry_in(proof)
    index, _ = verify_proof(proof, entry, key)
    leaf = _object(entry, "the export's ledger entry")
    media = manifest.get("media")
    if not isinstance(media, dict):
        raise Fault("the manifest names no media")
    expected = {
        "kind": "export.made",
        "camera": _object_in(manifest, "camera").get("id"),
        "media": media.get("name"),
        "media_digest": media.get("digest"),
        "signer": manifest.get("signing_key"),
        "export": manifest.get("export"),
        "look": manifest.get("look"),
    }
    for name, value in expected.items():
        if leaf.get(name) != value:
            raise Fault(f"the ledger's export line says another {name} than the manifest")
    digest = hashlib.sha256(_file(files, str(media.get("name")))).hexdigest()
    if digest != media.get("digest"):
        raise Fault("the media is not the one in the ledger")
    return [f"the export and its media digest stand in the ledger as entry {index}"]


def _check_segments(files: Mapping[str, bytes], manifest: dict[str, Any], key: str) -> list[str]:
    listed = _object(_file(files, "segments.json"), "segments.json")
    proved: set[str] = set()
    for root in listed.get("roots", []):
        name = _text(root.get("proof"), "a root's proof")
        proof = _file(files, name)
        entry = entry_in(proof)
        verify_proof(proof, entry, key)
        leaf = _object(entry, "a segment root's ledger entry")
        if leaf.get("kind") != "segments.root":
            raise Fault(f"{name} is not about a segment root")
        for segment in root.get("segments", []):
            _check_head(segment, leaf)
            proved.add(_text(segment.get("id"), "a segment's id"))
    unproved = set(listed.get("without_root", []))
    sources = {one.get("id") for one in manifest.get("sources", [])}
    if sources != proved | unproved or proved & unproved:
        raise Fault("segments.json is not about the manifest's source segments")
    heads = {one["id"]: one["head"] for root in listed.get("roots", []) for one in root["segments"]}
    for one in manifest.get("sources", []):
        if one["id"] in heads and heads[one["id"]] != one.get("head"):
            raise Fault("a source segment's head differs between manifest and segments.json")
    lines = [f"the heads of {len(proved)} source segments stand under ledger entries"]
    if unproved:
        lines.append(f"{len(unproved)} source segments were still open: nothing is said of them")
    return lines


def _check_head(segment: dict[str, Any], leaf: dict[str, Any]) -> None:
    head = _hex(segment.get("head"), 32, "a segment's head")
    path = [_unbase64(part) for part in segment.get("path", [])]
    count = leaf.get("segments")
    index = segment.get("index")
    if not isinstance(count, int) or not isinstance(index, int):
        raise Fault("segments.json places a segment nowhere")
    root = _root_of(hashlib.sha256(b"\x00" + head).digest(), index, count, path)
    if root.hex() != leaf.get("root"):
        raise Fault(f"segment {segment.get('id')} is not under its root in the ledger")


def _check_derivation(files: Mapping[str, bytes], manifest: dict[str, Any]) -> list[str]:
    media = _object_in(manifest, "media")
    if "derivation.json" not in files:
        if media.get("name") != "master.mp4":
            raise Fault("derivation.json is missing")
        return ["the media holds the camera's own packets; nothing was derived"]
    derivation = _object(files["derivation.json"], "derivation.json")
    if derivation.get("output_digest") != media.get("digest"):
        raise Fault("derivation.json leads to another output")
    if derivation.get("sources") != [
        {"id": one["id"], "head": one["head"]} for one in manifest.get("sources", [])
    ]:
        raise Fault("derivation.json begins from other segments")
    return ["derivation.json leads from these segments to the media"]


def _root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """RFC 9162, 2.1.3.2."""
    if not 0 <= index < size:
        raise Fault("a proof names an entry that its tree does not have")
    first, second, root = index, size - 1, leaf
    for part in path:
        if second == 0:
            raise Fault("a proof is longer than its tree is high")
        if first & 1 or first == second:
            root = hashlib.sha256(b"\x01" + part + root).digest()
            while not first & 1 and first:
                first, second = first >> 1, second >> 1
        else:
            root = hashlib.sha256(b"\x01" + root + part).digest()
        first, second = first >> 1, second >> 1
    if second:
        raise Fault("a proof is shorter than its tree is high")
    return root


def _read_proof(data: bytes) -> tuple[int, list[bytes], bytes]:
    top, blank, note = data.partition(b"\n\n")
    lines = top.decode("ascii", "replace").split("\n")
    if not blank or lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Fault("a proof is not one of the known version")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)
    if not lines or not lines[0].startswith("index ") or not lines[0][6:].isdigit():
        raise Fault("a proof does not say which entry it is about")
    path = [_unbase64(line) for line in lines[1:]]
    if any(len(part) != 32 for part in path) or len(path) > 64:
        raise Fault("a proof's hashes are too many or too short")
    return int(lines[0][6:]), path, note


def _read_key(text: str) -> tuple[str, bytes, bytes]:
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    data = _unbase64(encoded)
    expected = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    if data[:1] != b"\x01" or len(data) != 33 or key_id != expected.hex():
        raise Fault("the ledger's key is not a key")
    return name, expected, data[1:]


def _check_signature(public: bytes, signature: bytes, message: bytes, what: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise Fault(f"the signature of {what} is wrong") from error


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise Fault(f"{name} is missing")
    return files[name]


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, UnicodeDecodeError) as error:
        raise Fault(f"{what} is not JSON") from error
    if not isinstance(value, dict):
        raise Fault(f"{what} is not a JSON object")
    return value


def _object_in(values: dict[str, Any], name: str) -> dict[str, Any]:
    value = values.get(name)
    if not isinstance(value, dict):
        raise Fault(f"the manifest's {name} is missing")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise Fault(f"{what} is missing")
    return value


def _hex(value: object, size: int, what: str) -> bytes:
    try:
        data = bytes.fromhex(_text(value, what))
    except ValueError as error:
        raise Fault(f"{what} is not hexadecimal") from error
    if len(data) != size:
        raise Fault(f"{what} has the wrong length")
    return data


def _unbase64(text: object) -> bytes:
    try:
        return base64.b64decode(str(text), validate=True)
    except ValueError as error:
        raise Fault("a line that should be base64 is not") from error


def main() -> int:
    """Command line: 0 when everything holds, 8 with the first fault."""
    parser = argparse.ArgumentParser(description="Checks a Fairview evidence bundle, offline.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--ledger-key", default=None, help="the key that the site publishes")
    given = parser.parse_args()
    files = {
        path.relative_to(given.folder).as_posix(): path.read_bytes()
        for path in given.folder.rglob("*")
        if path.is_file() and path.name != "verify.py"
    }
    files["verify.py"] = Path(__file__).read_bytes()
    try:
        lines = verify_bundle(files, given.ledger_key)
    except Fault as fault:
        sys.stdout.write(f"NOT VERIFIED: {fault}\n")
        return 8
    sys.stdout.write("".join(f"ok: {line}\n" for line in lines) + "verified\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
