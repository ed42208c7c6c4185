"""When and how much of a camera is kept, as it is typed: for `camera add` and `camera change`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Annotated, get_args

import typer

from fairview.access.door import CameraKeeping
from fairview.cli.words import duration_us
from fairview.core.camera import KEEP_BYTES_MIN, Camera
from fairview.core.errors import BadInput
from fairview.core.ids import CameraStream
from fairview.core.recording import RecordingMode, RecordingPlan, Trigger
from fairview.core.time import US_PER_SECOND
from fairview.core.week_hours import hours_text, week_hours

Mode = Annotated[
    str | None,
    typer.Option(help="When it is kept: continuous (always, the default), events or schedule."),
]
PreRoll = Annotated[
    str | None, typer.Option(help="With --mode events: kept from before (5s; up to 60s).")
]
PostRoll = Annotated[
    str | None, typer.Option(help="With --mode events: kept after its end (10s; up to 60s).")
]
On = Annotated[
    str | None, typer.Option(help="With --mode events, what one is: motion, rule or motion,rule.")
]
Hours = Annotated[
    str | None,
    typer.Option(help='With --mode schedule: "mon-fri 08:00-18:00, sat 22:00-06:00".'),
]
Zone = Annotated[str | None, typer.Option(help="Time zone of --hours: Europe/Berlin (else UTC).")]
Record = Annotated[str | None, typer.Option(help="Which streams are kept: main, sub or both.")]
KeepAtMost = Annotated[
    str | None, typer.Option(help="Oldest hours go above this: 200GB, 1.5TB, or no-limit.")
]
Disk = Annotated[
    str | None, typer.Option(help="The disk its footage goes to, or any (the default).")
]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\Z", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_STREAMS: dict[str, tuple[CameraStream, ...]] = {"main": ("main",), "sub": ("sub",), "both": ()}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingWords:
    """What was typed; None: nothing was said."""

    mode: str | None
    pre_roll: str | None
    post_roll: str | None
    on: str | None
    hours: str | None
    zone: str | None
    record: str | None
    keep_at_most: str | None
    disk: str | None

    @property
    def is_silent(self) -> bool:
        return all(getattr(self, name) is None for name in self.__dataclass_fields__)


def keeping_said(words: KeepingWords, before: CameraKeeping) -> CameraKeeping:
    """What was said in place of what was; the rest stays. --hours alone means by schedule, --on
    alone around events.

    Errors:  BadInput that names the word.
    """
    if words.record is not None and words.record not in _STREAMS:
        raise BadInput(f"--record {words.record}: say main, sub or both")
    streams = before.streams if words.record is None else _STREAMS[words.record]
    size = before.keep_bytes_max
    if words.keep_at_most is not None:
        size = None if words.keep_at_most == "no-limit" else size_bytes(words.keep_at_most)
        if size is not None and size < KEEP_BYTES_MIN:
            raise BadInput(f"{words.keep_at_most} is too little to keep: say 100MB or more")
    disk = before.disk
    if words.disk is not None:
        disk = None if words.disk == "any" else words.disk
    return CameraKeeping(
        recording=_plan(words, before.recording), streams=streams, keep_bytes_max=size, disk=disk
    )


def size_bytes(text: str) -> int:
    """`200GB` (10^9), `1.5TB` or `500MiB` (2^20) as bytes. Errors: BadInput."""
    found = _SIZE.match(text.strip())
    if found is None:
        raise BadInput(f"{text!r} is not a size: write it like 200GB, 1.5TB or 500MiB")
    unit = int((1024 if found[3] else 1000) ** _POWERS[found[2].lower()])
    return round(float(found[1]) * unit)


def keeping_text(camera: Camera) -> str:
    """How a camera is kept, in words."""
    plan = camera.recording
    if plan.mode == "continuous":
        when = "always"
    elif plan.mode == "schedule":
        when = f"{hours_text(plan.hours)} ({plan.zone})"
    else:
        pre, post = (us / US_PER_SECOND for us in (plan.pre_roll_us, plan.post_roll_us))
        when = f"on {' or '.join(plan.triggers)}, from {pre:g} s before to {post:g} s after"
    kept = [source.stream for source in camera.sources if source.is_recorded]
    which = "" if len(kept) == len(camera.sources) else f", only the {kept[0]} stream"
    size = camera.keep_bytes_max
    most = "" if size is None else f", at most {size / 1e9:g} GB"
    return f"{when}{which}{most}{f', on disk {camera.disk}' if camera.disk else ''}"


def _plan(words: KeepingWords, before: RecordingPlan) -> RecordingPlan:
    mode = before.mode
    if words.mode is not None:
        mode = _mode(words.mode)
    elif words.hours is not None:
        mode = "schedule"
    elif words.on is not None:
        mode = "events"
    _refuse_unused(words, mode)
    plan = replace(
        before,
        triggers=before.triggers if words.on is None else _triggers(words.on),
        pre_roll_us=before.pre_roll_us if words.pre_roll is None else _roll_us(words.pre_roll),
        post_roll_us=before.post_roll_us if words.post_roll is None else _roll_us(words.post_roll),
        hours=before.hours if words.hours is None else week_hours(words.hours),
        zone=words.zone or before.zone,
    )
    return replace(plan, mode=mode)


def _refuse_unused(words: KeepingWords, mode: RecordingMode) -> None:
    """A word that would change nothing is a mistake. Errors: BadInput."""
    asks: dict[RecordingMode, tuple[str, ...]] = {
        "events": ("on", "pre_roll", "post_roll"),
        "schedule": ("hours", "zone"),
    }
    for of, names in asks.items():
        said = [name for name in names if getattr(words, name) is not None]
        if of != mode and said:
            raise BadInput(f"--{said[0].replace('_', '-')} is for --mode {of}, not for {mode}")


def _mode(text: str) -> RecordingMode:
    modes: tuple[RecordingMode, ...] = get_args(RecordingMode)
    for mode in modes:
        if text == mode:
            return mode
    raise BadInput(f"--mode {text}: say continuous (always), events or schedule")


def _triggers(text: str) -> tuple[Trigger, ...]:
    made: list[Trigger] = []
    for part in (one.strip() for one in text.split(",")):
        if part not in ("motion", "rule"):
            raise BadInput(f"--on {text}: say motion, rule or motion,rule")
        if part not in made:
            made.append("motion" if part == "motion" else "rule")
    return tuple(made)


def _roll_us(text: str) -> int:
    return 0 if text.strip() in ("0", "0s") else duration_us(text)
