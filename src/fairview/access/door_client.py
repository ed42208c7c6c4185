"""The Door across the local socket: what the web process holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fairview.access import door_messages as m
from fairview.access.door import (
    CameraView,
    CameraWish,
    CleanPictureWaiting,
    ExportKind,
    KeepingWish,
    LedgerTail,
    LiveChunk,
    LoginChanged,
    LoginWish,
    LookOpened,
    MeasuresView,
    PlayPart,
    ProbeFound,
    SceneView,
    SessionOpened,
    TimeLapseWish,
    Timeline,
    TimeView,
)
from fairview.core.camera import Login
from fairview.core.case import Actor, LookWish
from fairview.core.event import HealthEvent
from fairview.core.health import NodeHealth
from fairview.core.ids import CameraId, LookId
from fairview.core.limits import DOOR_CALL_US_MAX, DOOR_CALLS_MAX
from fairview.core.sight import Sight
from fairview.core.time import Instant, Span
from fairview.store.wire import Connection, Stream


class DoorClient:
    """A Door. Safe from several threads; connects when first used, and again after a restart.

    Errors:  everywhere the door's own, and Unavailable while the door is away.
    """

    def __init__(self, path: Path, secret: bytes) -> None:
        self._door = Connection(path, secret, timeout_us=DOOR_CALL_US_MAX, pool_max=DOOR_CALLS_MAX)

    def close(self) -> None:
        """Let go; safe to repeat."""
        self._door.close()

    def needs_set_up(self) -> bool:
        return self._door.call(m.AskNeedsSetUp(), bool)

    def set_up(self, link_token: str, name: str, password: str) -> SessionOpened:
        return self._door.call(m.AskSetUp(link_token, name, password), SessionOpened)

    def sign_in(self, name: str, password: str) -> SessionOpened:
        return self._door.call(m.AskSignIn(name, password), SessionOpened)

    def who(self, session: str) -> Actor:
        return self._door.call(m.AskWho(session), Actor)

    def sign_out(self, session: str) -> None:
        self._door.call(m.AskSignOut(session))

    def cameras(self, session: str) -> tuple[CameraView, ...]:
        return self._door.call(m.AskCameras(session), m.Views).views

    def camera_probe(self, session: str, address: str, login: Login | None) -> ProbeFound:
        return self._door.call(m.AskProbe(session, address, login), ProbeFound)

    def camera_add(self, session: str, wish: CameraWish) -> CameraView:
        return self._door.call(m.AskCameraAdd(session, wish), CameraView)

    def camera_remove(self, session: str, camera: CameraId) -> None:
        self._door.call(m.AskCameraRemove(session, camera))

    def camera_login(self, session: str, wish: LoginWish) -> LoginChanged:
        return self._door.call(m.AskCameraLogin(session, wish), LoginChanged)

    def camera_keep(self, session: str, wish: KeepingWish) -> CameraView:
        return self._door.call(m.AskCameraKeep(session, wish), CameraView)

    def look_open(self, session: str, wish: LookWish) -> LookOpened:
        return self._door.call(m.AskLookOpen(session, wish), LookOpened)

    def look_renew(self, session: str, look: LookId) -> LookOpened:
        return self._door.call(m.AskLookRenew(session, look), LookOpened)

    def look_close(self, token: str) -> None:
        self._door.call(m.AskLookClose(token))

    def live(self, token: str, camera: CameraId) -> Stream[LiveChunk]:
        """Its `close` ends it from any thread."""
        return self._door.stream(m.AskLive(token, camera), LiveChunk)

    def parts(self, token: str, camera: CameraId) -> tuple[PlayPart, ...]:
        return self._door.call(m.AskParts(token, camera), tuple[PlayPart, ...])

    def part_init(self, token: str, camera: CameraId, number: int) -> bytes:
        return self._door.call(m.AskPartInit(token, camera, number), bytes)

    def part(self, token: str, camera: CameraId, number: int) -> Iterator[bytes]:
        return self._door.stream(m.AskPart(token, camera, number), bytes)

    def picture(self, token: str, camera: CameraId, at: Instant, width_px: int) -> bytes:
        return self._door.call(m.AskPicture(token, camera, at, width_px), bytes)

    def timeline(self, session: str, camera: CameraId, span: Span) -> Timeline:
        return self._door.call(m.AskTimeline(session, camera, span), Timeline)

    def export(self, token: str, camera: CameraId, kind: ExportKind) -> Iterator[bytes]:
        return self._door.stream(m.AskExport(token, camera, kind), bytes)

    def time_lapse(self, session: str, wish: TimeLapseWish) -> Iterator[bytes]:
        return self._door.stream(m.AskTimeLapse(session, wish), bytes)

    def sights(self, token: str, camera: CameraId) -> Stream[Sight]:
        """Its `close` ends it from any thread."""
        return self._door.stream(m.AskSights(token, camera), Sight)

    def scene(self, session: str, camera: CameraId) -> SceneView | None:
        return self._door.call(m.AskScene(session, camera), m.FoundScene).scene

    def scene_save(
        self, session: str, camera: CameraId, text: str, from_revision: int
    ) -> SceneView:
        return self._door.call(m.AskSceneSave(session, camera, text, from_revision), SceneView)

    def measures(self, session: str, camera: CameraId, span: Span) -> MeasuresView:
        return self._door.call(m.AskMeasures(session, camera, span), MeasuresView)

    def clean_picture_waiting(self, session: str, camera: CameraId) -> CleanPictureWaiting | None:
        return self._door.call(m.AskCleanPicture(session, camera), m.Waiting).picture

    def clean_picture_decide(self, session: str, camera: CameraId, *, approve: bool) -> None:
        self._door.call(m.AskCleanDecide(session, camera, approve))

    def ledger_tail(self, lines: int) -> LedgerTail:
        return self._door.call(m.AskLedgerTail(lines), LedgerTail)

    def ledger_file(self, path: str) -> bytes:
        return self._door.call(m.AskLedgerFile(path), bytes)

    def time(self, session: str) -> TimeView:
        return self._door.call(m.AskTime(session), TimeView)

    def time_confirm(self, session: str) -> TimeView:
        return self._door.call(m.AskTimeConfirm(session), TimeView)

    def health(self, session: str) -> NodeHealth:
        return self._door.call(m.AskHealth(session), NodeHealth)

    def figures(self, token: str) -> NodeHealth:
        return self._door.call(m.AskFigures(token), NodeHealth)

    def events(self, session: str, limit: int) -> tuple[HealthEvent, ...]:
        return self._door.call(m.AskEvents(session, limit), tuple[HealthEvent, ...])
