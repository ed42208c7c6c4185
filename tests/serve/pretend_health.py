"""How a pretend node is: one camera away, one with a wrong clock, a disk that fills."""

from __future__ import annotations

from fairview.core.health import (
    AnalysisSign,
    CameraClock,
    CameraFacts,
    CameraHealth,
    CertificateSign,
    Condition,
    DiskSign,
    DoorSigns,
    MachineClock,
    NodeHealth,
    ProcessSign,
    QueueSign,
    Severity,
    StreamHealth,
    StreamSign,
)
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND, Instant

JUNCTION, DEPOT, HARBOUR = CameraId("junction-1"), CameraId("depot-2"), CameraId("harbour-3")


def pretend_health(now: Instant) -> NodeHealth:
    """The same figures at any moment."""
    return NodeHealth(
        at=now,
        conditions=_conditions(now),
        cameras=(
            _camera(JUNCTION, now, is_analysed=True),
            _camera(
                DEPOT,
                now,
                clock=CameraClock(
                    offset_us=-3_720 * US_PER_SECOND, drift_ppm=41.0, method="RTCP sender reports"
                ),
            ),
            _camera(HARBOUR, now, is_away=True),
        ),
        disks=(
            DiskSign(
                name="footage",
                state="ok",
                because="",
                free_bytes=212 * 10**9,
                total_bytes=3_840 * 10**9,
                full_in_us=31 * US_PER_HOUR,
            ),
        ),
        processes=tuple(
            ProcessSign(
                name=name,
                pid=100 + place,
                ends=int(name == "analyser-0"),
                ended_us=(),
                cpu_us=(40 + place) * US_PER_SECOND,
                memory_bytes=(31 + 12 * place) * 1_000_000,
                cameras=3 if name[-2:] == "-0" else 0,
            )
            for place, name in enumerate(
                ("node", "catalogue", "door", "web", "health", "recorder-0", "analyser-0")
            )
        ),
        queues=(
            ("recorder-0", QueueSign(name="rows", waiting=3, waiting_max=20_000, dropped=0)),
            ("analyser-0", QueueSign(name="rows", waiting=0, waiting_max=20_000, dropped=0)),
        ),
        clock=MachineClock(is_synchronised=True, error_us=1_900, stepped_us=None, stepped_at=None),
        door=DoorSigns(process="door", paused_because="", viewing_stopped="", vouched_for=now),
        certificate=CertificateSign(path="certificate.pem", ends_at=now.plus(300 * US_PER_DAY)),
    )


def _conditions(now: Instant) -> tuple[Condition, ...]:
    def one(  # noqa: PLR0913  # a test's builder names fields freely
        kind: str,
        severity: Severity,
        minutes: int,
        because: str,
        camera: CameraId | None = None,
        part: str = "",
        over: int | None = None,
    ) -> Condition:
        return Condition(
            kind=kind,
            camera=camera,
            part=part,
            since=now.plus(-minutes * US_PER_MINUTE),
            until=None if over is None else now.plus(-over * US_PER_MINUTE),
            because=because,
            severity=severity,
        )

    return (
        one("camera_clock_off", "note", 600, "it is 62 min behind (RTCP sender reports)", DEPOT),
        one("disk_filling", "warning", 95, "full in 31 hours at this rate", part="footage"),
        one("camera_away", "severe", 42, "camera away", HARBOUR),
        one("analysis_overloaded", "warning", 7, "38% of its pictures are looked at", JUNCTION),
        one("catalogue_away", "warning", 190, "not answering", part="recorder-0", over=189),
    )


def _camera(
    camera: CameraId,
    now: Instant,
    *,
    is_away: bool = False,
    is_analysed: bool = False,
    clock: CameraClock | None = None,
) -> CameraHealth:
    silent_us = 42 * US_PER_MINUTE if is_away else 120_000
    sign = StreamSign(
        camera=camera,
        stream="main",
        packets=90_000,
        packets_skipped=12,
        received_bytes=1_800_000_000,
        written_bytes=1_812_000_000,
        failures=0,
        silent_us=silent_us,
        unstored_us=silent_us,
        stored_until=now.plus(-silent_us),
        away_because="camera away" if is_away else None,
        is_running=True,
        clock=clock,
    )
    lost = (("camera_away", 42 * US_PER_MINUTE),) if is_away else (("lost_packets", 3_200_000),)
    looked = AnalysisSign(camera=camera, looked=900, dropped=1_400, silent_us=0, dead_because=None)
    return CameraHealth(
        camera=camera,
        streams=(
            StreamHealth(
                sign=sign,
                bits_per_second=None if is_away else 4_120_000.0,
                fps=None if is_away else 25.0,
            ),
        ),
        facts=CameraFacts(
            camera=camera,
            review_at=now.plus(365 * US_PER_DAY),
            keys_left_us=47 * US_PER_HOUR,
            lost_us=lost,
            is_analysed=is_analysed,
        ),
        spare_because=None,
        analysis=looked if is_analysed else None,
        looked_frac=0.38 if is_analysed else None,
        cpu_frac=0.0031,
    )
