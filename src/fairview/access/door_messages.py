"""What the web and the door say to each other across their local socket."""

from __future__ import annotations

import msgspec

from fairview.access.door import (
    CameraView,
    CameraWish,
    CleanPictureWaiting,
    ExportKind,
    KeepingWish,
    LoginWish,
    SceneView,
    TimeLapseWish,
)
from fairview.core.camera import Login
from fairview.core.case import LookWish
from fairview.core.ids import CameraId, LookId
from fairview.core.time import Instant, Span


class AskNeedsSetUp(msgspec.Struct, frozen=True):
    pass


class AskSetUp(msgspec.Struct, frozen=True):
    link_token: str
    name: str
    password: str


class AskSignIn(msgspec.Struct, frozen=True):
    name: str
    password: str


class AskWho(msgspec.Struct, frozen=True):
    session: str


class AskSignOut(msgspec.Struct, frozen=True):
    session: str


class AskCameras(msgspec.Struct, frozen=True):
    session: str


class AskProbe(msgspec.Struct, frozen=True):
    session: str
    address: str
    login: Login | None


class AskCameraAdd(msgspec.Struct, frozen=True):
    session: str
    wish: CameraWish


class AskCameraRemove(msgspec.Struct, frozen=True):
    session: str
    camera: CameraId


class AskCameraLogin(msgspec.Struct, frozen=True):
    session: str
    wish: LoginWish


class AskCameraKeep(msgspec.Struct, frozen=True):
    session: str
    wish: KeepingWish


class AskLookOpen(msgspec.Struct, frozen=True):
    session: str
    wish: LookWish


class AskLookRenew(msgspec.Struct, frozen=True):
    session: str
    look: LookId


class AskLookClose(msgspec.Struct, frozen=True):
    token: str


class AskLive(msgspec.Struct, frozen=True):
    token: str
    camera: CameraId


class AskParts(msgspec.Struct, frozen=True):
    token: str
    camera: CameraId


class AskPartInit(msgspec.Struct, frozen=True):
    token: str
    camera: CameraId
    number: int


class AskPart(msgspec.Struct, frozen=True):
    token: str
    camera: CameraId
    number: int


class AskPicture(msgspec.Struct, frozen=True):
    token: str
    camera: CameraId
    at: Instant
    width_px: int


class AskTimeline(msgspec.Struct, frozen=True):
    session: str
    camera: CameraId
    span: Span


class AskExport(msgspec.Struct, frozen=True):
    token: str
    camera: CameraId
    kind: ExportKind


class AskCleanPicture(msgspec.Struct, frozen=True):
    session: str
    camera: CameraId


class AskCleanDecide(msgspec.Struct, frozen=True):
    session: str
    camera: CameraId
    approve: bool


class AskLedgerTail(msgspec.Struct, frozen=True):
    lines: int


class AskLedgerFile(msgspec.Struct, frozen=True):
    path: str


class AskEvents(msgspec.Struct, frozen=True):
    session: str
    limit: int


class AskTime(msgspec.Struct, frozen=True):
    session: str


class AskTimeConfirm(msgspec.Struct, frozen=True):
    session: str


class AskHealth(msgspec.Struct, frozen=True):
    session: str


class AskFigures(msgspec.Struct, frozen=True):
    token: str


class AskTimeLapse(msgspec.Struct, frozen=True):
    session: str
    wish: TimeLapseWish


class AskSights(msgspec.Struct, frozen=True):
    token: str
    camera: CameraId


class AskScene(msgspec.Struct, frozen=True):
    session: str
    camera: CameraId


class AskSceneSave(msgspec.Struct, frozen=True):
    session: str
    camera: CameraId
    text: str
    from_revision: int


class AskMeasures(msgspec.Struct, frozen=True):
    session: str
    camera: CameraId
    span: Span


class FoundScene(msgspec.Struct, frozen=True):
    """A scene, or none."""

    scene: SceneView | None


class Views(msgspec.Struct, frozen=True):
    """A list of cameras as one answer."""

    views: tuple[CameraView, ...]


class Waiting(msgspec.Struct, frozen=True):
    """A clean picture that waits, or none."""

    picture: CleanPictureWaiting | None
