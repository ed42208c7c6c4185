"""What one ledger leaf says: kinds, public fields, and a commitment to private details.

A leaf is compact canonical JSON (sorted keys, no spaces) of at most 4 KiB:
`{"at", "commit"?, "kind", "v", ...public fields}`. Private details never enter it; `commit` is
base64 of SHA-256(salt || canonical private details), so that they can be shown to somebody
later and erased for good.
Every kind is described in docs/reference/ledger-entries.md.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field, fields
from typing import ClassVar

from fairview.core.case import Purpose, Rendition
from fairview.core.errors import BadInput, Corrupt
from fairview.core.time import Instant, Span, instant

LEAF_VERSION = 1
LEAF_BYTES_MAX = 4_096
LEAF_CAMERAS_MAX = 24
SALT_BYTES = 32

_PRIVATE = {"is_private": True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What every kind shares: a name and fields, some of them private."""

    KIND: ClassVar[str] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStarted(Leaf):
    KIND: ClassVar[str] = "node.started"
    version: str
    looks_left_open: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRestored(Leaf):
    """A node goes on from a backup. continues_from: the ledger's size in it, which is also this
    line's number."""

    KIND: ClassVar[str] = "node.restored"
    backup_made_at: Instant
    continues_from: int
    segments_unreadable: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorSetUp(Leaf):
    KIND: ClassVar[str] = "actor.set_up"
    roles: tuple[str, ...]
    arrangement: str
    actor: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeConfirmed(Leaf):
    """Somebody said that the clock is right. counted: the time the node held to be sure."""

    KIND: ClassVar[str] = "time.confirmed"
    counted: Instant
    confirmed: Instant
    actor: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraAdded(Leaf):
    KIND: ClassVar[str] = "camera.added"
    camera: str
    revision: int
    source_kinds: tuple[str, ...]
    retention_us: int
    presence: str
    register_digest: str
    actor: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraChanged(Leaf):
    KIND: ClassVar[str] = "camera.changed"
    camera: str
    revision: int
    retention_us: int
    presence: str
    register_digest: str
    actor: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSavedLeaf(Leaf):
    """zones: privacy zones the camera has from now on; digest: SHA-256 over the scene's text."""

    KIND: ClassVar[str] = "scene.saved"
    camera: str
    revision: int
    scene_digest: str
    lines: int
    zones: int
    actor: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraRemoved(Leaf):
    KIND: ClassVar[str] = "camera.removed"
    camera: str
    revision: int
    actor: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissioningStarted(Leaf):
    KIND: ClassVar[str] = "commissioning.started"
    camera: str
    until: Instant
    actor: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookOpenedLeaf(Leaf):
    """cameras is empty when there are more than 24; cameras_n and the digest still bind them."""

    KIND: ClassVar[str] = "look.opened"
    look: str
    cameras: tuple[str, ...]
    cameras_n: int
    cameras_digest: str
    rendition: Rendition
    purpose: Purpose
    is_live: bool
    is_strip: bool
    footage_us: int | None
    expires_at: Instant
    actor: str = field(metadata=_PRIVATE)
    all_cameras: tuple[str, ...] = field(metadata=_PRIVATE)
    span: Span | None = field(metadata=_PRIVATE)
    note: str = field(metadata=_PRIVATE)
    because: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookRenewed(Leaf):
    KIND: ClassVar[str] = "look.renewed"
    look: str
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class LookClosed(Leaf):
    """bytes_read None: unknown, because the door stopped while the look was open."""

    KIND: ClassVar[str] = "look.closed"
    look: str
    because: str
    bytes_read: int | None
    footage_read_us: int | None
    read: tuple[str, ...] = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookDenied(Leaf):
    """Public fields never name the camera, which may not exist for the one who asked."""

    KIND: ClassVar[str] = "look.denied"
    rendition: Rendition
    purpose: Purpose
    actor: str = field(metadata=_PRIVATE)
    cameras: tuple[str, ...] = field(metadata=_PRIVATE)
    because: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentsRoot(Leaf):
    """root: RFC 6962 tree hash (hex) over the segments' heads, in the order of segment ids."""

    KIND: ClassVar[str] = "segments.root"
    root: str
    segments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysShredded(Leaf):
    """The shred certificate: these private halves no longer exist. hour None: a spare pair."""

    KIND: ClassVar[str] = "keys.shredded"
    certificate: str
    camera: str
    hour: Instant | None
    pairs: tuple[str, ...]
    segments: int
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanPictureApproved(Leaf):
    KIND: ClassVar[str] = "clean_picture.approved"
    camera: str
    made_at: Instant
    actor: str = field(metadata=_PRIVATE)
    picture_digest: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanPictureRefused(Leaf):
    KIND: ClassVar[str] = "clean_picture.refused"
    camera: str
    made_at: Instant
    actor: str = field(metadata=_PRIVATE)
    picture_digest: str = field(metadata=_PRIVATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportMade(Leaf):
    """Written before the first byte. media_digest: SHA-256 (hex) of the media handed out; signer:
    the Ed25519 public key (hex) that signs the bundle's manifest."""

    KIND: ClassVar[str] = "export.made"
    export: str
    look: str
    camera: str
    form: str
    media: str
    media_digest: str
    signer: str
    actor: str = field(metadata=_PRIVATE)
    span: Span | None = field(metadata=_PRIVATE)


KINDS: tuple[type[Leaf], ...] = (
    NodeStarted,
    NodeRestored,
    ActorSetUp,
    TimeConfirmed,
    CameraAdded,
    CameraChanged,
    SceneSavedLeaf,
    CameraRemoved,
    CommissioningStarted,
    LookOpenedLeaf,
    LookRenewed,
    LookClosed,
    LookDenied,
    SegmentsRoot,
    KeysShredded,
    CleanPictureApproved,
    CleanPictureRefused,
    ExportMade,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A leaf as bytes, with what its commitment covers. digest None: nothing private."""

    entry: bytes
    digest: bytes | None
    salt: bytes
    details: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafRead:
    """A leaf's public side, as read back. texts: every public field as JSON text by its name."""

    kind: str
    at: Instant
    commit: bytes | None
    texts: dict[str, object]


def write_leaf(leaf: Leaf, at: Instant, salt: bytes | None = None) -> Written:
    """The bytes of a leaf at a moment (cut to whole seconds).

    Errors:  AssertionError when it would be longer than 4 KiB, which is our own mistake.
    """
    public: dict[str, object] = {"v": LEAF_VERSION, "kind": leaf.KIND, "at": _seconds(at)}
    private: dict[str, object] = {}
    for one in fields(leaf):
        target = private if one.metadata.get("is_private") else public
        assert one.name not in target, "a field never hides v, kind or at"
        target[one.name] = _plain(getattr(leaf, one.name))
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    details = canonical(private) if private else b""
    digest = commitment(salt, details) if private else None
    if digest is not None:
        public["commit"] = base64.b64encode(digest).decode("ascii")
    entry = canonical(public)
    assert len(entry) <= LEAF_BYTES_MAX, f"a {leaf.KIND} leaf of {len(entry)} bytes"
    return Written(entry=entry, digest=digest, salt=salt, details=details)


def commitment(salt: bytes, details: bytes) -> bytes:
    """SHA-256(salt || details)."""
    return hashlib.sha256(salt + details).digest()


def canonical(value: object) -> bytes:
    """Compact JSON with sorted keys, UTF-8; no floats, so that it has one form only."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def read_leaf(entry: bytes) -> LeafRead:
    """Errors:  Corrupt when the bytes are not a leaf of ours."""
    try:
        values = json.loads(entry)
        kind, at = values["kind"], instant(values["at"])
        commit = values.get("commit")
        digest = base64.b64decode(commit, validate=True) if commit is not None else None
    except (BadInput, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Corrupt("a ledger entry is not a leaf") from error
    if values.get("v") != LEAF_VERSION or not isinstance(kind, str):
        raise Corrupt("a ledger entry was made by a newer Fairview")
    rest = {key: value for key, value in values.items() if key not in ("v", "kind", "at", "commit")}
    return LeafRead(kind=kind, at=at, commit=digest, texts=rest)


def cameras_digest(cameras: tuple[str, ...]) -> str:
    """SHA-256 (hex) over the camera ids, sorted, each followed by a line feed."""
    return hashlib.sha256("".join(f"{one}\n" for one in sorted(cameras)).encode()).hexdigest()


def _seconds(at: Instant) -> str:
    return at.iso()[:19] + "Z"


def _plain(value: object) -> object:
    if isinstance(value, Instant):
        return value.iso()
    if isinstance(value, Span):
        return [value.start.iso(), value.end.iso()]
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    assert value is None or isinstance(value, str | int | bool), f"{type(value)} in a leaf"
    return value
