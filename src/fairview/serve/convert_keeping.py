"""How a camera is kept, as the API says it and as the rest of Fairview has it."""

from __future__ import annotations

from fairview.access.door import CameraKeeping
from fairview.core.camera import Camera
from fairview.core.recording import RecordingPlan
from fairview.core.time import US_PER_SECOND
from fairview.core.week_hours import hours_text, week_hours
from fairview.serve import models as m

_GB = 1_000_000_000


def keeping_wish(model: m.KeepingModel) -> CameraKeeping:
    """Errors:  BadInput for hours that can't be read, and as RecordingPlan."""
    return CameraKeeping(
        recording=RecordingPlan(
            mode=model.mode,
            triggers=tuple(dict.fromkeys(model.triggers)),
            pre_roll_us=round(model.pre_roll_s * US_PER_SECOND),
            post_roll_us=round(model.post_roll_s * US_PER_SECOND),
            hours=week_hours(model.hours) if model.hours.strip() else (),
            zone=model.zone,
        ),
        streams=tuple(dict.fromkeys(model.streams)),
        keep_bytes_max=None if model.keep_gb_max is None else round(model.keep_gb_max * _GB),
        disk=model.disk or None,
    )


def keeping_model(camera: Camera) -> m.KeepingModel:
    """streams names those that are recorded, always."""
    plan = camera.recording
    return m.KeepingModel(
        mode=plan.mode,
        triggers=list(plan.triggers),
        pre_roll_s=plan.pre_roll_us / US_PER_SECOND,
        post_roll_s=plan.post_roll_us / US_PER_SECOND,
        hours=hours_text(plan.hours),
        zone=plan.zone,
        streams=[source.stream for source in camera.sources if source.is_recorded],
        keep_gb_max=None if camera.keep_bytes_max is None else camera.keep_bytes_max / _GB,
        disk=camera.disk,
    )
