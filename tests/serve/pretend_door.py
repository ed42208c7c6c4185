"""A door in memory: three cameras, moving pictures, no policy to speak of.

For tests of the web process and its pages only; what the real door decides is tested there.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from fairview.access.door import (
    CameraView,
    CameraWish,
    CleanPictureWaiting,
    CountView,
    CoverState,
    ExportKind,
    KeepingWish,
    LedgerLine,
    LedgerTail,
    LiveChunk,
    LookOpened,
    MeasuresView,
    PlayPart,
    ProbeFound,
    SceneView,
    SessionOpened,
    SpeedView,
    TimeLapseWish,
    Timeline,
    TimelineGap,
)
from fairview.access.keeping import kept_so
from fairview.access.may import FIRST_ACTOR_ROLES
from fairview.config.scene_file import scene_of
from fairview.core.camera import Login, Source
from fairview.core.case import LOOK_LIVE_US, Actor, Look, LookWish
from fairview.core.errors import (
    BadInput,
    Conflict,
    FairviewError,
    NotAllowed,
    NotFound,
    Unavailable,
)
from fairview.core.ids import ActorId, CameraId, LookId, new_hex_id
from fairview.core.media import GapBecause
from fairview.core.sight import Sight, SightBox
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, Clock, Instant, Span
from tests import builders
from tests.serve.moving_picture import FPS, codec_of, jpeg, moved, movie
from tests.serve.pretend_told import HealthTold, chunk

LINK = "pretend-link"
LIVE_FRAMES = 2
PART_FRAMES = 20
RUN_SECONDS = 20


@dataclass(slots=True)
class PretendDoor(HealthTold):
    """Implements access.door.Door. refuse: errors to raise, by the call's name."""

    clock: Clock
    refuse: dict[str, FairviewError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    accounts: dict[str, str] = field(default_factory=dict)
    sessions: dict[str, Actor] = field(default_factory=dict)
    looks: dict[str, Look] = field(default_factory=dict)
    opened: list[Look] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    live_open: int = 0
    views: list[CameraView] = field(default_factory=list)
    scenes: dict[CameraId, SceneView] = field(default_factory=dict)
    check_scenes: bool = False
    lines: list[tuple[Instant, str, str]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        now = self.clock.now()
        self.views = [
            _view("junction-1", "First and Main", now, presence="simulated", may_see_raw=True),
            _view("depot-2", "Bus depot, east gate", now, waits_for_approval=True),
            _view("harbour-3", "Harbour footbridge", now, health="away"),
        ]
        self._write("policy", "Fairview was set up; the ledger begins")
        for view in self.views:
            self._write("camera_added", f"camera {view.camera.id} was added: traffic counts")

    def stop(self) -> None:
        """Ends every live picture."""
        self._stop.set()

    def _enter(self, call: str) -> None:
        self.calls.append(call)
        if call in self.refuse:
            raise self.refuse[call]

    def _write(self, kind: str, text: str) -> int:
        self.lines.append((self.clock.now(), kind, text))
        return len(self.lines) - 1

    def needs_set_up(self) -> bool:
        self._enter("needs_set_up")
        return not self.accounts

    def set_up(self, link_token: str, name: str, password: str) -> SessionOpened:
        self._enter("set_up")
        if link_token != LINK or self.accounts:
            raise NotAllowed("this set-up link is over")
        if len(password) < 10:
            raise BadInput("a password has at least 10 characters")
        self.accounts[name] = password
        self._write("actor", f"{name} became the first actor")
        return self._session(name)

    def sign_in(self, name: str, password: str) -> SessionOpened:
        self._enter("sign_in")
        if self.accounts.get(name) != password:
            raise NotAllowed("the name or the password is wrong")
        return self._session(name)

    def _session(self, name: str) -> SessionOpened:
        token = secrets.token_urlsafe(16)
        actor = Actor(id=ActorId(name), roles=FIRST_ACTOR_ROLES)
        self.sessions[token] = actor
        expires_at = self.clock.now().plus(12 * US_PER_HOUR)
        return SessionOpened(token=token, actor=actor, expires_at=expires_at)

    def who(self, session: str) -> Actor:
        self._enter("who")
        if session not in self.sessions:
            raise NotAllowed("this session is over")
        return self.sessions[session]

    def sign_out(self, session: str) -> None:
        self._enter("sign_out")
        self.sessions.pop(session, None)

    def cameras(self, session: str) -> tuple[CameraView, ...]:
        self._enter("cameras")
        self.who(session)
        now = self.clock.now()
        return tuple(
            replace(view, newest=now if view.health == "recording" else view.newest)
            for view in self.views
        )

    def view_of(self, camera: CameraId) -> CameraView:
        """For tests: a camera as it is now."""
        return self._camera(camera)

    def _camera(self, camera: CameraId) -> CameraView:
        for view in self.views:
            if view.camera.id == camera:
                return view
        raise NotFound(f"there is no camera {camera}")

    def camera_probe(self, session: str, address: str, login: Login | None) -> ProbeFound:
        self._enter("camera_probe")
        self.who(session)
        if not address.startswith("rtsp://"):
            raise BadInput("a camera's address begins with rtsp://")
        return ProbeFound(
            kind="rtsp",
            codec="h264",
            width_px=1920,
            height_px=1080,
            fps=25.0,
            key_frame_every_s=2.0,
            bits_per_second=4_200_000,
            has_audio=True,
            because="",
        )

    def camera_add(self, session: str, wish: CameraWish) -> CameraView:
        self._enter("camera_add")
        self.who(session)
        if wish.register is None:
            raise BadInput("the register entry needs its purpose")
        view = _view(wish.name, wish.title, self.clock.now(), health="starting")
        source = Source(stream="main", kind="rtsp", address=wish.address)
        camera = replace(view.camera, register=wish.register, sources=(source,))
        self.views.append(replace(view, camera=camera))
        self.views[-1] = replace(view, camera=kept_so(camera, wish.keeping))
        self._write("camera_added", f"camera {wish.name} was added: {wish.register.purpose}")
        return self.views[-1]

    def camera_remove(self, session: str, camera: CameraId) -> None:
        self._enter("camera_remove")
        self.who(session)
        self.views.remove(self._camera(camera))

    def camera_keep(self, session: str, wish: KeepingWish) -> CameraView:
        self._enter("camera_keep")
        self.who(session)
        view = self._camera(wish.camera)
        if wish.from_revision not in (None, view.camera.revision):
            raise Conflict("this camera was changed by somebody else meanwhile")
        fresh = kept_so(view.camera, wish.keeping)
        changed = replace(view, camera=replace(fresh, revision=fresh.revision + 1))
        self.views[self.views.index(view)] = changed
        self._write("camera.changed", f"camera {wish.camera} is kept otherwise")
        return changed

    def look_open(self, session: str, wish: LookWish) -> LookOpened:
        self._enter("look_open")
        actor = self.who(session)
        views = [self._camera(camera) for camera in wish.cameras]
        if wish.rendition == "raw" and not all(view.may_see_raw for view in views):
            raise NotAllowed("uncovered pictures need a case")
        when = "live" if wish.span is None else f"{wish.span.start.iso()} to {wish.span.end.iso()}"
        names = ", ".join(wish.cameras)
        shown = "uncovered" if wish.rendition == "raw" else "covered"
        leaf = self._write("look_opened", f"{actor.id} looks at {names}, {shown}, {when}")
        now = self.clock.now()
        look = Look(
            id=LookId(new_hex_id()),
            actor=actor.id,
            wish=wish,
            opened_at=now,
            expires_at=now.plus(LOOK_LIVE_US),
            leaf=leaf,
        )
        token = secrets.token_urlsafe(16)
        self.looks[token] = look
        self.opened.append(look)
        return self._opened(look, token)

    def _opened(self, look: Look, token: str) -> LookOpened:
        covers = tuple(self._cover(look, camera) for camera in look.wish.cameras)
        return LookOpened(look=look, token=token, renditions=covers)

    def _cover(self, look: Look, camera: CameraId) -> CoverState:
        if look.wish.rendition == "raw":
            return "uncovered"
        return "silhouettes" if self._camera(camera).has_clean_picture else "whole_frame"

    def look_renew(self, session: str, look: LookId) -> LookOpened:
        self._enter("look_renew")
        self.who(session)
        for token, found in self.looks.items():
            if found.id == look:
                later = self.clock.now().plus(LOOK_LIVE_US)
                self.looks[token] = replace(found, expires_at=later)
                self._write("look_renewed", f"{found.actor} looks on")
                return self._opened(self.looks[token], token)
        raise NotFound("there is no such look")

    def look_close(self, token: str) -> None:
        self._enter("look_close")
        look = self.looks.pop(token, None)
        if look is not None:
            self.closed.append(token)
            self._write("look_closed", f"{look.actor} looked away")

    def _look(self, token: str, camera: CameraId) -> Look:
        look = self.looks.get(token)
        if look is None or camera not in look.wish.cameras:
            raise NotFound("there is no such look")
        return look

    def live(self, token: str, camera: CameraId) -> Iterator[LiveChunk]:
        self._enter("live")
        look = self._look(token, camera)
        if self._camera(camera).health != "recording":
            raise Unavailable(f"camera {camera} is away")
        return self._live(token, look, camera)

    def _live(self, token: str, look: Look, camera: CameraId) -> Iterator[LiveChunk]:
        run = movie(RUN_SECONDS, LIVE_FRAMES)
        cover = self._cover(look, camera)
        self.live_open += 1
        try:
            yield chunk(run.init, self.clock.now(), cover, codec_of(run.init))
            number = 0
            while token in self.looks and not self.clock.wait(self._stop, run.fragment_us):
                piece = run.fragments[number % len(run.fragments)]
                data = moved(piece, number, run.fragment_us)
                yield chunk(data, self.clock.now(), cover, "")
                number += 1
        finally:
            self.live_open -= 1

    def parts(self, token: str, camera: CameraId) -> tuple[PlayPart, ...]:
        self._enter("parts")
        look = self._look(token, camera)
        if look.wish.span is None:
            raise BadInput("this look is live")
        part_us = PART_FRAMES * US_PER_SECOND // FPS
        parts: list[PlayPart] = []
        for footage in self._footage(camera):
            inside = footage.clipped(look.wish.span)
            start = None if inside is None else inside.start
            while inside is not None and start is not None and start < inside.end:
                is_first = start == inside.start
                span = Span(start=start, end=start.plus(part_us))
                parts.append(PlayPart(number=len(parts), span=span, init=0, discontinuity=is_first))
                start = span.end
        return tuple(parts)

    def part_init(self, token: str, camera: CameraId, number: int) -> bytes:
        self._enter("part_init")
        self._look(token, camera)
        return movie(RUN_SECONDS, PART_FRAMES).init

    def part(self, token: str, camera: CameraId, number: int) -> Iterator[bytes]:
        self._enter("part")
        if number >= len(self.parts(token, camera)):
            raise NotFound("there is no such part")
        run = movie(RUN_SECONDS, PART_FRAMES)
        yield moved(run.fragments[number % len(run.fragments)], number, run.fragment_us)

    def picture(self, token: str, camera: CameraId, at: Instant, width_px: int) -> bytes:
        self._enter("picture")
        self._look(token, camera)
        return jpeg(at.us * FPS // US_PER_SECOND, width_px)

    def timeline(self, session: str, camera: CameraId, span: Span) -> Timeline:
        self._enter("timeline")
        self.who(session)
        plan = self._camera(camera).camera.recording
        footage = [one.clipped(span) for one in self._footage(camera)]
        whole = self._footage(camera)
        causes = (GapBecause.CAMERA_AWAY, GapBecause.CRASHED)
        if plan.mode != "continuous":
            causes = (GapBecause.CAMERA_AWAY, GapBecause.NO_EVENT)
        gaps = [
            TimelineGap(span=Span(start=whole[place].end, end=whole[place + 1].start), because=one)
            for place, one in enumerate(causes)
        ]
        return Timeline(
            footage=tuple(one for one in footage if one is not None),
            gaps=tuple(gap for gap in gaps if gap.span.overlaps(span)),
        )

    def _footage(self, camera: CameraId) -> tuple[Span, ...]:
        view = self._camera(camera)
        is_away = view.health == "away"
        now = view.newest if is_away and view.newest is not None else self.clock.now()
        minutes = ((-560, -260), (-215, -92), (-90, 0))
        return tuple(
            Span(start=now.plus(start * US_PER_MINUTE), end=now.plus(end * US_PER_MINUTE))
            for start, end in minutes
        )

    def export(self, token: str, camera: CameraId, kind: ExportKind) -> Iterator[bytes]:
        self._enter("export")
        self._look(token, camera)
        run = movie(RUN_SECONDS, PART_FRAMES)
        return iter((run.init, *run.fragments))

    def time_lapse(self, session: str, wish: TimeLapseWish) -> Iterator[bytes]:
        self._enter("time_lapse")
        self.who(session)
        self._write("look_opened", f"a film of {wish.camera}")
        run = movie(RUN_SECONDS, PART_FRAMES)
        return iter((run.init, *run.fragments))

    def clean_picture_waiting(self, session: str, camera: CameraId) -> CleanPictureWaiting | None:
        self._enter("clean_picture_waiting")
        self.who(session)
        if not self._camera(camera).waits_for_approval:
            return None
        return CleanPictureWaiting(camera=camera, made_at=self.clock.now(), jpeg=jpeg(0, 640))

    def clean_picture_decide(self, session: str, camera: CameraId, *, approve: bool) -> None:
        self._enter("clean_picture_decide")
        actor = self.who(session)
        view = self._camera(camera)
        place = self.views.index(view)
        self.views[place] = replace(
            view, waits_for_approval=False, has_clean_picture=approve or view.has_clean_picture
        )
        word = "approved" if approve else "refused"
        self._write("clean_picture", f"{actor.id} {word} the clean picture of {camera}")

    def ledger_tail(self, lines: int) -> LedgerTail:
        self._enter("ledger_tail")
        newest = list(enumerate(self.lines))[-lines:]
        return LedgerTail(
            size=len(self.lines),
            root="8f43" * 16,
            checkpoint_at=self.lines[-1][0],
            lines=tuple(
                LedgerLine(leaf=leaf, at=at, kind=kind, text=text)
                for leaf, (at, kind, text) in newest
            ),
        )

    def ledger_file(self, path: str) -> bytes:
        self._enter("ledger_file")
        if path == "checkpoint":
            return f"fairview.example/ledger\n{len(self.lines)}\n".encode()
        if path == "tile/0/000.p/4":
            return b"\0" * 128
        raise NotFound("the ledger has no such file")

    def sights(self, token: str, camera: CameraId) -> Iterator[Sight]:
        self._enter("sights")
        self._look(token, camera)
        for number in range(3):
            left = 0.1 * number
            yield Sight(
                camera=camera,
                at=self.clock.now().plus(number * US_PER_SECOND),
                boxes=(
                    SightBox(
                        id=7,
                        kind="car",
                        box_unit=(left, 0.2, left + 0.1, 0.3),
                        trail_unit=((left + 0.05, 0.3),),
                    ),
                ),
            )

    def draw_line(self, camera: CameraId) -> None:
        """Somebody drew a line before."""
        text = (
            f'version = 1\n[camera]\nid = "{camera}"\nsize_px = [1280, 720]\n'
            '[[line]]\nname = "north"\npoints_px = [[80, 285], [620, 285]]\n'
        )
        self.scenes[camera] = SceneView(
            camera=camera, revision=1, text=text, saved_at=self.clock.now(), saved_by="ada"
        )

    def scene(self, session: str, camera: CameraId) -> SceneView | None:
        self._enter("scene")
        self._camera(camera)
        return self.scenes.get(camera)

    def scene_save(
        self, session: str, camera: CameraId, text: str, from_revision: int
    ) -> SceneView:
        self._enter("scene_save")
        actor = self.who(session)
        if self.check_scenes:
            scene_of(text.encode())
        saved = SceneView(
            camera=camera,
            revision=from_revision + 1,
            text=text,
            saved_at=self.clock.now(),
            saved_by=actor.id,
        )
        self.scenes[camera] = saved
        return saved

    def measures(self, session: str, camera: CameraId, span: Span) -> MeasuresView:
        self._enter("measures")
        self._camera(camera)
        first = Span(start=span.start, end=span.start.plus(15 * US_PER_MINUTE))
        count = CountView(
            span=first,
            place="north",
            direction="forward",
            kind="car",
            n=12,
            low=11.0,
            high=14.5,
            observed_frac=0.9,
            is_few=False,
        )
        few = replace(count, kind="person", n=None, low=None, high=None, is_few=True)
        speed = SpeedView(
            span=first,
            place="north",
            kind="car",
            n=9,
            median_kmh=41.0,
            low_kmh=39.0,
            high_kmh=43.5,
            p85_kmh=48.0,
        )
        return MeasuresView(counts=(count, few), speeds=(speed,))


def _view(  # noqa: PLR0913  # a test's builder names fields freely
    name: str,
    title: str,
    now: Instant,
    *,
    presence: str = "persons",
    health: str = "recording",
    may_see_raw: bool = False,
    waits_for_approval: bool = False,
) -> CameraView:
    register = builders.register_entry(presence=presence, area=title)
    return CameraView(
        camera=builders.camera(name, title=title, register=register),
        health=health,  # type: ignore[arg-type]  # one of the names, by the tests' own hand
        health_because="no answer from the camera for 10 s" if health == "away" else "",
        may_see_raw=may_see_raw,
        raw_because="nobody in this picture is real" if may_see_raw else "needs a case",
        has_clean_picture=not waits_for_approval and health == "recording",
        waits_for_approval=waits_for_approval,
        newest=now.plus(-42 * US_PER_MINUTE) if health == "away" else now,
    )
