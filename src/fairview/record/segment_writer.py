"""One segment being written: header first, then fragments, each durable, then the trailer."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.errors import NotFound, Unavailable
from fairview.core.ids import CameraId, SegmentId, StreamName, new_hex_id
from fairview.core.media import EndedBecause, Fragment, Segment
from fairview.core.time import Instant, Span
from fairview.record.keyring import PickedPair
from fairview.store.contracts import Blobs
from fairview.store.layout import blob_name
from fairview.store.mend import segment_row, stopped_walk, walk_blob
from fairview.store.sealing import SegmentSealer, recovery_trailer


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentStart:
    """What a segment begins with. shown_us: how long its first picture is shown, at least 1."""

    camera: CameraId
    stream: StreamName
    at: Instant
    shown_us: int


class SegmentWriter:
    """Writes one segment's blob. Used by one thread; a failure leaves it to `mended`.

    `row` is what the catalogue should hold: true at every moment, though only the first and the
    last one are written there (decision 15).
    """

    def __init__(
        self,
        *,
        blobs: Blobs,
        pair: PickedPair,
        signer: Ed25519PrivateKey,
        start: SegmentStart,
        created_at: Instant,
    ) -> None:
        """The header is durable on return. Errors: Unavailable, BadInput for a bad public half."""
        segment = SegmentId(new_hex_id())
        self._sealer = SegmentSealer(
            camera=start.camera,
            stream=start.stream,
            segment=segment,
            key_pair=pair.id,
            public_half=pair.public,
            signer=signer,
            created_at=created_at,
        )
        name = blob_name(start.camera, start.at, segment)
        self._blob = blobs.create(name)
        try:
            self._blob.append(self._sealer.header)
            self._blob.sync()
        except Unavailable:
            self._blob.close()
            with contextlib.suppress(Unavailable):
                blobs.remove(name)
            raise
        self.row = Segment(
            id=segment,
            camera=start.camera,
            stream=start.stream,
            span=Span(start=start.at, end=start.at.plus(max(start.shown_us, 1))),
            size_bytes=self._blob.size_bytes,
            fragments=0,
            key_pair=pair.id,
            blob=name,
            head=None,
            ended_because=None,
        )

    def write(self, fragment: Fragment) -> None:
        """Seal and append one fragment; durable on return. Errors: Unavailable."""
        self._blob.append(self._sealer.seal(fragment))
        self._blob.sync()
        span = fragment.span
        if self.row.fragments:
            span = Span(
                start=min(self.row.span.start, span.start), end=max(self.row.span.end, span.end)
            )
        self.row = replace(
            self.row,
            span=span,
            size_bytes=self._blob.size_bytes,
            fragments=self.row.fragments + 1,
        )

    def end(self, because: EndedBecause) -> Segment:
        """Append the trailer; durable on return. Errors: Unavailable."""
        head = self._sealer.head.hex()
        self._blob.append(self._sealer.end(because, self.row.span.end))
        self._blob.sync()
        self._blob.close()
        self.row = replace(
            self.row, size_bytes=self._blob.size_bytes, head=head, ended_because=because
        )
        return self.row

    def abandon(self) -> None:
        """Let go of the blob after a failure."""
        self._blob.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """A segment closed after a failure; None when it held nothing and was removed."""

    segment: Segment | None


def mended(
    blobs: Blobs, row: Segment, signer: Ed25519PrivateKey, *, went_on: bool = False
) -> Mended:
    """Close a segment whose disk failed, as far as it was stored: a failed write may be stored
    all the same, and then it is kept; but for a fragment that was written to another disk since.

    row: as far as its fragments were acknowledged. went_on: whether the next one is elsewhere.

    Errors:  Unavailable while the disk still fails; Corrupt for damage before its end, which a
    failed write does not leave: it is kept as it is.
    Cost:    reads the segment once.
    """
    try:
        if went_on:
            blobs.cut(row.blob, row.size_bytes)
        found = stopped_walk(blobs, row.blob)
    except NotFound:
        return Mended(segment=None)
    if found is None:
        blobs.remove(row.blob)
        return Mended(segment=None)
    # After a failed sync the kernel may call bytes written that are not: they are written again.
    known_bytes = min(row.size_bytes, found.good_bytes)
    tail = blobs.read(row.blob, known_bytes, found.good_bytes - known_bytes)
    if found.trailer is None:
        tail += recovery_trailer(found, signer, EndedBecause.DISK)
    blobs.cut(row.blob, known_bytes)
    with contextlib.closing(blobs.reopen(row.blob)) as blob:
        blob.append(tail)
        blob.sync()
    found = walk_blob(blobs, row.blob, verify_digests=False)
    return Mended(segment=segment_row(row.blob, found))
