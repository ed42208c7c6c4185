"""A node's health as figures for Prometheus: made anew from one state at each reading.

No picture and nothing counted in one is behind any of them. Labels are names of cameras,
streams, disks, processes, queues, conditions and causes of gaps, all of closed or bounded lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from fairview.core.health import NodeHealth
from fairview.core.time import US_PER_HOUR, US_PER_SECOND

Row = tuple[tuple[str, ...], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """One figure. A counter's name ends in _total when it is read."""

    name: str
    what: str
    labels: tuple[str, ...] = ()
    is_counter: bool = False


_STREAM = ("camera", "stream")
METERS: tuple[Meter, ...] = (
    Meter(
        name="fairview_condition",
        what="1 while a condition goes on.",
        labels=("kind", "camera", "part", "severity"),
    ),
    Meter(
        name="fairview_camera_received_bytes",
        what="Bytes received of a stream.",
        labels=_STREAM,
        is_counter=True,
    ),
    Meter(
        name="fairview_camera_written_bytes",
        what="Bytes written for a stream; by those received: what sealing and indexing add.",
        labels=_STREAM,
        is_counter=True,
    ),
    Meter(
        name="fairview_camera_packets",
        what="Pictures received of a stream.",
        labels=_STREAM,
        is_counter=True,
    ),
    Meter(
        name="fairview_camera_packets_skipped",
        what="Pictures that no fragment holds.",
        labels=_STREAM,
        is_counter=True,
    ),
    Meter(
        name="fairview_camera_write_failures",
        what="Writes of a stream that failed.",
        labels=_STREAM,
        is_counter=True,
    ),
    Meter(
        name="fairview_camera_silent_seconds",
        what="Seconds since the last picture.",
        labels=_STREAM,
    ),
    Meter(
        name="fairview_camera_up",
        what="1 while a stream's connection stands, else 0.",
        labels=_STREAM,
    ),
    Meter(
        name="fairview_camera_lost_seconds",
        what="Footage of the main stream missing in the last 24 hours.",
        labels=("camera", "because"),
    ),
    Meter(
        name="fairview_camera_clock_offset_seconds",
        what="How far the camera's own clock is ahead.",
        labels=("camera",),
    ),
    Meter(
        name="fairview_camera_clock_drift_ppm",
        what="How much faster the camera's own clock runs.",
        labels=("camera",),
    ),
    Meter(
        name="fairview_camera_cpu_fraction",
        what="A camera's equal share of its recorder's CPU time, of one core.",
        labels=("camera",),
    ),
    Meter(
        name="fairview_camera_keys_hours",
        what="Hours that public key halves are issued for.",
        labels=("camera",),
    ),
    Meter(
        name="fairview_camera_on_spare_key",
        what="1 while footage is sealed to the spare pair.",
        labels=("camera",),
    ),
    Meter(
        name="fairview_camera_looked_fraction",
        what="Pictures looked at, of those to be looked at.",
        labels=("camera",),
    ),
    Meter(name="fairview_disk_free_bytes", what="Room left on a disk.", labels=("disk",)),
    Meter(name="fairview_disk_total_bytes", what="Size of a disk.", labels=("disk",)),
    Meter(
        name="fairview_disk_full_in_hours",
        what="When a disk is full at its present rate; absent while it does not fill.",
        labels=("disk",),
    ),
    Meter(
        name="fairview_process_cpu_seconds",
        what="CPU time of a process.",
        labels=("process",),
        is_counter=True,
    ),
    Meter(
        name="fairview_process_memory_bytes",
        what="Memory that belongs to a process alone.",
        labels=("process",),
    ),
    Meter(name="fairview_process_cameras", what="Cameras that a process has.", labels=("process",)),
    Meter(
        name="fairview_process_ends",
        what="How often a process ended by itself.",
        labels=("process",),
        is_counter=True,
    ),
    Meter(
        name="fairview_queue_waiting",
        what="What waits: rows, or bytes of footage.",
        labels=("process", "queue"),
    ),
    Meter(
        name="fairview_queue_dropped",
        what="What was dropped because a queue was full.",
        labels=("process", "queue"),
        is_counter=True,
    ),
    Meter(
        name="fairview_clock_synchronised",
        what="1 while something keeps the machine's clock right; absent where nobody can say.",
    ),
    Meter(name="fairview_shredding_paused", what="1 while no key dies as the time is in doubt."),
    Meter(name="fairview_certificate_hours", what="Hours until the server's certificate ends."),
)


def node_figures(health: NodeHealth) -> bytes:
    """The exposition format, of one node."""
    registry = CollectorRegistry()
    registry.register(_Collected(health))
    return generate_latest(registry)


class _Collected:
    """One state, as prometheus-client collects."""

    def __init__(self, health: NodeHealth) -> None:
        self._rows = rows_of(health)

    def collect(self) -> Iterator[Metric]:
        for meter in METERS:
            kind = CounterMetricFamily if meter.is_counter else GaugeMetricFamily
            family = kind(meter.name, meter.what, labels=meter.labels)
            for labels, value in self._rows.get(meter.name, ()):
                family.add_metric(labels, value)
            yield family


def rows_of(health: NodeHealth) -> dict[str, tuple[Row, ...]]:
    """Every figure's labels and values. Pure."""
    return {**_conditions(health), **_streams(health), **_cameras(health), **_node(health)}


def _conditions(health: NodeHealth) -> dict[str, tuple[Row, ...]]:
    going = [one for one in health.conditions if one.until is None]
    return {
        "fairview_condition": tuple(
            ((one.kind, one.camera or "", one.part, one.severity), 1.0) for one in going
        )
    }


def _streams(health: NodeHealth) -> dict[str, tuple[Row, ...]]:
    signs = [
        ((camera.camera, one.sign.stream), one.sign)
        for camera in health.cameras
        for one in camera.streams
    ]
    return {
        "fairview_camera_received_bytes": tuple((name, one.received_bytes) for name, one in signs),
        "fairview_camera_written_bytes": tuple((name, one.written_bytes) for name, one in signs),
        "fairview_camera_packets": tuple((name, one.packets) for name, one in signs),
        "fairview_camera_packets_skipped": tuple(
            (name, one.packets_skipped) for name, one in signs
        ),
        "fairview_camera_write_failures": tuple((name, one.failures) for name, one in signs),
        "fairview_camera_silent_seconds": tuple(
            (name, one.silent_us / US_PER_SECOND) for name, one in signs
        ),
        "fairview_camera_up": tuple(
            (name, float(one.is_running and one.away_because is None)) for name, one in signs
        ),
        "fairview_camera_clock_offset_seconds": tuple(
            (name[:1], one.clock.offset_us / US_PER_SECOND)
            for name, one in signs
            if one.clock is not None and name[1] == "main"
        ),
        "fairview_camera_clock_drift_ppm": tuple(
            (name[:1], one.clock.drift_ppm)
            for name, one in signs
            if one.clock is not None and one.clock.drift_ppm is not None and name[1] == "main"
        ),
    }


def _cameras(health: NodeHealth) -> dict[str, tuple[Row, ...]]:
    cameras = health.cameras
    return {
        "fairview_camera_lost_seconds": tuple(
            ((one.camera, because), us / US_PER_SECOND)
            for one in cameras
            for because, us in one.facts.lost_us
        ),
        "fairview_camera_cpu_fraction": tuple(
            ((one.camera,), one.cpu_frac) for one in cameras if one.cpu_frac is not None
        ),
        "fairview_camera_keys_hours": tuple(
            ((one.camera,), one.facts.keys_left_us / US_PER_HOUR)
            for one in cameras
            if one.facts.keys_left_us is not None
        ),
        "fairview_camera_on_spare_key": tuple(
            ((one.camera,), float(one.spare_because is not None)) for one in cameras
        ),
        "fairview_camera_looked_fraction": tuple(
            ((one.camera,), one.looked_frac) for one in cameras if one.looked_frac is not None
        ),
    }


def _node(health: NodeHealth) -> dict[str, tuple[Row, ...]]:
    disks, processes, door = health.disks, health.processes, health.door
    certificate, kept = health.certificate, health.clock.is_synchronised
    ends_at = None if certificate is None else certificate.ends_at
    return {
        "fairview_disk_free_bytes": tuple(((one.name,), one.free_bytes) for one in disks),
        "fairview_disk_total_bytes": tuple(((one.name,), one.total_bytes) for one in disks),
        "fairview_disk_full_in_hours": tuple(
            ((one.name,), one.full_in_us / US_PER_HOUR)
            for one in disks
            if one.full_in_us is not None
        ),
        "fairview_process_cpu_seconds": tuple(
            ((one.name,), one.cpu_us / US_PER_SECOND) for one in processes
        ),
        "fairview_process_memory_bytes": tuple(
            ((one.name,), one.memory_bytes) for one in processes
        ),
        "fairview_process_cameras": tuple(((one.name,), one.cameras) for one in processes),
        "fairview_process_ends": tuple(((one.name,), one.ends) for one in processes),
        "fairview_queue_waiting": tuple(
            ((process, one.name), one.waiting) for process, one in health.queues
        ),
        "fairview_queue_dropped": tuple(
            ((process, one.name), one.dropped) for process, one in health.queues
        ),
        "fairview_clock_synchronised": () if kept is None else (((), float(kept)),),
        "fairview_shredding_paused": (
            () if door is None else (((), float(bool(door.paused_because))),)
        ),
        "fairview_certificate_hours": (
            () if ends_at is None else (((), ends_at.since(health.at) / US_PER_HOUR),)
        ),
    }
