"""TLS towards cameras: who answers must be who was asked, or one whose certificate we were given.

Cameras rarely have a certificate from a known authority, and one of their own seldom names the
number they are reached at. So a certificate counts in two ways: it is signed by a known authority
(or one in `cameras.certificates`) and names the host, or it is itself in that file, bit for bit.

Source:  RFC 8446; RFC 9525 (names in certificates).
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack

from fairview.core.errors import BadInput, NotAllowed, Unavailable
from fairview.core.limits import SOURCE_OPEN_US_MAX
from fairview.core.time import US_PER_SECOND
from fairview.ingest.address import AddressRules, Endpoint

_WAIT_S = SOURCE_OPEN_US_MAX / US_PER_SECOND
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def connected(place: Endpoint) -> socket.socket:
    """A TCP connection to a checked place. Errors: OSError."""
    return socket.create_connection((place.number, place.port), timeout=_WAIT_S)


def secured(
    place: Endpoint,
    rules: AddressRules,
    name: str,
    connect: Callable[[Endpoint], socket.socket] = connected,
) -> ssl.SSLSocket:
    """A TLS connection to a checked place. name: what errors call it.

    Bounds:  limits.SOURCE_OPEN_US_MAX for each of at most two connections.
    Errors:  NotAllowed for a certificate that is not trusted; Unavailable when what answers does
    not speak TLS; OSError as of a plain connection.
    """
    given = _given(rules)
    try:
        return _handshake(place, _checking(rules), connect, place.host)
    except ssl.SSLCertVerificationError as error:
        because = error.verify_message
    except ssl.SSLError as error:
        raise Unavailable(
            f"{name} does not speak TLS there ({error.reason}): check the port, or use the "
            "address without the s"
        ) from error
    if given:
        line = _handshake(place, _unchecked(), connect, place.host)
        if line.getpeercert(binary_form=True) in given:
            return line
        line.close()
    raise NotAllowed(
        f"{name} shows a certificate that is not trusted ({because}): save it as PEM and name the "
        "file in the setting cameras.certificates"
    )


def _handshake(
    place: Endpoint,
    context: ssl.SSLContext,
    connect: Callable[[Endpoint], socket.socket],
    host: str,
) -> ssl.SSLSocket:
    with ExitStack() as stack:
        line = stack.enter_context(connect(place))
        line.settimeout(_WAIT_S)
        secure = context.wrap_socket(line, server_hostname=host)
        stack.pop_all()
        return secure


def _checking(rules: AddressRules) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if rules.certificates is not None:
        fault = None
        try:
            context.load_verify_locations(cafile=rules.certificates)
        except OSError as error:  # also what the ssl module raises for a file that is no PEM
            fault = error
        if fault is not None:
            raise BadInput(
                f"the file of cameras.certificates, {rules.certificates}, can't be read: give a "
                "PEM file of certificates"
            ) from fault
    return context


def _unchecked() -> ssl.SSLContext:
    """For a connection whose certificate is compared afterwards, before a byte is said."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _given(rules: AddressRules) -> frozenset[bytes]:
    if rules.certificates is None or not rules.certificates.is_file():
        return frozenset()
    text = rules.certificates.read_text(encoding="ascii", errors="replace")
    return frozenset(ssl.PEM_cert_to_DER_cert(found) for found in _PEM.findall(text))
