"""How the API says how things are. Times are ISO 8601 with a zone; see models.py."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from fairview.core.health import DiskState, Severity
from fairview.core.ids import StreamName
from fairview.serve.models import Answer, CameraName, Moment


class ConditionAnswer(Answer):
    """Something that is not as it should be, and since when. until null: it still is."""

    kind: str = Field(description="A name in the reference of events.")
    camera: CameraName | None = Field(description="null: the node itself.")
    part: str = Field(description="Which stream, disk or process; empty when there is only one.")
    since: Moment
    until: Moment | None
    because: str
    do: str = Field(description="What to do about it.")
    severity: Severity


class CameraClockAnswer(Answer):
    """The camera's own clock against the machine's."""

    offset_s: float = Field(description="How far it is ahead; negative: behind.")
    drift_s_a_day: float | None = Field(description="What it gains a day; null before it is known.")
    method: str = Field(description="How it was measured.")


class StreamHealthAnswer(Answer):
    stream: StreamName
    is_away: bool
    away_because: str | None
    kbit_s: float | None
    fps: float | None
    silent_s: float = Field(description="Since its last picture, to about two seconds.")
    received_bytes: int
    written_bytes: int
    packets_skipped: int
    failures: int
    stored_until: Moment | None
    clock: CameraClockAnswer | None


class LostAnswer(Answer):
    """Footage that is missing in the last 24 hours, by cause."""

    because: str
    seconds: float


class CameraHealthAnswer(Answer):
    camera: CameraName
    streams: list[StreamHealthAnswer]
    lost: list[LostAnswer]
    keys_left_h: float | None = Field(description="Hours that keys are issued for; null: none.")
    spare_because: str | None = Field(description="Why the spare pair is in use, if it is.")
    is_analysed: bool = Field(description="Whether it has something to count.")
    looked_frac: float | None = Field(description="Pictures looked at, of those to be looked at.")
    cpu_frac: float | None = Field(description="Its equal share of its recorder, of one core.")


class DiskHealthAnswer(Answer):
    name: str
    state: DiskState
    because: str
    free_bytes: int
    total_bytes: int
    full_in_h: float | None = Field(description="At the present rate; null while it is not known.")


class ProcessHealthAnswer(Answer):
    name: str
    is_running: bool
    ends: int = Field(description="How often it ended by itself since the node started.")
    cpu_s: float
    memory_bytes: int
    cameras: int


class QueueHealthAnswer(Answer):
    process: str
    name: str
    waiting: int
    waiting_max: int | None
    dropped: int


class ClockHealthAnswer(Answer):
    """The machine's clock, and what the node takes the time to be."""

    is_synchronised: bool | None = Field(description="null where the kernel can't be asked.")
    error_ms: float | None
    stepped_s: float | None
    stepped_at: Moment | None
    vouched_for: Moment | None = Field(description="The latest time that is sure.")
    shredding_paused_because: str | None


class NodeHealthAnswer(Answer):
    """How things are. What is wrong comes first; what an asker may not know is not in it."""

    at: Moment
    state: Literal["well", "note", "warning", "severe"]
    conditions: list[ConditionAnswer]
    cameras: list[CameraHealthAnswer]
    disks: list[DiskHealthAnswer]
    processes: list[ProcessHealthAnswer]
    queues: list[QueueHealthAnswer]
    clock: ClockHealthAnswer
    certificate_ends_at: Moment | None
