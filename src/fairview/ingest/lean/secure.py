"""TLS as a connection that a client talks over (RTSPS). Loaded when a camera wants it.

One call gives one record (16 KiB at most), waiting is told by an error of its own, and what is
decrypted already is in no socket buffer. `SecureLine` takes as many records as there are, so that
looks at a stream need not know what they look at.
"""

from __future__ import annotations

import ssl

from fairview.ingest.address import AddressRules, Endpoint
from fairview.ingest.tls import secured


def secure_line(place: Endpoint, rules: AddressRules, name: str) -> SecureLine:
    """Errors:  as `ingest.tls.secured`."""
    return SecureLine(secured(place, rules, name))


class SecureLine:
    """TLS as a plain connection. Errors: OSError; BlockingIOError where a plain one raises it."""

    def __init__(self, secure: ssl.SSLSocket) -> None:
        self._secure = secure

    def recv(self, size: int) -> bytes:
        try:
            return self._secure.recv(size)
        except ssl.SSLWantReadError as error:
            raise BlockingIOError(str(error)) from error

    def recv_into(self, room: memoryview) -> int:
        """All records there are, as far as there is room. 0: the other side has closed."""
        count = 0
        while count < len(room):
            try:
                taken = self._secure.recv_into(room[count:])
            except (ssl.SSLWantReadError, TimeoutError) as error:
                if count == 0:
                    raise BlockingIOError(str(error)) from error
                break
            if taken == 0:
                break  # once more and it says so again, with nothing before it
            count += taken
            if self._secure.gettimeout() != 0.0 and not self._secure.pending():
                break
        return count

    def sendall(self, data: bytes) -> None:
        self._secure.sendall(data)

    def send(self, data: bytes) -> int:
        try:
            return self._secure.send(data)
        except ssl.SSLWantWriteError as error:
            raise BlockingIOError(str(error)) from error

    def fileno(self) -> int:
        return self._secure.fileno()

    def settimeout(self, seconds: float | None) -> None:
        self._secure.settimeout(seconds)

    def setblocking(self, is_blocking: bool) -> None:
        self._secure.setblocking(is_blocking)

    def getsockname(self) -> tuple[str, int]:
        name = self._secure.getsockname()
        return str(name[0]), int(name[1])

    def close(self) -> None:
        self._secure.close()
