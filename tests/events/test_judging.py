from __future__ import annotations

import pytest

from fairview.core.health import (
    AnalyserSigns,
    AnalysisSign,
    CameraClock,
    CertificateSign,
    DoorSigns,
    QueueSign,
    SpareSign,
)
from fairview.core.time import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from fairview.events.conditions import condition_kind
from fairview.events.judging import Signs, found
from tests.builders import NOON
from tests.events.health_signs import (
    CAMERA,
    clock,
    disk,
    facts,
    process,
    recorder,
    signs,
    stream,
)


def kinds(given: Signs) -> list[str]:
    return [one.kind for one in found(given)]


def analysis(**changes: object) -> AnalyserSigns:
    values: dict[str, object] = {
        "camera": CAMERA,
        "looked": 100,
        "dropped": 0,
        "silent_us": 0,
        "dead_because": None,
    }
    values.update(changes)
    one = AnalysisSign(**values)  # type: ignore[arg-type]  # tests name fields freely
    return AnalyserSigns(process="analyser-0", cameras=(one,), queues=())


def test_a_node_where_all_is_well_has_no_condition() -> None:
    assert kinds(signs()) == []


OLD, SOON = NOON.plus(-US_PER_DAY), NOON.plus(20 * US_PER_DAY)
TROUBLES: dict[str, tuple[Signs, list[str]]] = {
    "away": (signs(recorders=(recorder(stream(away_because="no answer")),)), ["camera_away"]),
    "its thread ended": (signs(recorders=(recorder(stream(is_running=False)),)), ["camera_away"]),
    "silent": (
        signs(recorders=(recorder(stream(silent_us=16 * US_PER_SECOND)),)),
        ["camera_silent"],
    ),
    "slow to start is no silence": (
        signs(recorders=(recorder(stream(packets=0, silent_us=30 * US_PER_SECOND)),)),
        [],
    ),
    "nothing stored": (
        signs(recorders=(recorder(stream(unstored_us=US_PER_MINUTE)),)),
        ["not_stored"],
    ),
    "what covers hide comes and goes": (
        signs(recorders=(recorder(stream(stream="cover", away_because="gone")),)),
        [],
    ),
    "full": (signs(disks=(disk(state="full", because="told by its writer"),)), ["disk_full"]),
    "slow": (signs(disks=(disk(state="slow", because="told by its writer"),)), ["disk_slow"]),
    "failing": (
        signs(disks=(disk(state="failing", because="told by its writer"),)),
        ["disk_failing"],
    ),
    "gone": (signs(disks=(disk(state="gone", because="told by its writer"),)), ["disk_gone"]),
    "filling": (signs(disks=(disk(full_in_us=9 * US_PER_HOUR),)), ["disk_filling"]),
    "filling slowly": (signs(disks=(disk(full_in_us=9 * US_PER_DAY),)), []),
    "stepped": (signs(clock=clock(stepped_us=-90_000_000)), ["clock_stepped"]),
    "unsynchronised": (signs(clock=clock(is_synchronised=False)), ["clock_unsynchronised"]),
    "nobody can say whether": (signs(clock=clock(is_synchronised=None)), []),
    "paused": (
        signs(
            door=DoorSigns(
                process="door", paused_because="far ahead", viewing_stopped="", vouched_for=NOON
            )
        ),
        ["shredding_paused"],
    ),
    "stopped": (
        signs(
            door=DoorSigns(
                process="door", paused_because="far", viewing_stopped="a day", vouched_for=NOON
            )
        ),
        ["shredding_paused", "viewing_stopped"],
    ),
    "few keys": (signs(facts=(facts(keys_left_us=3 * US_PER_HOUR),)), ["keys_short"]),
    "no keys": (signs(facts=(facts(keys_left_us=-US_PER_HOUR),)), ["keys_short"]),
    "spare": (
        signs(
            recorders=(
                recorder(stream(), spares=(SpareSign(camera=CAMERA, because="it stepped"),)),
            )
        ),
        ["key_supply_spare"],
    ),
    "review due": (signs(facts=(facts(review_at=SOON),)), ["review_due"]),
    "review overdue": (signs(facts=(facts(review_at=OLD),)), ["review_overdue"]),
    "certificate": (
        signs(certificate=CertificateSign(path="a.pem", ends_at=NOON.plus(US_PER_DAY))),
        ["certificate_ending"],
    ),
    "certificate unreadable": (
        signs(certificate=CertificateSign(path="a.pem", ends_at=None)),
        ["certificate_ending"],
    ),
    "certificate fresh": (
        signs(certificate=CertificateSign(path="a.pem", ends_at=NOON.plus(90 * US_PER_DAY))),
        [],
    ),
    "ends again and again": (
        signs(processes=(process("door", ends=3, ended_us=(US_PER_DAY - 9,) * 3),)),
        ["process_failing"],
    ),
    "ended long ago": (signs(processes=(process("door", ends=3, ended_us=(5, 6, 7)),)), []),
    "hangs": (signs(silent=(("recorder-1", 40 * US_PER_SECOND),)), ["process_silent"]),
    "not analysed": (signs(facts=(facts(is_analysed=True),)), ["analysis_dead"]),
    "analysis broken": (
        signs(facts=(facts(is_analysed=True),), analysers=(analysis(dead_because="no model"),)),
        ["analysis_dead"],
    ),
    "analysis silent": (
        signs(
            facts=(facts(is_analysed=True),),
            analysers=(analysis(silent_us=2 * US_PER_MINUTE),),
        ),
        ["analysis_dead"],
    ),
    "not analysed while the camera is away": (
        signs(
            facts=(facts(is_analysed=True),),
            recorders=(recorder(stream(away_because="no answer")),),
        ),
        ["camera_away"],
    ),
    "overloaded": (
        signs(facts=(facts(is_analysed=True),), analysers=(analysis(),), looked=((CAMERA, 0.3),)),
        ["analysis_overloaded"],
    ),
    "looked at": (
        signs(facts=(facts(is_analysed=True),), analysers=(analysis(),), looked=((CAMERA, 0.9),)),
        [],
    ),
    "a picture that can't be measured": (
        signs(analysers=(analysis(fault="covered"),)),
        ["picture_bad"],
    ),
    "catalogue away": (
        signs(
            recorders=(
                recorder(
                    stream(),
                    queues=(
                        QueueSign(
                            name="rows",
                            waiting=4,
                            waiting_max=20_000,
                            dropped=0,
                            away_because="refused",
                        ),
                    ),
                ),
            )
        ),
        ["catalogue_away"],
    ),
    "rows wait": (
        signs(
            recorders=(
                recorder(
                    stream(),
                    queues=(QueueSign(name="rows", waiting=1_500, waiting_max=20_000, dropped=0),),
                ),
            )
        ),
        ["rows_waiting"],
    ),
    "footage waits": (
        signs(
            recorders=(
                recorder(
                    stream(),
                    queues=(QueueSign(name="writes", waiting=60, waiting_max=100, dropped=0),),
                ),
            )
        ),
        ["writes_waiting"],
    ),
}


@pytest.mark.parametrize("what", TROUBLES)
def test_trouble_is_found_by_its_name_and_nothing_else_is(what: str) -> None:
    given, wanted = TROUBLES[what]
    assert kinds(given) == wanted
    for one in found(given):
        assert one.because
        assert condition_kind(one.kind).name == one.kind


@pytest.mark.parametrize(
    ("offset_us", "drift_ppm", "says"),
    [
        (-3_600_000_000, None, "it is 60 min behind (arrivals)"),
        (5_000_000, 0.0, "it is 5 s ahead (arrivals)"),
        (0, 50_000.0, "it gains 4320 s a day (arrivals)"),
        (0, -600.0, "it loses 52 s a day (arrivals)"),
        (100_000, 20.0, ""),
    ],
)
def test_a_camera_clock_is_told_with_how_it_was_measured(
    offset_us: int, drift_ppm: float | None, says: str
) -> None:
    off = CameraClock(offset_us=offset_us, drift_ppm=drift_ppm, method="arrivals")
    told = found(signs(recorders=(recorder(stream(clock=off)),)))
    assert [one.because for one in told] == ([says] if says else [])
