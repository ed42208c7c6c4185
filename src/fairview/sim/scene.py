"""The scene of the pretend junction, as a person would draw it: lines across each arm, a queue, and
points of the ground that are known exactly. Pure.
"""

from __future__ import annotations

from fairview.core.ids import CameraId
from fairview.core.scene import KnownPoint, Line, Scene, SceneCamera, Zone
from fairview.sim.junction import VIEW
from fairview.sim.view import HEIGHT_PX, WIDTH_PX, vector

_LINES_M = (
    ("main-west", (-19.0, -7.5), (-19.0, 7.5)),
    ("main-east", (19.0, -7.5), (19.0, 7.5)),
    ("first-south", (-5.0, -18.5), (5.0, -18.5)),
    ("first-north", (-5.0, 19.0), (5.0, 19.0)),
)
_QUEUE_M = ((13.0, 0.0), (34.0, 0.0), (34.0, 6.0), (13.0, 6.0))
_POINTS_M = (
    (-19.0, -7.5),
    (-19.0, 7.5),
    (19.0, -7.5),
    (19.0, 7.5),
    (-5.0, -18.5),
    (5.0, -18.5),
    (-5.0, 19.0),
    (5.0, 19.0),
    (0.0, 0.0),
    (28.0, 0.0),
)


def junction_scene(camera: CameraId) -> Scene:
    """Lines are drawn left to right on the screen; so forward is away from the camera."""
    return Scene(
        camera=SceneCamera(id=camera, width_px=WIDTH_PX, height_px=HEIGHT_PX),
        digest="",
        lines=tuple(
            Line(name=name, points_px=tuple(sorted((_seen(*a), _seen(*b)))))
            for name, a, b in _LINES_M
        ),
        zones=(
            Zone(
                name="queue-east",
                polygon_px=tuple(_seen(*corner) for corner in _QUEUE_M),
                kind="queue",
            ),
        ),
        points=tuple(
            KnownPoint(px=_seen(x_m, y_m), east_m=x_m, north_m=y_m) for x_m, y_m in _POINTS_M
        ),
    )


def _seen(x_m: float, y_m: float) -> tuple[float, float]:
    x_px, y_px = VIEW.project(vector(x_m, y_m, 0.0).reshape(1, 3))[0]
    return round(float(x_px), 1), round(float(y_px), 1)
