"""Fairview's recorders on a list of addresses, as a node runs them.

The product's own processes with the product's own orders: one for the catalogue, recorders with a
share of the cameras each, sealed to real public halves, synced fragment by fragment. The bench
keeps the private halves and opens everything afterwards: see `bench.kept`.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fairview.config.settings import Settings
from fairview.core.camera import Camera, RegisterEntry, Source
from fairview.core.ids import CameraId, KeyPairId, new_hex_id
from fairview.core.time import US_PER_DAY, US_PER_HOUR, SystemClock
from fairview.run.orders import start_orders
from fairview.run.places import Secrets, Sockets
from fairview.run.supervise import ChildPlan, Supervisor
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.contracts import CameraSaved
from fairview.store.durable import replace_file
from fairview.store.keyfile import IssuedPair, KeyFile, sign_key_file
from fairview.store.layout import DataFolder, open_data_folder
from fairview.store.sealing import new_key_pair
from fairview.store.secrets import read_or_make_key

PRIVATE_HALVES = "private.json"
"""Beside the data folder: private halves by key pair."""

_START_S_MAX = 30.0


class Recorders:
    """A catalogue and its recorders under way. name, folder, pids, beside: as contenders.Running.

    pids: the recorders'. beside: the catalogue's, which a node has anyway.
    """

    def __init__(self, urls: Sequence[str], place: Path, per_process: int, reader: str) -> None:
        self.name = f"Fairview ({reader})"
        self.folder = place
        self._ended: list[str] = []
        self._supervisor = Supervisor(SystemClock(), lambda name, _: self._ended.append(name))
        data = _made(place, urls)
        self._sockets = Sockets(folder=Path(tempfile.mkdtemp(prefix="fairview-")))
        self._secrets = Secrets.fresh()
        self._settings = Settings.model_validate(
            {
                "data": data.root,
                "cameras": {"allow_loopback": True},
                "recording": {"reader": reader},
                "logs": {"level": "warning", "form": "json"},
            }
        )
        self._start("catalogue")
        ends = time.monotonic() + _START_S_MAX
        while not self._sockets.is_up("catalogue"):
            assert time.monotonic() < ends, "the catalogue did not start"
            time.sleep(0.05)
        self._names = []
        for group, first in enumerate(range(0, len(urls), per_process)):
            name = f"recorder-{group}"
            self._names.append(name)
            self._start(name, group=group)
            mine = range(first, min(first + per_process, len(urls)))
            self._supervisor.tell(name, {"cameras": [camera_of(number) for number in mine]})

    @property
    def pids(self) -> tuple[int, ...]:
        found = (self._supervisor.pid(name) for name in self._names)
        return tuple(pid for pid in found if pid is not None)

    @property
    def beside(self) -> tuple[int, ...]:
        pid = self._supervisor.pid("catalogue")
        return () if pid is None else (pid,)

    def ended(self) -> int:
        """Processes that ended by themselves."""
        return len(self._names) + 1 - len(self.pids) - len(self.beside)

    def stop(self) -> None:
        self._supervisor.stop()
        shutil.rmtree(self._sockets.folder, ignore_errors=True)

    def _start(self, name: str, **extra: object) -> None:
        orders = start_orders(self._settings, self._sockets.folder, self._secrets.of(name), **extra)
        self._supervisor.start(
            ChildPlan(
                name=name,
                module=f"fairview.run.{name.partition('-')[0]}_process",
                orders=orders,
                stage=0 if name == "catalogue" else 1,
                is_small=name != "catalogue",
            )
        )


def camera_of(number: int) -> CameraId:
    return CameraId(f"camera-{number}")


def _made(place: Path, urls: Sequence[str]) -> DataFolder:
    """A data folder that knows the cameras, with keys for some hours."""
    folder = open_data_folder(place / "data", create=True)
    # As the door does before recorders start: made by several at once, all but one would end.
    read_or_make_key(folder.secrets_key)
    door = Ed25519PrivateKey.generate()
    public = door.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    replace_file(folder.door_public, public, mode=0o644)
    private: dict[str, str] = {}
    rows = []
    for number, address in enumerate(urls):
        private |= _issue(folder, camera_of(number), door)
        rows.append(CameraSaved(camera=_camera(number, address), sealed_login=None))
    with closing(SqliteCatalogue(folder.catalogue)) as catalogue:
        catalogue.write(rows)
    (place / PRIVATE_HALVES).write_text(json.dumps(private))
    return folder


def _issue(folder: DataFolder, camera: CameraId, door: Ed25519PrivateKey) -> dict[str, str]:
    """Private halves by pair."""
    now = SystemClock().now()
    private: dict[str, str] = {}
    pairs = []
    for step in (-1, 0, 1, 2, None):
        name, (secret, public) = KeyPairId(new_hex_id()), new_key_pair()
        hour = None if step is None else now.hour().plus(step * US_PER_HOUR)
        pairs.append(IssuedPair(id=name, hour=hour, public=public))
        private[name] = secret.hex()
    file = KeyFile(camera=camera, issued_at=now, pairs=tuple(pairs[:-1]), spare=pairs[-1])
    replace_file(folder.key_file(camera), sign_key_file(file, door), mode=0o644)
    return private


def _camera(number: int, address: str) -> Camera:
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
    name = camera_of(number)
    return Camera(id=name, title=name, sources=(source,), register=register)
