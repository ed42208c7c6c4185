"""Who is there: actors, passwords, the one-time set-up link, sign-ins."""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
import structlog
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.engine import Connection

from fairview.access.door import SessionOpened
from fairview.access.door_rows import DoorRows, actors, sessions
from fairview.access.journal import Journal
from fairview.access.leaves import ActorSetUp
from fairview.access.may import FIRST_ACTOR_ROLES
from fairview.core.camera import Secret
from fairview.core.case import Actor, Role
from fairview.core.errors import BadInput, Conflict, NotAllowed, Overloaded
from fairview.core.ids import ActorId, CameraId, actor_id
from fairview.core.limits import (
    PASSWORD_CHARACTERS_MAX,
    PASSWORD_CHARACTERS_MIN,
    PASSWORD_CHECK_WAIT_US_MAX,
    PASSWORD_CHECKS_MAX,
    SESSION_US_MAX,
    SESSIONS_PER_ACTOR_MAX,
    SET_UP_LINK_US,
    SIGN_IN_BUCKETS,
    SIGN_IN_TRIES_MAX,
    SIGN_IN_WINDOW_US,
)
from fairview.core.time import US_PER_SECOND, Clock, Instant

TOKEN_BYTES = 32
TRIAL_ARRANGEMENT = "trial: one person adds cameras, looks, and approves clean pictures"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    digest: bytes
    expires_at: Instant


LOCAL_ACTOR = ActorId("local")
"""Whoever runs commands on a data folder; nobody can make an account of that name."""


class Who:
    """Actors and their sign-ins. Safe from several threads.

    Cost: a password check takes 64 MiB and some tens of milliseconds (argon2id), at most two
    at once.
    """

    def __init__(
        self,
        rows: DoorRows,
        journal: Journal,
        clock: Clock,
        hasher: PasswordHasher | None = None,
    ) -> None:
        self._rows = rows
        self._journal = journal
        self._clock = clock
        self._hasher = PasswordHasher() if hasher is None else hasher
        self._nobody = self._hasher.hash(secrets.token_urlsafe(TOKEN_BYTES))
        self._checks = threading.BoundedSemaphore(PASSWORD_CHECKS_MAX)
        self._set_up_lock = threading.Lock()
        self._link: _Link | None = None
        self._tries = _Tries(clock)
        self._local: dict[bytes, SessionOpened] = {}

    def needs_set_up(self) -> bool:
        with self._rows.read() as connection:
            return connection.execute(sa.select(actors.c.id).limit(1)).first() is None

    def new_link(self) -> Secret | None:
        """A fresh set-up token while there is no actor, else None. The one before it dies."""
        if not self.needs_set_up():
            return None
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._link = _Link(digest=_digest(token), expires_at=self._clock.now().plus(SET_UP_LINK_US))
        return Secret(token)

    def set_up(self, link_token: str, name: str, password: str) -> SessionOpened:
        """The first actor, in the ledger before it exists.

        Errors:  NotAllowed for a wrong, used or old link; BadInput for a name or password that
        breaks the rules (the link lives on).
        """
        with self._set_up_lock:
            link = self._link
            if (
                link is None
                or not secrets.compare_digest(link.digest, _digest(link_token))
                or link.expires_at <= self._clock.now()
                or not self.needs_set_up()
            ):
                raise NotAllowed(
                    "this set-up link is not valid (any more): start the node again for a new one"
                )
            actor = self._added(name, password, FIRST_ACTOR_ROLES, None)
            self._link = None
        return self._open(actor)

    def add(
        self,
        name: str,
        password: str,
        roles: frozenset[Role],
        cameras: frozenset[CameraId] | None = None,
    ) -> Actor:
        """One more actor. Errors: BadInput, Conflict when the name is taken."""
        return self._added(name, password, roles, cameras)

    def sign_in(self, name: str, password: str) -> SessionOpened:
        """A new session.

        The same work is done for a name that does not exist.
        Errors:  NotAllowed for a wrong name or password, Overloaded after too many of them.
        """
        with self._rows.read() as connection:
            row = connection.execute(sa.select(actors).where(actors.c.id == name)).one_or_none()
        key = f"actor {name}" if row is not None else _bucket(name)
        self._tries.begin(key)
        known = self._nobody if row is None else str(row.password)
        is_right = self._check(known, password)
        if row is None or not is_right:
            structlog.get_logger().info("sign-in refused")
            raise NotAllowed("this name and password don't belong together")
        self._tries.forget(key)
        return self._open(_actor(row))

    def who(self, session: str) -> Actor:
        """Errors:  NotAllowed when the session is unknown or over."""
        return self.session(session).actor

    def session(self, session: str) -> SessionOpened:
        """Who holds a session token, and until when. Errors: NotAllowed."""
        local = self._local.get(_digest(session))
        if local is not None and local.expires_at > self._clock.now():
            return local
        with self._rows.read() as connection:
            row = connection.execute(
                sa.select(actors, sessions.c.expires_at_us)
                .join(sessions, sessions.c.actor == actors.c.id)
                .where(sessions.c.digest == _digest(session))
            ).one_or_none()
        if row is None or row.expires_at_us <= self._clock.now().us:
            raise NotAllowed("you are not signed in (any more)")
        return SessionOpened(
            token=session, actor=_actor(row), expires_at=Instant(row.expires_at_us)
        )

    def local_session(self) -> SessionOpened:
        """A session for whoever runs commands on the data folder itself, as its owner.

        It is no account: it ends with this process, and its looks stand in the ledger under
        the name `local`. Who owns the folder holds its keys anyway (docs/design/threats.md).
        Never reachable over a socket.
        """
        actor = Actor(id=LOCAL_ACTOR, roles=FIRST_ACTOR_ROLES | {"auditor"})
        token = secrets.token_urlsafe(TOKEN_BYTES)
        expires_at = self._clock.now().plus(SESSION_US_MAX)
        opened = SessionOpened(token=token, actor=actor, expires_at=expires_at)
        self._local[_digest(token)] = opened
        return opened

    def sign_out(self, session: str) -> None:
        """Ends a session; safe to repeat."""
        self._local.pop(_digest(session), None)
        with self._rows.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.digest == _digest(session)))

    def _added(
        self, name: str, password: str, roles: frozenset[Role], cameras: frozenset[CameraId] | None
    ) -> Actor:
        actor = Actor(id=actor_id(name), roles=roles, cameras=cameras)
        if actor.id == LOCAL_ACTOR:
            raise BadInput(f"{name} means whoever runs commands here: take another name")
        _check_password(name, password)
        hashed = self._hash(password)
        with self._rows.read() as connection:
            if connection.execute(sa.select(actors.c.id).where(actors.c.id == name)).first():
                raise Conflict(f"there is an actor {name} already")
        arrangement = TRIAL_ARRANGEMENT if roles == FIRST_ACTOR_ROLES else "separate roles"
        self._journal.append(
            ActorSetUp(roles=tuple(sorted(roles)), arrangement=arrangement, actor=actor.id)
        )
        with self._rows.write() as connection:
            connection.execute(
                actors.insert().values(
                    id=actor.id,
                    roles=json.dumps(sorted(roles)),
                    cameras=None if cameras is None else json.dumps(sorted(cameras)),
                    password=hashed,
                    made_at_us=self._clock.now().us,
                )
            )
        return actor

    def _open(self, actor: Actor) -> SessionOpened:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        now = self._clock.now()
        expires_at = now.plus(SESSION_US_MAX)
        with self._rows.write() as connection:
            connection.execute(sessions.delete().where(sessions.c.expires_at_us <= now.us))
            _drop_oldest(connection, actor.id)
            connection.execute(
                sessions.insert().values(
                    digest=_digest(token),
                    actor=actor.id,
                    opened_at_us=now.us,
                    expires_at_us=expires_at.us,
                )
            )
        return SessionOpened(token=token, actor=actor, expires_at=expires_at)

    def _hash(self, password: str) -> str:
        self._take_turn()
        try:
            return self._hasher.hash(password)
        finally:
            self._checks.release()

    def _check(self, known: str, password: str) -> bool:
        self._take_turn()
        try:
            return self._hasher.verify(known, password[: PASSWORD_CHARACTERS_MAX + 1])
        except (VerificationError, InvalidHashError):
            return False
        finally:
            self._checks.release()

    def _take_turn(self) -> None:
        if not self._checks.acquire(timeout=PASSWORD_CHECK_WAIT_US_MAX / US_PER_SECOND):
            raise Overloaded("too many people sign in at this moment: try again in a few seconds")


class _Tries:
    """Sign-in tries of the last minutes: one entry per actor, shared ones for other names.

    Kept in memory. HOLE: a restart of the door forgets them, which gives a guesser ten more
    tries per restart; restarts are in the ledger.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._at_us: dict[str, deque[int]] = {}

    def begin(self, key: str) -> None:
        """Count a try before it is checked, so that many at once count too."""
        now_us = self._clock.monotonic_us()
        with self._lock:
            tries = self._at_us.setdefault(key, deque(maxlen=SIGN_IN_TRIES_MAX))
            while tries and tries[0] <= now_us - SIGN_IN_WINDOW_US:
                tries.popleft()
            if len(tries) >= SIGN_IN_TRIES_MAX:
                raise Overloaded("too many wrong passwords for this name: wait a few minutes")
            tries.append(now_us)

    def forget(self, key: str) -> None:
        with self._lock:
            self._at_us.pop(key, None)


def _bucket(name: str) -> str:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    return f"bucket {number % SIGN_IN_BUCKETS}"


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _actor(row: sa.Row[*tuple[Any, ...]]) -> Actor:
    cameras = None if row.cameras is None else frozenset(map(CameraId, json.loads(row.cameras)))
    return Actor(id=ActorId(row.id), roles=frozenset(json.loads(row.roles)), cameras=cameras)


def _check_password(name: str, password: str) -> None:
    if not PASSWORD_CHARACTERS_MIN <= len(password) <= PASSWORD_CHARACTERS_MAX:
        raise BadInput(
            f"a password has {PASSWORD_CHARACTERS_MIN} to {PASSWORD_CHARACTERS_MAX} characters"
        )
    if password.casefold() == name.casefold():
        raise BadInput("a password is not the name")
    if len(set(password)) < 3:
        raise BadInput("a password of one or two different characters is too easy")


def _drop_oldest(connection: Connection, actor: ActorId) -> None:
    kept = (
        sa.select(sessions.c.digest)
        .where(sessions.c.actor == actor)
        .order_by(sessions.c.opened_at_us.desc())
        .limit(SESSIONS_PER_ACTOR_MAX - 1)
    )
    connection.execute(
        sessions.delete().where(sessions.c.actor == actor, sessions.c.digest.not_in(kept))
    )
