"""A whole door over a real data folder, with cameras whose footage tests seal themselves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fairview.access.door import CameraWish, SessionOpened
from fairview.access.gate import Gate
from fairview.access.leaves import LeafRead, read_leaf
from fairview.access.live_look import LiveSubscription
from fairview.access.open_door import open_door
from fairview.access.render import RenderPool
from fairview.config.settings import Settings
from fairview.core.camera import Camera
from fairview.core.case import LookWish, Purpose, Rendition
from fairview.core.errors import Unavailable
from fairview.core.ids import CameraId, SegmentId, StreamName, new_hex_id
from fairview.core.media import EndedBecause, Fragment, Segment
from fairview.core.time import Instant, ManualClock, Span
from fairview.record.live import LivePackets
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import CameraSaved, SegmentSaved
from fairview.store.keyfile import read_key_file
from fairview.store.layout import blob_name, open_data_folder
from fairview.store.ledger import Ledger
from fairview.store.sealing import SegmentSealer, read_header
from tests.access.doubles import QUICK_HASHER
from tests.access.house import RECORDER
from tests.builders import NOON, register_entry

PASSWORD = "correct horse battery"
NAME = CameraId("junction-1")


class Scripted:
    """A live subscription that hands out what it was given, then ends."""

    def __init__(self, batches: list[LivePackets]) -> None:
        self.batches = batches
        self.is_closed = False

    def __iter__(self) -> Iterator[LivePackets]:
        for batch in self.batches:
            if self.is_closed:
                return
            yield batch

    def close(self) -> None:
        self.is_closed = True


class Site:
    """One folder, one door. `reopen` is the door after a crash."""

    def __init__(
        self, folder: Path, pool: RenderPool | None = None, settings: Settings | None = None
    ) -> None:
        self.clock = ManualClock(NOON)
        self.folder = open_data_folder(folder / "data", create=True)
        self.catalogue = MemoryCatalogue()
        self.blobs = FileBlobs(self.folder.blobs)
        self.settings = settings or Settings()
        self.pool = pool
        self.live: list[LivePackets] = []
        self.connected: list[Scripted] = []
        self.gate = self.reopen()
        link = self.gate.new_set_up_link()
        assert link is not None
        self.mara = self.gate.set_up(link.reveal(), "mara", PASSWORD)

    def reopen(self) -> Gate:
        """Without closing the one before: that one crashed."""
        self.gate = open_door(
            self.folder,
            catalogue=self.catalogue,
            blobs=self.blobs,
            clock=self.clock,
            settings=self.settings,
            render=self.pool,
            live=self._connect,
            hasher=QUICK_HASHER,
        )
        return self.gate

    @property
    def ledger(self) -> Ledger:
        return self.gate._parts.ledger

    def leaves(self) -> list[LeafRead]:
        return [read_leaf(self.ledger.entry(number)) for number in range(self.ledger.size)]

    def kinds(self) -> list[str]:
        return [leaf.kind for leaf in self.leaves()]

    def actor(self, name: str, *roles: str, cameras: frozenset[CameraId] | None = None) -> str:
        """Somebody else, signed in."""
        who = self.gate._parts.who
        who.add(name, PASSWORD, frozenset(roles), cameras)  # type: ignore[arg-type]  # role names
        return who.sign_in(name, PASSWORD).token

    def add(self, name: str = NAME, address: str = "sim:junction?seed=7") -> Camera:
        wish = CameraWish(
            name=name,
            title="First and Main",
            address=address,
            sub_address=None,
            login=None,
            register=register_entry(presence="simulated" if address[:3] == "sim" else "persons"),
            commissioning=False,
        )
        return self.gate.camera_add(self.mara.token, wish).camera

    def change(self, camera: Camera, **changes: object) -> Camera:
        """A new revision of a camera, straight into the catalogue."""
        changed = replace(camera, revision=camera.revision + 1, **changes)  # type: ignore[arg-type]  # tests name fields freely
        self.catalogue.write([CameraSaved(camera=changed, sealed_login=None)])
        return changed

    def record(
        self,
        camera: CameraId,
        fragments: tuple[Fragment, ...],
        ended: EndedBecause | None = EndedBecause.ROTATED,
        stream: StreamName = "main",
    ) -> Segment:
        """What a recorder does, from the published key file alone."""
        start = fragments[0].start_at
        door_public = self.folder.door_public.read_bytes()
        keys = read_key_file(self.folder.key_file(camera).read_bytes(), door_public)
        pair = keys.pair_of(start)
        assert pair is not None
        sealer = SegmentSealer(
            camera=camera,
            stream=stream,
            segment=SegmentId(new_hex_id()),
            key_pair=pair.id,
            public_half=pair.public,
            signer=RECORDER,
            created_at=start,
        )
        data = sealer.header + b"".join(sealer.seal(one) for one in fragments)
        head = sealer.head.hex()
        if ended is not None:
            data += sealer.end(ended)
        made = read_header(sealer.header).segment
        blob = blob_name(camera, start, made)
        writer = self.blobs.create(blob)
        writer.append(data)
        writer.sync()
        writer.close()
        segment = Segment(
            id=made,
            camera=camera,
            stream=stream,
            span=Span(start=start, end=fragments[-1].span.end),
            size_bytes=len(data),
            fragments=len(fragments),
            key_pair=pair.id,
            blob=blob,
            head=None if ended is None else head,
            ended_because=ended,
        )
        self.catalogue.write([SegmentSaved(segment=segment)])
        return segment

    def look(
        self,
        span: Span | None,
        rendition: Rendition = "raw",
        purpose: Purpose = "operation",
        *cameras: CameraId,
    ) -> str:
        """A look's token, for mara."""
        wish = LookWish(cameras=cameras or (NAME,), rendition=rendition, purpose=purpose, span=span)
        return self.gate.look_open(self.mara.token, wish).token

    def session(self) -> SessionOpened:
        return self.gate.sign_in("mara", PASSWORD)

    def _connect(self, camera: CameraId, stream: StreamName) -> LiveSubscription:
        del camera, stream
        if not self.live:
            raise Unavailable("the camera is away")
        self.connected.append(Scripted(self.live))
        return self.connected[-1]


def stretched(fragments: tuple[Fragment, ...], start: Instant) -> tuple[Fragment, ...]:
    """The same fragments, shown from another moment on."""
    first = fragments[0].start_at
    return tuple(replace(one, start_at=start.plus(one.start_at.since(first))) for one in fragments)


def units_of(data: bytes) -> list[bytes]:
    """The NAL units of a length-prefixed access unit."""
    units, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return units


def annex_b(data: bytes) -> list[bytes]:
    """The NAL units of an access unit with start codes."""
    pieces = data.replace(b"\x00\x00\x00\x01", b"\x00\x00\x01").split(b"\x00\x00\x01")
    return [piece for piece in pieces if piece]
