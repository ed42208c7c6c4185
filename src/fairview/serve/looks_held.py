"""Which browser session opened which look, and the one-time download addresses.

The door binds a look to its session as well; here a token taken from one browser is worthless
in another, before the door is even asked. Lost on restart: pages then open a new look.
"""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256

from fairview.access.door import ExportKind, TimeLapseWish
from fairview.core.errors import NotFound
from fairview.core.ids import CameraId, LookId
from fairview.core.limits import LOOKS_OPEN_MAX, WEB_TICKET_US, WEB_TICKETS_MAX
from fairview.core.time import Clock

_NO_LOOK = "there is no such look for this session; open a new one"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    session_digest: bytes
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a one-time download address stands for. lapse: a film, which opens looks of its own."""

    session_digest: bytes
    token: str
    camera: CameraId
    kind: ExportKind
    until_us: int
    lapse: TimeLapseWish | None = None


class LooksHeld:
    """Looks by id. Used from the event loop only. Bounds: LOOKS_OPEN_MAX, drop_oldest."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._looks: OrderedDict[LookId, _Held] = OrderedDict()
        self._tickets: OrderedDict[str, Ticket] = OrderedDict()

    def keep(self, session: str, look: LookId, token: str) -> None:
        """Remember an opened or renewed look."""
        self._looks[look] = _Held(session_digest=_digest(session), token=token)
        self._looks.move_to_end(look)
        while len(self._looks) > LOOKS_OPEN_MAX:
            self._looks.popitem(last=False)

    def token(self, session: str, look: LookId, token: str) -> str:
        """The token, when this session opened this look with it. Errors: NotFound."""
        held = self._looks.get(look)
        if held is None or not _same(held.token, token):
            raise NotFound(_NO_LOOK)
        if not hmac.compare_digest(held.session_digest, _digest(session)):
            raise NotFound(_NO_LOOK)
        return held.token

    def drop(self, look: LookId) -> None:
        """Forget a closed look; safe to repeat."""
        self._looks.pop(look, None)

    def drop_session(self, session: str) -> tuple[str, ...]:
        """Forget a session's looks; their tokens, to be closed at the door."""
        digest = _digest(session)
        gone = [look for look, held in self._looks.items() if held.session_digest == digest]
        return tuple(self._looks.pop(look).token for look in gone)

    def ticket(self, session: str, token: str, camera: CameraId, kind: ExportKind) -> str:
        """A one-time name for a download, so that no token ever stands in an address."""
        return self._keep(
            Ticket(
                session_digest=_digest(session),
                token=token,
                camera=camera,
                kind=kind,
                until_us=self._clock.monotonic_us() + WEB_TICKET_US,
            )
        )

    def lapse_ticket(self, session: str, wish: TimeLapseWish) -> str:
        """A one-time name for a time-lapse film."""
        return self._keep(
            Ticket(
                session_digest=_digest(session),
                token="",
                camera=wish.camera,
                kind="mp4",
                until_us=self._clock.monotonic_us() + WEB_TICKET_US,
                lapse=wish,
            )
        )

    def _keep(self, ticket: Ticket) -> str:
        name = secrets.token_urlsafe(24)
        self._tickets[name] = ticket
        while len(self._tickets) > WEB_TICKETS_MAX:
            self._tickets.popitem(last=False)
        return name

    def redeem(self, session: str, name: str) -> Ticket:
        """The download behind a ticket, once. Errors: NotFound when used, late or foreign."""
        ticket = self._tickets.pop(name, None)
        if (
            ticket is None
            or ticket.until_us < self._clock.monotonic_us()
            or not hmac.compare_digest(ticket.session_digest, _digest(session))
        ):
            raise NotFound("this download address is over; ask for a new one")
        return ticket


def _digest(session: str) -> bytes:
    return sha256(session.encode()).digest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
