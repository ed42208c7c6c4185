"""Looking at a source in a program of its own.

What a stranger's camera sends is parsed here, not beside the door's keys: this child is started
afresh, is told one address, and answers with figures only. JSON in on standard input, JSON out.
"""

from __future__ import annotations

import json
import subprocess  # the child is our own program, with a fixed argument list
import sys
from pathlib import Path

from fairview.access.usb_coder import usb_coder
from fairview.core.camera import Login, Secret, Source, transport_named
from fairview.core.errors import FairviewError, Unavailable, error_named, outcome_of
from fairview.core.ids import camera_stream
from fairview.core.limits import PROBE_CHILD_US_MAX
from fairview.core.time import US_PER_SECOND, SystemClock
from fairview.ingest.address import AddressRules
from fairview.ingest.probe import Probed, probe

_PROGRAM = (sys.executable, "-I", "-m", "fairview.access.probe_child")


def probe_apart(source: Source, login: Login | None, rules: AddressRules) -> Probed:
    """What a source sends, found out by a child process.

    Errors:  as ingest.probe; Unavailable also when the child dies or takes too long.
    """
    asked = {
        "stream": source.stream,
        "kind": source.kind,
        "address": source.address,
        "transport": source.transport,
        "login": None if login is None else [login.name, login.password.reveal()],
        "allow_loopback": rules.allow_loopback,
        "certificates": None if rules.certificates is None else str(rules.certificates),
    }
    try:
        done = subprocess.run(
            _PROGRAM,
            input=json.dumps(asked).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_CHILD_US_MAX / US_PER_SECOND,
            check=False,
            cwd="/",
            env={"LC_ALL": "C.UTF-8"},
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable("looking at this address took too long: is it a camera?") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise Unavailable("looking at this address failed: its stream may be damaged") from error
    if "error" in answer:
        raise error_named(answer["error"], answer["message"])
    return Probed(**answer)


def main() -> None:
    """The child: one question, one answer."""
    asked = json.load(sys.stdin)
    source = Source(
        stream=camera_stream(asked["stream"]),
        kind=asked["kind"],
        address=asked["address"],
        transport=transport_named(asked["transport"]),
    )
    login = None
    if asked["login"] is not None:
        name, password = asked["login"]
        login = Login(name=name, password=Secret(password))
    certificates = asked["certificates"]
    rules = AddressRules(
        allow_loopback=asked["allow_loopback"],
        certificates=None if certificates is None else Path(certificates),
    )
    answer: dict[str, object]
    try:
        found = probe(source, login, SystemClock(), rules, usb_coder)
        answer = {name: getattr(found, name) for name in Probed.__slots__}
    except FairviewError as error:
        answer = {"error": outcome_of(error).name, "message": str(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
