"""`fairview record`: one camera into the store, in one process, without a server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from fairview.config.settings import Settings
from fairview.core.camera import RETENTION_US_TRIAL, Transport
from fairview.core.errors import Conflict
from fairview.core.ids import CameraId
from fairview.core.limits import RECORD_TURN_US
from fairview.core.media import GapBecause
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, Clock
from fairview.ingest.address import entered
from fairview.ingest.file_play import FilePlay
from fairview.record.live import LiveTaps
from fairview.record.recorder import Stores
from fairview.record.rows import RowQueue
from fairview.record.write_queue import DiskWriters
from fairview.run.disks.open_disks import open_disks
from fairview.run.owner.local import TRIAL, AddWish, RegisterWish, probe_address, with_own_machine
from fairview.run.owner.office import Office, open_office
from fairview.run.recording.camera_keeper import CameraKeeper, Supplies
from fairview.run.signing import recorder_signer
from fairview.store.contracts import CameraRow
from fairview.store.disks import Disks
from fairview.store.secrets import SecretBox, read_or_make_key


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWish:
    """for_us None: until stopped, or a file's end."""

    camera: CameraId
    address: str
    for_us: int | None
    register: RegisterWish
    is_commissioning: bool
    transport: Transport = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was kept by this run. gaps: stretches lost within it, not what lies around it."""

    packets: int
    received_bytes: int
    segments: int
    gaps: int


def record_once(
    settings: Settings,
    wish: RecordWish,
    clock: Clock,
    stop: threading.Event,
    progress: Callable[[float, str], None],
) -> Kept:
    """Record until the time is over, `stop` is set, or a file ends.

    The source is looked at first, so that a wrong address is told before anything is made.
    Errors:  BadInput, NotFound, NotAllowed, Unavailable (the source); Conflict when the folder
    is in use, or the camera's name stands for another source.
    """
    settings = with_own_machine(settings)
    if entered(wish.address).kind != "sim":
        probe_address(wish.address, settings, clock, wish.transport)
    with open_office(settings, clock, create=True) as office:
        begun_at = clock.now()
        row = _camera(office, wish, clock)
        office.gate.start()
        rows = RowQueue(office.catalogue, clock)
        rows.start()
        writers, disks = DiskWriters(), open_disks(office.folder, clock, settings)
        disks.start()
        supplies = _supplies(office, rows, disks, writers, clock)
        keeper = CameraKeeper(supplies, LiveTaps().make)
        keeper.keep((row,))
        try:
            _wait(keeper, wish, clock, stop, progress)
        finally:
            figures = keeper.figures()
            keeper.close()
            writers.close()
            disks.close()
            rows.close()
        failure = keeper.failure(wish.camera)
        if failure is not None:
            raise failure
        return Kept(
            packets=sum(one.packets - one.packets_skipped for one in figures.values()),
            received_bytes=sum(one.received_bytes for one in figures.values()),
            segments=sum(
                segment.span.end > begun_at for segment in office.catalogue.segments(wish.camera)
            ),
            gaps=sum(
                gap.span.start >= begun_at and gap.because is not GapBecause.STOPPED
                for gap in office.catalogue.gaps(wish.camera)
            ),
        )


def _camera(office: Office, wish: RecordWish, clock: Clock) -> CameraRow:
    """The camera's row: as it stands, or new with a trial's register entry."""
    parted = entered(wish.address)
    for row in office.catalogue.cameras():
        if row.camera.id == wish.camera:
            source = row.camera.source("main")
            if not row.camera.is_active:
                raise Conflict(
                    f"{wish.camera} was removed from this folder: take another name with --camera"
                )
            if source is None or source.address != parted.address:
                raise Conflict(
                    f"{wish.camera} stands for another source in this folder: take another name "
                    "with --camera"
                )
            if wish.transport not in ("auto", source.transport):
                raise Conflict(
                    f"{wish.camera} is read over {source.transport} in this folder: leave out "
                    "--transport, or take another name with --camera"
                )
            _refuse_other_terms(row, wish, clock)
            return row
    typed = wish.register
    register = replace(
        TRIAL,
        **{
            name: value
            for name in ("purpose", "legal_basis", "operator", "contact", "area")
            if (value := getattr(typed, name)) is not None
        },
        retention_us=typed.retention_us or RETENTION_US_TRIAL,
    )
    added = office.camera_add(
        AddWish(
            camera=wish.camera,
            title=None,
            address=wish.address,
            sub_address=None,
            register=register,
            is_commissioning=wish.is_commissioning,
            transport=wish.transport,
        ),
        clock,
    )
    return office.catalogue.camera(added.id)


def _refuse_other_terms(row: CameraRow, wish: RecordWish, clock: Clock) -> None:
    """What was typed must not be passed over in silence because the camera is known already.

    Errors:  Conflict.
    """
    entry, typed, camera = row.camera.register, wish.register, wish.camera
    another = "or take another name with --camera"
    if typed.purpose is not None and typed.purpose != entry.purpose:
        raise Conflict(
            f"{camera} stands in the register for {entry.purpose!r}: leave out --purpose, {another}"
        )
    if typed.retention_us is not None and typed.retention_us != entry.retention_us:
        hours = entry.retention_us // US_PER_HOUR
        raise Conflict(
            f"{camera} stands in the register with --keep {hours}h: leave out --keep, {another}"
        )
    if wish.is_commissioning and not row.camera.is_commissioning(clock.now()):
        raise Conflict(
            f"{camera} is in the register already, and commissioning is only for the first "
            f"24 hours of a new camera: leave out --commissioning, {another}"
        )


def _supplies(
    office: Office, rows: RowQueue, disks: Disks, writers: DiskWriters, clock: Clock
) -> Supplies:
    folder = office.folder
    return Supplies(
        settings=office.settings,
        folder=folder,
        catalogue=office.catalogue,
        stores=Stores(
            blobs=disks,
            rows=rows,
            signer=recorder_signer(folder, "local"),
            clock=clock,
            lanes=writers,
            disks=disks,
        ),
        box=SecretBox(read_or_make_key(folder.secrets_key)),
        door_public=folder.door_public.read_bytes(),
        file_play=FilePlay(),
    )


def _wait(
    keeper: CameraKeeper,
    wish: RecordWish,
    clock: Clock,
    stop: threading.Event,
    progress: Callable[[float, str], None],
) -> None:
    """The time counts from the first kept picture, so that 20 s asked for are 20 s kept.

    Until a key frame comes nothing is kept, and some cameras send one every ten seconds.
    """
    begun_us: int | None = None
    while keeper.is_running(wish.camera) and not clock.wait(stop, RECORD_TURN_US):
        figures = next(iter(keeper.figures().values()))
        if begun_us is None:
            is_kept = figures.packets > figures.packets_skipped
            begun_us = clock.monotonic_us() if is_kept else None
            continue
        lasted_us = clock.monotonic_us() - begun_us
        done_frac = min(1.0, lasted_us / wish.for_us) if wish.for_us else 0.0
        progress(done_frac, f"recording {wish.camera}: {lasted_us // US_PER_SECOND} s")
        if wish.for_us is not None and lasted_us >= wish.for_us:
            return
