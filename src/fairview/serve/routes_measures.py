"""Scenes of cameras, and what was counted and measured with them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from fairview.access.door import CountView, SceneView, SpeedView
from fairview.config.scene_file import scene_of
from fairview.config.scene_text import scene_text
from fairview.core.errors import BadInput, Conflict
from fairview.core.ids import CameraId
from fairview.core.scene import Line, Scene, SceneCamera, SceneMask, TapedLength, Zone
from fairview.serve import models as m
from fairview.serve.convert import span_of
from fairview.serve.problems import PROBLEMS
from fairview.serve.web import Camera, Session, SharedWeb

router = APIRouter(prefix="/api/v1/cameras/{camera}", tags=["measures"], responses=PROBLEMS)


@router.get("/scene")
async def scene_show(web: SharedWeb, session: Session, camera: Camera) -> m.SceneAnswer:
    """What the camera looks at; revision 0 when nobody has drawn anything yet."""
    found = await web.calls.run(lambda: web.door.scene(session, camera))
    return _scene_answer(camera, found)


@router.put("/scene")
async def scene_save(
    web: SharedWeb, session: Session, camera: Camera, wish: m.SceneWish
) -> m.SceneAnswer:
    """Save a scene: its whole text, or new shapes in the one there is."""
    if (wish.text is None) == (wish.shapes is None):
        raise BadInput("send either text or shapes")
    text = wish.text
    if wish.shapes is not None:
        before = await web.calls.run(lambda: web.door.scene(session, camera))
        if (0 if before is None else before.revision) != wish.from_revision:
            raise Conflict(f"somebody saved the scene of {camera} meanwhile: look at it first")
        text = _redrawn(camera, before, wish.shapes)
    saved_text = text or ""
    saved = await web.calls.run(
        lambda: web.door.scene_save(session, camera, saved_text, wish.from_revision)
    )
    return _scene_answer(camera, saved)


@router.get("/measures")
async def measures(
    web: SharedWeb,
    session: Session,
    camera: Camera,
    start: Annotated[m.Moment, Query()],
    end: Annotated[m.Moment, Query()],
) -> m.MeasuresAnswer:
    """Counts and speeds of the bins that overlap a span of at most 31 days."""
    span = span_of(m.SpanModel(start=start, end=end))
    found = await web.calls.run(lambda: web.door.measures(session, camera, span))
    return m.MeasuresAnswer(
        counts=[_count_answer(one) for one in found.counts],
        speeds=[_speed_answer(one) for one in found.speeds],
    )


def _redrawn(camera: CameraId, before: SceneView | None, shapes: m.ShapesModel) -> str:
    """The scene with the page's shapes in it. Errors: BadInput for another picture size."""
    width, height = shapes.size_px
    if before is None:
        scene = Scene(camera=SceneCamera(id=camera, width_px=width, height_px=height), digest="")
    else:
        scene = scene_of(before.text.encode())
        if (scene.camera.width_px, scene.camera.height_px) != (width, height):
            raise BadInput(
                f"this scene is drawn on {scene.camera.width_px}x{scene.camera.height_px} pixels"
            )
    redrawn = replace(
        scene,
        lines=tuple(Line(name=one.name, points_px=tuple(one.points_px)) for one in shapes.lines),
        zones=tuple(
            Zone(name=one.name, polygon_px=tuple(one.polygon_px), kind=one.kind)
            for one in shapes.zones
        ),
        masks=tuple(
            SceneMask(polygon_px=tuple(one.polygon_px), kind=one.kind) for one in shapes.masks
        ),
        lengths=tuple(
            TapedLength(a_px=one.a_px, b_px=one.b_px, metres=one.metres) for one in shapes.lengths
        ),
    )
    return scene_text(redrawn)


def _scene_answer(camera: CameraId, scene: SceneView | None) -> m.SceneAnswer:
    if scene is None:
        return m.SceneAnswer(
            camera=camera, revision=0, text="", shapes=None, saved_at=None, saved_by=None
        )
    return m.SceneAnswer(
        camera=camera,
        revision=scene.revision,
        text=scene.text,
        shapes=_shapes(scene_of(scene.text.encode())),
        saved_at=scene.saved_at.iso(),
        saved_by=scene.saved_by,
    )


def _shapes(scene: Scene) -> m.ShapesModel:
    return m.ShapesModel(
        size_px=(scene.camera.width_px, scene.camera.height_px),
        lines=[m.LineModel(name=one.name, points_px=list(one.points_px)) for one in scene.lines],
        zones=[
            m.ZoneModel(name=one.name, polygon_px=list(one.polygon_px), kind=one.kind)
            for one in scene.zones
        ],
        masks=[m.MaskModel(polygon_px=list(one.polygon_px), kind=one.kind) for one in scene.masks],
        lengths=[
            m.LengthModel(a_px=one.a_px, b_px=one.b_px, metres=one.metres) for one in scene.lengths
        ],
    )


def _count_answer(count: CountView) -> m.CountAnswer:
    return m.CountAnswer(
        start=count.span.start.iso(),
        end=count.span.end.iso(),
        place=count.place,
        direction=count.direction,
        kind=count.kind,
        n=count.n,
        low=count.low,
        high=count.high,
        observed_frac=count.observed_frac,
        is_few=count.is_few,
    )


def _speed_answer(speed: SpeedView) -> m.SpeedAnswer:
    return m.SpeedAnswer(
        start=speed.span.start.iso(),
        end=speed.span.end.iso(),
        place=speed.place,
        kind=speed.kind,
        n=speed.n,
        median_kmh=speed.median_kmh,
        low_kmh=speed.low_kmh,
        high_kmh=speed.high_kmh,
        p85_kmh=speed.p85_kmh,
    )
