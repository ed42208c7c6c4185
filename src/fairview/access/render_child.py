"""The rendering child: a program without network that opens, decodes, covers and encodes.

Started by access/render_process.py with one socket as its standard input and nothing else. It
confines itself first (own network namespace, limits, no core dumps, dies with its parent), then
loads the rest, says Ready, and answers until the socket closes. Keys reach it in requests for
the one look it serves, and end with it.

HOLE: it can still read files its user can read (the door's key files among them, until system
call filters come); it has no way to send them anywhere but to the pool.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import sys
from collections.abc import Callable

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9


def confine() -> list[str]:
    """Give up what rendering never needs, before anything large is loaded.

    Returns what this machine refused, in words; the pool records it.
    """
    refused = []
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) != 0:
        because = os.strerror(ctypes.get_errno())
        if libc.unshare(_CLONE_NEWNET) != 0:
            refused.append(f"no network namespace of its own: {because}")
    for option, value, words in (
        (_PR_SET_PDEATHSIG, _SIGKILL, "outlives its parent"),
        (_PR_SET_NO_NEW_PRIVS, 1, "may gain privileges"),
        (_PR_SET_DUMPABLE, 0, "can be dumped"),
    ):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            refused.append(f"{words}: {os.strerror(ctypes.get_errno())}")
    return refused


def limit(memory_bytes: int, cpu_seconds: int) -> None:
    """Bounds for a program that only computes: no files, no children, no core."""
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 16),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(kind, (value, value))


def main() -> int:
    """Runs until the pool closes the socket; 0 then."""
    line = socket.socket(fileno=os.dup(0))
    # Namespaces can only be left by a program with one thread: confine before numpy loads.
    refused = confine()
    serve = _loaded()
    return serve(line, refused)


def _loaded() -> Callable[[socket.socket, list[str]], int]:
    import av
    import cv2

    from fairview.access.render_loop import serve
    from fairview.core.limits import RENDER_CPU_SECONDS_MAX, RENDER_MEMORY_BYTES_MAX

    cv2.setNumThreads(1)
    av.logging.set_level(None)
    limit(RENDER_MEMORY_BYTES_MAX, RENDER_CPU_SECONDS_MAX)
    return serve


if __name__ == "__main__":
    sys.exit(main())
