"""What a faulty camera does and when, read from a line of text. See bad_camera.py for the words."""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from fairview.core.errors import BadInput
from fairview.core.limits import FAULT_SCRIPT_MAX
from fairview.core.time import US_PER_SECOND

Step = Literal["connect", "OPTIONS", "DESCRIBE", "SETUP", "PLAY", "alive"]
STEPS: tuple[Step, ...] = ("connect", "OPTIONS", "DESCRIBE", "SETUP", "PLAY", "alive")
FOR_EVER_US = 24 * 3_600 * US_PER_SECOND
LIES = ("codec", "payload", "sets", "no-video", "huge", "clock", "control", "nothing")

_HEAD = re.compile(
    r"(?:at (?P<step>connect|OPTIONS|DESCRIBE|SETUP|PLAY|alive)(?:, (?P<times>\d+) times)?"
    r"|(?P<when>at|every) (?P<seconds>\d+(?:\.\d+)?) s): (?P<what>.+)\Z"
)
_NUMBER = r"(?P<number>[+-]?\d+(?:\.\d+)?)"
_FORMS: dict[str, tuple[str, str]] = {
    # kind: where it may stand (s step, m in mid-stream), and what follows it
    "hang": ("sm", rf"(?:{_NUMBER} s|for ever)"),
    "trickle": ("sm", rf"{_NUMBER} s"),
    "close": ("sm", ""),
    "rubbish": ("sm", rf"{_NUMBER}"),
    "huge": ("sm", ""),
    "half": ("s", ""),
    "status": ("s", rf"{_NUMBER}"),
    "login": ("s", ""),
    "redirect": ("s", r"(?P<word>\S+)"),
    "cseq": ("s", ""),
    "early": ("s", rf"{_NUMBER}"),
    "timeout": ("s", rf"{_NUMBER} s"),
    "lie": ("s", rf"(?P<word>{'|'.join(LIES)})"),
    "drop": ("m", rf"{_NUMBER}"),
    "repeat": ("m", rf"{_NUMBER}"),
    "swap": ("m", rf"{_NUMBER}"),
    "halve": ("m", rf"{_NUMBER}"),
    "freeze": ("m", rf"{_NUMBER}"),
    "jump": ("m", rf"{_NUMBER} s"),
    "drift": ("m", rf"{_NUMBER} ppm"),
    "report": ("m", rf"(?:(?P<word>1970|off|well)|{_NUMBER} s)"),
    "film": ("m", rf"{_NUMBER}"),
    "fps": ("m", rf"{_NUMBER}"),
    "burst": ("m", rf"{_NUMBER} s"),
    "pressure": ("m", rf"{_NUMBER} kB"),
    "expire": ("m", ""),
}
_COUNTED = frozenset(("drop", "repeat", "swap", "halve", "freeze", "rubbish", "film", "early"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFault:
    """One trouble. step: while a request is answered, `times` times (None: always); else in
    mid-stream, after_us behind the first PLAY, and again every every_us (0: once).

    number: seconds, a count, ppm, kilobytes or a rate, as the kind says; word: for the kinds
    that take one.
    """

    kind: str
    step: Step | None = None
    times: int | None = None
    after_us: int = 0
    every_us: int = 0
    number: float = 0.0
    word: str = ""

    @property
    def count(self) -> int:
        return round(self.number)

    @property
    def us(self) -> int:
        """Its seconds, as microseconds."""
        return round(self.number * US_PER_SECOND)


def camera_script(text: str) -> tuple[CameraFault, ...]:
    """A script as faults, in the order of their moments.

    Errors:  BadInput for a part that can't be read, naming it, or more than FAULT_SCRIPT_MAX.
    """
    parts = [part.strip() for part in re.split(r"[;\n]", text) if part.strip()]
    if len(parts) > FAULT_SCRIPT_MAX:
        raise BadInput(f"a script has at most {FAULT_SCRIPT_MAX} parts")
    return tuple(sorted((_fault(part) for part in parts), key=lambda fault: fault.after_us))


def _fault(part: str) -> CameraFault:
    head = _HEAD.match(part)
    kind, _, rest = (head["what"] if head else "").partition(" ")
    where, form = _FORMS.get(kind, ("", ""))
    found = re.fullmatch(form, rest.strip()) if where else None
    if head is None or found is None:
        raise BadInput(
            f"{part!r} is not a fault: write 'at DESCRIBE: hang 5 s' or 'at 3 s: drop 4'"
        )
    step = head["step"]
    if ("s" if step else "m") not in where:
        raise BadInput(f"{part!r}: {kind} is no fault of {'a request' if step else 'a stream'}")
    named = found.groupdict()
    is_endless = kind == "hang" and named.get("number") is None
    number = FOR_EVER_US / US_PER_SECOND if is_endless else float(named.get("number") or 0)
    if (kind in _COUNTED or kind in ("fps", "timeout", "trickle")) and number < 0:
        raise BadInput(f"{part!r}: a count or a duration is not negative")
    after_us = round(float(head["seconds"] or 0) * US_PER_SECOND)
    is_repeated = head["when"] == "every"
    if is_repeated and after_us <= 0:
        raise BadInput(f"{part!r}: what comes again and again leaves time between")
    return CameraFault(
        kind=kind,
        step=step,  # type: ignore[arg-type]  # the pattern lets only steps through
        times=int(head["times"]) if head["times"] else None,
        after_us=after_us,
        every_us=after_us if is_repeated else 0,
        number=number,
        word=named.get("word") or "",
    )


class CameraPlan:
    """A script under way, over all connections to one stream. Safe from several threads."""

    def __init__(self, faults: tuple[CameraFault, ...], seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._left = {at: one.times for at, one in enumerate(faults) if one.step is not None}
        self._faults = faults
        self._due = {at: one.after_us for at, one in enumerate(faults) if one.step is None}
        self._first_us: int | None = None
        self.chance = random.Random(seed)  # noqa: S311  # replayed

    def at_step(self, step: Step) -> tuple[CameraFault, ...]:
        """What goes wrong with this request now; each counts as happened."""
        found = []
        with self._lock:
            for at, left in self._left.items():
                if self._faults[at].step != step or left == 0:
                    continue
                if left is not None:
                    self._left[at] = left - 1
                found.append(self._faults[at])
        return tuple(found)

    def begin(self, now_us: int) -> None:
        """The first PLAY was answered: mid-stream times count from here."""
        with self._lock:
            if self._first_us is None:
                self._first_us = now_us

    def due(self, now_us: int) -> tuple[CameraFault, ...]:
        """What goes wrong in mid-stream now, earliest first; each counts as happened."""
        return tuple(self._due_now(now_us))

    def _due_now(self, now_us: int) -> Iterator[CameraFault]:
        with self._lock:
            if self._first_us is None:
                return
            passed_us = now_us - self._first_us
            for at in sorted(self._due, key=self._due.__getitem__):
                fault = self._faults[at]
                if self._due[at] > passed_us:
                    continue
                if fault.every_us:
                    # What was due while nobody was connected does not happen all at once.
                    self._due[at] = passed_us - passed_us % fault.every_us + fault.every_us
                else:
                    del self._due[at]
                yield fault


def random_script(seed: int, seconds: float) -> str:
    """A script of mid-stream and step faults drawn from a seed, one every few seconds.

    The same seed and length give the same text. Nothing in it lasts for ever.
    """
    chance = random.Random(seed)  # noqa: S311  # replayed
    parts = []
    for step in ("connect", "DESCRIBE", "SETUP", "PLAY"):
        if chance.random() < 0.3:
            what = chance.choice(("hang 2 s", "close", "rubbish 300", "status 503", "half"))
            if step == "connect" and what in ("status 503", "half"):
                what = "close"
            parts.append(f"at {step}, {chance.randint(1, 2)} times: {what}")
    at = chance.uniform(1, 4)
    while at < seconds:
        parts.append(f"at {at:.1f} s: {_random_fault(chance)}")
        at += chance.uniform(1.5, 6)
    return "; ".join(parts)


def _random_fault(chance: random.Random) -> str:
    few, lasts_s = chance.randint(1, 6), chance.uniform(0.5, 4)
    return chance.choice(
        (
            f"drop {few}",
            f"repeat {few}",
            f"swap {few}",
            f"halve {few}",
            f"freeze {few}",
            f"hang {lasts_s:.1f} s",
            f"burst {lasts_s:.1f} s",
            f"jump {chance.choice((-3600, -2, 2, 86_400))} s",
            f"drift {chance.choice((-200, 200))} ppm",
            "report 1970",
            f"report {chance.choice((-3600, 3600))} s",
            f"rubbish {chance.randint(1, 2_000)}",
            "huge",
            "close",
            "expire",
        )
    )
