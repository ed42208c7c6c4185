from __future__ import annotations

import hashlib
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from fairview.access.health_desk import HealthDesk
from fairview.config.settings import Metrics, Settings
from fairview.core.case import Actor
from fairview.core.clock_offset import ClockOffset
from fairview.core.errors import NotAllowed, Unavailable
from fairview.core.event import HealthEvent
from fairview.core.health import AnalyserSigns, AnalysisSign, DoorSigns, MachineClock, NodeHealth
from fairview.core.ids import ActorId, CameraId
from fairview.core.limits_health import SIGNS_OLD_US
from fairview.core.media import Gap, GapBecause
from fairview.core.time import (
    US_PER_DAY,
    US_PER_HOUR,
    US_PER_MINUTE,
    US_PER_SECOND,
    ManualClock,
    Span,
    SystemClock,
    kernel_clock,
)
from fairview.record.live import LiveTap
from fairview.record.recorder import Figures
from fairview.record.rows import RowQueue
from fairview.record.stream_writer import Written
from fairview.run.disks.forecast import Forecast
from fairview.run.health.board import Facts, HealthBoard
from fairview.run.health.facts import FactReader, certificate_sign
from fairview.run.health.machine_clock import ClockWatch
from fairview.run.health.messages import AskNodeHealth, TellDoor
from fairview.run.health.process_table import (
    ProcessTable,
    cpu_us_of,
    memory_bytes_of,
    processes_of,
)
from fairview.run.health.telling import Teller
from fairview.run.health_process import serve_health
from fairview.run.orders import StartOrders
from fairview.run.places import make_sockets
from fairview.run.recording.recorder_signs import RecorderWatch, StreamWatched, clock_sign
from fairview.run.supervise import Supervisor
from fairview.store.catalogue_memory import MemoryCatalogue
from fairview.store.contracts import CameraSaved, GapSaved
from fairview.store.keyfile import sign_key_file
from fairview.store.layout import open_data_folder
from fairview.store.wire import Connection
from tests.builders import NOON, camera, packet
from tests.events.health_signs import clock as machine
from tests.events.health_signs import disk, facts, process, recorder, stream
from tests.record.keys import DOOR, issued

NAME = CameraId("junction-1")
DOOR_WELL = DoorSigns(process="door", paused_because="", viewing_stopped="", vouched_for=NOON)


class Desk:
    """A board with its clock and what it had stored."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.events: list[HealthEvent] = []
        self.machine = machine()
        self.board = HealthBoard(self.clock, lambda: self.machine, self.events.append)
        self.board.facts(Facts(cameras=(facts(),), disks=(disk(),), certificate=None))
        self.board.processes((process("recorder-0"), process("door")))

    def tell(self, seconds: int, **changes: object) -> None:
        """So many seconds in which the recorder tells of one stream."""
        for second in range(seconds):
            self.clock.advance(US_PER_SECOND)
            counts = {"packets": 25 * (second + 1), "received_bytes": 500_000 * (second + 1)}
            sign = replace(stream(), **counts, **changes)  # type: ignore[arg-type]  # tests name fields freely
            self.board.tell(recorder(sign))
            self.board.tell(DOOR_WELL)
            self.board.turn()

    def going(self) -> list[str]:
        return [one.kind for one in self.board.health().conditions if one.until is None]


def test_a_node_where_all_tell_well_has_figures_and_no_condition() -> None:
    desk = Desk()
    desk.tell(30)
    health = desk.board.health()
    assert desk.going() == []
    (one,) = health.cameras
    assert one.streams[0].fps == pytest.approx(25)
    assert one.streams[0].bits_per_second == pytest.approx(4_000_000)
    assert health.disks == (disk(),)
    assert desk.events == []


def test_a_condition_is_told_as_an_event_when_it_begins_and_when_it_is_over() -> None:
    desk = Desk()
    desk.tell(5, silent_us=20 * US_PER_SECOND)
    assert desk.going() == ["camera_silent"]
    desk.tell(20)
    assert desk.going() == []
    assert [(one.kind, one.camera) for one in desk.events] == [
        ("camera_silent", NAME),
        ("condition_over", NAME),
    ]
    assert "camera silent" in desk.events[1].because


def test_what_a_recorder_tells_as_an_event_itself_is_not_told_twice() -> None:
    desk = Desk()
    desk.tell(5, away_because="camera away")
    assert desk.going() == ["camera_away"]
    assert desk.events == []


def test_a_process_that_tells_nothing_is_silent_and_its_figures_are_gone() -> None:
    desk = Desk()
    desk.tell(5)
    for _ in range(SIGNS_OLD_US // US_PER_SECOND + 10):
        desk.clock.advance(US_PER_SECOND)
        desk.board.turn()
    assert set(desk.going()) == {"process_silent"}
    assert desk.board.health().cameras[0].streams == ()


def test_an_analyser_that_looks_at_a_third_is_overloaded() -> None:
    desk = Desk()
    desk.board.facts(Facts(cameras=(facts(is_analysed=True),), disks=(disk(),), certificate=None))
    for second in range(140):
        desk.clock.advance(US_PER_SECOND)
        sign = AnalysisSign(
            camera=NAME, looked=second, dropped=2 * second, silent_us=0, dead_because=None
        )
        desk.board.tell(recorder(stream()))
        desk.board.tell(DOOR_WELL)
        desk.board.tell(AnalyserSigns(process="analyser-0", cameras=(sign,), queues=()))
        desk.board.turn()
    assert desk.going() == ["analysis_overloaded"]
    assert desk.board.health().cameras[0].looked_frac == pytest.approx(1 / 3)


def test_a_disk_is_what_the_worst_recorder_says_of_it() -> None:
    desk = Desk()
    desk.clock.advance(US_PER_SECOND)
    desk.board.tell(recorder(stream(), disks=(disk(name="a"),)))
    desk.board.tell(
        recorder(process="recorder-1", disks=(disk(name="a", state="slow", because="12 s"),))
    )
    desk.board.turn()
    assert [(one.name, one.state) for one in desk.board.health().disks] == [("a", "slow")]


def test_a_forecast_follows_how_the_room_shrank() -> None:
    forecast = Forecast()
    assert forecast.full_in_us("a", 100) is None
    for minute in range(61):
        forecast.see("a", minute * US_PER_MINUTE, 10**12 - minute * 10**9)
    left = 10**12 - 60 * 10**9
    assert forecast.full_in_us("a", left) == pytest.approx(940 * US_PER_MINUTE)
    for minute in range(61):
        forecast.see("b", minute * US_PER_MINUTE, 10**12)
    assert forecast.full_in_us("b", 10**12) is None


class Counted:
    """A stream as its keeper has it, by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOON)
        self.tap = LiveTap()
        self.figures = Figures(written=Written())
        rows = RowQueue(MemoryCatalogue(), self.clock)
        self.spare = ""
        self.watch = RecorderWatch("recorder-0", self.watched, rows, self.clock)

    def watched(self) -> tuple[StreamWatched, ...]:
        one = StreamWatched(
            camera=NAME,
            stream="main",
            figures=self.figures,
            tap=self.tap,
            is_running=True,
            spare_because=self.spare,
        )
        return (one,)

    def seconds(
        self, count: int, *, comes: bool = True, kept: bool = True, stored: bool = True
    ) -> None:
        for number in range(count):
            self.clock.advance(US_PER_SECOND)
            if comes:
                self.tap.packet(packet(number))
                self.figures.packets += int(kept)
            if comes and kept and stored:
                self.figures.written.stored_until = self.clock.now()
            self.watch.signs()


def test_silence_is_counted_from_the_last_packet() -> None:
    one = Counted()
    one.seconds(5)
    one.seconds(7, comes=False)
    (sign,) = one.watch.signs().streams
    assert sign.silent_us == 7 * US_PER_SECOND
    assert sign.away_because is None


def test_what_comes_and_is_not_stored_is_told_and_what_is_not_to_be_kept_is_not() -> None:
    one = Counted()
    one.seconds(5)
    one.seconds(40, stored=False)
    assert one.watch.signs().streams[0].silent_us == 0
    one.seconds(1, stored=False)
    unstored_us = one.watch.signs().streams[0].unstored_us
    assert unstored_us is None or unstored_us >= 40 * US_PER_SECOND
    one.seconds(50, kept=False)
    assert one.watch.signs().streams[0].unstored_us is None


def test_a_stream_is_away_until_its_next_packet() -> None:
    one = Counted()
    one.seconds(3)
    one.tap.away(NAME, "main", GapBecause.CAMERA_AWAY, NOON)
    assert one.watch.signs().streams[0].away_because == "camera away"
    one.seconds(3, comes=False)
    assert one.watch.signs().streams[0].away_because == "camera away"
    one.seconds(1)
    assert one.watch.signs().streams[0].away_because is None


def test_a_spare_in_use_is_told_with_why() -> None:
    one = Counted()
    one.spare = "the clock stepped by 10800 s"
    assert [spare.because for spare in one.watch.signs().spares] == [one.spare]


@pytest.mark.parametrize(("method", "offset_us"), [("rtcp", 7_000_000), ("arrival", 0)])
def test_only_a_camera_that_says_its_time_has_an_offset(method: str, offset_us: int) -> None:
    told = ClockOffset(
        method=method,  # type: ignore[arg-type]  # one of the two
        at=NOON,
        offset_us=7_000_000,
        drift_ppm=12.0,
        over_us=US_PER_HOUR,
    )
    sign = clock_sign(told)
    assert sign is not None
    assert (sign.offset_us, sign.drift_ppm) == (offset_us, 12.0)
    assert clock_sign(None) is None


def test_a_step_of_the_machines_clock_is_seen_and_shown_for_a_while() -> None:
    clock = ManualClock(NOON)
    watch = ClockWatch(clock)
    clock.advance(US_PER_MINUTE)
    assert watch.look().stepped_us is None
    clock.step(-90 * US_PER_SECOND)
    assert watch.look().stepped_us == -90 * US_PER_SECOND
    clock.advance(9 * US_PER_MINUTE)
    assert watch.look().stepped_us == -90 * US_PER_SECOND
    clock.advance(2 * US_PER_MINUTE)
    assert watch.look().stepped_us is None


def test_the_kernel_says_whether_its_clock_is_kept() -> None:
    kernel = kernel_clock()
    assert kernel is not None, "this is Linux on 64 bits"
    assert (kernel.error_us is None) == (not kernel.is_synchronised)


def test_a_process_table_knows_costs_and_ends_and_crosses_to_the_health_process() -> None:
    table = ProcessTable(Supervisor(SystemClock(), lambda name, status: None), SystemClock())
    assert table.ended("door", 3).because == "door ended with status 3"
    (node,) = table.signs()
    assert (node.name, node.pid) == ("node", os.getpid())
    assert node.cpu_us > 0
    assert node.memory_bytes > 1_000_000
    line: list[list[object]] = [[node.name, node.pid, 2, [5, 6], node.cpu_us, node.memory_bytes]]
    assert processes_of(line) == (replace(node, ends=2, ended_us=(5, 6)),)
    assert (cpu_us_of(2**22 + 1), memory_bytes_of(2**22 + 1)) == (0, 0)


def test_facts_come_from_rows_key_files_and_the_disk(tmp_path: Path) -> None:
    folder = open_data_folder(tmp_path / "data", create=True)
    clock, catalogue = ManualClock(NOON), MemoryCatalogue()
    made = camera()
    gap = Gap(
        camera=made.id,
        stream="main",
        span=Span(start=NOON.plus(-25 * US_PER_HOUR), end=NOON.plus(-23 * US_PER_HOUR)),
        because=GapBecause.DISK_FULL,
    )
    catalogue.write([CameraSaved(camera=made, sealed_login=None), GapSaved(gap=gap)])
    folder.door_public.write_bytes(DOOR.public_key().public_bytes_raw())
    reader = FactReader(Settings(data=folder.root), folder, catalogue, clock, None)
    assert reader.read().cameras[0].keys_left_us is None
    folder.key_file(made.id).write_bytes(sign_key_file(issued(made.id, NOON, hours=7), DOOR))
    found = reader.read()
    (one,) = found.cameras
    assert one.keys_left_us == 7 * US_PER_HOUR
    assert one.lost_us == (("disk_full", US_PER_HOUR),)
    assert not one.is_analysed
    assert found.disks[0].free_bytes > 0


def test_a_certificate_that_cant_be_read_has_no_end(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text("no certificate")
    assert certificate_sign(tmp_path / "a.pem").ends_at is None
    assert certificate_sign(tmp_path / "b.pem").ends_at is None


def test_signs_cross_the_socket_and_the_state_comes_back(tmp_path: Path) -> None:
    desk = Desk()
    with make_sockets() as sockets:
        secret = b"s" * 32
        orders = StartOrders(
            settings=Settings(data=tmp_path), sockets=sockets, secrets={"health": secret}, extra={}
        )
        teller = Teller(sockets.path("health"), secret, lambda: TellDoor(DOOR_WELL), SystemClock())
        assert not teller.tell(), "nobody hears, and nobody waits for long"
        server = serve_health(orders, desk.board)
        try:
            assert teller.tell()
            with Connection(sockets.path("health"), secret) as asker:
                health = asker.call(AskNodeHealth(), NodeHealth)
        finally:
            teller.close()
            server.close()
    assert health.door == DOOR_WELL
    assert health.cameras[0].camera == NAME


def test_a_desk_says_no_more_than_an_actor_may_know_and_figures_need_leave() -> None:
    desk = Desk()
    desk.tell(5, away_because="camera away")
    whole = HealthDesk(desk.board.health, Metrics())
    knows_all = Actor(id=ActorId("ada"), roles=frozenset({"operator"}))
    stranger = replace(knows_all, cameras=frozenset({CameraId("depot-2")}))
    assert len(whole.seen_by(knows_all).cameras) == 1
    seen = whole.seen_by(stranger)
    assert [seen.cameras, seen.conditions, seen.processes, seen.disks] == [(), (), (), ()]
    assert whole.figures("").cameras
    with pytest.raises(NotAllowed):
        whole.figures("guess")
    digest = "a4b4fba8c1b5ce5ba9d0cbc1b12ba2a1ba0d3c5a8f6c5d7e8f9a0b1c2d3e4f5a"
    closed = HealthDesk(desk.board.health, Metrics(this_machine=False, token_sha256=digest))
    for token in ("", "guess"):
        with pytest.raises(NotAllowed):
            closed.figures(token)
    with pytest.raises(Unavailable):
        HealthDesk(None, Metrics()).seen_by(knows_all)


def test_a_token_is_known_by_its_digest() -> None:
    digest = hashlib.sha256(b"a long random token").hexdigest()
    desk = HealthDesk(Desk().board.health, Metrics(this_machine=False, token_sha256=digest))
    assert desk.figures("a long random token").cameras


def test_a_step_of_a_day_is_shown_by_the_clock_alone() -> None:
    desk = Desk()
    desk.machine = MachineClock(
        is_synchronised=None, error_us=None, stepped_us=US_PER_DAY, stepped_at=NOON
    )
    desk.tell(3)
    assert desk.going() == ["clock_stepped"]


def test_many_threads_may_tell_and_ask_at_once() -> None:
    desk = Desk()
    done: list[int] = []

    def tell(number: int) -> None:
        for _ in range(200):
            desk.board.tell(recorder(stream(), process=f"recorder-{number}"))
            desk.board.health()
            desk.board.turn()
        done.append(number)

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 1, 2, 3]
