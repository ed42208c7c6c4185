"""Opens a stream: OPTIONS, DESCRIBE, SETUP, PLAY; and keeps it.

Its pictures come within the same TCP connection, or as datagrams beside it.

Nothing is followed: a redirect is refused, and addresses in answers are only ever repeated to the
server that wrote them, within the connection to the checked address.

Source:  RFC 2326; RFC 7616 and RFC 2617 (login).
"""

from __future__ import annotations

import contextlib
import socket
from dataclasses import dataclass

from fairview.core import limits
from fairview.core.camera import Login, Transport
from fairview.core.errors import BadInput, FairviewError, Unavailable
from fairview.core.time import US_PER_SECOND, Clock
from fairview.ingest.address import AddressRules, Endpoint
from fairview.ingest.describe import authorization, refused
from fairview.ingest.lean.line import Line
from fairview.ingest.lean.messages import (
    MESSAGE_LOOKED_AT,
    Message,
    Session,
    begins_message,
    channel_of,
    message_at,
    request,
    session_of,
)
from fairview.ingest.lean.sdp import Offer, offer_of, resolved
from fairview.ingest.lean.unsuited import Unsuited
from fairview.ingest.lean.ways import Pair, Way, agreed, group_pair, unicast_pair, ways_of

_WAIT_S = limits.SOURCE_OPEN_US_MAX / US_PER_SECOND
_PIECE_BYTES = 65_536
_NO_SUCH_WAY = 461
_OFFERED: dict[Way, str] = {
    "tcp": "RTP/AVP/TCP;unicast;interleaved=0-1",
    "udp": "RTP/AVP;unicast;client_port=",
    "multicast": "RTP/AVP;multicast",
}
_NO_SESSION = 454


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """A stream that plays. early: what came with the last answer already.

    pair: where its datagrams come; None within the connection.
    """

    offer: Offer
    channel: int
    session: Session
    url: str
    early: bytearray
    pair: Pair | None = None


class Client:
    """One connection's requests. Used by one thread. Holds the login, shows it to the server only.

    Bounds:  limits.SOURCE_OPEN_US_MAX for connecting and all requests together; of answers, and of
    what comes between them, SDP_BYTES_MAX and LEAN_EARLY_BYTES_MAX.
    Errors:  of `play`: NotAllowed, NotFound, Unavailable, BadInput as `ingest.describe`, and
    Unsuited when FFmpeg should try.
    """

    def __init__(
        self,
        place: Endpoint,
        login: Login | None,
        name: str,
        clock: Clock,
        transport: Transport = "auto",
        rules: AddressRules | None = None,
    ) -> None:
        """rules: whose certificates count over rtsps, where pictures come within the connection
        whatever the transport."""
        self._ways = ways_of("tcp" if place.is_tls else transport)
        self._rules = rules or AddressRules()
        self._pair: Pair | None = None
        self._place, self._login, self._name, self._clock = place, login, name, clock
        self._until_us = clock.monotonic_us() + limits.SOURCE_OPEN_US_MAX
        self._number = 0
        self._challenges: tuple[str, ...] = ()
        self._proofs = 0
        self._data = bytearray()
        self._early = bytearray()
        self._has_get_parameter = False
        self._is_repeated = False
        self._session: Session | None = None
        self.sock: Line | None = None

    def play(self) -> Playing:
        fault: FairviewError | None = None
        try:
            return self._play()
        except TimeoutError:
            fault = Unavailable(
                f"{self._name} did not answer in {_WAIT_S:.0f} s: check its cable and address"
            )
        except ConnectionRefusedError:
            fault = Unavailable(
                f"{self._name} refuses connections: check the port, and that RTSP is on"
            )
        except OSError as error:
            fault = Unavailable(f"{self._name} can't be reached ({error.strerror or error})")
        raise fault

    def keep_alive(self, playing: Playing) -> None:
        """Say that we are still there. Its answer comes among the pictures: see `answered`.

        Errors:  OSError when the connection is gone.
        """
        self._is_repeated = False
        self._say_alive(playing)

    def tell(self, frame: bytes) -> None:
        """Send a frame that may as well be left out: nothing waits for it.

        Errors:  OSError when the connection is gone, or only part of the frame went out.
        """
        assert self.sock is not None
        try:
            sent = self.sock.send(frame)
        except BlockingIOError:
            return
        if sent < len(frame):
            raise ConnectionAbortedError("it does not read what we send")

    def answered(self, message: Message, playing: Playing) -> None:
        """Take what the server said among the pictures.

        Errors:  Unavailable when it has forgotten us; OSError.
        """
        if message.status == _NO_SESSION:
            raise Unavailable(f"{self._name} has ended our session")
        challenges = message.all("www-authenticate")
        if message.status == 401 and challenges and not self._is_repeated:
            self._challenges, self._proofs, self._is_repeated = challenges, 0, True
            self._say_alive(playing)

    def close(self, playing: Playing | None) -> None:
        """Say goodbye where it is expected, and let go; safe to repeat."""
        sock, self.sock = self.sock, None
        if sock is None:
            return
        with contextlib.suppress(OSError):
            if playing is not None:
                sock.setblocking(False)
                sock.send(self._message("TEARDOWN", playing.url))
        sock.close()
        if self._pair is not None:
            self._pair.close()

    def _say_alive(self, playing: Playing) -> None:
        assert self.sock is not None
        method = "GET_PARAMETER" if self._has_get_parameter else "OPTIONS"
        self.sock.sendall(self._message(method, playing.url))

    def _play(self) -> Playing:
        place = self._place
        self.sock = self._connected()
        url = f"{'rtsps' if place.is_tls else 'rtsp'}://{place.authority}{place.path}"
        can = self._asked("OPTIONS", url)
        self._has_get_parameter = "GET_PARAMETER" in (can.first("public") or "")
        told = self._well("DESCRIBE", url, ("Accept", "application/sdp"))
        offer = offer_of(told.body.decode("utf-8", "replace"))
        base = told.first("content-base") or told.first("content-location") or url
        if not base.isascii() or not base.isprintable() or " " in base:
            base = url
        track, whole = resolved(base, offer.control), resolved(base, offer.session_control)
        ready, channel = self._set_up(track, offer)
        self._session = session_of(ready.first("session"))
        self._well("PLAY", whole, ("Range", "npt=0.000-"))
        return Playing(
            offer=offer,
            channel=channel,
            session=self._session,
            url=whole,
            early=self._early + self._data,
            pair=self._pair,
        )

    def _connected(self) -> Line:
        place = self._place
        if not place.is_tls:
            return socket.create_connection((place.number, place.port), timeout=_WAIT_S)
        from fairview.ingest.lean.secure import secure_line

        return secure_line(place, self._rules, self._name)

    def _set_up(self, track: str, offer: Offer) -> tuple[Message, int]:
        """The first way that the server goes along with; the channel of the pictures."""
        refusal = ""
        for way in self._ways:
            offered = _OFFERED[way]
            if way == "udp":
                self._pair = unicast_pair(self._own_number(), self._place.number)
                offered += self._pair.own_ports
            ready = self._asked("SETUP", track, ("Transport", offered))
            if ready.status != _NO_SUCH_WAY:
                self._check(ready)
                try:
                    return ready, self._agree(way, ready.first("transport"), offer)
                except Unsuited as error:
                    refusal = str(error)
        said = refusal or "it refuses with status 461"
        raise Unavailable(
            f"{self._name} does not send over {' or '.join(self._ways)} ({said}): choose another "
            "transport"
        )

    def _agree(self, way: Way, transport: str | None, offer: Offer) -> int:
        """Errors:  Unsuited when the server chose another way."""
        if way == "tcp":
            return channel_of(transport)
        found = agreed(transport)
        is_group = bool(found.group) or (way == "multicast" and bool(offer.group))
        if found.is_tcp or is_group != (way == "multicast"):
            raise Unsuited("it answers with another transport")
        if way == "multicast":
            self._pair = group_pair(
                self._own_number(),
                self._place.number,
                found.group or offer.group,
                found.port or offer.port,
            )
        assert self._pair is not None, "datagrams have their sockets by now"
        self._pair.port = found.port if way == "udp" else 0
        self._pair.report_port = found.report_port or self._pair.report_port
        return 0

    def _own_number(self) -> str:
        assert self.sock is not None
        return str(self.sock.getsockname()[0])

    def _well(self, method: str, url: str, *headers: tuple[str, str]) -> Message:
        answer = self._asked(method, url, *headers)
        self._check(answer)
        return answer

    def _check(self, answer: Message) -> None:
        assert answer.status is not None
        if answer.status != 200:
            raise refused(answer.status, self._name, has_login=self._login is not None)

    def _asked(self, method: str, url: str, *headers: tuple[str, str]) -> Message:
        """A request's answer; asked once more with a proof when the server wants one."""
        answer = self._exchanged(method, url, headers)
        if answer.status == 401 and self._login is not None:
            first, self._challenges = self._challenges, answer.all("www-authenticate")
            self._proofs = 0
            is_stale = any("stale=true" in one.lower() for one in self._challenges)
            if (not first or is_stale) and self._proof(method, url) is not None:
                self._proofs = 0
                answer = self._exchanged(method, url, headers)
        return answer

    def _exchanged(self, method: str, url: str, headers: tuple[tuple[str, str], ...]) -> Message:
        assert self.sock is not None
        self.sock.settimeout(self._left_s())
        self.sock.sendall(self._message(method, url, *headers))
        while True:
            message = self._received()
            number = message.first("cseq")
            if message.status is not None and number in (None, str(self._number)):
                return message

    def _message(self, method: str, url: str, *headers: tuple[str, str]) -> bytes:
        self._number += 1
        all_headers = list(headers)
        if self._session is not None:
            all_headers.append(("Session", self._session.name))
        proof = self._proof(method, url)
        if proof is not None:
            all_headers.append(("Authorization", proof))
        return request(method, url, self._number, all_headers)

    def _proof(self, method: str, url: str) -> str | None:
        if self._login is None or not self._challenges:
            return None
        self._proofs += 1
        return authorization(self._challenges, self._login, url, method=method, count=self._proofs)

    def _received(self) -> Message:
        """The next message; frames before it are kept for the pictures."""
        data = self._data
        while True:
            self._set_frames_aside()
            if data and data[0] != 0x24:
                if begins_message(bytes(data[:MESSAGE_LOOKED_AT])) is False:
                    raise BadInput("what answers there is no RTSP server: check the port")
                found = message_at(data, 0, len(data))
                if found is not None:
                    message, after = found
                    del data[:after]
                    return message
            self._more()

    def _set_frames_aside(self) -> None:
        data, at = self._data, 0
        while at + 4 <= len(data) and data[at] == 0x24:
            after = at + 4 + (data[at + 2] << 8 | data[at + 3])
            if after > len(data):
                break
            at = after
        if at:
            self._early += data[:at]
            del data[:at]
        if len(self._early) > limits.LEAN_EARLY_BYTES_MAX:
            raise BadInput(f"{self._name} sends pictures without an answer: look at the camera")

    def _more(self) -> None:
        assert self.sock is not None
        self.sock.settimeout(self._left_s())
        piece = self.sock.recv(_PIECE_BYTES)
        if not piece:
            raise ConnectionResetError("the connection was closed in the middle of an answer")
        self._data += piece

    def _left_s(self) -> float:
        """Seconds left of the time for opening."""
        left_us = self._until_us - self._clock.monotonic_us()
        if left_us <= 0:
            raise TimeoutError
        return left_us / US_PER_SECOND
