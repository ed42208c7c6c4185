"""The gate: the one way out for footage, and everything else people may ask of the door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog

from fairview.access import words
from fairview.access.camera_desk import CameraDesk
from fairview.access.camera_keeping import changed_keeping
from fairview.access.camera_logins import changed_login, tried_login
from fairview.access.camera_views import CameraViews
from fairview.access.clean_pictures import CleanPictures, jpeg_of
from fairview.access.door import (
    CameraView,
    CameraWish,
    CleanPictureWaiting,
    ExportKind,
    KeepingWish,
    LedgerTail,
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
from fairview.access.door_work import DoorWork
from fairview.access.exports import Exports
from fairview.access.health_desk import HealthDesk
from fairview.access.journal import Journal
from fairview.access.live_look import LiveLook, SightLook
from fairview.access.looks import LookBook, OpenLook
from fairview.access.may import Action, Allowed, CameraState, Denied, decide, may_know
from fairview.access.scene_desk import SceneDesk
from fairview.access.time_desk import TimeDesk
from fairview.access.time_floor import TimeFloor, TimeState
from fairview.access.time_lapse import LapseAsked
from fairview.access.watching import Watching
from fairview.access.who import Who
from fairview.analyse.clean import CleanPicture
from fairview.core.camera import Camera, Login, Secret
from fairview.core.case import Actor, LookWish, Purpose
from fairview.core.errors import (
    BadInput,
    Conflict,
    NotAllowed,
    NotFound,
    Unavailable,
)
from fairview.core.event import HealthEvent
from fairview.core.health import NodeHealth
from fairview.core.ids import CameraId, LookId
from fairview.core.limits import EVENTS_MAX, LEDGER_LINES_MAX, TIMELINE_US_MAX
from fairview.core.time import US_PER_DAY, Clock, Instant, Span
from fairview.store.contracts import Catalogue
from fairview.store.ledger import Ledger

NO_CAMERA = "there is no such camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateParts:
    """What the gate is put together from; see open_door."""

    who: Who
    looks: LookBook
    watching: Watching
    desk: CameraDesk
    scenes: SceneDesk
    views: CameraViews
    pictures: CleanPictures
    exports: Exports
    journal: Journal
    ledger: Ledger
    catalogue: Catalogue
    floor: TimeFloor
    health: HealthDesk
    time: TimeDesk
    clock: Clock
    work: tuple[DoorWork, ...]
    let_go: tuple[Callable[[], None], ...]


class Gate:
    """The Door in this process. Safe from several threads."""

    def __init__(self, parts: GateParts) -> None:
        self._parts = parts

    def start(self) -> None:
        """Begin the door's own work: sweeps, keys ahead, segment roots, clean pictures."""
        for one in self._parts.work:
            one.start()

    def close(self) -> None:
        """End every look, the work and the files; safe to repeat."""
        for one in self._parts.work:
            one.close()
        self._parts.looks.close_all()
        for let_go in self._parts.let_go:
            let_go()

    @property
    def is_working(self) -> bool:
        """False once a thread of the door's work died: end the process, so that a new one
        sweeps and issues keys again."""
        return all(one.is_alive for one in self._parts.work)

    @property
    def work(self) -> tuple[DoorWork, ...]:
        """For whoever has no threads of its own: call `turn` instead of `start`."""
        return self._parts.work

    # Who is there.

    def needs_set_up(self) -> bool:
        return self._parts.who.needs_set_up()

    def new_set_up_link(self) -> Secret | None:
        """A fresh one-time token while nobody has an account; the one before it dies."""
        return self._parts.who.new_link()

    def local_session(self) -> SessionOpened:
        """For commands of the folder's owner: in this process, or through the node's own control
        socket; never over the web's."""
        return self._parts.who.local_session()

    def set_up(self, link_token: str, name: str, password: str) -> SessionOpened:
        return self._parts.who.set_up(link_token, name, password)

    def sign_in(self, name: str, password: str) -> SessionOpened:
        return self._parts.who.sign_in(name, password)

    def who(self, session: str) -> Actor:
        return self._parts.who.who(session)

    def sign_out(self, session: str) -> None:
        self._parts.looks.close_session(session)
        self._parts.who.sign_out(session)

    # Cameras.

    def cameras(self, session: str) -> tuple[CameraView, ...]:
        actor = self._allowed(session, "cameras_see")
        known = [
            row.camera for row in self._parts.catalogue.cameras() if may_know(actor, row.camera)
        ]
        views = self._parts.views.views(known)
        return tuple(one for one in views if one.camera.is_active or one.newest is not None)

    def camera_probe(self, session: str, address: str, login: Login | None) -> ProbeFound:
        self._allowed(session, "camera_probe")
        return self._parts.desk.look_at(address, login)

    def camera_add(self, session: str, wish: CameraWish) -> CameraView:
        actor = self._allowed(session, "camera_add")
        return self._parts.views.views([self._parts.desk.add(actor, wish)])[0]

    def camera_remove(self, session: str, camera: CameraId) -> None:
        actor = self._allowed(session, "camera_remove", camera)
        self._parts.desk.remove(actor, self._parts.catalogue.camera(camera).camera)

    def camera_login(self, session: str, wish: LoginWish) -> LoginChanged:
        """Replace a camera's login. Errors: as access.camera_logins."""
        actor = self._allowed(session, "camera_login", wish.camera)
        answered = self._parts.desk.ask(lambda parts: tried_login(parts, wish))
        return self._parts.desk.apply(lambda parts: changed_login(parts, actor, wish, answered))

    def camera_keep(self, session: str, wish: KeepingWish) -> CameraView:
        """Errors:  as access.camera_keeping."""
        actor = self._allowed(session, "camera_keep", wish.camera)
        kept = self._parts.desk.apply(lambda parts: changed_keeping(parts, actor, wish))
        return self._parts.views.views([kept])[0]

    def timeline(self, session: str, camera: CameraId, span: Span) -> Timeline:
        self._allowed(session, "timeline_see", camera)
        if span.duration_us > TIMELINE_US_MAX:
            raise BadInput(f"a timeline shows at most {TIMELINE_US_MAX // US_PER_DAY} days")
        return self._parts.views.timeline(camera, span)

    def events(self, session: str, limit: int) -> tuple[HealthEvent, ...]:
        """The newest events of cameras the actor may know; the node's own for who knows all."""
        actor = self._allowed(session, "events_see")
        since = Instant(max(0, self._parts.clock.now().us - 30 * US_PER_DAY))
        found = self._parts.catalogue.events(since, EVENTS_MAX)
        mine = [
            one
            for one in found
            if actor.cameras is None or (one.camera is not None and one.camera in actor.cameras)
        ]
        newest = sorted(mine, key=lambda one: one.at, reverse=True)
        return tuple(newest[: max(1, min(limit, EVENTS_MAX))])

    def health(self, session: str) -> NodeHealth:
        return self._parts.health.seen_by(self._allowed(session, "health_see"))

    def figures(self, token: str) -> NodeHealth:
        return self._parts.health.figures(token)

    def time(self, session: str) -> TimeView:
        self._allowed(session, "time_see")
        return self._parts.time.view()

    def time_confirm(self, session: str) -> TimeView:
        return self._parts.time.confirm(self._allowed(session, "time_confirm"))

    def time_state(self) -> TimeState:
        """What the door takes the time to be; for the process it is in."""
        return self._parts.floor.check()

    # What cameras look at, and what was counted.

    def scene(self, session: str, camera: CameraId) -> SceneView | None:
        self._allowed(session, "scene_see", camera)
        return self._parts.scenes.scene(camera)

    def scene_save(
        self, session: str, camera: CameraId, text: str, from_revision: int
    ) -> SceneView:
        actor = self._allowed(session, "scene_save", camera)
        return self._parts.scenes.save(actor, camera, text, from_revision)

    def measures(self, session: str, camera: CameraId, span: Span) -> MeasuresView:
        self._allowed(session, "measures_see", camera)
        return self._parts.scenes.measures(camera, span)

    # Looks.

    def look_open(self, session: str, wish: LookWish) -> LookOpened:
        parts = self._parts
        opened = parts.who.session(session)
        now = parts.clock.now()
        state = CameraState(viewing_stopped=parts.floor.check().viewing_stopped)
        cameras, because = [], set()
        for name in wish.cameras:
            camera = self._camera(name)
            answer = decide(opened.actor, "look", camera, wish, now, state)
            if isinstance(answer, Denied):
                raise self._denied(opened.actor, wish, answer)
            assert camera is not None, "nothing is allowed without a camera"
            if wish.span is None and not camera.is_active:
                raise Conflict(f"{name} was removed: only its stored footage can be looked at")
            cameras.append(camera)
            because.add(answer.because)
        look = parts.looks.open(opened, wish, "; ".join(sorted(because)))
        return self._opened(look, cameras)

    def look_renew(self, session: str, look: LookId) -> LookOpened:
        """The token stays the same. Errors: also NotAllowed when the rules changed since."""
        parts = self._parts
        opened = parts.who.session(session)
        held = parts.looks.of_session(opened, look)
        now = parts.clock.now()
        state = CameraState(viewing_stopped=parts.floor.check().viewing_stopped)
        cameras = []
        for name in held.wish.cameras:
            camera = self._camera(name)
            answer = decide(opened.actor, "look", camera, held.wish, now, state)
            if isinstance(answer, Denied):
                raise self._denied(opened.actor, held.wish, answer)
            if camera is not None:
                cameras.append(camera)
        return self._opened(parts.looks.renew(opened, look), cameras)

    def look_close(self, token: str) -> None:
        self._parts.looks.close(token)

    def live(self, token: str, camera: CameraId) -> LiveLook:
        return self._parts.watching.live(token, camera)

    def sights(self, token: str, camera: CameraId) -> SightLook:
        return self._parts.watching.sights(token, camera)

    def parts(self, token: str, camera: CameraId) -> tuple[PlayPart, ...]:
        return self._parts.watching.parts(token, camera)

    def part_init(self, token: str, camera: CameraId, number: int) -> bytes:
        return self._parts.watching.part_init(token, camera, number)

    def part(self, token: str, camera: CameraId, number: int) -> Iterator[bytes]:
        return self._parts.watching.part(token, camera, number)

    def picture(self, token: str, camera: CameraId, at: Instant, width_px: int) -> bytes:
        return self._parts.watching.picture(token, camera, at, width_px)

    def export(self, token: str, camera: CameraId, kind: ExportKind) -> Iterator[bytes]:
        return self._parts.exports.export(token, camera, kind)

    def time_lapse(
        self,
        session: str,
        wish: TimeLapseWish,
        progress: Callable[[float, str], None] | None = None,
    ) -> Iterator[bytes]:
        """progress: for a command in this process."""
        parts = self._parts
        self._allowed(session, "timeline_see", wish.camera)
        known = parts.catalogue.camera(wish.camera).camera
        purpose: Purpose = "export"
        if wish.rendition == "raw" and known.commissioning_until is not None:
            purpose = "commissioning"

        def look(span: Span) -> OpenLook:
            asked = LookWish(
                cameras=(wish.camera,),
                rendition=wish.rendition,
                purpose=purpose,
                span=span,
                note="time-lapse",
            )
            return parts.looks.find(self.look_open(session, asked).token)

        return parts.exports.lapses.film(
            LapseAsked(
                wish=wish,
                timeline=self.timeline(session, wish.camera, wish.span),
                look=look,
                progress=progress,
            )
        )

    # Clean pictures.

    def clean_picture_waiting(self, session: str, camera: CameraId) -> CleanPictureWaiting | None:
        """Showing it is a look of its own, opened and closed here."""
        self._allowed(session, "clean_picture_see", camera)
        waiting = self._parts.pictures.waiting(camera)
        if waiting is None:
            return None
        wish = LookWish(
            cameras=(camera,), rendition="covered", purpose="maintenance", note="clean picture"
        )
        looks = self._parts.looks
        opened = looks.open(
            self._parts.who.session(session), wish, "the clean picture that waits for approval"
        )
        jpeg = jpeg_of(waiting.picture)
        looks.note_read(opened, camera, None, len(jpeg))
        looks.close(opened.token)
        return CleanPictureWaiting(camera=camera, made_at=waiting.picture.made_at, jpeg=jpeg)

    def clean_picture_decide(self, session: str, camera: CameraId, *, approve: bool) -> None:
        actor = self._allowed(session, "clean_picture_decide", camera)
        self._parts.pictures.decide(camera, actor.id, approve=approve)

    def put_clean_picture(self, camera: CameraId, picture: CleanPicture) -> None:
        """The empty street of a simulated camera, approved from the start.

        Errors:  NotAllowed for any camera that is not simulated.
        """
        known = self._parts.catalogue.camera(camera).camera
        if any(source.kind != "sim" for source in known.sources):
            raise NotAllowed("only a simulated camera brings its own clean picture")
        if self._parts.pictures.approved(camera) is None:
            self._parts.pictures.put(camera, picture, "simulation")

    # The ledger, which is public.

    def ledger_tail(self, lines: int) -> LedgerTail:
        ledger, journal = self._parts.ledger, self._parts.journal
        size = ledger.size
        first = max(0, size - max(1, min(lines, LEDGER_LINES_MAX)))
        found = [words.line(number, journal.read(number)) for number in range(first, size)]
        return LedgerTail(
            size=size,
            root=ledger.root_at(size).hex(),
            checkpoint_at=ledger.checkpoint_at,
            lines=tuple(found),
        )

    def ledger_file(self, path: str) -> bytes:
        return self._parts.ledger.file(path)

    def _camera(self, name: CameraId) -> Camera | None:
        try:
            return self._parts.catalogue.camera(name).camera
        except NotFound:
            return None

    def _allowed(self, session: str, action: Action, name: CameraId | None = None) -> Actor:
        """The actor, when the policy allows the action. Errors: NotAllowed, NotFound."""
        actor = self._parts.who.who(session)
        camera = None if name is None else self._camera(name)
        answer = decide(actor, action, camera, None, self._parts.clock.now(), CameraState())
        if isinstance(answer, Allowed):
            return actor
        if answer.is_hidden:
            raise NotFound(NO_CAMERA)
        raise NotAllowed(answer.because)

    def _denied(self, actor: Actor, wish: LookWish, answer: Denied) -> NotAllowed | NotFound:
        """What a denied look hears, once it is written down. Errors: Overloaded."""
        try:
            self._parts.looks.deny(actor, wish, answer.because)
        except Unavailable as error:
            # Denied all the same: nothing was shown.
            structlog.get_logger().warning("a denial was not written", because=str(error))
        return NotFound(NO_CAMERA) if answer.is_hidden else NotAllowed(answer.because)

    def _opened(self, opened: OpenLook, cameras: list[Camera]) -> LookOpened:
        covers = tuple(self._parts.watching.cover_of(camera, opened) for camera in cameras)
        return LookOpened(look=opened.look, token=opened.token, renditions=covers)
