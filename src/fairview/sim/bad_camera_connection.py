"""One connection of a faulty camera: requests answered, pictures sent, faults when due."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

from fairview.core.errors import BadInput
from fairview.core.limits_sim import BAD_CAMERA_WAITING_BYTES_MAX
from fairview.core.time import US_PER_SECOND
from fairview.sim.bad_camera_play import Gone, Play, Way
from fairview.sim.bad_camera_rtp import RtpSender, interleaved
from fairview.sim.bad_camera_script import FOR_EVER_US, CameraFault, Step
from fairview.sim.bad_camera_talk import Asked, answer, description, request_in

if TYPE_CHECKING:
    from fairview.sim.bad_camera import BadCamera

_LOOK_US = 50_000
_TIMEOUT_US = 60 * US_PER_SECOND
_PIECE_BYTES = 65_536
_NO_SEND = (BlockingIOError, TimeoutError)
_SESSION = "5121942"
_PORT_TRIES = 50


class Inside:
    """Packets within the RTSP connection; what the reader does not take waits, up to a bound."""

    is_tcp = True

    def __init__(self, peer: socket.socket, channel: int) -> None:
        self._peer, self._channel = peer, channel
        self._waiting = bytearray()
        self._limit_bytes = BAD_CAMERA_WAITING_BYTES_MAX

    def framed(self, packet: bytes) -> bytes:
        return interleaved(self._channel, packet)

    def rtp(self, packet: bytes) -> None:
        self.raw(self.framed(packet))

    def rtcp(self, packet: bytes) -> None:
        self.raw(interleaved(self._channel + 1, packet))

    def raw(self, data: bytes) -> None:
        self._waiting += data

    def is_full(self) -> bool:
        return len(self._waiting) > self._limit_bytes

    def press(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limit_bytes)

    def flush(self) -> None:
        """As much as the reader takes now. Errors: OSError when it is gone."""
        self._peer.settimeout(0.001)
        with contextlib.suppress(*_NO_SEND):
            while self._waiting:
                sent = self._peer.send(bytes(self._waiting[: 256 * 1024]))
                del self._waiting[:sent]

    @property
    def is_waiting(self) -> bool:
        return bool(self._waiting)


class Datagrams:
    """Packets as UDP, RTP and RTCP from a pair of ports."""

    is_tcp = False

    def __init__(self, host: str, ports: tuple[int, int]) -> None:
        self._to = ((host, ports[0]), (host, ports[1]))
        self._pair = _udp_pair()

    @property
    def ports(self) -> tuple[int, int]:
        return (self._pair[0].getsockname()[1], self._pair[1].getsockname()[1])

    def framed(self, packet: bytes) -> bytes:
        return packet

    def rtp(self, packet: bytes) -> None:
        self._send(0, packet)

    def rtcp(self, packet: bytes) -> None:
        self._send(1, packet)

    def raw(self, data: bytes) -> None:
        self._send(0, data[:1_400])

    def is_full(self) -> bool:
        return False

    def press(self, limit_bytes: int) -> None:
        """Datagrams wait for nobody."""

    def close(self) -> None:
        for one in self._pair:
            one.close()

    def _send(self, which: int, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            self._pair[which].sendto(packet, self._to[which])


def _udp_pair() -> tuple[socket.socket, socket.socket]:
    """An even port and the odd one after it (RFC 3550, 11)."""
    for _ in range(_PORT_TRIES):
        first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        first.bind(("127.0.0.1", 0))
        port = first.getsockname()[1]
        second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if port % 2 == 0 and port < 65_535:
            with contextlib.suppress(OSError):
                second.bind(("127.0.0.1", port + 1))
                return first, second
        first.close()
        second.close()
    raise Gone


class Connection:
    """Used by one thread, whose whole life `run` is."""

    def __init__(self, camera: BadCamera, peer: socket.socket) -> None:
        self._camera, self._peer = camera, peer
        self._clock = camera.setup.clock
        self._asked = bytearray()
        self._inside: Inside | None = None
        self._datagrams: Datagrams | None = None
        self._play: Play | None = None
        self._is_played = False
        self._path = "main"
        self._timeout_us = _TIMEOUT_US
        self._heard_us = self._clock.monotonic_us()

    def run(self) -> None:
        try:
            with contextlib.suppress(Gone, BadInput, OSError):
                self._guarded()
        finally:
            if self._datagrams is not None:
                self._datagrams.close()
            self._peer.close()

    def _guarded(self) -> None:
        if self._camera.setup.tls is not None:
            self._peer.settimeout(5)
            self._peer = self._camera.setup.tls.wrap_socket(self._peer, server_side=True)
        self._troubled("connect", None, b"")
        while not self._camera.stop.is_set():
            now_us = self._clock.monotonic_us()
            play = self._play
            if play is not None:
                play.turn(now_us)
            if self._inside is not None and not (play is not None and play.is_hung(now_us)):
                self._inside.flush()
            self._listen(now_us)
            if self._play is not None and now_us - self._heard_us > self._timeout_us:
                raise Gone

    def _listen(self, now_us: int) -> None:
        """Wait for a request, no longer than until a picture is due."""
        play = self._play
        until_us = now_us + _LOOK_US
        if play is not None:
            until_us = min(until_us, play.due_us(now_us))
        if self._inside is not None and self._inside.is_waiting:
            until_us = min(until_us, now_us + 5_000)
        wait_us = max(until_us - self._clock.monotonic_us(), 500)
        if play is not None and play.is_hung(now_us):
            self._clock.wait(self._camera.stop, min(wait_us, _LOOK_US))
            return
        self._peer.settimeout(wait_us / US_PER_SECOND)
        try:
            piece = self._peer.recv(_PIECE_BYTES)
        except _NO_SEND:
            return
        if not piece:
            raise Gone
        self._asked += piece
        while (asked := request_in(self._asked)) is not None:
            self._heard_us = self._clock.monotonic_us()
            self._camera.asked.append(f"{asked.method} {asked.url}")
            self._answer(asked)

    # Requests

    def _answer(self, asked: Asked) -> None:
        play = self._play
        if play is not None and play.is_expired and asked.method != "OPTIONS":
            self._say(answer(asked, status="454 Session Not Found"))
            return
        guard = self._camera.setup.guard
        if guard is not None and asked.method != "OPTIONS" and not guard.knows(asked):
            self._say(answer(asked, guard.challenge, status="401 Unauthorized"))
            return
        if asked.method == "TEARDOWN":
            self._say(answer(asked))
            raise Gone
        step = self._step(asked.method)
        if step in ("OPTIONS", "DESCRIBE"):
            self._path = asked.url.split("?")[0].rstrip("/").rsplit("/", 1)[-1]
        self._troubled(step, asked, self._usual(step, asked))
        if asked.method == "PLAY" and self._is_played and self._play is None:
            self._begin()

    def _step(self, method: str) -> Step:
        if method in ("OPTIONS", "DESCRIBE", "SETUP", "PLAY") and self._play is None:
            return method  # type: ignore[return-value]  # one of the four
        return "alive"

    def _usual(self, step: Step, asked: Asked) -> bytes:
        if step == "OPTIONS":
            return answer(asked, "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER")
        if step == "DESCRIBE":
            return self._described(asked, "")
        if step == "SETUP":
            return self._set_up(asked)
        if step == "PLAY":
            if self._inside is None and self._datagrams is None:
                return answer(asked, status="455 Method Not Valid in This State")
            self._is_played = True
            return answer(asked, f"Session: {_SESSION}", "Range: npt=0.000-")
        return answer(asked, f"Session: {_SESSION}")

    def _described(self, asked: Asked, lie: str) -> bytes:
        film = self._camera.films(self._path)[0]
        body = description(film, self._camera.payload_type(film), lie)
        return answer(asked, f"Content-Base: {asked.url}/", body=body)

    def _set_up(self, asked: Asked) -> bytes:
        wanted = asked.headers.get("transport", "")
        seconds = self._timeout_us // US_PER_SECOND
        session = f"Session: {_SESSION};timeout={seconds}"
        ways = self._camera.setup.ways
        if asked.url.endswith("/sound"):
            # Nobody listens to what is said; whoever sets it up gets silence.
            return answer(asked, f"Transport: {wanted}", session)
        if "TCP" in wanted and "tcp" in ways:
            first = wanted.partition("interleaved=")[2].partition("-")[0]
            channel = int(first) if first.isdigit() else 0
            self._inside = Inside(self._peer, min(channel, 254))
            way = f"Transport: RTP/AVP/TCP;unicast;interleaved={channel}-{channel + 1}"
            return answer(asked, way, session)
        named = wanted.partition("client_port=")[2].split(";")[0]
        ports = [int(one) for one in named.split("-") if one.isdigit()]
        if "TCP" in wanted or "udp" not in ways or len(ports) != 2:
            return answer(asked, status="461 Unsupported Transport")
        if self._datagrams is not None:
            self._datagrams.close()
        self._datagrams = Datagrams(self._peer.getpeername()[0], (ports[0], ports[1]))
        server = "-".join(map(str, self._datagrams.ports))
        way = f"Transport: RTP/AVP;unicast;client_port={named};server_port={server}"
        return answer(asked, way, session)

    def _begin(self) -> None:
        way: Way | None = self._inside or self._datagrams
        assert way is not None, "a stream is set up before it plays"
        shown = self._camera.shown(self._path)
        shown.plan.begin(self._clock.monotonic_us())
        self._play = Play(shown, way)

    # Trouble

    def _troubled(self, step: Step, asked: Asked | None, usual: bytes) -> None:
        """Say what is usual, or what the script makes of it."""
        said = usual
        trickled_us = 0
        for fault in self._camera.plan(self._path).at_step(step):
            if fault.kind == "hang":
                self._clock.wait(self._camera.stop, fault.us)
            elif fault.kind == "close":
                raise Gone
            elif fault.kind == "trickle":
                trickled_us = fault.us
            elif fault.kind == "half":
                self._say(said[: len(said) // 2])
                raise Gone
            elif fault.kind == "timeout":
                self._timeout_us = max(fault.us, US_PER_SECOND)
                said = self._usual(step, asked) if asked is not None else said
            else:
                said = self._wrong(fault, asked, said)
        if trickled_us:
            said = self._trickled(said, trickled_us)
        self._say(said)

    def _wrong(self, fault: CameraFault, asked: Asked | None, usual: bytes) -> bytes:
        """Another answer than the usual one."""
        kind = fault.kind
        if kind == "rubbish":
            return self._camera.plan(self._path).chance.randbytes(fault.count)
        if kind == "huge":
            return b"RTSP/1.0 200 OK\r\nContent-Length: 999999999\r\n\r\nv=0\r\n"
        if asked is None:
            return usual
        if kind == "early":
            return self._early(fault.count) + usual
        if kind == "lie":
            return self._described(asked, fault.word)
        if kind == "cseq":
            number = str(int(asked.number or 0) + 7) if asked.number.isdigit() else "7"
            return usual.replace(f"CSeq: {asked.number}".encode(), f"CSeq: {number}".encode())
        self._is_played = False
        if kind == "redirect":
            return answer(asked, f"Location: {fault.word}", status="302 Moved")
        if kind == "login":
            challenge = 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
            return answer(asked, challenge, status="401 Unauthorized")
        assert kind == "status", kind
        return answer(asked, status=f"{fault.count} As Scripted")

    def _early(self, count: int) -> bytes:
        """Packets before PLAY was answered: parameter sets only, so that nothing is missed."""
        film = self._camera.films(self._path)[0]
        sender = RtpSender(
            payload_type=self._camera.payload_type(film), ssrc=1, sequence=65_536 - count
        )
        if not film.sets:
            return b""
        inside = self._inside
        if inside is None:
            return b""
        return b"".join(
            inside.framed(sender.packet(film.sets[0], 0, is_last=False)) for _ in range(count)
        )

    def _trickled(self, said: bytes, for_us: int) -> bytes:
        """A byte a second for so long; what is left then."""
        until_us = self._clock.monotonic_us() + min(for_us, FOR_EVER_US)
        while said and self._clock.monotonic_us() < until_us:
            self._say(said[:1])
            said = said[1:]
            if self._clock.wait(self._camera.stop, US_PER_SECOND):
                raise Gone
        return said

    def _say(self, data: bytes) -> None:
        """Among the pictures when they are under way, so that no frame is broken by an answer."""
        if self._inside is not None and self._play is not None:
            self._inside.raw(data)
            return
        self._peer.settimeout(5)
        self._peer.sendall(data)
