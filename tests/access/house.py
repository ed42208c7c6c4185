"""A small house for tests of the door: real rows, real keys, real sealing, blobs in memory."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.journal import Journal
from fairview.access.keys import KeyStore
from fairview.access.leaves import read_leaf
from fairview.access.site_key import SiteKeyFiles
from fairview.core.camera import Camera
from fairview.core.ids import CameraId, SegmentId, StreamName, new_hex_id
from fairview.core.media import EndedBecause, Fragment, Segment
from fairview.core.time import Instant, ManualClock, Span
from fairview.store.blobs import MemoryBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import CameraSaved, SegmentSaved
from fairview.store.heads import MemoryHeads
from fairview.store.layout import blob_name
from fairview.store.sealing import SegmentSealer
from tests.access.doubles import FaultyRows, MemoryLedger
from tests.builders import NOON, camera

RECORDER = Ed25519PrivateKey.from_private_bytes(b"r" * 32)
SIGNER = Ed25519PrivateKey.from_private_bytes(b"d" * 32)


class House:
    """Everything below the door. `reopened` is the same folder after a crash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "keys").mkdir(exist_ok=True)
        self.clock = ManualClock(NOON)
        self.ledger = MemoryLedger()
        self.blobs = MemoryBlobs()
        self.catalogue = MemoryCatalogue()
        self.heads = MemoryHeads()
        self.open()

    def open(self) -> None:
        """Begin (again) from what is stored."""
        self.rows = FaultyRows(self.folder / "door.sqlite")
        self.journal = Journal(self.ledger, self.rows, self.clock)
        self.keys = KeyStore(
            self.rows, SiteKeyFiles(self.folder / "site.key"), self.folder / "keys", SIGNER
        )

    def kinds(self) -> list[str]:
        return [read_leaf(entry).kind for entry in self.ledger.entries]

    def add(self, made: Camera | None = None) -> Camera:
        """A camera with its row and keys."""
        made = made or camera()
        self.catalogue.write([CameraSaved(camera=made, sealed_login=None)])
        self.keys.issue(made.id, self.clock.now())
        return made

    def store(
        self,
        name: CameraId,
        start: Instant,
        fragments: list[Fragment],
        *,
        on_spare: bool = False,
        stream: StreamName = "main",
        ended: EndedBecause | None = EndedBecause.ROTATED,
    ) -> Segment:
        """Seal a segment of these fragments to the pair of its hour, blob and row."""
        self.keys.issue(name, start)
        pair = next(
            one
            for one in reversed(self.keys.pairs(name))
            if (one.hour is None if on_spare else one.hour == start.hour())
        )
        sealer = SegmentSealer(
            camera=name,
            stream=stream,
            segment=SegmentId(new_hex_id()),
            key_pair=pair.id,
            public_half=pair.public,
            signer=RECORDER,
            created_at=start,
        )
        data = sealer.header + b"".join(sealer.seal(one) for one in fragments)
        count, head = sealer.count, sealer.head
        if ended is not None:
            data += sealer.end(ended)
        from fairview.store.sealing import read_header

        made = read_header(sealer.header).segment
        blob = blob_name(name, start, made)
        writer = self.blobs.create(blob)
        writer.append(data)
        writer.sync()
        writer.close()
        segment = Segment(
            id=made,
            camera=name,
            stream=stream,
            span=Span(start=fragments[0].span.start, end=fragments[-1].span.end),
            size_bytes=len(data),
            fragments=count,
            key_pair=pair.id,
            blob=blob,
            head=None if ended is None else head.hex(),
            ended_because=ended,
        )
        self.catalogue.write([SegmentSaved(segment=segment)])
        return segment


def moved(one: Fragment, to: Instant) -> Fragment:
    """A fragment shown at another time."""
    return Fragment(
        format=one.format, start_at=to, duration_us=one.duration_us, samples=one.samples
    )
