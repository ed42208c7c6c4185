"""How well things work: signs that processes tell, conditions judged from them, and the report.

Signs are figures without any picture and without anything counted in one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fairview.core.ids import CameraId, StreamName
from fairview.core.time import Instant

Severity = Literal["note", "warning", "severe"]
"""note: worth knowing. warning: degraded and coping. severe: footage is lost or will be."""

DiskState = Literal["ok", "full", "slow", "failing", "gone"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraClock:
    """A camera's clock against the machine's, and how that was measured.

    offset_us: how far it is ahead (negative: behind). drift_ppm: how much faster it runs;
    None before it is known.
    """

    offset_us: int
    drift_ppm: float | None
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSign:
    """One stream of one camera in its recorder. Counts are since the recorder began with it.

    silent_us: since its last packet; since it was begun when there was none (packets is 0).
    unstored_us: since something of it was last stored, None before. away_because: why its
    connection is lost, None while it stands.
    """

    camera: CameraId
    stream: StreamName
    packets: int
    packets_skipped: int
    received_bytes: int
    written_bytes: int
    failures: int
    silent_us: int
    unstored_us: int | None
    stored_until: Instant | None
    away_because: str | None
    is_running: bool
    clock: CameraClock | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareSign:
    """A camera whose footage is sealed to its spare pair, and why."""

    camera: CameraId
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSign:
    """A disk that footage goes to. full_in_us: when it is full at its present rate; None when it
    does not fill, or that is not known yet."""

    name: str
    state: DiskState
    because: str
    free_bytes: int
    total_bytes: int
    full_in_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSign:
    """What waits in a process. waiting_max None: no bound of its own. away_because: why nothing
    of it goes on, None while it does."""

    name: str
    waiting: int
    waiting_max: int | None
    dropped: int
    away_because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisSign:
    """One camera in its analyser. looked and dropped: pictures since it began.

    dead_because: why nothing of it is analysed, None while it is. silent_us: since packets came,
    or since the last look while pictures wait. fault: what is wrong with the picture, None for
    a good one.
    """

    camera: CameraId
    looked: int
    dropped: int
    silent_us: int
    dead_because: str | None
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSigns:
    """What a recorder tells. process is its name in the process table."""

    process: str
    streams: tuple[StreamSign, ...]
    spares: tuple[SpareSign, ...]
    queues: tuple[QueueSign, ...]
    disks: tuple[DiskSign, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyserSigns:
    process: str
    cameras: tuple[AnalysisSign, ...]
    queues: tuple[QueueSign, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSigns:
    """paused_because: why nothing is shredded (the clock is in doubt), empty while it is.

    vouched_for: the latest time that is sure.
    """

    process: str
    paused_because: str
    viewing_stopped: str
    vouched_for: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSign:
    """A line of the node's process table. ended_us: monotonic times of its latest ends."""

    name: str
    pid: int | None
    ends: int
    ended_us: tuple[int, ...]
    cpu_us: int
    memory_bytes: int
    cameras: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineClock:
    """is_synchronised: what the kernel was told by whoever keeps its time; None where it can't
    be asked. error_us: its bound. stepped_us: the newest step, None without one lately."""

    is_synchronised: bool | None
    error_us: int | None
    stepped_us: int | None
    stepped_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFacts:
    """What the catalogue and the key files say about a camera that should be recorded.

    keys_left_us: until the last hour a public half is issued for ends; None without a key file.
    lost_us: seconds lost today by cause, in microseconds, of the main stream.
    is_analysed: whether it has something to count.
    """

    camera: CameraId
    review_at: Instant
    keys_left_us: int | None
    lost_us: tuple[tuple[str, int], ...]
    is_analysed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSign:
    """The server's certificate; ends_at None when it can't be read."""

    path: str
    ends_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that is not as it should be, and since when. until None: it still is.

    kind: a name in docs/reference/events.md. camera None means the node itself. part: which
    stream, disk or process; empty when there is only one.
    """

    kind: str
    camera: CameraId | None
    part: str
    since: Instant
    until: Instant | None
    because: str
    severity: Severity

    @property
    def key(self) -> ConditionKey:
        return ConditionKey(kind=self.kind, camera=self.camera, part=self.part)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionKey:
    """What two tellings of the same trouble share."""

    kind: str
    camera: CameraId | None
    part: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamHealth:
    """A stream in figures: its sign, and rates over the last seconds (None before)."""

    sign: StreamSign
    bits_per_second: float | None
    fps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraHealth:
    """One camera. cpu_frac: its equal share of its recorder's CPU time, of one core."""

    camera: CameraId
    streams: tuple[StreamHealth, ...]
    facts: CameraFacts
    spare_because: str | None
    analysis: AnalysisSign | None
    looked_frac: float | None
    cpu_frac: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeHealth:
    """Everything about one node at a moment. queues: by process."""

    at: Instant
    conditions: tuple[Condition, ...]
    cameras: tuple[CameraHealth, ...]
    disks: tuple[DiskSign, ...]
    processes: tuple[ProcessSign, ...]
    queues: tuple[tuple[str, QueueSign], ...]
    clock: MachineClock
    door: DoorSigns | None
    certificate: CertificateSign | None
