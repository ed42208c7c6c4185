"""Opening the door: everything it holds, put together from one data folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import structlog
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fairview.access.bundle import software_version
from fairview.access.camera_desk import CameraDesk, DeskParts, prober
from fairview.access.camera_views import CameraViews
from fairview.access.clean_pictures import CleanPictures
from fairview.access.door_rows import DoorRows
from fairview.access.door_work import Chore, DoorWork
from fairview.access.exports import ExportParts, Exports
from fairview.access.footage import Footage
from fairview.access.gate import Gate, GateParts
from fairview.access.health_desk import HealthAsker, HealthDesk
from fairview.access.journal import Journal
from fairview.access.keys import KeyStore
from fairview.access.leaves import NodeStarted
from fairview.access.live_look import (
    LiveConnector,
    LiveSubscription,
    SightConnector,
    SightSubscription,
)
from fairview.access.looks import LookBook
from fairview.access.proof import LEDGER_KEY_FILE
from fairview.access.render import RenderPool
from fairview.access.rendering import Rendering, cover_model_of
from fairview.access.roots import Roots
from fairview.access.scene_desk import SceneDesk
from fairview.access.shred import DiskRooms, Shredder, ShredParts
from fairview.access.site_key import SiteKeyFiles
from fairview.access.time_desk import TimeDesk
from fairview.access.time_floor import TimeFloor
from fairview.access.watching import Views, Watching
from fairview.access.who import Who
from fairview.config.settings import Settings
from fairview.core.errors import NotFound, Overloaded, Unavailable
from fairview.core.ids import CameraId, LookId, StreamName
from fairview.core.limits import (
    CLEAN_PICTURES_EVERY_US,
    DOOR_TURN_US,
    KEYS_ISSUE_EVERY_US,
    ROOTS_EVERY_US,
)
from fairview.core.limits_disks import DISK_LOOK_US
from fairview.core.time import US_PER_DAY, US_PER_MINUTE, US_PER_SECOND, Clock
from fairview.store.contracts import Blobs, Catalogue
from fairview.store.disk_list import read_disks
from fairview.store.durable import replace_file
from fairview.store.heads import SqliteHeads
from fairview.store.layout import DataFolder
from fairview.store.ledger import Ledger
from fairview.store.ledger_files import FolderLedgerFiles
from fairview.store.secrets import SecretBox, read_or_make_key

EXPORT_KEY_FILE = "export.key"


def open_door(  # noqa: PLR0913 - what a door stands between, all named
    folder: DataFolder,
    *,
    catalogue: Catalogue,
    blobs: Blobs,
    clock: Clock,
    settings: Settings,
    render: RenderPool | None = None,
    live: LiveConnector | None = None,
    sights: SightConnector | None = None,
    disks: DiskRooms | None = None,
    health: HealthAsker | None = None,
    origin: str | None = None,
    hasher: PasswordHasher | None = None,
) -> Gate:
    """The gate over one data folder, whose lock the caller (or the node above it) holds.

    Finishes what a crash left: the site key, looks left open, half-done shreds. Issues keys for
    every active camera, so that recorders can begin. Nothing runs by itself before
    `Gate.start()`; a command without threads calls `turn()` of each of `Gate.work`.

    live: connects to a stream's live packets, sights: to what is seen in a live picture, health:
    asks how the node is; None where there is none. disks: how it stands with them, when there may
    be several. render: None makes a pool when the first picture is asked for, and closes it with
    the gate; one that is handed in, the catalogue and the blobs stay the caller's to close. origin:
    the ledger's name, `fairview.local/<8 hex of its key>` by default.

    Errors:  Corrupt when the folder's parts don't belong together; Unavailable.
    """
    build = _Build(folder, catalogue, blobs, clock, settings)
    build.disks = disks
    build.open_ledger(origin)
    pictures = CleanPictures(catalogue, build.keys, build.journal, clock)
    footage = Footage(catalogue, blobs, build.keys)
    rendering = Rendering(clock, settings.covering.renderers_max, render, cover_model_of(settings))
    forgetting = _Forgetting()
    looks = LookBook(build.journal, build.rows, clock, on_end=forgetting)
    views = Views(
        catalogue=catalogue,
        footage=footage,
        pictures=pictures,
        rendering=rendering,
        connect=live or _nothing_live,
        sights=sights or _nothing_seen,
    )
    watching = forgetting.watching = Watching(looks, views, clock)
    shredder = build.shredder()
    build.settle(looks, shredder)
    return Gate(
        GateParts(
            who=Who(build.rows, build.journal, clock, hasher),
            looks=looks,
            watching=watching,
            desk=build.desk(),
            scenes=SceneDesk(catalogue, build.journal, clock),
            views=CameraViews(catalogue, pictures, clock),
            pictures=pictures,
            exports=build.exports(looks, watching, footage),
            journal=build.journal,
            ledger=build.ledger,
            catalogue=catalogue,
            floor=build.floor,
            health=HealthDesk(health, settings.metrics),
            time=build.time_desk(),
            clock=clock,
            work=build.work(looks, shredder, build.pictures_chore(pictures, footage, rendering)),
            let_go=(rendering.close, build.close),
        )
    )


def _nothing_live(camera: CameraId, stream: StreamName) -> LiveSubscription:
    raise Unavailable(f"{camera} is not being recorded by this command: nothing is live")


def _nothing_seen(camera: CameraId) -> SightSubscription:
    raise NotFound(f"{camera} is not being analysed")


class _Forgetting:
    """Tells the watching side of looks that ended; it is made after the looks are."""

    watching: Watching | None = None

    def __call__(self, look: LookId) -> None:
        assert self.watching is not None, "no look opens before the door is put together"
        self.watching.forget(look)


class _Build:
    """The parts that several others need."""

    def __init__(
        self,
        folder: DataFolder,
        catalogue: Catalogue,
        blobs: Blobs,
        clock: Clock,
        settings: Settings,
    ) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._blobs = blobs
        self._clock = clock
        self._settings = settings
        self.disks: DiskRooms | None = None
        self.rows = DoorRows(folder.door_database)
        self._heads = SqliteHeads(folder.door_database)
        self.floor = TimeFloor(self._heads, clock)
        issuer = Ed25519PrivateKey.from_private_bytes(read_or_make_key(folder.key_issue_key))
        self._publish(folder.door_public.name, issuer.public_key().public_bytes_raw())
        self.keys = KeyStore(self.rows, SiteKeyFiles(folder.site_key), folder.keys, issuer)

    def open_ledger(self, origin: str | None) -> None:
        signer = Ed25519PrivateKey.from_private_bytes(read_or_make_key(self._folder.ledger_key))
        public = signer.public_key().public_bytes_raw()
        name = origin or f"fairview.local/{hashlib.sha256(public).hexdigest()[:8]}"
        files = FolderLedgerFiles(self._folder.ledger)
        self.ledger = Ledger(files, self._heads, signer, name, self._clock)
        text = f"{self.ledger.key.text}\n".encode()
        path = self._folder.ledger / LEDGER_KEY_FILE
        if not path.exists() or path.read_bytes() != text:
            replace_file(path, text, mode=0o644)
        self.journal = Journal(self.ledger, self.rows, self._clock)
        self._roots = Roots(self._catalogue, self.journal, self.rows, self._clock)

    def issue_keys(self) -> None:
        """Public halves ahead, for every camera that is recorded."""
        now = self.floor.check().believed
        for row in self._catalogue.cameras():
            if row.camera.is_active:
                self.keys.issue(row.camera.id, now)

    def settle(self, looks: LookBook, shredder: Shredder) -> None:
        """What a start begins with: looks left open end, keys are issued, a sweep is finished."""
        left = looks.settle()
        self.journal.append(NodeStarted(version=software_version(), looks_left_open=left))
        self.issue_keys()
        _try("finishing a sweep", shredder.finish)

    def chores(self, looks: LookBook, shredder: Shredder) -> list[Chore]:
        sweep_us = self._settings.recording.sweep_s * US_PER_SECOND
        disks = (
            ()
            if self.disks is None
            else (Chore(name="disks", every_us=DISK_LOOK_US, run=self.disks.look),)
        )
        return [
            *disks,
            Chore(name="looks over", every_us=DOOR_TURN_US, run=looks.close_over),
            Chore(name="keys ahead", every_us=KEYS_ISSUE_EVERY_US, run=self.issue_keys),
            Chore(name="sweep", every_us=sweep_us, run=shredder.sweep),
            Chore(name="segment roots", every_us=ROOTS_EVERY_US, run=self._roots.take),
            Chore(name="old roots", every_us=US_PER_DAY, run=self._roots.forget_old),
        ]

    def work(
        self, looks: LookBook, shredder: Shredder, pictures: Chore
    ) -> tuple[DoorWork, DoorWork]:
        return (
            DoorWork("door work", self.chores(looks, shredder), self._clock),
            DoorWork("clean pictures", [pictures], self._clock),
        )

    def time_desk(self) -> TimeDesk:
        return TimeDesk(self.floor, self.journal, self.issue_keys, self._clock)

    def shredder(self) -> Shredder:
        return Shredder(
            ShredParts(
                catalogue=self._catalogue,
                blobs=self._blobs,
                keys=self.keys,
                journal=self.journal,
                rows=self.rows,
                floor=self.floor,
                clock=self._clock,
                free_bytes_min=self._settings.recording.free_bytes_min,
                keep_bytes_max=self._settings.recording.keep_bytes_max,
                disks=self.disks,
            )
        )

    def pictures_chore(
        self, pictures: CleanPictures, footage: Footage, rendering: Rendering
    ) -> Chore:
        span_us_min = self._settings.covering.clean_picture_min * US_PER_MINUTE

        def make_pictures() -> None:
            for row in self._catalogue.cameras():
                if row.camera.is_active:
                    pictures.make(row.camera, footage, rendering, span_us_min)

        return Chore(name="clean pictures", every_us=CLEAN_PICTURES_EVERY_US, run=make_pictures)

    def desk(self) -> CameraDesk:
        box = SecretBox(read_or_make_key(self._folder.secrets_key))
        return CameraDesk(
            DeskParts(
                catalogue=self._catalogue,
                journal=self.journal,
                keys=self.keys,
                box=box,
                settings=self._settings,
                clock=self._clock,
                probe=prober(self._settings, self._clock),
                disks=self._disk_names,
            )
        )

    def _disk_names(self) -> tuple[str, ...]:
        return tuple(one.name for one in read_disks(self._folder).disks)

    def exports(self, looks: LookBook, watching: Watching, footage: Footage) -> Exports:
        key = read_or_make_key(self._folder.door / EXPORT_KEY_FILE)
        return Exports(
            ExportParts(
                looks=looks,
                watching=watching,
                footage=footage,
                catalogue=self._catalogue,
                journal=self.journal,
                ledger=self.ledger,
                roots=self._roots,
                signer=Ed25519PrivateKey.from_private_bytes(key),
                clock=self._clock,
            )
        )

    def close(self) -> None:
        self._heads.close()
        self.rows.close()

    def _publish(self, name: str, data: bytes) -> None:
        path = self._folder.keys / name
        if not path.exists() or path.read_bytes() != data:
            replace_file(path, data, mode=0o644)


def _try(what: str, run: Callable[[], None]) -> None:
    """Do it now if it can be done; the door's work does it again."""
    try:
        run()
    except (Unavailable, Overloaded) as error:
        structlog.get_logger().warning("put off", what=what, because=str(error))
