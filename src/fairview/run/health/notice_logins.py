"""Logins and secrets for notices, sealed in the data folder, opened by the node alone.

The notifier gets what its rules need on standard input, and never the key that also opens the
cameras' logins.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import msgspec

from fairview.config.settings import NoticeRule, Settings
from fairview.core.camera import Secret
from fairview.core.errors import BadInput, Corrupt, NotFound, Unavailable
from fairview.events.conditions import CONDITION_KINDS
from fairview.store.durable import replace_file
from fairview.store.layout import DataFolder
from fairview.store.secrets import SecretBox, read_key, read_or_make_key

FILE = "notices.sealed"
MAIL_LOGIN = "smtp"
WEBHOOK_PREFIX = "webhook-"
"""Followed by the rule's name: the secret its posts are signed with."""

_SECRET_CHARACTERS_MAX = 1_000


class _Sealed(msgspec.Struct):
    version: int
    entries: dict[str, bytes]


class _Entry(msgspec.Struct):
    name: str
    secret: str


def seal_notice_login(folder: DataFolder, entry: str, name: str, secret: Secret) -> None:
    """Keep one under `smtp` or `webhook-<rule>`; one that stood there is replaced.

    Errors:  BadInput for an empty or endless secret; Unavailable.
    """
    if not 1 <= len(secret.reveal()) <= _SECRET_CHARACTERS_MAX:
        raise BadInput(f"a secret for notices has 1 to {_SECRET_CHARACTERS_MAX} characters")
    box = SecretBox(read_or_make_key(folder.secrets_key))
    entries = _read(folder).entries
    data = msgspec.msgpack.encode(_Entry(name=name, secret=secret.reveal()))
    entries[entry] = box.seal(data, _context(entry))
    replace_file(folder.root / FILE, msgspec.msgpack.encode(_Sealed(version=1, entries=entries)))


def opened_logins(folder: DataFolder) -> dict[str, object]:
    """All of them as the extra orders of the notifier: `{"logins": {entry: [name, secret]}}`.

    Errors:  Corrupt when the file can't be opened with this folder's key.
    """
    entries = _read(folder).entries
    if not entries:
        return {"logins": {}}
    try:
        box = SecretBox(read_key(folder.secrets_key))
    except NotFound as error:
        raise Corrupt("the key of the notices' logins is gone; enter them again") from error
    opened: dict[str, list[str]] = {}
    for entry, sealed in entries.items():
        found = msgspec.msgpack.decode(box.open(sealed, _context(entry)), type=_Entry)
        opened[entry] = [found.name, found.secret]
    return {"logins": opened}


def watch_plans(settings: Settings, folder: DataFolder) -> dict[str, dict[str, object]]:
    """Which processes watch over the node, with their extra orders: a notifier only where there
    is a rule for one. Errors: BadInput for a rule about conditions that there are none of."""
    check_rules(settings.notices)
    plans: dict[str, dict[str, object]] = {"health": {}}
    if settings.notices:
        plans["notifier"] = opened_logins(folder)
    return plans


def check_rules(rules: Sequence[NoticeRule]) -> None:
    """Errors:  BadInput with the nearest name there is."""
    names = [kind.name for kind in CONDITION_KINDS]
    for rule in rules:
        for name in rule.conditions:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
                raise BadInput(
                    f"the notices {rule.name}: there is no condition {name}; did you mean {near}?"
                )


def _read(folder: DataFolder) -> _Sealed:
    path = folder.root / FILE
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=_Sealed)
    except FileNotFoundError:
        return _Sealed(version=1, entries={})
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise Corrupt(f"{path} can't be read; enter the notices' logins again") from error


def _context(entry: str) -> bytes:
    return b"notice login " + entry.encode()
