"""Which kinds of health event there are, what each says, and what it asks of a person."""

from __future__ import annotations

from dataclasses import dataclass

from fairview.events.conditions import CONDITION_KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class EventKind:
    """name is stored; what and do are shown."""

    name: str
    what: str
    do: str


_TOLD: tuple[EventKind, ...] = (
    EventKind(
        name="camera_away",
        what="A camera can't be reached or fell silent; nothing of it is recorded.",
        do="Look at its power, cable, address and login. Recording resumes by itself.",
    ),
    EventKind(
        name="camera_back",
        what="A camera that was away is recorded again.",
        do="Nothing.",
    ),
    EventKind(
        name="camera_clock",
        what="How a camera's own clock stands against ours, and how fast it drifts: by `rtcp` when "
        "the camera says its time, by `arrival` when only its pictures tell. Footage keeps our "
        "time.",
        do="Nothing for seconds; set the camera's clock (NTP) when it is minutes off.",
    ),
    EventKind(
        name="picture_bad",
        what="A camera's picture can't be measured: frozen, blind, dark, covered, out of focus, "
        "moved, wet, flat, or its clock is wrong.",
        do="Look at the camera. Counts say that they did not see this stretch.",
    ),
    EventKind(
        name="picture_good",
        what="A camera's picture is well again.",
        do="Nothing.",
    ),
    EventKind(
        name="triggers_away",
        what="A camera that is kept around events or by hours can't be: nobody looks for what "
        "happens there, or not fast enough. It is kept always until that is right again.",
        do="Look whether an analyser runs and is not overloaded; for rules, whether the camera's "
        "scene has any; for hours, at the time zone.",
    ),
    EventKind(
        name="triggers_back",
        what="A camera is kept around events again.",
        do="Nothing.",
    ),
    EventKind(
        name="key_supply_spare",
        what="The key pair for the hour was in doubt, so footage is sealed to the spare pair.",
        do="Look at the machine's clock and at whether the door is running.",
    ),
    EventKind(
        name="key_supply_back",
        what="Footage is sealed to the pair of its hour again.",
        do="Nothing.",
    ),
    EventKind(
        name="disk_failing",
        what="Footage could not be written.",
        do="Make room, or look at the disk. Recording resumes by itself.",
    ),
    EventKind(
        name="disk_back",
        what="Footage can be written again.",
        do="Nothing.",
    ),
    EventKind(
        name="camera_disk_gone",
        what="The disk that a camera is to be kept on is not in the list any more; its footage "
        "goes to the others, as the policy says.",
        do="Name another one (camera change --disk), or `any`.",
    ),
    EventKind(
        name="catalogue_away",
        what="A recorder can't reach the catalogue; it records on and keeps the rows in memory.",
        do="Nothing if it ends soon; else look at the node's log.",
    ),
    EventKind(
        name="process_ended",
        what="One of the node's processes ended and was started again.",
        do="Look at the node's log when it repeats.",
    ),
    EventKind(
        name="shredding_paused",
        what="The clock ran far ahead without cause, so no key dies until it is trusted again.",
        do="Set the machine's clock. Viewing stops after 24 hours of this; recording never does.",
    ),
    EventKind(
        name="footage_unreadable",
        what="Footage came back from a backup without its keys, which a backup never holds.",
        do="Nothing brings it back. It goes with its retention; new footage is not affected.",
    ),
    EventKind(
        name="review_overdue",
        what="A camera's register entry is past its review date, so it stopped recording.",
        do="Review the entry and save it with a new date.",
    ),
    EventKind(
        name="review_due",
        what="A camera's register entry must be reviewed within four weeks.",
        do="Review the entry and save it with a new date.",
    ),
)

_NAMES = frozenset(kind.name for kind in _TOLD)
KINDS: tuple[EventKind, ...] = (
    *_TOLD,
    *(
        EventKind(name=kind.name, what=kind.what, do=kind.do)
        for kind in CONDITION_KINDS
        if kind.name not in _NAMES
    ),
    EventKind(
        name="condition_over",
        what="Something that was wrong is right again; the text names it and how long it was.",
        do="Nothing.",
    ),
)


def event_kind(name: str) -> EventKind | None:
    """The kind of that name; None for one this version doesn't know."""
    return next((kind for kind in KINDS if kind.name == name), None)
