"""RTSP through real servers: exact units, times, logins, outages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path

import av
import pytest
from structlog.testing import capture_logs

from fairview.core.camera import Login, Secret, Source
from fairview.core.errors import NotAllowed, NotFound, Unavailable
from fairview.core.flow import PacketSource
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause, Packet
from fairview.core.time import SystemClock
from fairview.ingest.address import AddressRules
from fairview.ingest.av_source import RtspSource
from fairview.ingest.lean.looks import Looks
from fairview.ingest.lean.source import LeanFirst, LeanSource
from fairview.ingest.probe import probe
from fairview.ingest.reading import opened_rtsp
from fairview.ingest.session import CameraSession
from tests.ingest.comparing import digests, follows, source_digests, write_laps
from tests.ingest.movies import write_film
from tests.ingest.scripted import ListSink
from tests.servers.running import Running, free_port, gst_server, video, vlc_server

pytestmark = [pytest.mark.server, pytest.mark.slow]
HERE = AddressRules(allow_loopback=True)
CLIPS = (
    "bottle-detection.mp4",
    "face-demographics-walking-gif-x6.mp4",
    "one-by-one-person-detection.mp4",
    "people-walking-plaza.mp4",
    "person-bicycle-car-detection.mp4",
    "store-aisle-detection-gif-x6.mp4",
    "toll-gate-cars.mp4",
    "worker-zone-detection-gif-x6.mp4",
)
LOGIN = Login(name="admin", password=Secret("p@ss:w/ö?%1#"))


READER = ["ffmpeg"]
"""What the tests below read with; the threads of one test see it too."""


@pytest.fixture(autouse=True, params=["ffmpeg", "lean"])
def reader(request: pytest.FixtureRequest) -> str:
    """Every claim holds for both readers."""
    READER[0] = request.param
    return READER[0]


def source_of(address: str, login: Login | None = None) -> PacketSource:
    source = Source(stream="main", kind="rtsp", address=address)
    camera, clock = CameraId("junction-1"), SystemClock()

    def ffmpeg() -> RtspSource:
        return RtspSource(camera=camera, source=source, login=login, rules=HERE, clock=clock)

    if READER[0] == "ffmpeg":
        return ffmpeg()
    lean = LeanSource(camera=camera, source=source, login=login, rules=HERE, clock=clock)
    return LeanFirst(lean, ffmpeg, "junction-1/main")


def until_first_trouble(address: str, login: Login | None = None) -> list[Packet]:
    """All packets of one connection, through a session that stops when the stream ends."""
    stop = threading.Event()

    class Once(ListSink):
        def away(self, camera, stream, because, at) -> None:  # type: ignore[no-untyped-def]
            super().away(camera, stream, because, at)
            stop.set()

    sink = Once()
    CameraSession(
        camera=CameraId("junction-1"),
        stream="main",
        connect=lambda: source_of(address, login),
        sink=sink,
        clock=SystemClock(),
        stop=stop,
        looks=Looks(SystemClock()),
    ).run()
    return sink.packets


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    give_up = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < give_up, "it did not come to pass in time"
        time.sleep(0.02)


def served(
    clips: list[Path], server: Callable[..., AbstractContextManager[Running]]
) -> list[list[Packet]]:
    """What comes through one server per clip, all at once: they take their own time."""
    got: list[list[Packet]] = [[] for _ in clips]

    def one(index: int) -> None:
        with server(clips[index], "--for", "400") as running:
            got[index] = until_first_trouble(running.address)

    threads = [threading.Thread(target=one, args=(index,)) for index in range(len(clips))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


def open_to_all(folder: Path, clips: list[Path]) -> None:
    """Let VLC, which runs as nobody when we are root, read made files."""
    for clip in clips:
        clip.chmod(0o644)
    for above in (folder, *folder.parents[:3]):
        if above.owner() == "root" and above != Path("/tmp"):
            above.chmod(0o755)


def units_of(packets: list[Packet]) -> list[tuple[str, ...]]:
    keys = [number for number, packet in enumerate(packets) if packet.is_key]
    first = keys[0] if keys else len(packets)
    return [digests(one.data, one.format.parameter_sets) for one in packets[first:]]


def test_units_through_gstreamer_equal_the_files(tmp_path: Path) -> None:
    clips = [tmp_path / name for name in CLIPS]
    for clip in clips:
        write_laps(video(clip.name), clip, laps=1, seconds=4)
    for clip, packets in zip(clips, served(clips, gst_server), strict=True):
        assert units_of(packets) == source_digests(clip), clip.name


@pytest.mark.parametrize("reader", ["lean"], indirect=True)
def test_units_through_vlc_equal_the_files(tmp_path: Path) -> None:
    clips = [tmp_path / name for name in CLIPS]
    for clip in clips:
        write_laps(video(clip.name), clip, laps=4, seconds=3)
    open_to_all(tmp_path, clips)
    for clip, packets in zip(clips, served(clips, vlc_server), strict=True):
        source = source_digests(clip)
        # VLC sends whoever listens or not: what comes first may begin amid an access unit.
        got = units_of(packets[1:])
        assert len(got) > len(source) // 4, clip.name
        # VLC says goodbye on another port than its last picture, which may be cut by that.
        assert follows(got, source) >= len(got) - 1, clip.name


@pytest.mark.long
@pytest.mark.timeout(600)
def test_whole_files_through_gstreamer_equal_the_files() -> None:
    clips = [video(name) for name in CLIPS]
    for clip, packets in zip(clips, served(clips, gst_server), strict=True):
        assert units_of(packets) == source_digests(clip), clip.name


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("reader", ["lean"], indirect=True)
def test_whole_files_through_vlc_equal_the_files(tmp_path: Path) -> None:
    clips = [tmp_path / name for name in CLIPS]
    for clip in clips:
        write_laps(video(clip.name), clip, laps=2, seconds=1_000)
    open_to_all(tmp_path, clips)
    for clip, packets in zip(clips, served(clips, vlc_server), strict=True):
        source = source_digests(video(clip.name))
        got = units_of(packets[1:])
        assert follows(got, source) >= max(len(source), len(got) - 1), clip.name


@pytest.mark.parametrize("reader", ["ffmpeg"], indirect=True)
def test_ffmpeg_is_not_let_read_datagrams_and_says_what_to_do(tmp_path: Path) -> None:
    clip = tmp_path / CLIPS[0]
    write_laps(video(clip.name), clip, laps=1, seconds=4)
    open_to_all(tmp_path, [clip])
    with vlc_server(clip, "--for", "60") as running, pytest.raises(Unavailable, match="TCP alone"):
        next(source_of(running.address).packets())


def test_b_frames_keep_their_order_and_times(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", pictures=75, b_frames=2)
    with gst_server(film, "--for", "30") as running:
        packets = until_first_trouble(running.address)
    with av.open(str(film)) as container:
        stored = [raw.pts for raw in container.demux(video=0) if raw.size and raw.pts is not None]
    assert units_of(packets) == source_digests(film)
    order = sorted(range(75), key=lambda number: packets[number].ticks)
    assert order == sorted(range(75), key=lambda number: stored[number])
    steps = sorted(one.at.us for one in packets)
    assert all(abs(b - a - 40_000) < 200 for a, b in pairwise(steps))


def test_variable_steps_and_late_start_keep_their_times() -> None:
    clip = video("toll-gate-cars.mp4")
    with gst_server(clip, "--for", "40") as running:
        packets = until_first_trouble(running.address)
    with av.open(str(clip)) as container:
        stored = [raw.pts for raw in container.demux(video=0) if raw.size and raw.pts is not None]
    assert len(packets) == len(stored)
    differences = {one.ticks - pts for one, pts in zip(packets, stored, strict=True)}
    assert max(differences) - min(differences) <= 2  # RTP's clock is rounded by the server


@pytest.mark.parametrize("kind", ["basic", "digest"])
def test_login_opens_and_a_wrong_one_says_so(tmp_path: Path, kind: str) -> None:
    film = write_film(tmp_path / "film.mp4", pictures=50)
    wrong = Login(name="admin", password=Secret("letmein-please"))
    text = f"{LOGIN.name}:{LOGIN.password.reveal()}"
    with gst_server(film, "--login", text, "--auth", kind, "--loop", "--for", "60") as running:
        packets = source_of(running.address, LOGIN).packets()
        assert [len(next(packets).data) > 0 for _ in range(30)] == [True] * 30
        packets.close()  # type: ignore[attr-defined]  # a generator
        with pytest.raises(NotAllowed, match="refuses the login") as refused:
            next(source_of(running.address, wrong).packets())
        assert "letmein" not in repr(refused.value)
        assert refused.value.__context__ is None
        with pytest.raises(NotAllowed, match="asks for a login"):
            next(source_of(running.address).packets())


def test_probe_tells_what_a_server_offers_and_what_is_wrong(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", pictures=100, b_frames=2)
    clock = SystemClock()
    with gst_server(film, "--loop", "--for", "60") as running:
        source = Source(stream="main", kind="rtsp", address=running.address)
        found = probe(source, None, clock, HERE)
        lost = Source(stream="main", kind="rtsp", address=running.address + "/nothing")
        with pytest.raises(NotFound, match="no such path"):
            probe(lost, None, clock, HERE)
        with pytest.raises(NotAllowed, match="this machine"):
            probe(source, None, clock)
    assert (found.codec, found.width_px, found.height_px) == ("h264", 160, 96)
    assert abs(found.fps - 25) < 0.5
    assert found.key_interval_us is not None
    assert abs(found.key_interval_us - 1_000_000) < 1_000
    assert not found.has_audio
    dead = Source(stream="main", kind="rtsp", address=f"rtsp://127.0.0.1:{free_port()}/live")
    with pytest.raises(Unavailable, match="refuses connections"):
        probe(dead, None, clock, HERE)


@pytest.fixture
def outage(tmp_path: Path) -> Iterator[tuple[ListSink, threading.Event, Path]]:
    stop = threading.Event()
    yield ListSink(), stop, write_film(tmp_path / "film.mp4", pictures=75)
    stop.set()


def test_server_killed_and_back_is_told_once_each(
    outage: tuple[ListSink, threading.Event, Path],
) -> None:
    sink, stop, film = outage
    port = str(free_port())
    session = CameraSession(
        camera=CameraId("junction-1"),
        stream="main",
        connect=lambda: source_of(f"rtsp://127.0.0.1:{port}/live"),
        sink=sink,
        clock=SystemClock(),
        stop=stop,
        looks=Looks(SystemClock()),
    )
    with capture_logs() as logs:
        thread = threading.Thread(target=session.run)
        with gst_server(film, "--loop", "--port", port, "--for", "60") as running:
            thread.start()
            wait_until(lambda: len(sink.packets) > 30, 20)
            running.kill()
            wait_until(lambda: len(sink.aways) >= 1, 15)
        before = len(sink.packets)
        with gst_server(film, "--loop", "--port", port, "--for", "60"):
            wait_until(lambda: len(sink.packets) > before + 30, 40)
            stop.set()
            thread.join(timeout=15)
    assert not thread.is_alive()
    assert {because for because, _ in sink.aways} == {GapBecause.CAMERA_AWAY}
    told = [line["event"] for line in logs if line["log_level"] != "debug"]
    assert told == ["camera away", "camera back"]
    assert sink.closed == 1


def test_camera_that_stalls_is_silent_not_gone(
    outage: tuple[ListSink, threading.Event, Path],
) -> None:
    sink, stop, film = outage
    with gst_server(film, "--loop", "--stall-after", "2", "--for", "60") as running:
        session = CameraSession(
            camera=CameraId("junction-1"),
            stream="main",
            connect=lambda: source_of(running.address),
            sink=sink,
            clock=SystemClock(),
            stop=stop,
            looks=Looks(SystemClock()),
        )
        thread = threading.Thread(target=session.run)
        thread.start()
        wait_until(lambda: len(sink.aways) >= 1, 18)  # 2 s of pictures, 10 s of silence
        stop.set()
        thread.join(timeout=25)
    assert not thread.is_alive()
    assert sink.aways[0][0] == GapBecause.CAMERA_SILENT
    # The last picture before the silence comes out too.
    assert len(sink.packets) >= 50


def test_fifty_connections_leave_no_thread_and_no_descriptor(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", pictures=25)
    with gst_server(film, "--loop", "--for", "100") as running:

        def once() -> None:
            packets = source_of(running.address).packets()
            next(packets)
            packets.close()  # type: ignore[attr-defined]  # a generator

        once()
        before = (threading.active_count(), len(list(Path("/proc/self/fd").iterdir())))
        for _ in range(50):
            once()
        after = (threading.active_count(), len(list(Path("/proc/self/fd").iterdir())))
    assert after == before


def test_errors_hold_no_password() -> None:
    # FFmpeg's own errors quote the whole address.
    with pytest.raises(Unavailable) as refused:
        opened_rtsp(f"rtsp://admin:hunter2x@127.0.0.1:{free_port()}/live", "the camera")
    error: BaseException | None = refused.value
    while error is not None:
        assert "hunter2x" not in repr(error)
        error = error.__cause__ or error.__context__
