"""Taking out of text and settings what nobody else should read. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

MASK = "•••"
_ADDRESS_LOGIN = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]{1,15}://)[^\s/@\"']*@", re.IGNORECASE)
_ADDRESS_QUERY = re.compile(r"(?P<rest>\b[a-z][a-z0-9+.-]{1,15}://[^\s\"'?]*)\?[^\s\"']*", re.I)
_MAIL = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_NAMED = re.compile(
    r"(?P<name>(?:pass(?:word|wd|phrase)?|secret|token|authorization|cookie|api[_-]?key|actor|session"
    r"|login|signature|look)[\"']?\s*[:=]\s*)(?:Bearer\s+|Basic\s+)?(\"[^\"]*\"|'[^']*'|[^\s,;}\"']+)",
    re.IGNORECASE,
)
_LONG_SECRET = re.compile(r"\b[0-9a-fA-F]{40,}\b|\b[A-Za-z0-9_-]{43,}\b")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+\S+")

_SETTINGS_MASKED = frozenset(
    {"token_sha256", "mail", "smtp_from", "contact", "operator", "smtp_host", "legal_basis"}
)

_SETTINGS_PATHS = frozenset({"data", "models", "ca_file", "certificate", "private_key"})
"""Of these the last part stays: the folders before it are often somebody's name."""


def redacted(text: str, names: Collection[str] = ()) -> str:
    """Text without logins in addresses, queries, mail addresses, named secrets, long random
    words, and the names given."""
    text = _ADDRESS_LOGIN.sub(rf"\g<scheme>{MASK}@", text)
    text = _ADDRESS_QUERY.sub(rf"\g<rest>?{MASK}", text)
    text = _BEARER.sub(MASK, text)
    text = _NAMED.sub(rf"\g<name>{MASK}", text)
    text = _MAIL.sub(lambda found: MASK if "://" not in found[0] else found[0], text)
    text = _LONG_SECRET.sub(MASK, text)
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(name)}(?![\w-])", MASK, text)
    return text


def masked_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as they are, but for what is secret or names a person. A webhook keeps its host:
    its path is often a key."""
    return {name: _masked(name, value) for name, value in values.items()}


def _masked(name: str, value: Any) -> Any:
    if value in (None, "", (), []):
        return value
    if name in _SETTINGS_MASKED:
        return MASK
    if name == "webhook":
        parts = urlsplit(str(value))
        return f"{parts.scheme}://{parts.hostname}/{MASK}"
    if name in _SETTINGS_PATHS and "/" in str(value):
        return f"{MASK}/{PurePath(str(value)).name}"
    if isinstance(value, Mapping):
        return masked_settings(value)
    if isinstance(value, list | tuple):
        return [masked_settings(one) if isinstance(one, Mapping) else one for one in value]
    return redacted(value) if isinstance(value, str) else value
