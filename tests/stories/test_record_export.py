"""What comes out of `export --raw` is what the camera sent, through the real commands."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import pytest

from tests.ingest.comparing import Digests, follows, source_digests, write_laps
from tests.ingest.movies import write_film
from tests.servers.running import Running, gst_server, video, vlc_server
from tests.stories.commands import fairview, good

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(300)]
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
RTP_STEP_S = Fraction(2, 90_000)
"""RTP counts in 90 kHz; a server rounds each time to it."""

Server = Callable[..., AbstractContextManager[Running]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """units per access unit in decoding order; times_s: of presentation, in the same order."""

    units: list[Digests]
    times_s: list[Fraction]


def film(path: Path) -> Film:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        packets = [one for one in container.demux(stream) if one.size]
        times = [Fraction(one.pts or 0) * stream.time_base for one in packets]
    return Film(units=source_digests(path), times_s=times)


def since_first(times_s: Sequence[Fraction]) -> list[Fraction]:
    return [one - min(times_s) for one in times_s]


def through_commands(address: str, folder: Path, lasts_s: float) -> Film:
    """Recorded from an address and exported again, uncovered."""
    folder.mkdir(parents=True)
    good(
        *("record", address, "--commissioning", "--for", f"{lasts_s}s"),
        *("--data", "data", "--purpose", "comparing what went in with what comes out"),
        cwd=folder,
        timeout_s=lasts_s + 120,
    )
    good("export", "--raw", "--camera", "camera", "--data", "data", "--out", "raw.mp4", cwd=folder)
    return film(folder / "raw.mp4")


def all_through(
    clips: Sequence[Path], server: Server, folder: Path, lasts_s: Callable[[Path], float]
) -> list[Film]:
    """Every clip through a server of its own, together, since they take their own time.

    Four at a time when it is short: more starts at once than that and a small machine is late.
    """

    def one(clip: Path) -> Film:
        lasts = lasts_s(clip)
        with server(clip, "--for", str(lasts + 200)) as running:
            return through_commands(running.address, folder / clip.stem, lasts)

    with ThreadPoolExecutor(4 if lasts_s(clips[0]) < 10 else len(clips)) as pool:
        return list(pool.map(one, clips))


def lasts_s(clip: Path) -> float:
    times = film(clip).times_s
    return float(max(times) - min(times))


def assert_times_equal(got: Film, source: Film, count: int) -> None:
    """Relative times of the first `count` units, but for RTP's rounding.

    GStreamer sends every picture with a negative time as if it were taken at zero, so that those
    times are nowhere on the wire (seen in its packets); they are left out here.
    """
    pairs = zip(got.times_s[:count], source.times_s[:count], strict=True)
    moved = [ours - theirs for ours, theirs in pairs if theirs >= 0]
    assert max(moved) - min(moved) <= RTP_STEP_S


def long_enough(clip: Path, out: Path, seconds: float) -> Path:
    """The clip, as often in a row as it takes: VLC starts by itself and we join in the middle."""
    write_laps(clip, out, laps=max(1, round(seconds / lasts_s(clip) + 0.5)), seconds=1_000)
    out.chmod(0o644)
    for above in (out.parent, *out.parents[1:3]):
        if above.owner() == "root" and above != Path("/tmp"):
            above.chmod(0o755)
    return out


def test_units_and_times_through_gstreamer_equal_the_files(tmp_path: Path) -> None:
    clips = [video(name) for name in CLIPS]
    exports = all_through(clips, gst_server, tmp_path, lambda _: 5)
    for clip, got in zip(clips, exports, strict=True):
        source, count = film(clip), len(got.units)
        assert max(got.times_s) - min(got.times_s) > 4, clip.name
        assert got.units == source.units[:count], clip.name
        assert_times_equal(got, source, count)


def test_units_through_vlc_equal_the_files(tmp_path: Path) -> None:
    """Four of the clips here, all eight in the long run.

    VLC speaks UDP only, and a busy machine loses packets: a clip that differs gets one more run.
    """
    names = [CLIPS[number] for number in (0, 4, 6, 7)]
    clips = [long_enough(video(name), tmp_path / name, 60) for name in names]
    exports = all_through(clips, vlc_server, tmp_path / "first", lambda _: 5)
    again = [
        clip
        for clip, got in zip(clips, exports, strict=True)
        if not joins(got, film(video(clip.name)), 4)
    ]
    assert len(again) < len(clips)
    for clip in again:
        (got,) = all_through([clip], vlc_server, tmp_path / "again", lambda _: 5)
        assert joins(got, film(video(clip.name)), 4), clip.name


def joins(got: Film, source: Film, least_s: float) -> bool:
    """Equal to the source from where we joined; the first unit alone may be half of one."""
    first = 0 if got.units[0] in source.units else 1
    units, times_s = got.units[first:], got.times_s[first:]
    lasts = max(times_s) - min(times_s)
    return lasts > least_s and follows(units, source.units) == len(units)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_whole_files_through_gstreamer_equal_the_files(tmp_path: Path) -> None:
    clips = [video(name) for name in CLIPS]
    exports = all_through(clips, gst_server, tmp_path, lambda clip: lasts_s(clip) + 3)
    for clip, got in zip(clips, exports, strict=True):
        source = film(clip)
        count = len(source.units)
        assert got.units[:count] == source.units, clip.name
        assert follows(got.units, source.units) == len(got.units), clip.name
        assert_times_equal(got, source, count)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_whole_files_through_vlc_equal_the_files(tmp_path: Path) -> None:
    clips = [long_enough(video(name), tmp_path / name, 400) for name in CLIPS]
    wanted = {clip: lasts_s(video(clip.name)) for clip in clips}
    exports = all_through(clips, vlc_server, tmp_path, lambda clip: wanted[clip] + 3)
    for clip, got in zip(clips, exports, strict=True):
        assert joins(got, film(video(clip.name)), wanted[clip]), clip.name


def assert_file_is_kept(clip: Path, folder: Path, lasts: float) -> Film:
    """Units, and presentation times to the tick."""
    got, source = through_commands(str(clip), folder, lasts), film(clip)
    count = len(got.units)
    assert got.units == source.units[:count], clip.name
    assert since_first(got.times_s) == since_first(source.times_s[:count]), clip.name
    return got


def test_files_keep_negative_and_late_starts_and_variable_steps(tmp_path: Path) -> None:
    names = ("person-bicycle-car-detection.mp4", "toll-gate-cars.mp4")
    clips = [video(name) for name in names]
    negative, late = (film(clip) for clip in clips)
    assert min(negative.times_s) < 0 < min(late.times_s)
    with ThreadPoolExecutor(2) as pool:
        got = list(pool.map(lambda clip: assert_file_is_kept(clip, tmp_path / clip.stem, 8), clips))
    for one in got:
        assert max(one.times_s) - min(one.times_s) > 7
    steps = {b - a for a, b in zip(got[1].times_s, got[1].times_s[1:], strict=False)}
    assert len(steps) > 1


@pytest.mark.long
@pytest.mark.timeout(900)
def test_whole_files_keep_every_unit_and_time(tmp_path: Path) -> None:
    clips = [video(name) for name in CLIPS]
    with ThreadPoolExecutor(len(clips)) as pool:
        got = list(pool.map(lambda one: assert_file_is_kept(one, tmp_path / one.stem, 300), clips))
    assert [len(one.units) for one in got] == [len(film(clip).units) for clip in clips]


def test_pictures_out_of_order_keep_order_and_times(tmp_path: Path) -> None:
    clip = write_film(tmp_path / "film.mp4", pictures=100, b_frames=2)
    source = film(clip)
    assert source.times_s != sorted(source.times_s)
    got = assert_file_is_kept(clip, tmp_path / "file", 20)
    assert len(got.units) == 100
    with gst_server(clip, "--for", "60") as running:
        served = through_commands(running.address, tmp_path / "served", 3)
    count = len(served.units)
    assert count > 60
    assert served.units == source.units[:count]
    assert_times_equal(served, source, count)


def test_folder_is_clean_covered_export_plays_and_evidence_verifies(tmp_path: Path) -> None:
    clip = video("people-walking-plaza.mp4")
    good(
        *("record", clip, "--commissioning", "--for", "4s", "--data", "data"),
        *("--purpose", "a walk through the commands"),
        cwd=tmp_path,
    )
    checked = good("check", "--data", "data", cwd=tmp_path)
    assert "0 faults" in checked.out
    export = ("export", "--camera", "camera", "--data", "data", "--out")
    good(*export, "covered.mp4", cwd=tmp_path)
    with av.open(str(tmp_path / "covered.mp4")) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures > 50
    good(*export, "x.zip", cwd=tmp_path)
    good(*export, "evidence", cwd=tmp_path)
    assert "stand under ledger entries" in good("verify", "x.zip", cwd=tmp_path).out
    good("verify", "evidence", cwd=tmp_path)
    good("verify", "data/ledger", cwd=tmp_path)
    good("check", "--data", "data", cwd=tmp_path)
    assert_each_flip_is_found(tmp_path)


def assert_each_flip_is_found(folder: Path) -> None:
    """One byte flipped: in the film inside the .zip, in its folder, and in a sealed segment."""
    with zipfile.ZipFile(folder / "x.zip") as bundle:
        names = bundle.namelist()
        place = bundle.getinfo(next(name for name in names if name.endswith(".mp4")))
    flip(folder / "x.zip", place.header_offset + 200 + place.compress_size // 2)
    said = fairview("verify", "x.zip", cwd=folder)
    assert said.exit_code == 8, said.everything
    flip(folder / "evidence" / "manifest.json", 40)
    said = fairview("verify", "evidence", cwd=folder)
    assert said.exit_code == 8, said.everything
    assert "manifest.json" in said.err
    blob = next((folder / "data" / "blobs").rglob("*.fvs"))
    flip(blob, blob.stat().st_size // 2)
    said = fairview("check", "--data", "data", cwd=folder)
    assert said.exit_code == 8, said.everything
    assert blob.stem in said.out


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)
