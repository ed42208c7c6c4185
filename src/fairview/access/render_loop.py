"""The child's loop: one request, its answers."""

from __future__ import annotations

import socket

from fairview.access.render_words import Failed, Ready, read_ask, send
from fairview.access.render_work import Work
from fairview.core.errors import FairviewError, outcome_of


def serve(line: socket.socket, refused: list[str]) -> int:
    """Answer until the pool is gone. A mistake of ours ends the child; the pool starts another."""
    send(line, Ready(warnings=tuple(refused)))
    work = Work()
    while (ask := read_ask(line)) is not None:
        try:
            for reply in work.answers(ask):
                send(line, reply)
        except FairviewError as error:
            send(line, Failed(name=outcome_of(error).name, message=str(error)))
        del ask
    return 0
