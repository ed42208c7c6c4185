"""What is wrong in the signs of one moment. Pure: figures in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fairview.core import limits_health as limits
from fairview.core.health import (
    AnalyserSigns,
    AnalysisSign,
    CameraFacts,
    CertificateSign,
    DiskSign,
    DoorSigns,
    MachineClock,
    ProcessSign,
    QueueSign,
    RecorderSigns,
    StreamSign,
)
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_SECOND, Instant
from fairview.events.conditions import Found

_DISK_KINDS = {
    "full": "disk_full",
    "slow": "disk_slow",
    "failing": "disk_failing",
    "gone": "disk_gone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """Everything known at one moment. Only what was told lately is in it.

    silent: processes that should tell their signs and do not, and for how long (us).
    looked: the share of each camera's pictures looked at over the last minute.
    """

    at: Instant
    monotonic_us: int
    recorders: tuple[RecorderSigns, ...]
    analysers: tuple[AnalyserSigns, ...]
    door: DoorSigns | None
    disks: tuple[DiskSign, ...]
    processes: tuple[ProcessSign, ...]
    silent: tuple[tuple[str, int], ...]
    clock: MachineClock
    facts: tuple[CameraFacts, ...]
    certificate: CertificateSign | None
    looked: tuple[tuple[CameraId, float], ...]


def found(signs: Signs) -> tuple[Found, ...]:
    """Every trouble the signs show."""
    return (
        *_cameras(signs),
        *(one for disk in signs.disks for one in _disk(disk)),
        *_queues(signs),
        *_clocks(signs),
        *_analyses(signs),
        *_processes(signs),
        *_paper(signs),
    )


def _cameras(signs: Signs) -> Iterator[Found]:
    for recorder in signs.recorders:
        for stream in recorder.streams:
            yield from _stream(stream)
        for spare in recorder.spares:
            yield Found(kind="key_supply_spare", camera=spare.camera, because=spare.because)
    for facts in signs.facts:
        left_us = facts.keys_left_us
        if left_us is not None and left_us < limits.KEYS_SHORT_US:
            hours = max(left_us, 0) // US_PER_HOUR
            yield Found(kind="keys_short", camera=facts.camera, because=f"{hours} hours are left")


def _stream(sign: StreamSign) -> Iterator[Found]:
    if sign.stream == "cover":
        return
    part = "" if sign.stream == "main" else sign.stream
    if sign.away_because is not None or not sign.is_running:
        because = sign.away_because or "its recording ended"
        yield Found(
            kind="camera_away",
            camera=sign.camera,
            part=part,
            because=because,
            for_us=sign.silent_us,
        )
        return
    silent_us = limits.STARTING_US if sign.packets == 0 else limits.SILENT_US
    if sign.silent_us > silent_us:
        because = f"no picture for {_seconds(sign.silent_us)}"
        yield Found(
            kind="camera_silent",
            camera=sign.camera,
            part=part,
            because=because,
            for_us=sign.silent_us,
        )
    elif sign.unstored_us is not None and sign.unstored_us > limits.UNSTORED_US:
        because = f"nothing was stored for {_seconds(sign.unstored_us)}"
        yield Found(
            kind="not_stored",
            camera=sign.camera,
            part=part,
            because=because,
            for_us=sign.unstored_us,
        )
    clock = sign.clock
    if clock is not None and sign.stream == "main":
        because = _clock_trouble(clock.offset_us, clock.drift_ppm)
        if because:
            yield Found(
                kind="camera_clock_off", camera=sign.camera, because=f"{because} ({clock.method})"
            )


def _clock_trouble(offset_us: int, drift_ppm: float | None) -> str:
    if abs(offset_us) > limits.CAMERA_CLOCK_US:
        way = "ahead" if offset_us > 0 else "behind"
        return f"it is {_seconds(abs(offset_us))} {way}"
    if drift_ppm is not None and abs(drift_ppm) > limits.CAMERA_DRIFT_PPM:
        way = "gains" if drift_ppm > 0 else "loses"
        return f"it {way} {abs(drift_ppm) * 86_400 / 1e6:.0f} s a day"
    return ""


def _disk(disk: DiskSign) -> Iterator[Found]:
    kind = _DISK_KINDS.get(disk.state)
    if kind is not None:
        yield Found(kind=kind, part=disk.name, because=disk.because)
    elif disk.full_in_us is not None and disk.full_in_us < limits.DISK_FULL_SOON_US:
        hours = disk.full_in_us / US_PER_HOUR
        because = f"full in {hours:.0f} hours at this rate"
        yield Found(kind="disk_filling", part=disk.name, because=because)


def _queues(signs: Signs) -> Iterator[Found]:
    told = [(one.process, one.queues) for one in signs.recorders]
    told += [(one.process, one.queues) for one in signs.analysers]
    for process, queues in told:
        for queue in queues:
            yield from _queue(process, queue)


def _queue(process: str, queue: QueueSign) -> Iterator[Found]:
    if queue.name == "rows":
        if queue.away_because is not None:
            because = f"{queue.away_because}; {queue.waiting} rows wait"
            yield Found(kind="catalogue_away", part=process, because=because)
        elif queue.waiting > limits.ROWS_WAITING_MANY:
            because = f"{queue.waiting} rows wait"
            yield Found(kind="rows_waiting", part=process, because=because)
    elif queue.waiting_max and queue.waiting * 2 > queue.waiting_max:
        because = f"{queue.waiting} of {queue.waiting_max} bytes wait"
        yield Found(kind="writes_waiting", part=f"{process} {queue.name}", because=because)


def _clocks(signs: Signs) -> Iterator[Found]:
    clock, door = signs.clock, signs.door
    if clock.stepped_us is not None:
        way = "forward" if clock.stepped_us > 0 else "back"
        because = f"it was set {way} by {_seconds(abs(clock.stepped_us))}"
        yield Found(kind="clock_stepped", because=because)
    if clock.is_synchronised is False:
        yield Found(kind="clock_unsynchronised", because="the kernel's clock is not synchronised")
    if door is not None and door.paused_because:
        yield Found(kind="shredding_paused", because=door.paused_because)
    if door is not None and door.viewing_stopped:
        yield Found(kind="viewing_stopped", because=door.viewing_stopped)


def _analyses(signs: Signs) -> Iterator[Found]:
    wanted = {one.camera for one in signs.facts if one.is_analysed}
    away = {
        stream.camera
        for recorder in signs.recorders
        for stream in recorder.streams
        if stream.stream == "main" and (stream.away_because or stream.silent_us > limits.SILENT_US)
    }
    signed: dict[CameraId, AnalysisSign] = {
        one.camera: one for analyser in signs.analysers for one in analyser.cameras
    }
    for sign in signed.values():
        if sign.fault is not None:
            yield Found(kind="picture_bad", camera=sign.camera, because=sign.fault)
    looked = dict(signs.looked)
    for camera in sorted(wanted - away):
        because = _dead_because(signed.get(camera))
        if because is not None:
            yield Found(kind="analysis_dead", camera=camera, because=because)
            continue
        share = looked.get(camera)
        if share is not None and share < limits.LOOKED_SHARE_MIN:
            because = f"{share:.0%} of its pictures are looked at"
            yield Found(kind="analysis_overloaded", camera=camera, because=because)


def _dead_because(sign: AnalysisSign | None) -> str | None:
    if sign is None:
        return "no analyser has it"
    if sign.dead_because is None and sign.silent_us > limits.STARTING_US:
        return f"no picture was looked at for {_seconds(sign.silent_us)}"
    return sign.dead_because


def _processes(signs: Signs) -> Iterator[Found]:
    for process in signs.processes:
        since_us = signs.monotonic_us - limits.RESTARTS_WINDOW_US
        lately = [one for one in process.ended_us if one >= since_us]
        if len(lately) >= limits.RESTARTS_MANY:
            because = f"it ended {len(lately)} times within ten minutes"
            yield Found(kind="process_failing", part=process.name, because=because)
    for name, silent_us in signs.silent:
        because = f"nothing was heard of it for {_seconds(silent_us)}"
        yield Found(kind="process_silent", part=name, because=because)


def _paper(signs: Signs) -> Iterator[Found]:
    """Dates that somebody must keep."""
    certificate = signs.certificate
    if certificate is not None and certificate.ends_at is None:
        yield Found(kind="certificate_ending", because=f"{certificate.path} can't be read")
    elif certificate is not None and certificate.ends_at is not None:
        left_us = certificate.ends_at.since(signs.at)
        if left_us < limits.CERTIFICATE_DAYS_MIN * US_PER_DAY:
            because = f"it ends on {certificate.ends_at.iso()[:10]}"
            yield Found(kind="certificate_ending", because=because)
    for facts in signs.facts:
        left_us = facts.review_at.since(signs.at)
        on = facts.review_at.iso()[:10]
        if left_us <= 0:
            yield Found(kind="review_overdue", camera=facts.camera, because=f"it was due on {on}")
        elif left_us < limits.REVIEW_SOON_US:
            yield Found(kind="review_due", camera=facts.camera, because=f"it is due on {on}")


def _seconds(us: int) -> str:
    seconds = us / US_PER_SECOND
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172_800:
        return f"{seconds / 3_600:.0f} h"
    return f"{seconds / 86_400:.0f} days"
