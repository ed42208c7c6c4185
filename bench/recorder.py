"""Fairview's recorder on a list of addresses: the product's own sessions, recorders and store.

Sealed to real public halves, synced fragment by fragment, rows in a SQLite catalogue of the same
process (in a node that is another process; its cost is counted here too).

    python -m bench.recorder FOLDER FIRST-NUMBER lean|ffmpeg ADDRESS...
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fairview.config.settings import Cameras, Recording, Settings
from fairview.core.camera import Camera, RegisterEntry, Source
from fairview.core.ids import CameraId, KeyPairId, new_hex_id
from fairview.core.time import US_PER_DAY, US_PER_HOUR, SystemClock
from fairview.ingest.file_play import FilePlay
from fairview.record.live import LiveTaps
from fairview.record.recorder import Stores
from fairview.record.rows import RowQueue
from fairview.record.write_queue import DiskWriters, WriteRoom
from fairview.run.recording import CameraKeeper, Supplies
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.contracts import CameraRow
from fairview.store.durable import replace_file
from fairview.store.keyfile import IssuedPair, KeyFile, sign_key_file
from fairview.store.layout import DataFolder, open_data_folder
from fairview.store.sealing import new_key_pair
from fairview.store.secrets import SecretBox


def issue(folder: DataFolder, camera: CameraId, door: Ed25519PrivateKey) -> None:
    now = SystemClock().now()
    pairs = tuple(
        IssuedPair(
            id=KeyPairId(new_hex_id()),
            hour=now.hour().plus(step * US_PER_HOUR),
            public=new_key_pair()[1],
        )
        for step in range(-1, 3)
    )
    spare = IssuedPair(id=KeyPairId(new_hex_id()), hour=None, public=new_key_pair()[1])
    file = KeyFile(camera=camera, issued_at=now, pairs=pairs, spare=spare)
    replace_file(folder.key_file(camera), sign_key_file(file, door), mode=0o644)


def row_of(name: CameraId, address: str) -> CameraRow:
    register = RegisterEntry(
        purpose="bench",
        legal_basis="none",
        operator="bench",
        contact="none",
        area="none",
        retention_us=US_PER_DAY,
        review_at=SystemClock().now().plus(US_PER_DAY),
    )
    source = Source(stream="main", kind="rtsp", address=address)
    return CameraRow(
        camera=Camera(id=name, title=name, sources=(source,), register=register), sealed_login=None
    )


def main() -> None:
    place, first, reader, addresses = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    clock, stop = SystemClock(), threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    folder = open_data_folder(place / "data", create=True)
    door = Ed25519PrivateKey.generate()
    catalogue = SqliteCatalogue(folder.catalogue)
    rows = RowQueue(catalogue, clock)
    rows.start()
    writers = DiskWriters(WriteRoom())
    supplies = Supplies(
        settings=Settings(
            register=Settings().register_,
            cameras=Cameras(allow_loopback=True),
            recording=Recording.model_validate({"reader": reader}),
        ),
        folder=folder,
        catalogue=catalogue,
        stores=Stores(
            blobs=FileBlobs(folder.blobs),
            rows=rows,
            signer=Ed25519PrivateKey.generate(),
            clock=clock,
            lanes=writers,
        ),
        box=SecretBox(bytes(32)),
        door_public=door.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw),
        file_play=FilePlay(),
    )
    keeper = CameraKeeper(supplies, LiveTaps().make)
    cameras = []
    for number, address in enumerate(addresses, first):
        name = CameraId(f"camera-{number}")
        issue(folder, name, door)
        cameras.append(row_of(name, address))
    keeper.keep(tuple(cameras))
    stop.wait()
    keeper_figures = keeper.figures()
    keeper.close()
    writers.close()
    rows.close()
    catalogue.close()
    kept = {
        name.removeprefix("camera-"): figures.packets - figures.packets_skipped
        for (name, _), figures in keeper_figures.items()
    }
    replace_file(place / "kept.json", json.dumps(kept).encode())


if __name__ == "__main__":
    main()
