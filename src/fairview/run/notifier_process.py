"""The notifier: asks the health process what is wrong, and tells whom the settings name.

The one process that writes to the outside. It holds no key, no footage and no camera's login; of
the notices' own logins it gets those in its orders.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from fairview.config.settings import NoticeRule
from fairview.core.camera import Login, Secret
from fairview.core.errors import FairviewError
from fairview.core.health import Condition, NodeHealth
from fairview.core.limits_health import HEALTH_ANSWER_US_MAX, NOTIFIER_TURN_US
from fairview.core.time import Clock, SystemClock
from fairview.events.notices import due
from fairview.run.health.messages import AskNodeHealth
from fairview.run.health.notice_queue import FILE, NoticeQueue, letters_of, rule_of
from fairview.run.health.notice_sending import Letter, Sender
from fairview.run.orders import StartOrders, follow, read_start
from fairview.store.layout import open_data_folder
from fairview.store.wire import Connection


def main() -> None:
    orders = read_start("notifier")
    stop = threading.Event()
    follow(stop)
    run_notifier(orders, SystemClock(), stop)


def run_notifier(orders: StartOrders, clock: Clock, stop: threading.Event) -> None:
    """Tell until told to stop; what was not sent by then waits in the file."""
    folder = open_data_folder(orders.settings.data)
    queue = NoticeQueue(folder.root / FILE, clock)
    sender = Sender(orders.settings.notifier, logins_of(orders.extra["logins"]))
    place, secret = orders.sockets.path("health"), orders.secrets["health"]
    health = Connection(place, secret, timeout_us=HEALTH_ANSWER_US_MAX, pool_max=1)
    log = structlog.get_logger()
    try:
        while not stop.is_set():
            try:
                known = health.call(AskNodeHealth(), NodeHealth)
                look(orders.settings.notices, known.conditions, queue, clock)
            except FairviewError as error:
                log.debug("health process away", because=str(error))
            queue.send(sender)
            clock.wait(stop, NOTIFIER_TURN_US)
    finally:
        health.close()


def look(
    rows: Sequence[NoticeRule],
    conditions: Sequence[Condition],
    queue: NoticeQueue,
    clock: Clock,
) -> None:
    """One look: what is due goes into the queue."""
    by_name = {one.name: one for one in rows}
    rules = [rule_of(one) for one in rows]
    state, notices = due(rules, conditions, queue.state, clock.now())
    letters: list[Letter] = []
    for notice in notices:
        letters += letters_of(by_name[notice.rule], notice)
    queue.put(state, tuple(letters))


def logins_of(opened: Mapping[str, Any]) -> dict[str, Login]:
    """The notices' logins as the orders hold them."""
    return {
        entry: Login(name=name, password=Secret(secret)) for entry, (name, secret) in opened.items()
    }


if __name__ == "__main__":
    main()
