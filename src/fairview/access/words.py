"""Ledger leaves in words, from their public side alone."""

from __future__ import annotations

from collections.abc import Callable

from fairview.access.door import LedgerLine
from fairview.access.leaves import LeafRead
from fairview.core.time import US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND

Texts = dict[str, object]


def line(number: int, leaf: LeafRead) -> LedgerLine:
    """A leaf as a person reads it. A kind of a newer version is named, not explained."""
    write = _WORDS.get(leaf.kind)
    try:
        text = f"A line of kind {leaf.kind}." if write is None else write(leaf.texts)
    except (KeyError, TypeError, ValueError):
        text = f"A line of kind {leaf.kind} that this version can't read."
    return LedgerLine(leaf=number, at=leaf.at, kind=leaf.kind, text=text)


def duration(us: int) -> str:
    """A duration as people say it: 3 h, 10 min, 42 s, 0.4 s."""
    for unit, name in ((US_PER_HOUR, "h"), (US_PER_MINUTE, "min"), (US_PER_SECOND, "s")):
        if us >= unit and us % unit == 0:
            return f"{us // unit} {name}"
    if us >= US_PER_HOUR:
        return f"{us / US_PER_HOUR:.1f} h"
    if us >= 10 * US_PER_SECOND:
        return f"{us // US_PER_SECOND} s"
    return f"{us / US_PER_SECOND:.1f} s"


def _number(texts: Texts, name: str) -> int:
    value = texts[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is no number")
    return value


def _list(texts: Texts, name: str) -> list[str]:
    value = texts[name]
    if not isinstance(value, list):
        raise TypeError(f"{name} is no list")
    return [str(one) for one in value]


def _started(texts: Texts) -> str:
    left = _number(texts, "looks_left_open")
    more = f" {left} look(s) were open when it stopped." if left else ""
    return f"The door started (Fairview {texts['version']}).{more}"


def _restored(texts: Texts) -> str:
    unreadable = _number(texts, "segments_unreadable")
    return (
        f"The node was restored from a backup of {texts['backup_made_at']}; the ledger goes on "
        f"from {_number(texts, 'continues_from')} lines. {unreadable} segment(s) came back "
        "without their keys and can't be read."
    )


def _set_up(texts: Texts) -> str:
    roles = ", ".join(one.replace("_", " ") for one in _list(texts, "roles"))
    return f"An actor was set up as {roles} ({texts['arrangement']})."


def _time_confirmed(texts: Texts) -> str:
    return (
        f"The machine's clock was confirmed as {texts['confirmed']}; until then the node held "
        f"{texts['counted']} to be sure."
    )


def _camera_added(texts: Texts) -> str:
    kept = duration(_number(texts, "retention_us"))
    return f"Camera {texts['camera']} was added; its footage is kept for {kept}."


def _camera_changed(texts: Texts) -> str:
    kept = duration(_number(texts, "retention_us"))
    return (
        f"Camera {texts['camera']} was changed (revision {texts['revision']}); "
        f"its footage is kept for {kept}."
    )


def _scene_saved(texts: Texts) -> str:
    return (
        f"What camera {texts['camera']} counts was changed (scene {texts['revision']}: "
        f"{_number(texts, 'lines')} line(s), {_number(texts, 'zones')} privacy zone(s))."
    )


def _camera_removed(texts: Texts) -> str:
    return f"Camera {texts['camera']} was removed; its footage lives on until its time is over."


def _commissioning(texts: Texts) -> str:
    return (
        f"Camera {texts['camera']} is in commissioning until {texts['until']}: "
        "uncovered pictures may be seen for that purpose."
    )


def _opened(texts: Texts) -> str:
    cameras = _list(texts, "cameras")
    where = ", ".join(cameras) if cameras else f"{texts['cameras_n']} cameras"
    footage = texts["footage_us"]
    if texts["is_live"] or not isinstance(footage, int):
        what = "live pictures"
    elif texts["is_strip"]:
        what = f"a strip of thumbnails of {duration(footage)}"
    else:
        what = f"{duration(footage)} of stored footage"
    cover = "covered" if texts["rendition"] == "covered" else "UNCOVERED"
    return f"Somebody looks at {what} of {where}, {cover}, for {texts['purpose']}."


def _renewed(texts: Texts) -> str:
    return f"The look {str(texts['look'])[:8]} goes on until {texts['expires_at']}."


def _closed(texts: Texts) -> str:
    size, footage = texts["bytes_read"], texts["footage_read_us"]
    if not isinstance(size, int) or not isinstance(footage, int):
        read = "what was read is unknown"
    elif size == 0:
        read = "nothing was read"
    else:
        read = f"{duration(footage)} of footage were read ({size} bytes)"
    return f"The look {str(texts['look'])[:8]} ended ({texts['because']}); {read}."


def _denied(texts: Texts) -> str:
    return f"A wish to look ({texts['rendition']}, for {texts['purpose']}) was denied."


def _root(texts: Texts) -> str:
    return f"{texts['segments']} segment(s) existed by now; their root is {texts['root']}."


def _shredded(texts: Texts) -> str:
    hour = texts["hour"]
    when = "a spare, or an unknown hour," if hour is None else f"the hour of {str(hour)[:16]}Z"
    return (
        f"Keys of camera {texts['camera']} for {when} were destroyed ({texts['because']}): "
        f"{texts['segments']} segment(s) can never be read again."
    )


def _picture_approved(texts: Texts) -> str:
    return f"The clean picture of camera {texts['camera']} was approved."


def _picture_refused(texts: Texts) -> str:
    return f"A clean picture of camera {texts['camera']} was refused."


def _exported(texts: Texts) -> str:
    return f"An export was made of camera {texts['camera']} ({texts['media']}, {texts['form']})."


_WORDS: dict[str, Callable[[Texts], str]] = {
    "node.started": _started,
    "node.restored": _restored,
    "actor.set_up": _set_up,
    "time.confirmed": _time_confirmed,
    "camera.added": _camera_added,
    "camera.changed": _camera_changed,
    "camera.removed": _camera_removed,
    "scene.saved": _scene_saved,
    "commissioning.started": _commissioning,
    "look.opened": _opened,
    "look.renewed": _renewed,
    "look.closed": _closed,
    "look.denied": _denied,
    "segments.root": _root,
    "keys.shredded": _shredded,
    "clean_picture.approved": _picture_approved,
    "clean_picture.refused": _picture_refused,
    "export.made": _exported,
}
