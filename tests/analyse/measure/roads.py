"""Tracks, scenes and grounds drawn by hand, in a picture of 1000 by 500 px."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fairview.analyse.measure.looked import Looked
from fairview.core.ids import CameraId
from fairview.core.scene import Flow, Line, Scene, SceneCamera, Zone, ZoneKind
from fairview.core.sight import CAR, Track, Unmeasurable
from fairview.core.time import US_PER_MINUTE, US_PER_SECOND, Instant, Span
from tests.builders import NOON

WIDTH_PX, HEIGHT_PX = 1_000, 500
CAMERA = CameraId("junction-1")
Floats = npt.NDArray[np.float64]


def track(
    px: Sequence[tuple[float, float]] | Floats,
    *,
    number: int = 1,
    fps: float = 25.0,
    size_px: tuple[float, float] = (80.0, 50.0),
    start_s: float = 0.0,
    kind: int = CAR,
) -> Track:
    """A road user whose ground points are these; its boxes end at the picture's edge."""
    points = np.asarray(px, np.float64)
    n = len(points)
    boxes = np.column_stack(
        [
            points[:, 0] - size_px[0] / 2,
            points[:, 1] - size_px[1],
            points[:, 0] + size_px[0] / 2,
            points[:, 1],
        ]
    )
    unit = np.clip(boxes / [WIDTH_PX, HEIGHT_PX, WIDTH_PX, HEIGHT_PX], 0.0, 1.0)
    is_shown = (unit[:, 2] - unit[:, 0] > 0.005) & (unit[:, 3] - unit[:, 1] > 0.005)
    frames = (round(start_s * fps) + 1 + np.arange(n)).astype(np.int32)
    at_us = NOON.us + np.round((frames - 1) / fps * US_PER_SECOND).astype(np.int64)
    return Track(
        camera=CAMERA,
        id=number,
        kind=kind,
        kind_share=1.0,
        frames=frames[is_shown],
        at_us=at_us[is_shown],
        boxes_unit=unit[is_shown].astype(np.float32),
        scores=np.full(int(is_shown.sum()), 0.9, np.float32),
        is_seen=np.ones(int(is_shown.sum()), np.bool_),
    )


def straight(start: tuple[float, float], end: tuple[float, float], points: int) -> Floats:
    share = np.linspace(0.0, 1.0, points)[:, None]
    return np.asarray(np.array(start) * (1 - share) + np.array(end) * share)


def line(*points: tuple[float, float], name: str = "north") -> Line:
    return Line(name=name, points_px=points)


def zone(*polygon: tuple[float, float], name: str = "square", kind: ZoneKind = "any") -> Zone:
    return Zone(name=name, polygon_px=polygon, kind=kind)


def scene(
    lines: Sequence[Line] = (), zones: Sequence[Zone] = (), flows: Sequence[Flow] = ()
) -> Scene:
    return Scene(
        camera=SceneCamera(id=CAMERA, width_px=WIDTH_PX, height_px=HEIGHT_PX),
        digest="0" * 64,
        lines=tuple(lines),
        zones=tuple(zones),
        flows=tuple(flows),
    )


def span(start_s: float, end_s: float) -> Span:
    return Span(start=NOON.plus(round(start_s * 1e6)), end=NOON.plus(round(end_s * 1e6)))


def looked(end_s: float = 60.0, *dark: Span) -> Looked:
    return Looked(
        watched=(span(0.0, end_s),),
        unmeasurable=tuple(Unmeasurable(span=one, because="dark") for one in dark),
    )


def at(seconds: float) -> Instant:
    return NOON.plus(round(seconds * US_PER_SECOND))


MINUTE_US = US_PER_MINUTE


class FlatGround:
    """A road seen straight from above, so many metres a pixel; nothing is known above sky_px."""

    def __init__(self, metres_a_px: float, bias: float = 0.0, sky_px: float = -1.0) -> None:
        self._scale, self._bias, self._sky = metres_a_px, bias, sky_px

    def metres(self, points_px: Floats, /) -> Floats:
        known = points_px * self._scale
        return np.where(points_px[:, 1:2] > self._sky, known, np.nan)

    def sigma_m(self, points_px: Floats, /) -> Floats:
        return np.full(len(points_px), 0.05)

    def path_bias(self, points_px: Floats, /) -> float:
        assert len(points_px) >= 2
        return self._bias
