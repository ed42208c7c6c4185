"""Load what was read by eye from the test pictures: crossings of lines, boxes, who is in view.

The numbers live in `junction_lines.json`, `boxes.json` and `presence.json` beside this file, with
how they were read and how exact they are. No detector had a part in them, so a detector can be
judged by them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.shared_data import SHARED

HERE = Path(__file__).resolve().parent
"""Where the pictures lie; they are never part of the repository."""

BoxPx = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueCrossing:
    """One road user passing a line. frame counts from 1; direction as the scene file has it.

    kinds: the class, and a second one that is also right where the two are hard to tell apart.
    """

    frame: int
    direction: str
    kinds: tuple[str, ...]
    what: str
    is_sure: bool
    tolerance_frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueLine:
    """A line, everything that crossed it, and what may be counted without being wrong.

    Units:  points in px of the picture, as `points_px` in a scene file.
    """

    name: str
    points_px: tuple[tuple[int, int], ...]
    crossings: tuple[TrueCrossing, ...]
    may_also_count: tuple[TrueCrossing, ...]
    on_line_at_start: tuple[str, ...]

    def count(self, direction: str) -> int:
        """How many crossed in one direction, `forward` or `backward`."""
        return sum(1 for crossing in self.crossings if crossing.direction == direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueLines:
    """The lines on one row of pictures. fps is assumed: the pictures carry no time."""

    pictures: Path
    size_px: tuple[int, int]
    frames: int
    fps: float
    lines: tuple[TrueLine, ...]

    def line(self, name: str) -> TrueLine:
        """The line of that name; KeyError when there is none."""
        for line in self.lines:
            if line.name == name:
                return line
        raise KeyError(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueBox:
    """One visible road user in one picture: what can be seen of it, x1 y1 x2 y2 in px.

    who: a letter within the clip for the same body seen again, or None.
    """

    kinds: tuple[str, ...]
    box_px: BoxPx
    is_occluded: bool
    is_truncated: bool
    who: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoredRegion:
    """Where nobody could tell: a box mostly in here is neither right nor wrong."""

    box_px: BoxPx
    why: str

    def share_of(self, box_px: tuple[float, float, float, float]) -> float:
        """How much of a box lies in here, 0 to 1."""
        x1, y1, x2, y2 = box_px
        left, top, right, bottom = self.box_px
        width = max(0.0, min(x2, right) - max(x1, left))
        height = max(0.0, min(y2, bottom) - max(y1, top))
        area = (x2 - x1) * (y2 - y1)
        return width * height / area if area > 0 else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePicture:
    """One picture with every road user that can be told in it.

    frame counts from 0 in decode order. seconds is the picture's own time stamp.
    """

    clip: str
    source: Path
    frame: int
    seconds: float
    size_px: tuple[int, int]
    boxes: tuple[TrueBox, ...]
    ignored: tuple[IgnoredRegion, ...]

    def is_ignored(self, box_px: tuple[float, float, float, float]) -> bool:
        """Whether a box lies mostly where nobody could tell."""
        return any(region.share_of(box_px) > 0.5 for region in self.ignored)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueUser:
    """A road user of a clip, and the pictures it is in view: spans of first and last frame."""

    kind: str
    who: str
    spans: tuple[tuple[int, int], ...]

    def is_in_view(self, frame: int) -> bool:
        """Whether any part of it can be seen in that picture (from 0)."""
        return any(first <= frame <= last for first, last in self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class TruePresence:
    """Who is in view when, over a whole clip. frames counts from 0 in decode order.

    doubtful: spans in which a part of a body that can't be called a road user is in view.
    """

    source: Path
    frames: int
    tolerance_frames: int
    users: tuple[TrueUser, ...]
    doubtful: tuple[tuple[int, int], ...]

    def count(self, kind: str, frame: int) -> int:
        """How many of a class are in view in one picture."""
        return sum(1 for user in self.users if user.kind == kind and user.is_in_view(frame))


def true_lines(path: Path = HERE / "junction_lines.json") -> TrueLines:
    """The crossings that were read by eye on the junction pictures."""
    said = json.loads(path.read_text("utf-8"))
    return TrueLines(
        pictures=SHARED / said["pictures"],
        size_px=_pair(said["size_px"]),
        frames=said["frames"],
        fps=float(said["fps"]),
        lines=tuple(_line(line) for line in said["lines"]),
    )


def true_pictures(path: Path = HERE / "boxes.json") -> tuple[TruePicture, ...]:
    """The pictures whose boxes were drawn by hand."""
    said = json.loads(path.read_text("utf-8"))
    return tuple(_picture(picture) for picture in said["pictures"])


def true_presence(path: Path = HERE / "presence.json") -> tuple[TruePresence, ...]:
    """The clips for which the first and last picture of every road user was read."""
    said = json.loads(path.read_text("utf-8"))
    return tuple(
        TruePresence(
            source=SHARED / clip["source"],
            frames=clip["frames"],
            tolerance_frames=clip["tolerance_frames"],
            users=tuple(
                TrueUser(
                    kind=user["kind"],
                    who=user["who"],
                    spans=tuple(_pair(span) for span in user["spans"]),
                )
                for user in clip["users"]
            ),
            doubtful=tuple(_pair(span) for span in clip["doubtful"]),
        )
        for clip in said["clips"]
    )


def _line(said: dict[str, Any]) -> TrueLine:
    tolerance = said["tolerance_frames"]
    return TrueLine(
        name=said["name"],
        points_px=tuple(_pair(point) for point in said["points_px"]),
        crossings=tuple(_crossing(one, tolerance) for one in said["crossings"]),
        may_also_count=tuple(_crossing(one, tolerance) for one in said["may_also_count"]),
        on_line_at_start=tuple(said["on_line_at_start"]),
    )


def _crossing(said: dict[str, Any], tolerance: int) -> TrueCrossing:
    return TrueCrossing(
        frame=said["frame"],
        direction=said["direction"],
        kinds=_kinds(said),
        what=said["what"],
        is_sure=said["sure"],
        tolerance_frames=said.get("tolerance_frames", tolerance),
    )


def _picture(said: dict[str, Any]) -> TruePicture:
    return TruePicture(
        clip=said["clip"],
        source=SHARED / said["source"],
        frame=said["frame"],
        seconds=said["seconds"],
        size_px=_pair(said["size_px"]),
        boxes=tuple(_box(box) for box in said["boxes"]),
        ignored=tuple(
            IgnoredRegion(box_px=_edges(region["box_px"]), why=region["why"])
            for region in said["ignore"]
        ),
    )


def _box(said: dict[str, Any]) -> TrueBox:
    return TrueBox(
        kinds=_kinds(said),
        box_px=_edges(said["box_px"]),
        is_occluded=said["occluded"],
        is_truncated=said["truncated"],
        who=said.get("who"),
    )


def _kinds(said: dict[str, Any]) -> tuple[str, ...]:
    return (said["kind"], said["or_kind"]) if "or_kind" in said else (said["kind"],)


def _pair(said: list[int]) -> tuple[int, int]:
    x, y = said
    return x, y


def _edges(said: list[int]) -> BoxPx:
    x1, y1, x2, y2 = said
    return x1, y1, x2, y2
