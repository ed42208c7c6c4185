"""A recorder process whose disk stands still for a while: four cameras at 25 pictures a second,
each of about 4 Mbit/s, written by the real writers to real files.

    python -m tests.faults.stalled_recorder FOLDER --seconds 45 --stall-at 5 --stall-for 30

A JSON line each second says up to which picture each camera is stored; the last one says what
became of everything.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.core.ids import CameraId
from fairview.core.media import Packet
from fairview.core.time import Instant, SystemClock
from fairview.record.keyring import Keyring
from fairview.record.recorder import Stores, StreamRecorder
from fairview.record.rows import RowQueue
from fairview.record.write_queue import DiskWriters
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.contracts import CameraSaved, EventSaved
from fairview.store.durable import Disk
from tests.builders import camera, packet

CAMERAS = tuple(CameraId(f"camera-{number}") for number in range(4))
SIGNER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
FPS = 25
PICTURE_BYTES = 20_000


class StandingDisk(Disk):
    """Every sync that begins within the stall ends after it."""

    def __init__(self, at_s: float, for_s: float) -> None:
        self._begun_s = time.monotonic()
        self._at_s, self._for_s = at_s, for_s
        self.held = 0

    def sync(self, descriptor: int) -> None:
        passed_s = time.monotonic() - self._begun_s
        if self._at_s <= passed_s < self._at_s + self._for_s:
            self.held += 1
            time.sleep(self._at_s + self._for_s - passed_s)
        super().sync(descriptor)


def sent(name: CameraId, number: int, begun: Instant) -> Packet:
    """A camera's picture of that number, as it was sent: the number stands in its bytes."""
    at = begun.plus(number * 1_000_000 // FPS)
    body = f"{name}/{number:08d}/".encode()
    data = b"\x00\x00\x00\x01\x65" + body * (PICTURE_BYTES // len(body))
    return replace(
        packet(number, is_key=number % FPS == 0), camera=name, at=at, arrived_at=at, data=data
    )


def number_of(data: bytes) -> int:
    return int(data[5:].split(b"/", 2)[1])


def record(folder: Path, seconds: float, disk: Disk) -> dict[str, object]:
    """Record in real time; what became of it."""
    clock = SystemClock()
    catalogue = SqliteCatalogue(folder / "catalogue.sqlite")
    rows, writers = RowQueue(catalogue, clock), DiskWriters()
    rows.start()
    stores = Stores(
        blobs=FileBlobs(folder / "blobs", disk=disk),
        rows=rows,
        signer=SIGNER,
        clock=clock,
        lanes=writers,
    )
    catalogue.write([CameraSaved(camera=camera(name), sealed_login=None) for name in CAMERAS])
    recorders = {name: _recorder(folder, name, stores) for name in CAMERAS}
    begun, pause = clock.now(), threading.Event()
    begun_us = clock.monotonic_us()
    _say({"begun_us": begun.us})
    put_us_max = 0
    for number in range(round(seconds * FPS)):
        due_us = begun_us + number * 1_000_000 // FPS
        clock.wait(pause, due_us - clock.monotonic_us())
        for name, recorder in recorders.items():
            before_us = clock.monotonic_us()
            recorder.packet(sent(name, number, begun))
            put_us_max = max(put_us_max, clock.monotonic_us() - before_us)
        if number % FPS == FPS - 1:
            _say({"stored": _stored(recorders, begun), "at": number})
    for recorder in recorders.values():
        recorder.close()
    rows.close()
    writers.close()
    catalogue.close()
    return {
        "put_us_max": put_us_max,
        "overloads": sum(one.figures.written.overloads for one in recorders.values()),
    }


def _recorder(folder: Path, name: CameraId, stores: Stores) -> StreamRecorder:
    return StreamRecorder(
        camera=name,
        stream="main",
        stores=stores,
        keyring=Keyring(
            folder / f"{name}.json",
            camera=name,
            door_public=(folder / "door.public").read_bytes(),
            clock=stores.clock,
            tell=lambda event: stores.rows.put(EventSaved(event=event)),
        ),
    )


def _stored(recorders: dict[CameraId, StreamRecorder], begun: Instant) -> dict[str, int]:
    """The number behind the last picture of each that is acknowledged as stored."""
    found: dict[str, int] = {}
    for name, recorder in recorders.items():
        until = recorder.figures.stored_until
        found[name] = 0 if until is None else round(until.since(begun) * FPS / 1_000_000)
    return found


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=45)
    parser.add_argument("--stall-at", type=float, default=5)
    parser.add_argument("--stall-for", type=float, default=30)
    options = parser.parse_args()
    disk = StandingDisk(options.stall_at, options.stall_for)
    outcome = record(options.folder, options.seconds, disk)
    _say({**outcome, "held": disk.held})
    return 0


if __name__ == "__main__":
    sys.exit(main())
