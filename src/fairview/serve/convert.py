"""Between the API's models and the core's values. Pure."""

from __future__ import annotations

from fairview.access.door import (
    CameraView,
    CameraWish,
    LedgerTail,
    LookOpened,
    ProbeFound,
    Timeline,
)
from fairview.core.camera import Login, RegisterEntry, Secret
from fairview.core.case import Actor, LookWish
from fairview.core.errors import BadInput
from fairview.core.event import HealthEvent
from fairview.core.ids import LookId, camera_id, is_hex_id
from fairview.core.time import US_PER_HOUR, Instant, Span, instant
from fairview.serve import models as m
from fairview.serve.convert_keeping import keeping_model, keeping_wish


def span_of(model: m.SpanModel) -> Span:
    """Errors:  BadInput for unreadable or reversed times."""
    return Span(start=instant(model.start), end=instant(model.end))


def look_id(text: str) -> LookId:
    """Errors:  BadInput when the text is not a look's id."""
    if not is_hex_id(text):
        raise BadInput("a look's id is 32 hexadecimal digits")
    return LookId(text)


def look_wish(model: m.LookWishModel) -> LookWish:
    return LookWish(
        cameras=tuple(camera_id(name) for name in model.cameras),
        rendition=model.rendition,
        purpose=model.purpose,
        span=None if model.span is None else span_of(model.span),
        is_strip=model.is_strip,
        note=model.note,
        plays=("h264", "hevc") if model.plays_hevc else ("h264",),
    )


def login_of(model: m.LoginWish | None) -> Login | None:
    if model is None:
        return None
    return Login(name=model.name, password=Secret(model.password.get_secret_value()))


def register_of(model: m.RegisterModel) -> RegisterEntry:
    return RegisterEntry(
        purpose=model.purpose,
        legal_basis=model.legal_basis,
        operator=model.operator,
        contact=model.contact,
        area=model.area,
        retention_us=model.retention_h * US_PER_HOUR,
        review_at=instant(model.review_at),
        presence=model.presence,
    )


def camera_wish(model: m.CameraWishModel) -> CameraWish:
    return CameraWish(
        name=camera_id(model.name),
        title=model.title,
        address=model.address,
        sub_address=model.sub_address,
        login=login_of(model.login),
        register=None if model.register_entry is None else register_of(model.register_entry),
        commissioning=model.commissioning,
        keeping=keeping_wish(model.keeping),
    )


def span_model(span: Span) -> m.SpanModel:
    return m.SpanModel(start=span.start.iso(), end=span.end.iso())


def actor_answer(actor: Actor) -> m.ActorAnswer:
    return m.ActorAnswer(
        id=actor.id,
        roles=sorted(actor.roles),
        cameras=None if actor.cameras is None else sorted(actor.cameras),
    )


def register_model(entry: RegisterEntry) -> m.RegisterModel:
    """Part hours are rounded up: the page never promises less than is kept."""
    return m.RegisterModel(
        purpose=entry.purpose,
        legal_basis=entry.legal_basis,
        operator=entry.operator,
        contact=entry.contact,
        area=entry.area,
        retention_h=-(-entry.retention_us // US_PER_HOUR),
        review_at=entry.review_at.iso(),
        presence=entry.presence,
    )


def camera_answer(view: CameraView) -> m.CameraAnswer:
    camera = view.camera
    sources = [
        m.SourceAnswer(
            stream=one.stream, kind=one.kind, address=one.address, is_recorded=one.is_recorded
        )
        for one in camera.sources
    ]
    return m.CameraAnswer(
        id=camera.id,
        title=camera.title,
        sources=sources,
        register_entry=register_model(camera.register),
        keeping=keeping_model(camera),
        revision=camera.revision,
        commissioning_until=_iso(camera.commissioning_until),
        health=view.health,
        health_because=view.health_because,
        may_see_raw=view.may_see_raw,
        raw_because=view.raw_because,
        has_clean_picture=view.has_clean_picture,
        waits_for_approval=view.waits_for_approval,
        newest=_iso(view.newest),
    )


def probe_answer(found: ProbeFound) -> m.ProbeAnswer:
    return m.ProbeAnswer(
        kind=found.kind,
        codec=found.codec,
        width_px=found.width_px,
        height_px=found.height_px,
        fps=found.fps,
        key_frame_every_s=found.key_frame_every_s,
        bits_per_second=found.bits_per_second,
        has_audio=found.has_audio,
        because=found.because,
    )


def look_answer(opened: LookOpened) -> m.LookAnswer:
    look = opened.look
    return m.LookAnswer(
        id=look.id,
        token=opened.token,
        opened_at=look.opened_at.iso(),
        expires_at=look.expires_at.iso(),
        leaf=look.leaf,
        cameras=list(look.wish.cameras),
        renditions=list(opened.renditions),
    )


def timeline_answer(timeline: Timeline) -> m.TimelineAnswer:
    return m.TimelineAnswer(
        footage=[span_model(span) for span in timeline.footage],
        gaps=[
            m.GapAnswer(span=span_model(gap.span), because=gap.because.value)
            for gap in timeline.gaps
        ],
    )


def ledger_answer(tail: LedgerTail) -> m.LedgerAnswer:
    return m.LedgerAnswer(
        size=tail.size,
        root=tail.root,
        checkpoint_at=tail.checkpoint_at.iso(),
        lines=[
            m.LedgerLineAnswer(leaf=line.leaf, at=line.at.iso(), kind=line.kind, text=line.text)
            for line in tail.lines
        ],
    )


def event_answer(event: HealthEvent) -> m.EventAnswer:
    return m.EventAnswer(
        kind=event.kind, camera=event.camera, at=event.at.iso(), because=event.because
    )


def _iso(moment: Instant | None) -> str | None:
    return None if moment is None else moment.iso()
