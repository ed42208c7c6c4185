"""Who may know how things are, and of which cameras."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from fairview.core.case import Actor
from fairview.core.errors import NotAllowed, Unavailable
from fairview.core.health import NodeHealth

if TYPE_CHECKING:
    from fairview.config.settings import Metrics

HealthAsker = Callable[[], NodeHealth]


class HealthDesk:
    """Safe from several threads."""

    def __init__(self, ask: HealthAsker | None, metrics: Metrics) -> None:
        self._ask = ask
        self._metrics = metrics

    def seen_by(self, actor: Actor) -> NodeHealth:
        """What an actor may know of it. Errors: Unavailable."""
        return narrowed(self._asked(), actor)

    def figures(self, token: str) -> NodeHealth:
        """Everything, for a monitor with the token, or on this machine without one.

        Errors:  NotAllowed, Unavailable.
        """
        if not self._lets(token):
            raise NotAllowed(
                "figures are for this machine, a monitor with the token, or someone signed in"
            )
        return self._asked()

    def _lets(self, token: str) -> bool:
        if not token:
            return self._metrics.this_machine
        wanted = self._metrics.token_sha256
        digest = hashlib.sha256(token.encode()).hexdigest()
        return wanted is not None and hmac.compare_digest(digest, wanted)

    def _asked(self) -> NodeHealth:
        if self._ask is None:
            raise Unavailable("nobody watches over this node: it runs without the health process")
        return self._ask()


def narrowed(health: NodeHealth, actor: Actor) -> NodeHealth:
    """The same without cameras that an actor may not know; without the node's own parts, unless
    the actor knows all cameras. Pure."""
    known = actor.cameras
    if known is None:
        return health
    return replace(
        health,
        conditions=tuple(one for one in health.conditions if one.camera in known),
        cameras=tuple(one for one in health.cameras if one.camera in known),
        disks=(),
        processes=(),
        queues=(),
        door=None,
        certificate=None,
    )
