"""A recorder on a desk: stores in memory, a clock moved by its packets, and footage read back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.event import HealthEvent
from fairview.core.ids import CameraId
from fairview.core.media import Fragment, Gap, Packet, Sample, Segment
from fairview.core.time import US_PER_SECOND, Instant, ManualClock
from fairview.record.keyring import Keyring
from fairview.record.live import LiveTap
from fairview.record.recorder import Stores, StreamRecorder
from fairview.record.rows import RowQueue
from fairview.record.stores import Placing
from fairview.record.write_queue import AtOnce, Lanes
from fairview.store.blobs import MemoryBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import Blobs, Catalogue, EventSaved
from fairview.store.keyfile import KeyFile, sign_key_file
from fairview.store.sealing import open_key, open_record
from fairview.store.segment_walk import Walk, walk
from tests.builders import NOON, packet
from tests.record.keys import DOOR, PRIVATE, issued

CAMERA = CameraId("junction-1")
SIGNER = Ed25519PrivateKey.generate()


class Desk:
    """Everything one stream's recorder needs; `again` makes the next process's recorder."""

    def __init__(  # noqa: PLR0913 - what a recorder stands between
        self,
        folder: Path,
        *,
        blobs: Blobs | None = None,
        catalogue: Catalogue | None = None,
        start: Instant = NOON,
        lanes: Lanes | None = None,
        disks: Placing | None = None,
        clock: ManualClock | None = None,
    ) -> None:
        self.blobs = blobs or MemoryBlobs()
        self.catalogue = catalogue or MemoryCatalogue()
        self.clock = clock or ManualClock(start)
        self.key_path = folder / "junction-1.json"
        self.file = issued(CAMERA, start, hours=6)
        self.issue(self.file)
        self.tap = LiveTap()
        self.lanes = lanes or AtOnce()
        self.disks = disks
        self.again()

    def again(self) -> StreamRecorder:
        self.rows = RowQueue(self.catalogue, self.clock)
        self.recorder = StreamRecorder(
            camera=CAMERA,
            stream="main",
            stores=Stores(
                blobs=self.blobs,
                rows=self.rows,
                signer=SIGNER,
                clock=self.clock,
                lanes=self.lanes,
                disks=self.disks,
            ),
            keyring=Keyring(
                self.key_path,
                camera=CAMERA,
                door_public=DOOR.public_key().public_bytes_raw(),
                clock=self.clock,
                tell=lambda event: self.rows.put(EventSaved(event=event)),
            ),
            live=self.tap,
        )
        return self.recorder

    def issue(self, file: KeyFile) -> None:
        self.key_path.write_bytes(sign_key_file(file, DOOR))

    def feed(self, packets: Iterable[Packet]) -> None:
        """Hand packets over, each when the clock reaches its arrival."""
        for one in packets:
            late_us = one.arrived_at.since(self.clock.now())
            if late_us > 0:
                self.clock.advance(late_us)
            self.recorder.packet(one)

    def settle(self) -> bool:
        """Until everything handed over is written; False when that takes too long."""
        return self.recorder.settle(20 * US_PER_SECOND)

    def close(self) -> None:
        self.recorder.close()
        self.rows.drain()

    def segments(self) -> tuple[Segment, ...]:
        self.rows.drain()
        return self.catalogue.segments(CAMERA)

    def gaps(self) -> tuple[Gap, ...]:
        self.rows.drain()
        return self.catalogue.gaps(CAMERA)

    def events(self) -> tuple[HealthEvent, ...]:
        self.rows.drain()
        return self.catalogue.events(NOON.plus(-1), 100)

    def walked(self, row: Segment) -> Walk:
        return walk(
            lambda start, length: self.blobs.read(row.blob, start, length),
            self.blobs.size_bytes(row.blob),
        )

    def fragments(self, row: Segment) -> list[Fragment]:
        """What a segment holds, opened with the pair's private half."""
        found = self.walked(row)
        assert found.fault is None, found.fault
        key = open_key(found.header, PRIVATE[found.header.key_pair])
        return [
            open_record(
                found.header,
                record,
                self.blobs.read(row.blob, record.sealed_offset, record.sealed_bytes),
                key,
            )
            for record in found.records
        ]

    def samples(self) -> list[Sample]:
        return [
            sample
            for row in self.segments()
            for fragment in self.fragments(row)
            for sample in fragment.samples
        ]


def second(number: int, seconds: int = 1) -> list[Packet]:
    """Packets of whole seconds of the 25 fps stream, each beginning with a key frame."""
    return [packet(index) for index in range(25 * number, 25 * (number + seconds))]


def ticks_of(packets: Iterable[Packet]) -> list[int]:
    return [one.ticks for one in packets]
