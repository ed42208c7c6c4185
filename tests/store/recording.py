"""A recorder as small as can be: seals, appends, syncs, writes rows as a real one does."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.ids import CameraId, KeyPairId, SegmentId, StreamName
from fairview.core.media import EndedBecause, Fragment, Segment
from fairview.core.time import Instant, Span
from fairview.store.contracts import Blobs, BlobWriter, Catalogue, SegmentSaved
from fairview.store.layout import blob_name
from fairview.store.sealing import SegmentSealer, new_key_pair
from tests import builders
from tests.builders import NOON

SIGNER = Ed25519PrivateKey.from_private_bytes(b"r" * 32)
CAMERA = CameraId("junction-1")
PAIR = KeyPairId("cd" * 16)
PRIVATE, PUBLIC = new_key_pair()


def fragment(at_s: int) -> Fragment:
    """One second that begins at_s seconds after noon."""
    return replace(builders.fragment(count=3, fps=3), start_at=NOON.plus(at_s * 1_000_000))


@dataclass(slots=True)
class Recording:
    """One segment under way. catalogue None: its rows get lost."""

    blobs: Blobs
    catalogue: Catalogue | None
    writer: BlobWriter
    sealer: SegmentSealer
    row: Segment

    def seconds(self, first: int, count: int) -> Recording:
        """One-second fragments, each durable."""
        for at_s in range(first, first + count):
            self.writer.append(self.sealer.seal(fragment(at_s)))
            self.writer.sync()
            span = fragment(at_s).span
            start = self.row.span.start if self.row.fragments else span.start
            self.row = replace(
                self.row,
                span=Span(start=start, end=span.end),
                fragments=self.row.fragments + 1,
                size_bytes=self.writer.size_bytes,
            )
        return self

    def end(self, because: EndedBecause = EndedBecause.ROTATED) -> Segment:
        head = self.sealer.head.hex()
        self.writer.append(self.sealer.end(because))
        self.writer.sync()
        self.writer.close()
        self.row = replace(
            self.row, head=head, ended_because=because, size_bytes=self.writer.size_bytes
        )
        self._save()
        return self.row

    def _save(self) -> None:
        if self.catalogue is not None:
            self.catalogue.write([SegmentSaved(segment=self.row)])


def begin(
    blobs: Blobs,
    catalogue: Catalogue | None,
    number: int,
    at_s: int,
    *,
    camera: CameraId = CAMERA,
    stream: StreamName = "main",
) -> Recording:
    """A new segment whose header is durable and whose row is written."""
    segment = SegmentId(f"{number:032x}")
    sealer = SegmentSealer(
        camera=camera,
        stream=stream,
        segment=segment,
        key_pair=PAIR,
        public_half=PUBLIC,
        signer=SIGNER,
        created_at=at(at_s),
    )
    name = blob_name(camera, at(at_s), segment)
    writer = blobs.create(name)
    writer.append(sealer.header)
    writer.sync()
    row = Segment(
        id=segment,
        camera=camera,
        stream=stream,
        span=Span(start=at(at_s), end=at(at_s).plus(40_000)),
        size_bytes=writer.size_bytes,
        fragments=0,
        key_pair=PAIR,
        blob=name,
        head=None,
        ended_because=None,
    )
    recording = Recording(blobs=blobs, catalogue=catalogue, writer=writer, sealer=sealer, row=row)
    recording._save()
    return recording


def at(seconds: float) -> Instant:
    return NOON.plus(round(seconds * 1_000_000))
