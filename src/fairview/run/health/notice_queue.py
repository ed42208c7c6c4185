"""Notices that wait to be sent: kept in a file, so that a restart loses none."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import structlog

from fairview.config.settings import NoticeRule
from fairview.core import limits_health as limits
from fairview.core.errors import BadInput, NotAllowed, Unavailable
from fairview.core.ids import CameraId, new_hex_id
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, Clock
from fairview.events.notices import Notice, NoticeState, Rule
from fairview.run.health.notice_sending import Letter, Sender
from fairview.store.durable import replace_file

FILE = "notifier.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A letter, how often it was tried, and when it is due (monotonic; 0 after a restart)."""

    letter: Letter
    tries: int = 0
    due_us: int = 0


class _File(msgspec.Struct):
    format: int
    state: NoticeState
    waiting: tuple[Letter, ...]


class NoticeQueue:
    """Used by one thread. Every change is durable before it counts."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._log = structlog.get_logger()
        self._spread = random.SystemRandom()
        self.state = NoticeState()
        self._waiting: tuple[Waiting, ...] = ()
        self._load()

    @property
    def waiting(self) -> tuple[Letter, ...]:
        return tuple(one.letter for one in self._waiting)

    def put(self, state: NoticeState, letters: tuple[Letter, ...]) -> None:
        """Take letters, and what will have been told with them; both or neither survive."""
        waiting = (*self._waiting, *(Waiting(letter=one) for one in letters))
        if len(waiting) > limits.NOTICE_QUEUE_MAX:
            dropped = len(waiting) - limits.NOTICE_QUEUE_MAX
            self._log.error("notices dropped: too many wait", dropped=dropped)
            waiting = waiting[dropped:]
        is_news = bool(letters) or state != self.state
        self.state, self._waiting = state, waiting
        if is_news:
            self._save()

    def send(self, sender: Sender) -> None:
        """Try every letter that is due, once."""
        for one in self._waiting:
            if self._clock.monotonic_us() >= one.due_us:
                self._try(one, sender)

    def _try(self, one: Waiting, sender: Sender) -> None:
        letter = one.letter
        log = self._log.bind(rule=letter.notice.rule, notice=letter.id, tries=one.tries + 1)
        try:
            sender.send(letter, self._clock.now())
        except Unavailable as error:
            if one.tries + 1 < limits.NOTICE_TRIES_MAX:
                self._later(one)
                log.warning("notice not sent yet", because=str(error))
                return
            log.error("notice dropped", because=str(error))
        except (BadInput, NotAllowed) as error:
            log.error("notice dropped", because=str(error))
        else:
            log.info(
                "notice sent", kind=letter.notice.kind, by="mail" if letter.is_mail else "post"
            )
        self._waiting = tuple(two for two in self._waiting if two.letter.id != letter.id)
        self._save()

    def _later(self, one: Waiting) -> None:
        wait_us = min(limits.NOTICE_RETRY_US_FIRST << one.tries, limits.NOTICE_RETRY_US_MAX)
        due_us = self._clock.monotonic_us() + round(wait_us * self._spread.uniform(0.7, 1.0))
        later = replace(one, tries=one.tries + 1, due_us=due_us)
        self._waiting = tuple(
            later if two.letter.id == one.letter.id else two for two in self._waiting
        )

    def _load(self) -> None:
        """What an earlier process left. A file that can't be read is put aside, and said so."""
        try:
            data = self._path.read_bytes()
            if len(data) > limits.NOTICE_STATE_BYTES_MAX:
                raise msgspec.ValidationError("it is too large")
            file = msgspec.json.decode(data, type=_File)
            if file.format != _FORMAT:
                raise msgspec.ValidationError(f"format {file.format} is not known")
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError, BadInput) as error:
            self._log.error("waiting notices are lost", because=str(error), file=str(self._path))
            return
        self.state = file.state
        self._waiting = tuple(Waiting(letter=one) for one in file.waiting)
        if self._waiting:
            self._log.info("notices wait from before", notices=len(self._waiting))

    def _save(self) -> None:
        file = _File(format=_FORMAT, state=self.state, waiting=self.waiting)
        try:
            replace_file(self._path, msgspec.json.encode(file))
        except Unavailable as error:
            # They are sent all the same; only a restart now would lose them.
            self._log.error("waiting notices can't be kept", because=str(error))


def rule_of(row: NoticeRule) -> Rule:
    return Rule(
        name=row.name,
        conditions=frozenset(row.conditions),
        cameras=frozenset(CameraId(one) for one in row.cameras),
        after_us=round(row.after_min * US_PER_MINUTE),
        back=row.back,
        repeat_us=round(row.repeat_h * US_PER_HOUR),
        quiet_us=round(row.quiet_min * US_PER_MINUTE),
    )


def letters_of(row: NoticeRule, notice: Notice) -> tuple[Letter, ...]:
    """One letter for each receiver of a rule."""
    posts = () if row.webhook is None else (row.webhook,)
    return (
        *(Letter(id=new_hex_id(), to=one, is_mail=False, notice=notice) for one in posts),
        *(Letter(id=new_hex_id(), to=one, is_mail=True, notice=notice) for one in row.mail),
    )
