"""The pool's side of one rendering child: start, ask with a time limit, end."""

from __future__ import annotations

import socket
import subprocess  # the children are our own program, with a fixed argument list
import sys
from typing import TypeVar

import msgspec

from fairview.access.render_scene import CoverModelName, Showing
from fairview.access.render_words import (
    Ask,
    CleanLoad,
    Failed,
    ModelLoad,
    Ready,
    Reply,
    Show,
    read_reply,
    send,
)
from fairview.analyse.clean import CleanPicture
from fairview.core.errors import Unavailable, error_named
from fairview.core.limits import RENDER_START_US_MAX
from fairview.core.time import US_PER_SECOND, Clock

ReplyKind = TypeVar("ReplyKind", bound=Reply)

PROGRAM = (sys.executable, "-I", "-m", "fairview.access.render_child")
_ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "LC_ALL": "C.UTF-8"}


class RenderProcess:
    """One child. Used by one thread at a time.

    Any answer that is late, missing or of another kind kills the child: what it would say next
    can't be trusted to belong to the next question.
    """

    def __init__(self, clock: Clock, program: tuple[str, ...] = PROGRAM) -> None:
        """Starts the program; it loads while the caller goes on (see `ready`).

        Call from a thread that lives as long as the child may: the kernel ends the child when
        the thread that started it ends.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line = ours
        self._clock = clock
        self._clean_us: int | None = None
        self._model: CoverModelName | None = None
        self._is_ready = False
        self.look = ""
        self.warnings: tuple[str, ...] = ()
        self._process = subprocess.Popen(
            program,
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            close_fds=True,
        )
        theirs.close()

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ready(self) -> None:
        """Wait for the child to have loaded. Errors: Unavailable, and it is killed."""
        if not self._is_ready:
            self.warnings = self.hear(Ready, RENDER_START_US_MAX).warnings
            self._is_ready = True

    def ask(self, word: Ask, kind: type[ReplyKind], within_us: int) -> ReplyKind:
        """One question and its answer.

        Errors:  the child's own; Unavailable when it died or took too long, and it is killed.
        """
        self.tell(word, within_us)
        return self.hear(kind, within_us)

    def tell(self, word: Ask, within_us: int) -> None:
        """Something that needs no answer, or several: see `hear`. Errors: as `ask`."""
        self.ready()
        self._line.settimeout(within_us / US_PER_SECOND)
        try:
            send(self._line, word)
        except OSError as error:
            self.kill()
            raise Unavailable("a rendering stopped; ask again") from error

    def show(self, showing: Showing, within_us: int) -> Show:
        """The showing in the wire's words, after its clean picture was loaded."""
        clean = showing.clean
        if clean is not None:
            self.load(clean, within_us)
        if showing.model is not None and showing.model != self._model:
            self.tell(ModelLoad(folder=showing.model.folder, name=showing.model.name), within_us)
            self._model = showing.model
        return Show(
            rendition=showing.rendition,
            clean_at_us=None if clean is None else clean.made_at.us,
            zones=showing.zones,
            raw_because=showing.raw_because,
            width_px_max=showing.width_px_max,
            fps_max=showing.fps_max,
            has_model=showing.model is not None,
        )

    def load(self, clean: CleanPicture, within_us: int) -> None:
        """Hand over a clean picture, unless it is the one the child has."""
        if self._clean_us == clean.made_at.us:
            return
        height, width = clean.pixels.shape[:2]
        load = CleanLoad(
            made_at_us=clean.made_at.us,
            width_px=width,
            height_px=height,
            rgb=clean.pixels.tobytes(),
        )
        self.tell(load, within_us)
        self._clean_us = clean.made_at.us

    def kill(self) -> None:
        """End the child now; safe to repeat."""
        self._line.close()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def hear(self, kind: type[ReplyKind], within_us: int) -> ReplyKind:
        """The next answer to what was told. Errors: as `ask`."""
        until_us = self._clock.monotonic_us() + within_us

        def left_s() -> float:
            return max(until_us - self._clock.monotonic_us(), 1) / US_PER_SECOND

        try:
            reply = read_reply(self._line, left_s)
        except TimeoutError as error:
            self.kill()
            raise Unavailable("a rendering took too long and was stopped; ask again") from error
        except (OSError, msgspec.DecodeError) as error:
            self.kill()
            raise Unavailable("a rendering stopped; ask again") from error
        if isinstance(reply, Failed):
            raise error_named(reply.name, reply.message)
        if not isinstance(reply, kind):
            self.kill()
            raise Unavailable("a rendering stopped; ask again")
        return reply
