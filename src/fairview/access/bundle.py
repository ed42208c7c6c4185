"""The evidence bundle: media, what it is, where it came from, and proofs that stand alone.

Source:  FORMATS.md, "Evidence bundle". Checked by access/evidence_verifier.py, which goes with it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access import evidence_verifier
from fairview.access.bundle_clock import clock_plain
from fairview.access.camera_desk import register_plain
from fairview.access.keeping import played_stream
from fairview.access.leaves import canonical
from fairview.access.roots import HeadPlace, Roots
from fairview.core.camera import Camera
from fairview.core.case import Look
from fairview.core.event import HealthEvent
from fairview.core.media import Gap, Segment
from fairview.core.time import Instant
from fairview.store.ledger import Ledger

MANIFEST_VERSION = 1

_README = """This folder is an evidence bundle made by Fairview.

What is in it
  {media:<22}the pictures. {what}
  manifest.json         what this is: camera, register entry, span, gaps, times, who exported
                        it and why, and the digest of every other file
  signature             64 bytes, Ed25519, over the exact bytes of manifest.json
  export.tlog-proof     that this export stands in the site's public ledger
  segments*.tlog-proof  that the sealed recordings existed when the ledger entries were made
  segments.json         which recordings these are, and how each leads to its ledger entry
{derivation}  verify.py             a program that checks all of the above

How to check it, without a network
  1. Read verify.py, or take the same file from a source you trust.
  2. Install Python 3.11 or newer and the package `cryptography`.
  3. Run: python verify.py .
  4. Compare the ledger's key that it prints with the one that the site publishes.

What it shows, and what it does not
  The proofs show that sealed recordings with these digests existed when they entered the ledger,
  and that this export was entered before it left. A sealed recording can be opened only by the
  site, so that the pictures here came out of it is the site's own signed statement.
  Times are the recording machine's; its offset from true time was not measured. How far the
  camera's own clock stood from it, and how that is known, is in manifest.json under "clock".
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The file of pictures. digest: SHA-256 (hex)."""

    name: str
    digest: str
    size_bytes: int
    start_at: Instant
    duration_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleFacts:
    """What a bundle is about. leaf: the export's ledger entry.

    clock_told: the events `camera_clock` in bundle_clock.clock_span.
    """

    export: str
    leaf: int
    look: Look
    camera: Camera
    media: Media
    segments: tuple[Segment, ...]
    gaps: tuple[Gap, ...]
    clock_told: tuple[HealthEvent, ...]
    clean_made_at: Instant | None
    made_at: Instant


class Bundle:
    """Makes the files of a bundle and the zip around them."""

    def __init__(self, ledger: Ledger, roots: Roots, signer: Ed25519PrivateKey) -> None:
        self._ledger = ledger
        self._roots = roots
        self._signer = signer

    def zip(self, facts: BundleFacts, media: Callable[[], Iterator[bytes]]) -> Iterator[bytes]:
        """The bundle as a zip stream: the media as it is, then everything about it."""
        files = self.files(facts)
        sink = _Sink()
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
            info = _entry(facts.media.name, facts.made_at)
            with archive.open(info, "w", force_zip64=True) as target:
                for piece in media():
                    target.write(piece)
                    yield sink.take()
            for name, data in files.items():
                archive.writestr(_entry(name, facts.made_at), data)
                yield sink.take()
        yield sink.take()

    def files(self, facts: BundleFacts) -> dict[str, bytes]:
        """Every file but the media, by name."""
        files = self._proofs(facts)
        if facts.media.name != "master.mp4":
            files["derivation.json"] = _pretty(_derivation(facts))
        files["README.txt"] = _readme(facts)
        files["verify.py"] = Path(evidence_verifier.__file__).read_bytes()
        digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        digests[facts.media.name] = facts.media.digest
        manifest = _pretty(self._manifest(facts, digests))
        files["manifest.json"] = manifest
        files["signature"] = self._signer.sign(manifest)
        return files

    def _proofs(self, facts: BundleFacts) -> dict[str, bytes]:
        files = {"export.tlog-proof": self._proof(facts.leaf)}
        places: dict[int, list[tuple[Segment, HeadPlace]]] = {}
        without: list[str] = []
        for segment in facts.segments:
            place = None if segment.is_open else self._roots.place_of(segment.id)
            if place is None:
                without.append(segment.id)
            else:
                places.setdefault(place.leaf, []).append((segment, place))
        roots = []
        for number, (leaf, placed) in enumerate(sorted(places.items()), start=1):
            name = "segments.tlog-proof" if number == 1 else f"segments-{number}.tlog-proof"
            files[name] = self._proof(leaf)
            roots.append(
                {
                    "leaf": leaf,
                    "proof": name,
                    "segments": [_placed(segment, place) for segment, place in placed],
                }
            )
        files["segments.json"] = _pretty({"roots": roots, "without_root": without})
        return files

    def _proof(self, leaf: int) -> bytes:
        return self._ledger.proof(leaf, extra=self._ledger.entry(leaf))

    def _manifest(self, facts: BundleFacts, digests: dict[str, str]) -> dict[str, object]:
        look, camera, media = facts.look, facts.camera, facts.media
        span = look.wish.span
        assert span is not None, "an export is of a stored look"
        return {
            "version": MANIFEST_VERSION,
            "made_at": facts.made_at.iso(),
            "software": f"fairview {software_version()}",
            "camera": {
                "id": camera.id,
                "title": camera.title,
                "revision": camera.revision,
                "source_kinds": [source.kind for source in camera.sources],
            },
            "register": register_plain(camera.register),
            "span": {"start": span.start.iso(), "end": span.end.iso()},
            "gaps": [
                {
                    "start": gap.span.start.iso(),
                    "end": gap.span.end.iso(),
                    "because": gap.because.value,
                }
                for gap in facts.gaps
            ],
            "clock": clock_plain(facts.clock_told, played_stream(camera), span),
            "actor": look.actor,
            "case": None,
            "approver": None,
            "reason_category": look.wish.purpose,
            "grant": {
                "proof": None,
                "because": "no case: this camera's footage may be exported this way without one",
            },
            "rendition": look.wish.rendition,
            "look": look.id,
            "look_leaf": look.leaf,
            "export": facts.export,
            "export_leaf": facts.leaf,
            "media": {
                "name": media.name,
                "digest": media.digest,
                "size_bytes": media.size_bytes,
                "start_at": media.start_at.iso(),
                "duration_us": media.duration_us,
            },
            "sources": [{"id": one.id, "head": one.head} for one in facts.segments],
            "digests": digests,
            "ledger_key": self._ledger.key.text,
            "signing_key": self._signer.public_key().public_bytes_raw().hex(),
        }


def software_version() -> str:
    """This Fairview's version."""
    try:
        return version("fairview")
    except PackageNotFoundError:
        return "unknown"


class _Sink(io.RawIOBase):
    """Where zipfile writes; `take` empties it. Never seekable, so it streams."""

    def __init__(self) -> None:
        super().__init__()
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]  # any buffer, as RawIOBase promises
        self._pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def _derivation(facts: BundleFacts) -> dict[str, object]:
    wish, clean = facts.look.wish, facts.clean_made_at
    zones = [[list(point) for point in zone.polygon_unit] for zone in facts.camera.zones]
    return {
        "version": 1,
        "sources": [{"id": one.id, "head": one.head} for one in facts.segments],
        "settings": {
            "rendition": wish.rendition,
            "cover": "whole_frame" if clean is None else "silhouettes on the clean picture",
            "clean_picture_made_at": None if clean is None else clean.iso(),
            "privacy_zones_digest": hashlib.sha256(
                json.dumps(zones, separators=(",", ":")).encode()
            ).hexdigest(),
            "software": f"fairview {software_version()}",
        },
        "output_digest": facts.media.digest,
    }


def _placed(segment: Segment, place: HeadPlace) -> dict[str, object]:
    return {
        "id": segment.id,
        "head": segment.head,
        "index": place.proof.index,
        "path": [base64.b64encode(part).decode("ascii") for part in place.proof.path],
    }


def _readme(facts: BundleFacts) -> bytes:
    name = facts.media.name
    what = {
        "covered.mp4": "A covered copy: made again from the recording, with persons "
        "and vehicles as silhouettes.",
        "raw.mp4": "Made again from the recording, with its privacy zones filled.",
        "master.mp4": "The camera's own packets, bit for bit.",
    }[name]
    derivation = (
        ""
        if name == "master.mp4"
        else "  derivation.json       how the pictures were made from the recordings\n"
    )
    return _README.format(media=name, what=what, derivation=derivation).encode()


def _pretty(value: dict[str, object]) -> bytes:
    canonical(value)  # refuses what has no single form
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def _entry(name: str, at: Instant) -> zipfile.ZipInfo:
    moment = at.datetime_utc()
    return zipfile.ZipInfo(
        name,
        (max(1980, moment.year), moment.month, moment.day, moment.hour, moment.minute, 0),
    )
