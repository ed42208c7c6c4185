"""Signs for tests, each of a node where everything is well."""

from __future__ import annotations

from dataclasses import replace

from fairview.core.health import (
    CameraFacts,
    DiskSign,
    DoorSigns,
    MachineClock,
    ProcessSign,
    QueueSign,
    RecorderSigns,
    StreamSign,
)
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_SECOND
from fairview.events.judging import Signs
from tests.builders import NOON

CAMERA = CameraId("junction-1")


def stream(camera: CameraId = CAMERA, **changes: object) -> StreamSign:
    well = StreamSign(
        camera=camera,
        stream="main",
        packets=1_000,
        packets_skipped=0,
        received_bytes=20_000_000,
        written_bytes=20_200_000,
        failures=0,
        silent_us=40_000,
        unstored_us=US_PER_SECOND,
        stored_until=NOON,
        away_because=None,
        is_running=True,
    )
    return replace(well, **changes)  # type: ignore[arg-type]  # tests name fields freely


def recorder(*streams: StreamSign, **changes: object) -> RecorderSigns:
    rows = QueueSign(name="rows", waiting=0, waiting_max=20_000, dropped=0)
    well = RecorderSigns(process="recorder-0", streams=streams, spares=(), queues=(rows,))
    return replace(well, **changes)  # type: ignore[arg-type]  # tests name fields freely


def facts(camera: CameraId = CAMERA, **changes: object) -> CameraFacts:
    well = CameraFacts(
        camera=camera,
        review_at=NOON.plus(365 * US_PER_DAY),
        keys_left_us=48 * US_PER_HOUR,
        lost_us=(),
        is_analysed=False,
    )
    return replace(well, **changes)  # type: ignore[arg-type]  # tests name fields freely


def disk(**changes: object) -> DiskSign:
    well = DiskSign(
        name="footage", state="ok", because="", free_bytes=10**12, total_bytes=2 * 10**12
    )
    return replace(well, **changes)  # type: ignore[arg-type]  # tests name fields freely


def clock(**changes: object) -> MachineClock:
    well = MachineClock(is_synchronised=True, error_us=900, stepped_us=None, stepped_at=None)
    return replace(well, **changes)  # type: ignore[arg-type]  # tests name fields freely


def process(name: str, **changes: object) -> ProcessSign:
    well = ProcessSign(name=name, pid=77, ends=0, ended_us=(), cpu_us=0, memory_bytes=40_000_000)
    return replace(well, **changes)  # type: ignore[arg-type]  # tests name fields freely


def signs(**changes: object) -> Signs:
    well = Signs(
        at=NOON,
        monotonic_us=US_PER_DAY,
        recorders=(recorder(stream()),),
        analysers=(),
        door=DoorSigns(process="door", paused_because="", viewing_stopped="", vouched_for=NOON),
        disks=(disk(),),
        processes=(process("recorder-0"),),
        silent=(),
        clock=clock(),
        facts=(facts(),),
        certificate=None,
        looked=(),
    )
    return replace(well, **changes)  # type: ignore[arg-type]  # tests name fields freely
