"""The gate behind a local socket, for the web process alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fairview.access import door_messages as m
from fairview.access.door import LiveChunk
from fairview.access.gate import Gate
from fairview.core.limits import DOOR_CONNECTIONS_MAX
from fairview.core.sight import Sight
from fairview.store.wire import Handler, Hangup, WireServer, answers, serve, streams


def serve_door(
    path: Path, gate: Gate, *, secret: bytes, allowed_uids: frozenset[int] | None = None
) -> WireServer:
    """Answer for a gate at a socket until `close`.

    The owner's `local_session`, the set-up link and clean pictures of simulated cameras have no
    message: nobody reaches them from here.
    Errors:  as store.wire.serve.
    """
    return serve(
        path,
        (*_footage(gate), *_questions(gate)),
        secret=secret,
        allowed_uids=allowed_uids,
        connections_max=DOOR_CONNECTIONS_MAX,
    )


def _footage(gate: Gate) -> tuple[Handler, ...]:
    """Looks, and what leaves inside one."""

    def live(message: m.AskLive, hangup: Hangup) -> Iterator[LiveChunk]:
        look = gate.live(message.token, message.camera)
        hangup.when_set(look.close)
        try:
            yield from look
        finally:
            look.close()

    def export(message: m.AskExport, hangup: Hangup) -> Iterator[bytes]:
        for piece in gate.export(message.token, message.camera, message.kind):
            if hangup.is_set():
                return
            yield piece

    def part(message: m.AskPart, hangup: Hangup) -> Iterator[bytes]:
        for piece in gate.part(message.token, message.camera, message.number):
            if hangup.is_set():
                return
            yield piece

    def time_lapse(message: m.AskTimeLapse, hangup: Hangup) -> Iterator[bytes]:
        for piece in gate.time_lapse(message.session, message.wish):
            if hangup.is_set():
                return
            yield piece

    def sights(message: m.AskSights, hangup: Hangup) -> Iterator[Sight]:
        look = gate.sights(message.token, message.camera)
        hangup.when_set(look.close)
        try:
            yield from look
        finally:
            look.close()

    return (
        streams(m.AskSights, sights),
        answers(m.AskLookOpen, lambda x: gate.look_open(x.session, x.wish)),
        answers(m.AskLookRenew, lambda x: gate.look_renew(x.session, x.look)),
        answers(m.AskLookClose, lambda x: gate.look_close(x.token)),
        streams(m.AskLive, live),
        answers(m.AskPartInit, lambda x: gate.part_init(x.token, x.camera, x.number)),
        streams(m.AskPart, part),
        answers(m.AskPicture, lambda x: gate.picture(x.token, x.camera, x.at, x.width_px)),
        streams(m.AskExport, export),
        streams(m.AskTimeLapse, time_lapse),
    )


def _questions(gate: Gate) -> tuple[Handler, ...]:
    """Everything else people may ask of the door."""
    return (
        answers(m.AskScene, lambda x: m.FoundScene(gate.scene(x.session, x.camera))),
        answers(
            m.AskSceneSave,
            lambda x: gate.scene_save(x.session, x.camera, x.text, x.from_revision),
        ),
        answers(m.AskMeasures, lambda x: gate.measures(x.session, x.camera, x.span)),
        answers(m.AskNeedsSetUp, lambda _: gate.needs_set_up()),
        answers(m.AskSetUp, lambda x: gate.set_up(x.link_token, x.name, x.password)),
        answers(m.AskSignIn, lambda x: gate.sign_in(x.name, x.password)),
        answers(m.AskWho, lambda x: gate.who(x.session)),
        answers(m.AskSignOut, lambda x: gate.sign_out(x.session)),
        answers(m.AskCameras, lambda x: m.Views(gate.cameras(x.session))),
        answers(m.AskProbe, lambda x: gate.camera_probe(x.session, x.address, x.login)),
        answers(m.AskCameraAdd, lambda x: gate.camera_add(x.session, x.wish)),
        answers(m.AskCameraRemove, lambda x: gate.camera_remove(x.session, x.camera)),
        answers(m.AskCameraLogin, lambda x: gate.camera_login(x.session, x.wish)),
        answers(m.AskCameraKeep, lambda x: gate.camera_keep(x.session, x.wish)),
        answers(m.AskParts, lambda x: gate.parts(x.token, x.camera)),
        answers(m.AskTimeline, lambda x: gate.timeline(x.session, x.camera, x.span)),
        answers(
            m.AskCleanPicture, lambda x: m.Waiting(gate.clean_picture_waiting(x.session, x.camera))
        ),
        answers(
            m.AskCleanDecide,
            lambda x: gate.clean_picture_decide(x.session, x.camera, approve=x.approve),
        ),
        answers(m.AskLedgerTail, lambda x: gate.ledger_tail(x.lines)),
        answers(m.AskLedgerFile, lambda x: gate.ledger_file(x.path)),
        answers(m.AskTime, lambda x: gate.time(x.session)),
        answers(m.AskTimeConfirm, lambda x: gate.time_confirm(x.session)),
        answers(m.AskHealth, lambda x: gate.health(x.session)),
        answers(m.AskFigures, lambda x: gate.figures(x.token)),
        answers(m.AskEvents, lambda x: gate.events(x.session, x.limit)),
    )
