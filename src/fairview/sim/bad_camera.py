"""A faulty camera: an RTSP server on this machine that misbehaves as a script says.

It serves films of H.264, H.265 or MJPEG at real pace, over TCP (interleaved) or UDP, with sender
reports and digest login; `/main` shows the first film, `/sub` the second one (the first where
there is one only). A script and a seed make the same trouble again. Parts of a script stand
between semicolons:

    at STEP[, N times]: FAULT     while that request is answered, the first N times or always;
                                  STEP is connect, OPTIONS, DESCRIBE, SETUP, PLAY or alive (any
                                  later request, such as GET_PARAMETER)
    at 3.5 s: FAULT               in mid-stream, once, that long after the stream's first PLAY
                                  (reconnecting does not begin anew)
    every 20 s: FAULT             the same, again and again

At a step and in mid-stream:

    hang 5 s | hang for ever      neither answers nor sends; what was due meanwhile is lost
    trickle 8 s                   one byte a second, then the rest (datagrams: nothing at all)
    close                         closes the connection
    rubbish 300                   so many random bytes instead of the answer, or between frames
    huge                          an answer of 999,999,999 bytes; a frame header of 65,535 bytes

At a step only:

    half                          half an answer, then closes
    status 503                    that answer (404, 454, 461, 500, …)
    login                         401 with a challenge, whatever was proved
    redirect rtsp://…             302 to there
    cseq                          the answer to another request
    early 12                      so many packets before the answer to PLAY
    timeout 4 s                   (SETUP) the session ends when no request comes for so long
    lie codec | payload | sets | no-video | huge | clock | control | nothing
                                  (DESCRIBE) H.265 called H.264 and the reverse; another payload
                                  type than is sent; parameter sets turned round; no video; 2 MB;
                                  a clock of 1 kHz; a track at another machine; an empty answer

In mid-stream only:

    drop 4, repeat 4, swap 4      the next packets: missing, twice, each behind the one after it
    halve 3                       of the next pictures only the first half of their packets
    freeze 10                     the next pictures carry one and the same time stamp
    jump -3600 s                  time stamps step
    drift 200 ppm                 time stamps run fast (or slow) from here on
    report 1970 | off | well | +3600 s
                                  sender reports: a clock that starts in 1970, none, right, off
    film 1                        another film: resolution, codec, key-frame distance change
    fps 12.5                      pictures come at another rate (0: the film's own)
    burst 2 s                     nothing for so long, then everything at once
    pressure 64 kB                no more than that waits for a slow reader; then pictures go, up
                                  to the next key frame
    expire                        the session is forgotten: no more pictures, 454 to requests

Loopback only; ends by itself after its lifetime. `python -m fairview.sim.bad_camera --help`.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import ssl
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self, cast

from fairview.core.camera import Login, Secret
from fairview.core.errors import BadInput
from fairview.core.limits_sim import BAD_CAMERA_CONNECTIONS_MAX, BAD_CAMERA_SENT_MAX
from fairview.core.time import US_PER_SECOND, Clock, SystemClock
from fairview.sim.bad_camera_connection import Connection
from fairview.sim.bad_camera_film import Film, FilmCodec, Made, film_of_file, made_film
from fairview.sim.bad_camera_play import Sent, Shown
from fairview.sim.bad_camera_script import CameraPlan, camera_script, random_script
from fairview.sim.bad_camera_talk import Guard

_LOOK_S = 0.2
_JPEG_PAYLOAD_TYPE = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSetup:
    """How a faulty camera is when nothing goes wrong.

    ways: the transports it has (tcp, udp). reports_every_us: between sender reports, 0 for none.
    pace: film seconds in one of ours. lifetime_us: it ends by itself then. tls: makes it RTSPS.
    """

    port: int = 0
    guard: Guard | None = None
    ways: frozenset[str] = frozenset(("tcp", "udp"))
    reports_every_us: int = 5 * US_PER_SECOND
    payload_type: int = 96
    pace: float = 1.0
    lifetime_us: int = 60 * US_PER_SECOND
    tls: ssl.SSLContext | None = None
    clock: Clock = field(default_factory=SystemClock)


class BadCamera:
    """Serves from `start` (or `with`) until `close` or the end of its lifetime.

    Bounds:  BAD_CAMERA_CONNECTIONS_MAX connections at once, the next ones are closed; a thread
    each. `sent` keeps the newest BAD_CAMERA_SENT_MAX pictures, `asked` as many requests' lines.
    Errors:  BadInput for a script that can't be read; OSError for a port that is taken.
    """

    def __init__(
        self,
        films: tuple[Film, ...],
        *,
        script: str = "",
        seed: int = 0,
        setup: CameraSetup | None = None,
    ) -> None:
        if not films:
            raise BadInput("a camera shows at least one film")
        self.setup = setup or CameraSetup()
        self.seed = seed
        self._films = films
        self._faults = camera_script(script)
        self._plans: dict[str, CameraPlan] = {}
        self._plays = 0
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._server: socket.socket | None = None
        self.stop = threading.Event()
        self.port = 0
        self.sent: deque[Sent] = deque(maxlen=BAD_CAMERA_SENT_MAX)
        self.asked: deque[str] = deque(maxlen=BAD_CAMERA_SENT_MAX)

    def start(self) -> Self:
        self._server = socket.create_server(("127.0.0.1", self.setup.port), backlog=64)
        self._server.settimeout(_LOOK_S)
        self.port = self._server.getsockname()[1]
        accepting = threading.Thread(target=self._accept, name="bad camera", daemon=True)
        self._threads.append(accepting)
        accepting.start()
        return self

    def close(self) -> None:
        """Let everyone go; safe to repeat."""
        self.stop.set()
        for thread in self._threads:
            thread.join(timeout=10)
        if self._server is not None:
            self._server.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def address(self, stream: str = "main") -> str:
        scheme = "rtsps" if self.setup.tls is not None else "rtsp"
        return f"{scheme}://127.0.0.1:{self.port}/{stream}"

    def films(self, path: str) -> tuple[Film, ...]:
        """What a path shows: its first film, and the ones a script can change to."""
        if path == "sub" and len(self._films) > 1:
            return (*self._films[1:], self._films[0])
        return self._films

    def plan(self, path: str) -> CameraPlan:
        """The script under way for a path; kept over its connections."""
        with self._lock:
            if path not in self._plans:
                self._plans[path] = CameraPlan(self._faults, self.seed)
            return self._plans[path]

    def shown(self, path: str) -> Shown:
        """What the next PLAY of a path shows."""
        with self._lock:
            self._plays += 1
            number = self._plays
        films, setup = self.films(path), self.setup
        return Shown(
            path=path,
            play=number,
            films=films,
            plan=self.plan(path),
            clock=setup.clock,
            payload_type=self.payload_type(films[0]),
            pace=setup.pace,
            reports_every_us=setup.reports_every_us,
            told=self.sent.append,
            seed=self.seed,
        )

    def payload_type(self, film: Film) -> int:
        return _JPEG_PAYLOAD_TYPE if film.codec == "mjpeg" else self.setup.payload_type

    def _accept(self) -> None:
        assert self._server is not None
        begun_us = self.setup.clock.monotonic_us()
        while not self.stop.is_set():
            if self.setup.clock.monotonic_us() - begun_us > self.setup.lifetime_us:
                self.stop.set()
                break
            try:
                peer, _ = self._server.accept()
            except TimeoutError:
                continue
            except OSError:
                break
            self._threads = [one for one in self._threads if one.is_alive()]
            if len(self._threads) > BAD_CAMERA_CONNECTIONS_MAX:
                peer.close()
                continue
            thread = threading.Thread(
                target=Connection(self, peer).run, name="bad camera connection", daemon=True
            )
            self._threads.append(thread)
            thread.start()
        self._server.close()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--script", default="")
    parser.add_argument("--random", type=int, help="draw a script from this seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--film", type=Path, action="append", help="a file; main, then sub")
    parser.add_argument("--codec", choices=("h264", "hevc", "mjpeg"), default="h264")
    parser.add_argument("--size", default="320x192", help="WIDTHxHEIGHT of a film that is made")
    parser.add_argument("--fps", type=int, default=25)
    parser.add_argument("--key-every", type=int, default=25, help="pictures between key frames")
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60, help="how long it lives")
    parser.add_argument("--ways", default="tcp,udp")
    parser.add_argument("--reports", type=float, default=5, help="seconds between, 0: none")
    parser.add_argument("--login", help="NAME:PASSWORD that it asks for")
    return parser.parse_args()


def _films(options: argparse.Namespace) -> tuple[Film, ...]:
    if options.film:
        return tuple(film_of_file(one) for one in options.film)
    width, _, height = options.size.partition("x")
    made = Made(
        codec=cast("FilmCodec", options.codec),
        width_px=int(width),
        height_px=int(height),
        fps=options.fps,
        pictures=options.pictures,
        key_every=options.key_every,
    )
    return (made_film(made),)


def main() -> int:
    """Serve until the lifetime is over or a SIGTERM; JSON lines tell the port, then the end."""
    options = _options()
    guard = None
    if options.login:
        name, _, password = options.login.partition(":")
        guard = Guard(login=Login(name=name, password=Secret(password)))
    script = options.script
    if options.random is not None:
        script = random_script(options.random, options.seconds)
    setup = CameraSetup(
        port=options.port,
        guard=guard,
        ways=frozenset(options.ways.split(",")),
        reports_every_us=round(options.reports * US_PER_SECOND),
        lifetime_us=round(options.seconds * US_PER_SECOND),
    )
    camera = BadCamera(_films(options), script=script, seed=options.seed, setup=setup)
    signal.signal(signal.SIGTERM, lambda *_: camera.stop.set())
    with camera:
        _say({"port": camera.port, "script": script})
        camera.stop.wait()
    _say({"pictures": len(camera.sent), "requests": len(camera.asked)})
    return 0


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
