"""Between health as the API says it and as the core has it. Pure."""

from __future__ import annotations

from typing import Literal

from fairview.core.health import (
    CameraHealth,
    Condition,
    DiskSign,
    NodeHealth,
    ProcessSign,
    QueueSign,
    StreamHealth,
)
from fairview.core.time import US_PER_HOUR, US_PER_SECOND, Instant
from fairview.events.conditions import condition_kind
from fairview.serve import models_health as m

_RANKS: tuple[Literal["well", "note", "warning", "severe"], ...] = (
    "well",
    "note",
    "warning",
    "severe",
)


def health_answer(health: NodeHealth) -> m.NodeHealthAnswer:
    going = [one for one in health.conditions if one.until is None]
    worst = max((_RANKS.index(one.severity) for one in going), default=0)
    return m.NodeHealthAnswer(
        at=health.at.iso(),
        state=_RANKS[worst],
        conditions=[condition_answer(one) for one in health.conditions],
        cameras=[camera_health(one) for one in health.cameras],
        disks=[_disk(one) for one in health.disks],
        processes=[_process(one) for one in health.processes],
        queues=[_queue(process, one) for process, one in health.queues],
        clock=_clock(health),
        certificate_ends_at=None
        if health.certificate is None
        else _iso(health.certificate.ends_at),
    )


def condition_answer(condition: Condition) -> m.ConditionAnswer:
    return m.ConditionAnswer(
        kind=condition.kind,
        camera=condition.camera,
        part=condition.part,
        since=condition.since.iso(),
        until=_iso(condition.until),
        because=condition.because,
        do=condition_kind(condition.kind).do,
        severity=condition.severity,
    )


def camera_health(camera: CameraHealth) -> m.CameraHealthAnswer:
    facts = camera.facts
    return m.CameraHealthAnswer(
        camera=camera.camera,
        streams=[_stream(one) for one in camera.streams if one.sign.stream != "cover"],
        lost=[
            m.LostAnswer(because=because, seconds=us / US_PER_SECOND)
            for because, us in facts.lost_us
        ],
        keys_left_h=None if facts.keys_left_us is None else facts.keys_left_us / US_PER_HOUR,
        spare_because=camera.spare_because,
        is_analysed=facts.is_analysed,
        looked_frac=camera.looked_frac,
        cpu_frac=camera.cpu_frac,
    )


def _stream(stream: StreamHealth) -> m.StreamHealthAnswer:
    sign = stream.sign
    clock = None
    if sign.clock is not None:
        drift = sign.clock.drift_ppm
        clock = m.CameraClockAnswer(
            offset_s=sign.clock.offset_us / US_PER_SECOND,
            drift_s_a_day=None if drift is None else drift * 86_400 / 1e6,
            method=sign.clock.method,
        )
    bits = stream.bits_per_second
    return m.StreamHealthAnswer(
        stream=sign.stream,
        is_away=sign.away_because is not None or not sign.is_running,
        away_because=sign.away_because,
        kbit_s=None if bits is None else round(bits / 1_000, 1),
        fps=None if stream.fps is None else round(stream.fps, 1),
        silent_s=sign.silent_us / US_PER_SECOND,
        received_bytes=sign.received_bytes,
        written_bytes=sign.written_bytes,
        packets_skipped=sign.packets_skipped,
        failures=sign.failures,
        stored_until=_iso(sign.stored_until),
        clock=clock,
    )


def _disk(disk: DiskSign) -> m.DiskHealthAnswer:
    return m.DiskHealthAnswer(
        name=disk.name,
        state=disk.state,
        because=disk.because,
        free_bytes=disk.free_bytes,
        total_bytes=disk.total_bytes,
        full_in_h=None if disk.full_in_us is None else disk.full_in_us / US_PER_HOUR,
    )


def _process(process: ProcessSign) -> m.ProcessHealthAnswer:
    return m.ProcessHealthAnswer(
        name=process.name,
        is_running=process.pid is not None,
        ends=process.ends,
        cpu_s=process.cpu_us / US_PER_SECOND,
        memory_bytes=process.memory_bytes,
        cameras=process.cameras,
    )


def _queue(process: str, queue: QueueSign) -> m.QueueHealthAnswer:
    return m.QueueHealthAnswer(
        process=process,
        name=queue.name,
        waiting=queue.waiting,
        waiting_max=queue.waiting_max,
        dropped=queue.dropped,
    )


def _clock(health: NodeHealth) -> m.ClockHealthAnswer:
    clock, door = health.clock, health.door
    return m.ClockHealthAnswer(
        is_synchronised=clock.is_synchronised,
        error_ms=None if clock.error_us is None else clock.error_us / 1_000,
        stepped_s=None if clock.stepped_us is None else clock.stepped_us / US_PER_SECOND,
        stepped_at=_iso(clock.stepped_at),
        vouched_for=None if door is None else door.vouched_for.iso(),
        shredding_paused_because=None if door is None else door.paused_because or None,
    )


def _iso(moment: Instant | None) -> str | None:
    return None if moment is None else moment.iso()
