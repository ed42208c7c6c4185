"""A data folder with two cameras, recorded by the real recorder in simulated time, and its door."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

from fairview.access.door import CameraWish
from fairview.access.gate import Gate
from fairview.access.keys import KeyStore, _pair_context, _unwrap
from fairview.access.leaves import LeafRead, read_leaf
from fairview.access.open_door import open_door
from fairview.config.settings import Cameras, Settings
from fairview.core.camera import Camera, Login, Presence, Secret
from fairview.core.case import LookWish, Purpose, Rendition
from fairview.core.ids import CameraId
from fairview.core.media import Packet
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, Instant, ManualClock, Span
from fairview.record.keyring import Keyring
from fairview.record.recorder import Stores, StreamRecorder
from fairview.record.rows import RowQueue
from fairview.run.care.mend import mend_folder
from fairview.run.signing import recorder_signer
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.contracts import EventSaved
from fairview.store.durable import Disk
from fairview.store.layout import open_data_folder
from tests.access.doubles import QUICK_HASHER
from tests.access.footage import FPS, Footage, packets, walk
from tests.builders import NOON, register_entry

PASSWORD = "correct horse battery staple"
CAMERA_PASSWORD = "the lamp by the river is green"
SHORT, LONG = CameraId("first-street"), CameraId("market-square")
SHORT_US, LONG_US = 2 * US_PER_HOUR, 3 * US_PER_DAY


class UnsyncedDisk(Disk):
    """What is searched are the bytes as any process reads them; waiting for the disk adds none."""

    def sync(self, descriptor: int) -> None:
        del descriptor

    def sync_folder(self, path: Path) -> None:
        del path


@cache
def footage() -> Footage:
    """Six seconds of somebody walking, as H.264."""
    return walk(60, 160, 96)


class Town:
    """Two cameras of one site: one keeps its footage for two hours, one for three days."""

    def __init__(self, data: Path, start: Instant = NOON) -> None:
        self.clock = ManualClock(start)
        self.data = data
        self.settings = Settings(data=data, cameras=Cameras(allow_loopback=True))
        self.tokens: list[str] = []
        self.open(create=True)
        link = self.gate.new_set_up_link()
        assert link is not None
        self.mara = self.gate.set_up(link.reveal(), "mara", PASSWORD).token
        self.tokens += [link.reveal(), self.mara]
        self._add(SHORT, "rtsp://127.0.0.1:8554/main", SHORT_US, "persons")
        self._add(LONG, "sim:junction?seed=7", LONG_US, "simulated")

    @classmethod
    def again(cls, data: Path, clock: ManualClock) -> Town:
        """The same town from a restored folder, mara signed in."""
        town = cls.__new__(cls)
        town.clock, town.data, town.tokens = clock, data, []
        town.settings = Settings(data=data, cameras=Cameras(allow_loopback=True))
        town.open()
        town.mara = town.gate.sign_in("mara", PASSWORD).token
        return town

    def open(self, *, create: bool = False) -> Gate:
        self.folder = open_data_folder(self.data, create=create)
        mend_folder(self.folder, self.clock)
        self.catalogue = SqliteCatalogue(self.folder.catalogue)
        self.blobs = FileBlobs(self.folder.blobs, disk=UnsyncedDisk())
        self.gate = open_door(
            self.folder,
            catalogue=self.catalogue,
            blobs=self.blobs,
            clock=self.clock,
            settings=self.settings,
            hasher=QUICK_HASHER,
        )
        return self.gate

    def close(self) -> None:
        self.gate.close()
        self.catalogue.close()

    def turn(self) -> None:
        """The door's own work, as its thread does it: looks, keys, sweep, roots."""
        self.gate.work[0].turn()

    def record(self, until: Instant) -> None:
        """Both cameras from now on, minute by minute, through recorder and door."""
        start = self.clock.now()
        with closing(RowQueue(self.catalogue, self.clock)) as rows:
            recorders = {name: self._recorder(name, rows) for name in (SHORT, LONG)}
            streams = {name: _looped(name, start) for name in recorders}
            while self.clock.now() < until:
                end = min(self.clock.now().plus(US_PER_MINUTE), until)
                for name, recorder in recorders.items():
                    for one in streams[name]:
                        recorder.packet(one)
                        if one.at >= end:
                            break
                self.clock.advance(end.since(self.clock.now()))
                rows.drain()
                self.turn()
            for recorder in recorders.values():
                recorder.close()
            rows.drain()

    def export(self, camera: CameraId, span: Span, rendition: Rendition) -> bytes:
        """Through a look, as anybody would. Errors: as the door's."""
        is_trying_out = rendition == "raw" and camera == SHORT
        purpose: Purpose = "commissioning" if is_trying_out else "operation"
        wish = LookWish(cameras=(camera,), rendition=rendition, purpose=purpose, span=span)
        token = self.gate.look_open(self.mara, wish).token
        self.tokens.append(token)
        try:
            return b"".join(self.gate.export(token, camera, "mp4"))
        finally:
            self.gate.look_close(token)

    def private_halves(self) -> dict[str, bytes]:
        """Every living private half by its pair's id, unwrapped as the key store does it."""
        keys = self.keys
        with keys._rows.read() as connection:
            rows = connection.exec_driver_sql("SELECT * FROM key_pairs").all()
            return {
                row.id: _unwrap(keys._site_key(), row.wrapped, _pair_context(row)) for row in rows
            }

    def wrapped_halves(self) -> dict[str, bytes]:
        with self.keys._rows.read() as connection:
            rows = connection.exec_driver_sql("SELECT id, wrapped FROM key_pairs").all()
            return {row.id: bytes(row.wrapped) for row in rows}

    @property
    def keys(self) -> KeyStore:
        return self.gate._parts.desk._parts.keys

    def leaves(self) -> list[LeafRead]:
        ledger = self.gate._parts.ledger
        return [read_leaf(ledger.entry(number)) for number in range(ledger.size)]

    def _add(self, name: CameraId, address: str, keep_us: int, presence: Presence) -> Camera:
        wish = CameraWish(
            name=name,
            title=name,
            address=address,
            sub_address=None,
            login=Login(name="watch", password=Secret(CAMERA_PASSWORD)) if name == SHORT else None,
            register=register_entry(retention_us=keep_us, presence=presence),
            commissioning=name == SHORT,
        )
        return self.gate.camera_add(self.mara, wish).camera

    def _recorder(self, name: CameraId, rows: RowQueue) -> StreamRecorder:
        keyring = Keyring(
            self.folder.key_file(name),
            camera=name,
            door_public=self.folder.door_public.read_bytes(),
            clock=self.clock,
            tell=lambda event: rows.put(EventSaved(event=event)),
        )
        stores = Stores(
            blobs=self.blobs,
            rows=rows,
            signer=recorder_signer(self.folder, "local"),
            clock=self.clock,
        )
        return StreamRecorder(camera=name, stream="main", stores=stores, keyring=keyring)


def _looped(camera: CameraId, start: Instant) -> Iterator[Packet]:
    """The six seconds again and again, with fresh times."""
    once = packets(footage(), start)
    turn = 0
    while True:
        ticks = turn * len(once)
        for one in once:
            at = one.at.plus(ticks * 1_000_000 // FPS)
            yield replace(
                one,
                camera=camera,
                ticks=one.ticks + ticks,
                decode_ticks=one.decode_ticks + ticks,
                at=at,
                arrived_at=at,
            )
        turn += 1
