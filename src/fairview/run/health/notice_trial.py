"""Trying a rule's receivers from the command line, as the notifier would reach them."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.config.settings import Settings
from fairview.core.errors import FairviewError, NotFound
from fairview.core.time import Clock
from fairview.events.notices import Notice
from fairview.run.health.notice_logins import check_rules, opened_logins
from fairview.run.health.notice_queue import letters_of
from fairview.run.health.notice_sending import Sender
from fairview.run.notifier_process import logins_of
from fairview.store.layout import open_data_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """because: why it was not taken, empty when it was."""

    to: str
    because: str


def try_rule(settings: Settings, name: str, clock: Clock) -> tuple[Tried, ...]:
    """Send a test notice once to each receiver. Errors: NotFound for a rule there is none of."""
    check_rules(settings.notices)
    known = {one.name: one for one in settings.notices}
    if name not in known:
        names = ", ".join(known) or "none"
        raise NotFound(f"there are no [[notices]] of the name {name} (known: {names})")
    opened = opened_logins(open_data_folder(settings.data))["logins"]
    assert isinstance(opened, dict), "the orders of the notifier"
    sender = Sender(settings.notifier, logins_of(opened))
    notice = Notice(rule=name, kind="test", at=clock.now(), lines=())
    tried = []
    for letter in letters_of(known[name], notice):
        because = ""
        try:
            sender.send(letter, clock.now())
        except FairviewError as error:
            because = str(error)
        tried.append(Tried(to=letter.to, because=because))
    return tuple(tried)
