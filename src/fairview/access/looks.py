"""The looks under way: opened in the ledger first, tied to a token, closed with what was read."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Connection

from fairview.access.door import SessionOpened
from fairview.access.door_rows import DoorRows, looks_open
from fairview.access.journal import Journal
from fairview.access.leaves import (
    LEAF_CAMERAS_MAX,
    LookClosed,
    LookDenied,
    LookOpenedLeaf,
    LookRenewed,
    cameras_digest,
    canonical,
)
from fairview.core.case import LOOK_LIVE_US, Actor, Look, LookWish
from fairview.core.errors import BadInput, NotFound, Overloaded, Unavailable
from fairview.core.ids import ActorId, CameraId, LookId, is_hex_id, new_hex_id
from fairview.core.limits import (
    DENIALS_PER_MINUTE_MAX,
    LOOK_READS_MAX,
    LOOK_STORED_US,
    LOOKS_OPEN_MAX,
    STRIP_PICTURES_MAX,
)
from fairview.core.time import US_PER_MINUTE, Clock, Instant, Span

NO_LOOK = "there is no such look (any more): open a new one"


@dataclass(slots=True)
class OpenLook:
    """A look under way. The book's lock guards what changes."""

    look: Look
    token: str
    session_digest: bytes
    session_expires_at: Instant
    reads: dict[CameraId, list[Span]] = field(default_factory=dict)
    bytes_read: int = 0
    pictures: int = 0
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def wish(self) -> LookWish:
        return self.look.wish


@dataclass(slots=True, kw_only=True)
class _Closing:
    look: LookId
    opened_leaf: int
    leaf: LookClosed
    tries: int = 0


class LookBook:
    """Opens, finds, renews and closes looks. Safe from several threads.

    A token is `<look id>.<64 hexadecimal digits>`: an HMAC, with a key that lives as long as this
    process, over the look, its session and everything wished. Nothing else opens footage.
    Bounds:  LOOKS_OPEN_MAX looks at once.
    """

    def __init__(
        self,
        journal: Journal,
        rows: DoorRows,
        clock: Clock,
        on_end: Callable[[LookId], None] | None = None,
    ) -> None:
        """on_end hears of each look that ends, before its closing line is written."""
        self._on_end = on_end
        self._journal = journal
        self._rows = rows
        self._clock = clock
        self._mac_key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._open: dict[LookId, OpenLook] = {}
        self._closing: deque[_Closing] = deque()
        self._closing_lock = threading.Lock()
        self._denials: dict[ActorId, deque[int]] = {}

    def settle(self) -> int:
        """Close what was open when the door last stopped; how many looks those were.

        Called once, before any look. Errors: Unavailable when the ledger can't be written.
        """
        with self._rows.read() as connection:
            rows = connection.execute(sa.select(looks_open)).all()
        left = 0
        for row in rows:
            opened = self._journal.find(LookOpenedLeaf, "look", row.id, row.ledger_size)
            if opened is not None:
                closed = self._journal.find(LookClosed, "look", row.id, opened + 1)
                if closed is None:
                    self._journal.append(
                        LookClosed(
                            look=row.id,
                            because="unknown, door restarted",
                            bytes_read=None,
                            footage_read_us=None,
                            read=(),
                        )
                    )
                    left += 1
            self._forget(LookId(row.id))
        return left

    def open(self, session: SessionOpened, wish: LookWish, because: str) -> OpenLook:
        """A new look; its line is durable in the ledger on return.

        because: which rule allowed it. Errors: Unavailable when the ledger can't be written,
        Overloaded when too many looks are open.
        """
        with self._lock:
            if len(self._open) >= LOOKS_OPEN_MAX:
                raise Overloaded("too many looks are open: close one, or try again later")
        now = self._clock.now()
        name = LookId(new_hex_id())
        life_us = LOOK_LIVE_US if wish.span is None else LOOK_STORED_US
        expires_at = min(now.plus(life_us), session.expires_at)
        size = self._journal.size

        def keep(connection: Connection) -> None:
            connection.execute(
                looks_open.insert().values(id=name, ledger_size=size, opened_at_us=now.us)
            )

        leaf = self._journal.append(
            _opening(name, session.actor.id, wish, expires_at, because), also=keep
        )
        look = Look(
            id=name,
            actor=session.actor.id,
            wish=wish,
            opened_at=now,
            expires_at=expires_at,
            leaf=leaf,
        )
        digest = _digest(session.token)
        opened = OpenLook(
            look=look,
            token=self._token(name, digest, wish),
            session_digest=digest,
            session_expires_at=session.expires_at,
        )
        with self._lock:
            self._open[name] = opened
        return opened

    def deny(self, actor: Actor, wish: LookWish, because: str) -> None:
        """Write a denied wish down. Errors: Overloaded after too many, Unavailable."""
        now_us = self._clock.monotonic_us()
        with self._lock:
            tries = self._denials.setdefault(actor.id, deque(maxlen=DENIALS_PER_MINUTE_MAX))
            while tries and tries[0] <= now_us - US_PER_MINUTE:
                tries.popleft()
            if len(tries) >= DENIALS_PER_MINUTE_MAX:
                raise Overloaded("too many denied wishes: wait a minute")
            tries.append(now_us)
        self._journal.append(
            LookDenied(
                rendition=wish.rendition,
                purpose=wish.purpose,
                actor=actor.id,
                cameras=tuple(wish.cameras),
                because=because,
            )
        )

    def find(self, token: str, camera: CameraId | None = None) -> OpenLook:
        """The living look of a token, when it is of this camera.

        Errors:  NotFound, in the same words for a wrong, foreign, old or malformed token.
        """
        name, _, mac = token.partition(".")
        with self._lock:
            opened = self._open.get(LookId(name)) if is_hex_id(name) else None
        if opened is None or not hmac.compare_digest(
            f"{name}.{mac}".encode(), opened.token.encode()
        ):
            raise NotFound(NO_LOOK)
        if opened.look.expires_at <= self._clock.now():
            self._end(opened, "its time was over")
            raise NotFound(NO_LOOK)
        if camera is not None and camera not in opened.wish.cameras:
            raise NotFound(NO_LOOK)
        return opened

    def of_session(self, session: SessionOpened, name: LookId) -> OpenLook:
        """A living look that this session opened. Errors: NotFound, for another's too."""
        with self._lock:
            opened = self._open.get(name)
        if (
            opened is None
            or not hmac.compare_digest(opened.session_digest, _digest(session.token))
            or opened.look.expires_at <= self._clock.now()
        ):
            raise NotFound(NO_LOOK)
        return opened

    def renew(self, session: SessionOpened, name: LookId) -> OpenLook:
        """Ten more minutes of a live look, with a line of its own; the token stays.

        Errors:  NotFound for another session's look too, BadInput for a stored one, Unavailable.
        """
        opened = self.of_session(session, name)
        now = self._clock.now()
        if opened.wish.span is not None:
            raise BadInput("a look at stored footage is not renewed: open the next one")
        expires_at = min(now.plus(LOOK_LIVE_US), opened.session_expires_at)
        self._journal.append(LookRenewed(look=name, expires_at=expires_at))
        with self._lock:
            old = opened.look
            opened.look = Look(
                id=old.id,
                actor=old.actor,
                wish=old.wish,
                opened_at=old.opened_at,
                expires_at=expires_at,
                leaf=old.leaf,
            )
        return opened

    def note_read(self, opened: OpenLook, camera: CameraId, span: Span | None, size: int) -> None:
        """Remember what leaves, for the closing line. Called before the bytes are handed out."""
        with self._lock:
            opened.bytes_read += size
            if span is not None:
                spans = opened.reads.setdefault(camera, [])
                opened.reads[camera] = merged([*spans, span], LOOK_READS_MAX)

    def count_picture(self, opened: OpenLook) -> None:
        """One more single picture. Errors: BadInput when a strip has had its number."""
        with self._lock:
            opened.pictures += 1
            if opened.wish.is_strip and opened.pictures > STRIP_PICTURES_MAX:
                raise BadInput(
                    f"a strip of thumbnails has at most {STRIP_PICTURES_MAX} pictures: open a "
                    "look at the hour you want to see"
                )

    def close(self, token: str) -> None:
        """End a look by its token; safe to repeat, also with a token that was never good."""
        try:
            opened = self.find(token)
        except NotFound:
            return
        self._end(opened, "closed by the viewer")

    def close_session(self, session: str) -> None:
        """End every look of a session that ends."""
        digest = _digest(session)
        with self._lock:
            found = [one for one in self._open.values() if one.session_digest == digest]
        for one in found:
            self._end(one, "signed out")

    def close_over(self) -> None:
        """End looks whose time is over, and write closing lines that could not be written yet."""
        now = self._clock.now()
        with self._lock:
            over = [one for one in self._open.values() if one.look.expires_at <= now]
        for one in over:
            self._end(one, "its time was over")
        self._write_closings()

    def close_all(self) -> None:
        """End every look: the door stops."""
        with self._lock:
            found = list(self._open.values())
        for one in found:
            self._end(one, "the door stopped")

    def _end(self, opened: OpenLook, because: str) -> None:
        with self._lock:
            if self._open.pop(opened.look.id, None) is None:
                return
            opened.ended.set()
            self._closing.append(
                _Closing(
                    look=opened.look.id,
                    opened_leaf=opened.look.leaf,
                    leaf=_closing_leaf(opened, because),
                )
            )
        if self._on_end is not None:
            self._on_end(opened.look.id)
        self._write_closings()

    def _write_closings(self) -> None:
        # What can't be written now is tried again by close_over, and after a crash by settle.
        with self._closing_lock:
            while self._closing:
                first = self._closing[0]
                try:
                    if not self._is_written(first):
                        first.tries += 1
                        self._journal.append(first.leaf)
                    self._forget(first.look)
                except Unavailable as error:
                    structlog.get_logger().warning(
                        "a closing line waits", look=first.look, because=str(error)
                    )
                    return
                self._closing.popleft()

    def _is_written(self, closing: _Closing) -> bool:
        # Only an append that failed can have been stored all the same.
        if closing.tries == 0:
            return False
        found = self._journal.find(LookClosed, "look", closing.look, closing.opened_leaf)
        return found is not None

    def _forget(self, name: LookId) -> None:
        with self._rows.write() as connection:
            connection.execute(looks_open.delete().where(looks_open.c.id == name))

    def _token(self, name: LookId, session_digest: bytes, wish: LookWish) -> str:
        bound = canonical(
            [
                name,
                session_digest.hex(),
                list(wish.cameras),
                wish.rendition,
                wish.purpose,
                None if wish.span is None else [wish.span.start.us, wish.span.end.us],
                wish.is_strip,
            ]
        )
        return f"{name}.{hmac.new(self._mac_key, bound, hashlib.sha256).hexdigest()}"


def merged(spans: list[Span], most: int) -> list[Span]:
    """Spans without overlaps, sorted; at most `most`, the nearest neighbours joined first."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(start=joined[-1].start, end=max(joined[-1].end, span.end))
        else:
            joined.append(span)
    while len(joined) > most:
        gaps = [later.start.since(one.end) for one, later in pairwise(joined)]
        at = gaps.index(min(gaps))
        joined[at : at + 2] = [Span(start=joined[at].start, end=joined[at + 1].end)]
    return joined


def _opening(
    name: LookId, actor: ActorId, wish: LookWish, expires_at: Instant, because: str
) -> LookOpenedLeaf:
    cameras = tuple(wish.cameras)
    return LookOpenedLeaf(
        look=name,
        cameras=cameras if len(cameras) <= LEAF_CAMERAS_MAX else (),
        cameras_n=len(cameras),
        cameras_digest=cameras_digest(cameras),
        rendition=wish.rendition,
        purpose=wish.purpose,
        is_live=wish.span is None,
        is_strip=wish.is_strip,
        footage_us=None if wish.span is None else wish.span.duration_us,
        expires_at=expires_at,
        actor=actor,
        all_cameras=cameras,
        span=wish.span,
        note=wish.note,
        because=because,
    )


def _closing_leaf(opened: OpenLook, because: str) -> LookClosed:
    texts = [
        f"{camera} {span.start.iso()} {span.end.iso()}"
        for camera, spans in sorted(opened.reads.items())
        for span in spans
    ]
    return LookClosed(
        look=opened.look.id,
        because=because,
        bytes_read=opened.bytes_read,
        footage_read_us=sum(one.duration_us for spans in opened.reads.values() for one in spans),
        read=tuple(texts),
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
