"""The door opened in this process, for commands of the data folder's owner while no node runs."""

from __future__ import annotations

import shutil
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from fairview.access.door import (
    CameraView,
    CameraWish,
    Door,
    ExportKind,
    KeepingWish,
    LoginChanged,
    LoginWish,
    ProbeFound,
    TimeLapseWish,
    Timeline,
)
from fairview.access.gate import Gate
from fairview.access.keeping import played_stream
from fairview.access.open_door import open_door
from fairview.config.settings import Settings
from fairview.core.camera import Camera, Login
from fairview.core.case import LOOK_SPAN_US_MAX, LookWish, Purpose, Rendition
from fairview.core.errors import BadInput, Conflict, NotAllowed, NotFound, Unavailable
from fairview.core.ids import CameraId
from fairview.core.time import Clock, Instant, Span
from fairview.ingest.address import entered
from fairview.run.care.mend import mend_folder
from fairview.run.disks.open_disks import open_disks
from fairview.run.disks.tending import DiskCare
from fairview.run.owner.local import AddWish, CameraKnown, camera_wish
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.layout import DataFolder, open_data_folder
from fairview.store.reserve import Reserve

Progress = Callable[[float, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportWish:
    """out decides the kind: FILE.mp4, FILE.zip (evidence) or a folder (evidence)."""

    camera: CameraId
    span: Span
    rendition: Rendition
    out: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    out: Path
    size_bytes: int
    notes: tuple[str, ...]


class OwnerLooks(ABC):
    """Looks at footage in a session of the folder's owner, each in the ledger. Used by one thread.

    What is known of footage comes from whoever has the folder: this process, or a node's door.
    """

    def __init__(self, door: Door, session: str) -> None:
        self._door = door
        self._session = session

    @abstractmethod
    def footage(self, camera: CameraId) -> Span:
        """From the oldest to the newest footage of a camera. Errors: NotFound."""
        ...

    @abstractmethod
    def time_lapse(self, wish: TimeLapseWish, progress: Progress) -> Iterator[bytes]:
        """Errors:  NotFound; as the door's."""
        ...

    @abstractmethod
    def known(self, camera: CameraId) -> Camera:
        """Errors:  NotFound, with the names there are."""
        ...

    @abstractmethod
    def has_footage(self, camera: CameraId, span: Span) -> bool:
        """Whether anything of a span, an hour at most, is recorded."""
        ...

    def export(self, wish: ExportWish, progress: Progress) -> Exported:
        """Write the export's bytes to `out`, whole or not at all; a look stands in the ledger.

        Errors:  BadInput for more than an hour or a file that exists; as the door's.
        """
        kind: ExportKind = {".mp4": "mp4", ".zip": "zip"}.get(wish.out.suffix, "folder")  # type: ignore[assignment]  # the table holds kinds
        token = self._look(wish.camera, wish.span, wish.rendition, "export")
        try:
            whole = bytearray()
            for piece in self._door.export(token, wish.camera, kind):
                whole += piece
                progress(0.9, "")
            size = _put(wish.out, bytes(whole), kind)
        finally:
            self._door.look_close(token)
        note = "verify it anywhere with: fairview verify " + str(wish.out)
        return Exported(out=wish.out, size_bytes=size, notes=() if kind == "mp4" else (note,))

    def play(self, camera: CameraId, span: Span, rendition: Rendition) -> Iterator[bytes]:
        """A fragmented MP4 of the span, piece by piece; a gap is a jump in time.

        Errors:  NotFound without footage; as the door's.
        """
        token = self._look(camera, span, rendition, "operation")
        try:
            shown: int | None = None
            parts = self._door.parts(token, camera)
            if not parts:
                raise NotFound(
                    f"nothing of {camera} in this span can be shown: no footage, or its keys are "
                    "dead or were lost with the folder that a backup was made of"
                )
            for part in parts:
                if part.init != shown:
                    if shown is not None:
                        raise Conflict(
                            f"the picture's format changes at {part.span.start.iso()}; "
                            "play up to there, then from there"
                        )
                    shown = part.init
                    yield self._door.part_init(token, camera, part.init)
                yield from self._door.part(token, camera, part.number)
        finally:
            self._door.look_close(token)

    def picture(self, camera: CameraId, span: Span, rendition: Rendition, width_px: int) -> bytes:
        """The last picture of a span as JPEG. Errors: NotFound; as the door's."""
        token = self._look(camera, span, rendition, "operation")
        try:
            return self._door.picture(token, camera, span.end, width_px)
        finally:
            self._door.look_close(token)

    def timeline(self, camera: CameraId, span: Span) -> Timeline:
        """Footage and gaps. Errors: NotFound."""
        self.known(camera)
        return self._door.timeline(self._session, camera, span)

    def _look(self, camera: CameraId, span: Span, rendition: Rendition, purpose: Purpose) -> str:
        if span.duration_us > LOOK_SPAN_US_MAX:
            raise BadInput("one look covers at most 1 hour of footage: say --from and --to")
        known = self.known(camera)
        self._refuse_empty(camera, span)
        if rendition == "raw" and known.commissioning_until is not None:
            purpose = "commissioning"
        wish = LookWish(cameras=(camera,), rendition=rendition, purpose=purpose, span=span)
        try:
            return self._door.look_open(self._session, wish).token
        except NotAllowed as error:
            if rendition == "covered":
                raise
            raise NotAllowed(f"{error}; without --raw the pictures come covered") from error

    def _refuse_empty(self, camera: CameraId, span: Span) -> None:
        """Before a look stands in the ledger for nothing. Errors: NotFound."""
        if self.has_footage(camera, span):
            return
        there = self.footage(camera)
        raise NotFound(
            f"nothing of {camera} is recorded from {span.start.iso()} to {span.end.iso()}; "
            f"what there is lies between {there.start.iso()} and {there.end.iso()}"
        )


class Office(OwnerLooks):
    """One folder, its door, and a session of its owner. Used by one thread."""

    def __init__(
        self, settings: Settings, folder: DataFolder, catalogue: SqliteCatalogue, gate: Gate
    ) -> None:
        self.settings = settings
        self.folder = folder
        self.catalogue = catalogue
        self.gate = gate
        super().__init__(gate, gate.local_session().token)

    def camera_add(self, wish: AddWish, clock: Clock) -> Camera:
        """Errors:  BadInput, Conflict; NotFound for a file that isn't there."""
        return self.camera_put(camera_wish(wish, self.settings, clock.now()))

    def camera_put(self, wish: CameraWish) -> Camera:
        """Errors:  BadInput, Conflict; NotFound for a file that isn't there."""
        for address in (wish.address, wish.sub_address):
            parted = entered(address) if address else None
            if parted and parted.kind == "file" and not Path(parted.address).exists():
                raise NotFound(f"{parted.address} is not there: check the path")
        return self.gate.camera_add(self._session, wish).camera

    def camera_probe(self, address: str, login: Login | None) -> ProbeFound:
        """Errors:  as the door's."""
        return self.gate.camera_probe(self._session, address, login)

    def camera_login(self, wish: LoginWish) -> LoginChanged:
        """Errors:  NotFound; as the door's."""
        self.known(wish.camera)
        return self.gate.camera_login(self._session, wish)

    def camera_keep(self, wish: KeepingWish) -> Camera:
        """Errors:  NotFound; as the door's."""
        self.known(wish.camera)
        return self.gate.camera_keep(self._session, wish).camera

    def camera_remove(self, camera: CameraId) -> None:
        """Errors:  NotFound."""
        self.known(camera)
        self.gate.camera_remove(self._session, camera)

    def camera(self, camera: CameraId) -> CameraKnown:
        """Errors:  NotFound."""
        self.known(camera)
        return next(row for row in self.cameras() if row.camera.id == camera)

    def cameras(self) -> tuple[CameraKnown, ...]:
        views = {view.camera.id: view for view in self.gate.cameras(self._session)}
        return tuple(
            CameraKnown(camera=row.camera, newest=_newest(views.get(row.camera.id)))
            for row in self.catalogue.cameras()
        )

    def footage(self, camera: CameraId) -> Span:
        """From the oldest to the newest footage of a camera. Errors: NotFound."""
        known = self.known(camera)
        segments = self.catalogue.segments(camera, played_stream(known))
        if not segments:
            raise NotFound(f"nothing of {camera} is recorded (any more)")
        ends = max(segment.span.end for segment in segments)
        return Span(start=segments[0].span.start, end=ends)

    def time_lapse(self, wish: TimeLapseWish, progress: Progress) -> Iterator[bytes]:
        """Errors:  NotFound; as the door's."""
        self.known(wish.camera)
        return self.gate.time_lapse(self._session, wish, progress)

    def known(self, camera: CameraId) -> Camera:
        """Errors:  NotFound, with the names there are."""
        rows = self.catalogue.cameras()
        for row in rows:
            if row.camera.id == camera:
                return row.camera
        names = ", ".join(row.camera.id for row in rows) or "none"
        raise NotFound(f"there is no camera {camera} in this folder (known: {names})")

    def has_footage(self, camera: CameraId, span: Span) -> bool:
        return bool(self.catalogue.segments(camera, played_stream(self.known(camera)), span))


@contextmanager
def open_office(settings: Settings, clock: Clock, *, create: bool = False) -> Iterator[Office]:
    """Own the folder for the length of one command.

    Errors:  NotFound when there is no folder (unless create); Conflict while a node runs on it.
    """
    cameras = settings.cameras.model_copy(update={"allow_files": True})
    settings = settings.model_copy(update={"cameras": cameras})
    folder = open_data_folder(settings.data, create=create)
    with folder.lock:
        mend_folder(folder, clock)
        with closing(SqliteCatalogue(folder.catalogue)) as catalogue:
            disks = open_disks(folder, clock, settings)
            gate = open_door(
                folder,
                catalogue=catalogue,
                blobs=disks,
                disks=DiskCare(disks, Reserve(folder), catalogue, clock),
                clock=clock,
                settings=settings,
            )
            with closing(gate):
                yield Office(settings, folder, catalogue, gate)


def _newest(view: CameraView | None) -> Instant | None:
    return view.newest if view else None


def put_file(out: Path, whole: bytes) -> int:
    """Errors:  Unavailable when it can't be written."""
    return _put(out, whole, "mp4")


def _put(out: Path, whole: bytes, kind: ExportKind) -> int:
    """Beside its place first, then renamed, so that a half file never looks whole."""
    part = out.with_name(out.name + ".part")
    try:
        if kind == "folder":
            with zipfile.ZipFile(BytesIO(whole)) as bundle:
                bundle.extractall(part)
        else:
            with part.open("xb") as file:
                file.write(whole)
        part.rename(out)
    except OSError as error:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            part.unlink(missing_ok=True)
        raise Unavailable(f"{out} can't be written: {error.strerror or error}") from error
    return len(whole)
