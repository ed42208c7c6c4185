"""Sending one notice: a signed post to a webhook, or a mail. Nothing here retries.

Only hosts that the settings name are spoken to. A webhook's host is resolved once, each of its
addresses is checked, and the connection goes to the checked address: a name that points elsewhere
the next moment (DNS rebinding) reaches nothing. Redirects are not followed.

Source:  RFC 2104 and 4231 (HMAC-SHA256), RFC 3207 (STARTTLS), RFC 5322 and 3834 (mail).
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import smtplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from urllib.parse import urlsplit

from fairview.config.settings import Notifier, is_loopback
from fairview.core.camera import Login
from fairview.core.errors import BadInput, NotAllowed, Unavailable
from fairview.core.limits_health import NOTICE_SEND_US_MAX
from fairview.core.time import US_PER_SECOND, Instant
from fairview.events.notices import Notice, subject, text
from fairview.run.health.notice_logins import MAIL_LOGIN, WEBHOOK_PREFIX

SIGNATURE_HEADER = "Fairview-Signature"
_TIMEOUT_S = NOTICE_SEND_US_MAX / US_PER_SECOND
_RETRIED = (408, 425, 429)
_ANSWER_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A notice on its way to one receiver: `to` is a webhook's address or a mail address."""

    id: str
    to: str
    is_mail: bool
    notice: Notice


class Sender:
    """Used by one thread."""

    def __init__(self, settings: Notifier, logins: Mapping[str, Login]) -> None:
        self._settings = settings
        self._logins = logins

    def send(self, letter: Letter, now: Instant) -> None:
        """Errors:  Unavailable: try again later. BadInput, NotAllowed: it never will work."""
        if letter.is_mail:
            self._mail(letter, now)
        else:
            self._post(letter, now)

    def _post(self, letter: Letter, now: Instant) -> None:
        login = self._logins.get(WEBHOOK_PREFIX + letter.notice.rule)
        if login is None:
            raise BadInput(
                f"the webhook of {letter.notice.rule} has no secret to sign with: "
                f"fairview notice secret {letter.notice.rule}"
            )
        body = body_of(letter)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Fairview",
            "Fairview-Notice": letter.id,
            SIGNATURE_HEADER: signature(login.password.reveal(), body, now),
        }
        parts = urlsplit(letter.to)
        connection = self._connection(letter.to)
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            answer.read(_ANSWER_BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{parts.hostname} did not take it: {error}") from error
        finally:
            connection.close()
        if 200 <= answer.status < 300:
            return
        said = f"{parts.hostname} answered {answer.status}"
        if answer.status >= 500 or answer.status in _RETRIED:
            raise Unavailable(said)
        raise NotAllowed(f"{said}: look at the webhook's address and its secret")

    def _connection(self, address: str) -> http.client.HTTPConnection:
        parts = urlsplit(address)
        host = parts.hostname or ""
        is_local = host in self._settings.local_hosts
        if not is_local and host not in self._settings.hosts:
            raise BadInput(f"{host} is not in notifier.hosts")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        place = checked_address(host, port, is_local=is_local)
        if parts.scheme == "https":
            return _Pinned(host, place, port, self._tls())
        if parts.scheme == "http" and is_local and ipaddress.ip_address(place).is_loopback:
            return http.client.HTTPConnection(place, port, timeout=_TIMEOUT_S)
        raise BadInput("a webhook begins with https:// (http:// only to this machine)")

    def _mail(self, letter: Letter, now: Instant) -> None:
        settings = self._settings
        assert settings.smtp_host is not None, "settings refuse rules with mail and no server"
        assert settings.smtp_from is not None, "settings refuse rules with mail and no sender"
        mail = mail_of(letter, settings.smtp_from, now)
        try:
            with self._server(settings.smtp_host) as server:
                login = self._logins.get(MAIL_LOGIN)
                if login is not None:
                    server.login(login.name, login.password.reveal())
                server.send_message(mail)
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPRecipientsRefused) as error:
            raise NotAllowed(f"{settings.smtp_host} refused the login or the address") from error
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"{settings.smtp_host} did not take it: {_said(error)}") from error

    def _server(self, host: str) -> smtplib.SMTP:
        """A connection that is encrypted before anything is said, as the settings ask.

        A server that suddenly offers no STARTTLS gets nothing.
        """
        settings = self._settings
        if settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(
                host, settings.smtp_port, timeout=_TIMEOUT_S, context=self._tls()
            )
        server = smtplib.SMTP(host, settings.smtp_port, timeout=_TIMEOUT_S)
        if settings.smtp_security == "off" and is_loopback(host):
            return server
        try:
            server.starttls(context=self._tls())
        except (OSError, smtplib.SMTPException):
            server.close()
            raise
        return server

    def _tls(self) -> ssl.SSLContext:
        file = self._settings.ca_file
        try:
            context = ssl.create_default_context(cafile=None if file is None else str(file))
        except (OSError, ssl.SSLError) as error:
            raise BadInput(f"notifier.ca_file {file} can't be used: {error}") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class _Pinned(http.client.HTTPSConnection):
    """HTTPS to an address that was checked, with the certificate of the name that was asked."""

    def __init__(self, host: str, place: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=_TIMEOUT_S, context=context)
        self._place = place
        self._tls_context = context

    def connect(self) -> None:
        plain = socket.create_connection((self._place, self.port), timeout=_TIMEOUT_S)
        self.sock = self._tls_context.wrap_socket(plain, server_hostname=self.host)


def checked_address(host: str, port: int, *, is_local: bool) -> str:
    """An address of a host that may be spoken to.

    Errors:  NotAllowed when any of its addresses is not what it may be; Unavailable.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unavailable(f"{host} is not found: {error}") from error
    places = [str(one[4][0]).partition("%")[0] for one in found]
    for place in places:
        refuse_address(host, place, is_local=is_local)
    return places[0]


def refuse_address(host: str, place: str, *, is_local: bool) -> None:
    """Errors:  NotAllowed for link-local (a cloud's metadata), multicast and unspecified addresses
    always, and for private ones unless the host is listed for them."""
    address = ipaddress.ip_address(place)
    mapped = getattr(address, "ipv4_mapped", None)
    address = address if mapped is None else mapped
    if address.is_link_local or address.is_multicast or address.is_unspecified:
        raise NotAllowed(f"{host} is at {place}, where no notices go")
    if not is_local and not address.is_global:
        raise NotAllowed(
            f"{host} is at {place}, which is not public: list it in notifier.local_hosts"
        )


def body_of(letter: Letter) -> bytes:
    """What a webhook gets: JSON, the same for every try."""
    notice = letter.notice
    conditions = [
        {
            "kind": one.key.kind,
            "camera": one.key.camera,
            "part": one.key.part,
            "since": one.since.iso(),
            "because": one.because,
            "is_over": one.is_over,
        }
        for one in notice.lines
    ]
    whole = {
        "version": 1,
        "id": letter.id,
        "rule": notice.rule,
        "kind": notice.kind,
        "at": notice.at.iso(),
        "going": notice.going,
        "subject": subject(notice),
        "text": text(notice),
        "conditions": conditions,
    }
    return json.dumps(whole, ensure_ascii=False).encode()


def signature(secret: str, body: bytes, now: Instant) -> str:
    """`t=<seconds since 1970>,v1=<hex>`: HMAC-SHA256 over `<t>.<body>`."""
    seconds = str(now.us // US_PER_SECOND)
    digest = hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256)
    return f"t={seconds},v1={digest.hexdigest()}"


def mail_of(letter: Letter, sender: str, now: Instant) -> EmailMessage:
    """A plain mail that asks for no answer."""
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = letter.to
    mail["Subject"] = subject(letter.notice)
    mail["Date"] = format_datetime(now.datetime_utc())
    mail["Message-ID"] = f"<{letter.id}@{sender.rpartition('@')[2] or 'fairview'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text(letter.notice))
    return mail


def _said(error: Exception) -> str:
    """Why, without what a server may repeat of a login or an address."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {error.smtp_code}"
    return type(error).__name__ if isinstance(error, smtplib.SMTPException) else str(error)
