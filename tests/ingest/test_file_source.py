"""Files as sources: every byte and every time stamp as it is stored."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path

import av
import pytest

from fairview.core.camera import Source
from fairview.core.errors import BadInput, NotFound
from fairview.core.flow import StreamLost
from fairview.core.ids import CameraId
from fairview.core.media import GapBecause, Packet
from fairview.core.time import Instant, ManualClock
from fairview.ingest.av_source import FileSource
from fairview.ingest.file_play import FilePlay
from fairview.ingest.probe import measured, probe
from tests.builders import NOON, packet
from tests.ingest.movies import write_film
from tests.ingest.scripted import ScriptedSource
from tests.servers.running import video

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
UNPACED = FilePlay(is_paced=False, start_at=NOON)


def opened(path: Path, play: FilePlay, clock: ManualClock | None = None) -> FileSource:
    source = Source(stream="main", kind="file", address=str(path))
    return FileSource(
        camera=CameraId("junction-1"), source=source, clock=clock or ManualClock(NOON), play=play
    )


def stored(path: Path) -> list[tuple[int | None, int | None, int | None, bool, bytes]]:
    with av.open(str(path)) as container:
        return [
            (raw.pts, raw.dts, raw.duration, raw.is_keyframe, bytes(raw))
            for raw in container.demux(video=0)
            if raw.size
        ]


def as_stored(
    packets: list[Packet],
) -> list[tuple[int | None, int | None, int | None, bool, bytes]]:
    return [
        (one.ticks, one.decode_ticks, one.duration_ticks, one.is_key, one.data) for one in packets
    ]


@pytest.mark.parametrize("name", CLIPS)
def test_real_files_keep_every_byte_and_time(name: str) -> None:
    path = video(name)
    assert as_stored(list(opened(path, UNPACED).packets())) == stored(path)


@pytest.mark.parametrize("b_frames", [0, 2])
def test_made_films_keep_every_byte_and_time(tmp_path: Path, b_frames: int) -> None:
    film = write_film(tmp_path / "film.mp4", b_frames=b_frames)
    packets = list(opened(film, UNPACED).packets())
    assert as_stored(packets) == stored(film)
    assert any(one.ticks != one.decode_ticks for one in packets) == (b_frames > 0)


@pytest.mark.parametrize(
    ("name", "first_us"),
    [("person-bicycle-car-detection.mp4", -666_667), ("toll-gate-cars.mp4", 1_283_000)],
)
def test_early_and_late_starts_keep_their_distance_from_time_zero(name: str, first_us: int) -> None:
    first = next(opened(video(name), UNPACED).packets())
    assert first.at.since(NOON) == first_us


def test_without_a_start_the_first_picture_is_now(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", b_frames=2)
    first = next(opened(film, FilePlay(is_paced=False)).packets())
    assert first.at == NOON


def test_paced_file_takes_its_own_time(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", pictures=50)
    clock = ManualClock(NOON)
    packets = list(opened(film, FilePlay(), clock).packets())
    assert clock.now() == NOON.plus(49 * 40_000)
    assert [one.arrived_at for one in packets] == [one.at for one in packets]


def test_loop_goes_on_where_it_ended(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", pictures=50, b_frames=2)
    play = FilePlay(is_paced=False, is_looped=True, start_at=NOON)
    source = opened(film, play)
    packets = list(islice(source.packets(), 120))
    decode = [one.decode_ticks for one in packets]
    assert {after - before for before, after in pairwise(decode)} == {decode[1] - decode[0]}
    shown = sorted(one.at for one in packets[:100])
    assert {later.since(earlier) for earlier, later in pairwise(shown)} == {40_000}
    assert [one.data for one in packets[50:100]] == [one.data for one in packets[:50]]


def test_what_is_no_video_says_so(tmp_path: Path) -> None:
    text = tmp_path / "words.txt"
    text.write_text("not a film")
    with pytest.raises(BadInput, match="not a video file"):
        next(opened(text, UNPACED).packets())
    with pytest.raises(NotFound, match="is not there"):
        next(opened(tmp_path / "none.mp4", UNPACED).packets())


def test_lists_that_open_other_addresses_are_refused(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4")
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{film}\n#EXT-X-ENDLIST\n")
    script = tmp_path / "list.txt"
    script.write_text(f"ffconcat version 1.0\nfile {film}\n")
    for path in (playlist, script):
        with pytest.raises(BadInput):
            next(opened(path, UNPACED).packets())


def test_probe_tells_what_a_file_holds(tmp_path: Path) -> None:
    film = write_film(tmp_path / "film.mp4", pictures=200, fps=25, b_frames=2, key_every=50)
    found = probe(
        Source(stream="main", kind="file", address=str(film)), None, ManualClock(Instant(0))
    )
    assert (found.codec, found.width_px, found.height_px) == ("h264", 160, 96)
    assert found.fps == 25.0
    assert found.key_interval_us == 2_000_000
    assert found.has_reordering
    assert not found.has_audio


def test_probe_lists_sound_without_opening_it() -> None:
    source = Source(stream="main", kind="file", address=str(video("people-walking-plaza.mp4")))
    assert probe(source, None, ManualClock(NOON)).has_audio


def test_probe_tells_what_came_before_a_stream_broke_off() -> None:
    lost = StreamLost("the camera ended the stream", GapBecause.CAMERA_AWAY)
    broken = ScriptedSource([packet(number) for number in range(50)], lost)
    assert measured(broken.packets(), "the camera", has_audio=False).fps > 0
    with pytest.raises(StreamLost):
        measured(ScriptedSource([], lost).packets(), "the camera", has_audio=False)
