"""How the node itself talks to its processes: rows to the catalogue, two questions to the door."""

from __future__ import annotations

import msgspec

from fairview.core.camera import Secret
from fairview.run.places import Meeting
from fairview.store.catalogue_remote import RemoteCatalogue
from fairview.store.wire import Connection


class AskSetUpLink(msgspec.Struct, frozen=True):
    """Make a fresh one-time link, unless somebody has an account already."""


class SetUpLink(msgspec.Struct, frozen=True):
    token: Secret | None


class AskOwnerSession(msgspec.Struct, frozen=True):
    """A session of the data folder's owner, for one command on this machine."""


class OwnerSession(msgspec.Struct, frozen=True):
    token: str


def catalogue_client(meeting: Meeting) -> RemoteCatalogue:
    return RemoteCatalogue(meeting.sockets.path("catalogue"), meeting.secrets.catalogue)


def ask_set_up_link(meeting: Meeting) -> Secret | None:
    """The token for the first account; None when there is an account. Errors: Unavailable."""
    control = Connection(meeting.sockets.path("control"), meeting.secrets.control)
    try:
        return control.call(AskSetUpLink(), SetUpLink).token
    finally:
        control.close()
