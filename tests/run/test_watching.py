"""`watch` and `measure` from input to files, on small films with known truth."""

from __future__ import annotations

import csv
import errno
import json
import os
import threading
from pathlib import Path

import jsonschema
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from fairview.core.errors import BadInput, Conflict, FairviewError, NotFound, Unavailable
from fairview.core.time import US_PER_MINUTE, SystemClock
from fairview.run.watch import watch_outputs
from fairview.run.watch.watch_outputs import FILES, Written
from fairview.run.watch.watching import DetectorChange, WatchWish, measure, watch
from tests.run import roads

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "reference"


def wish(folder: Path, source: Path | str, **changes: object) -> WatchWish:
    scene = folder / "scene.toml"
    if not scene.exists():
        roads.write_scene(scene)
    values: dict[str, object] = {
        "source": str(source),
        "scene": scene,
        "out": folder / "out",
        "bin_us": 15 * US_PER_MINUTE,
    }
    values.update(changes)
    return WatchWish(**values)  # type: ignore[arg-type]  # tests name fields freely


def nothing(done: float, words: str) -> None:
    assert 0 <= done <= 1, words


def watched(one: WatchWish) -> Written:
    return watch(one, SystemClock(), threading.Event(), nothing)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def report(folder: Path) -> dict[str, object]:
    found = json.loads((folder / "report.json").read_text())
    jsonschema.validate(found, json.loads((SCHEMAS / "report.schema.json").read_text()))
    assert isinstance(found, dict)
    return found


def counted(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in rows(folder / "counts.csv"):
        found[row["direction"]] = found.get(row["direction"], 0) + int(row["n"])
    return found


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of watching the film of three boxes, with its covered copy."""
    folder = tmp_path_factory.mktemp("watched")
    film = roads.write_film(folder / "film.mp4")
    watched(wish(folder, film, is_covered=True))
    return folder / "out"


def test_counts_of_a_film_are_exact_and_in_the_direction_of_the_side_formula(seen: Path) -> None:
    # For the step (160,40)->(160,175): s = -135 (px - 160), so s > 0 on the left of the picture:
    # what goes right is forward.
    assert counted(seen) == {"forward": 2, "backward": 1}
    assert len(rows(seen / "crossings.csv")) == 3


def test_a_crossing_is_told_at_its_time(seen: Path) -> None:
    first = rows(seen / "crossings.csv")[0]
    middle = (160 + 18) / 6 / roads.FPS + 2.0
    assert abs(float(first["seconds"]) - middle) < 0.3
    assert first["at"].startswith("2026-05-01T08:00:0")
    assert first["class"] == "moving"
    assert first["speed_kmh"] == ""


def test_every_file_of_the_format_is_there(seen: Path) -> None:
    assert {path.name for path in seen.iterdir()} == FILES


def test_the_report_says_what_ran_and_fits_its_schema(seen: Path) -> None:
    found = report(seen)
    assert found["frames"] == {
        "read": roads.PICTURES,
        "decoded": roads.PICTURES,
        "detected": roads.PICTURES,
        "damaged": 0,
    }
    assert found["observed_frac"] == 1.0
    warnings = found["warnings"]
    assert isinstance(warnings, list)
    assert any("[ground]" in one for one in warnings)
    assert any("never measured" in one for one in warnings)


def test_tracks_come_as_text_and_as_parquet_with_the_same_points(seen: Path) -> None:
    text = (seen / "tracks.txt").read_text().splitlines()
    table = pq.read_table(seen / "tracks.parquet")
    assert len(text) == table.num_rows > 60
    assert {"track", "at_us", "class", "x1_px", "east_m", "speed_kmh"} <= set(table.column_names)
    assert table.column("speed_kmh").null_count == table.num_rows
    fields = text[0].split(",")
    assert fields[7:] == ["moving", "-1", "-1"]


def test_stays_say_how_long_somebody_was_in_a_zone(seen: Path) -> None:
    found = rows(seen / "stays.csv")
    assert len(found) == 3
    # The first box's middle needs 150 - 1 pixels at 6 a picture, 10 pictures a second.
    assert abs(float(found[0]["seconds"]) - 149 / 6 / roads.FPS) < 0.7
    assert found[0]["open_start"] == found[0]["open_end"] == "false"


def test_measuring_exact_tracks_counts_the_same_and_keeps_their_ids(tmp_path: Path) -> None:
    source = roads.write_tracks(tmp_path / "tracks.txt")
    measure(wish(tmp_path, source), nothing)
    out = tmp_path / "out"
    assert counted(out) == {"forward": 2, "backward": 1}
    assert {row["track"] for row in rows(out / "crossings.csv")} == {"7", "8", "9"}
    assert {row["class"] for row in rows(out / "crossings.csv")} == {"car"}
    assert not (out / "covered.mp4").exists()
    assert report(out)["input"] == {
        "name": "tracks.txt",
        "kind": "tracks",
        "size_px": [320, 180],
        "has_times": True,
    }


def test_what_watch_wrote_can_be_measured_again(seen: Path, tmp_path: Path) -> None:
    for name in ("tracks.txt", "tracks.parquet"):
        out = tmp_path / name.replace(".", "-")
        measure(wish(tmp_path, seen / name, out=out), nothing)
        assert counted(out) == {"forward": 2, "backward": 1}


def test_others_times_begin_with_the_first_track_when_nobody_says_more(tmp_path: Path) -> None:
    """Not in 1970: bins of half a century, all of them said to have been looked at."""
    scene = roads.write_scene(tmp_path / "plain.toml", text=roads.SCENE.replace("start =", "#"))
    measure(wish(tmp_path, roads.write_tracks(tmp_path / "tracks.txt"), scene=scene), nothing)
    table = pq.read_table(tmp_path / "out" / "tracks.parquet").replace_schema_metadata(None)
    times = pc.add(table.column("at_us"), 1_777_636_800_000_000)
    moved = table.set_column(table.column_names.index("at_us"), "at_us", times)
    pq.write_table(moved, tmp_path / "theirs.parquet")
    measure(wish(tmp_path, tmp_path / "theirs.parquet", scene=scene, out=tmp_path / "o"), nothing)
    assert counted(tmp_path / "o") == {"forward": 2, "backward": 1}
    assert {row["start"] for row in rows(tmp_path / "o" / "counts.csv")} == {
        "2026-05-01T12:00:00.000000Z"
    }


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "tracks.txt")
    with pytest.raises(BadInput, match="no file on a disk"):
        measure(wish(tmp_path, tmp_path / "tracks.txt"), nothing)


def test_detections_are_tracked_first(tmp_path: Path) -> None:
    exact = roads.write_tracks(tmp_path / "exact.txt", kind="")
    parts = [line.split(",") for line in exact.read_text().splitlines()]
    found = "".join(",".join([one[0], "-1", *one[2:7]]) + "\n" for one in parts)
    (tmp_path / "found.txt").write_text(found)
    measure(wish(tmp_path, tmp_path / "found.txt"), nothing)
    assert counted(tmp_path / "out") == {"forward": 2, "backward": 1}
    told = report(tmp_path / "out")
    assert isinstance(told["input"], dict)
    assert told["input"]["kind"] == "detections"


def test_a_folder_of_pictures_counts_like_the_film(tmp_path: Path) -> None:
    folder = roads.write_pictures(tmp_path / "pictures")
    watched(wish(tmp_path, folder))
    assert counted(tmp_path / "out") == {"forward": 2, "backward": 1}


def test_fewer_pictures_a_second_are_looked_at_and_the_counts_stay(tmp_path: Path) -> None:
    film = roads.write_film(tmp_path / "film.mp4")
    watched(wish(tmp_path, film, at_fps=5.0))
    assert counted(tmp_path / "out") == {"forward": 2, "backward": 1}
    frames = report(tmp_path / "out")["frames"]
    assert isinstance(frames, dict)
    assert frames["read"] == roads.PICTURES
    assert frames["detected"] == roads.PICTURES // 2


def test_a_film_cut_in_the_middle_is_measured_as_far_as_it_can_be_read(tmp_path: Path) -> None:
    whole = roads.write_film(tmp_path / "film.ts").read_bytes()
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    watched(wish(tmp_path, cut))
    told = report(tmp_path / "out")
    frames = told["frames"]
    assert isinstance(frames, dict)
    assert roads.PICTURES // 3 < frames["detected"] < roads.PICTURES
    (row, *_) = rows(tmp_path / "out" / "counts.csv")
    assert 0 < float(row["observed_frac"]) < roads.PICTURES / roads.FPS / (15 * 60)


def test_a_film_without_its_index_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    whole = roads.write_film(tmp_path / "film.mp4", count=20).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match=r"cut\.mp4"):
        watched(wish(tmp_path, cut))
    assert not (tmp_path / "out").exists()


def test_an_empty_picture_of_time_without_boxes_has_zeros_and_not_nothing(tmp_path: Path) -> None:
    film = roads.write_film(tmp_path / "film.mp4", movers=(), count=40)
    watched(wish(tmp_path, film))
    out = tmp_path / "out"
    assert (out / "tracks.txt").read_text() == ""
    assert rows(out / "crossings.csv") == []
    assert pq.read_table(out / "tracks.parquet").num_rows == 0
    totals = report(out)["totals"]
    assert isinstance(totals, dict)
    assert totals["tracks"] == 0


RULES = """
[[zone]]
name = "lane"
polygon_px = [[1, 80], [319, 80], [319, 130], [1, 130]]
kind = "lane"

[[lane]]
zone = "lane"
direction_px = [[300, 100], [10, 100]]

[[rule]]
name = "ghost-driver"
kind = "wrong_way"
zone = "lane"
after_s = 0.5

[[rule]]
kind = "intrusion"
zone = "left-half"

[[rule]]
kind = "near_miss"
"""


def test_rules_become_events_that_fit_their_schema_and_keep_their_ids(tmp_path: Path) -> None:
    roads.write_scene(tmp_path / "scene.toml", RULES)
    source = roads.write_tracks(tmp_path / "tracks.txt")
    schema = json.loads((SCHEMAS / "events.schema.json").read_text())
    ids = []
    for out in (tmp_path / "one", tmp_path / "two"):
        measure(wish(tmp_path, source, out=out), nothing)
        lines = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
        for line in lines:
            jsonschema.validate(line, schema)
        ids.append([line["id"] for line in lines])
        ghosts = [line for line in lines if line["kind"] == "wrong_way"]
        assert {line["tracks"][0] for line in ghosts} == {7, 9}
        assert ghosts[0]["provenance"]["rule"] == "ghost-driver"
        assert ghosts[0]["provenance"]["settings"] == {"after_s": 0.5}
        assert len([line for line in lines if line["kind"] == "intrusion"]) == 3
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0])
    told = report(tmp_path / "one")
    assert told["rules_not_evaluated"] == [{"rule": "near_miss-1", "kind": "near_miss"}]


@pytest.mark.parametrize("writes", ["write_mot", "ParquetTracks", "counts_csv"])
def test_a_full_disk_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(watch_outputs, writes, full)
    source = roads.write_tracks(tmp_path / "tracks.txt")
    with pytest.raises(Unavailable, match="the disk is full"):
        measure(wish(tmp_path, source), nothing)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene.toml", "tracks.txt"]


def test_an_aborted_run_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    film = roads.write_film(tmp_path / "film.mp4", count=30)

    def stops(done: float, words: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(wish(tmp_path, film), SystemClock(), threading.Event(), stops)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "scene.toml"]


def test_results_are_not_written_over_unless_asked(tmp_path: Path) -> None:
    source = roads.write_tracks(tmp_path / "tracks.txt")
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    (out / "covered.mp4").write_text("of an earlier run")
    with pytest.raises(Conflict, match="--force"):
        measure(wish(tmp_path, source), nothing)
    measure(wish(tmp_path, source, is_forced=True), nothing)
    assert (out / "mine.txt").read_text() == "mine"
    assert not (out / "covered.mp4").exists()
    assert (out / "report.json").exists()


def wrong_inputs() -> list[tuple[str, str, type[FairviewError], str]]:
    """Case, scene text or change, error, words."""
    wide = roads.SCENE.replace("[320, 180]", "[640, 480]").replace("175]", "300]")
    return [
        ("shape", wide, BadInput, "another shape"),
        ("no fps", roads.SCENE.replace("fps = 10\n", ""), BadInput, "camera.fps"),
        ("unknown key", roads.SCENE.replace("fps =", "fsp ="), BadInput, "fps"),
    ]


@pytest.mark.parametrize(
    ("case", "text", "kind", "words"), wrong_inputs(), ids=[one[0] for one in wrong_inputs()]
)
def test_a_wrong_scene_is_told_with_what_to_do(
    tmp_path: Path, case: str, text: str, kind: type[FairviewError], words: str
) -> None:
    roads.write_scene(tmp_path / "scene.toml", text=text)
    if case == "shape":
        source = roads.write_film(tmp_path / "film.mp4", count=3)
        with pytest.raises(kind, match=words):
            watched(wish(tmp_path, source))
    else:
        source = roads.write_tracks(tmp_path / "tracks.txt")
        with pytest.raises(kind, match=words):
            measure(wish(tmp_path, source), nothing)
    assert not (tmp_path / "out").exists()


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="not there"):
        watched(wish(tmp_path, tmp_path / "none.mp4"))
    with pytest.raises(NotFound, match="not there"):
        measure(wish(tmp_path, tmp_path / "none.txt"), nothing)
    film = roads.write_film(tmp_path / "film.mp4", count=3)
    unknown = wish(tmp_path, film, detector=DetectorChange(model="none-such"))
    with pytest.raises(FairviewError, match="none-such"):
        watched(unknown)


def test_what_can_not_be_asked_together_is_refused(tmp_path: Path) -> None:
    source = roads.write_tracks(tmp_path / "tracks.txt")
    with pytest.raises(BadInput, match="needs pictures"):
        measure(wish(tmp_path, source, is_covered=True), nothing)
    with pytest.raises(BadInput, match="fairview record"):
        watched(wish(tmp_path, "rtsp://host/x", is_covered=True))
    change = DetectorChange(kind="motion", model="yolox-nano")
    with pytest.raises(BadInput, match="motion runs no model"):
        watched(wish(tmp_path, source, detector=change))
    with pytest.raises(BadInput, match="between 1 and 1000"):
        wish(tmp_path, source, at_fps=0.2)


def test_boxes_far_outside_the_picture_are_refused(tmp_path: Path) -> None:
    (tmp_path / "tracks.txt").write_text("1,1,5000,10,20,20,1,car\n2,1,5010,10,20,20,1,car\n")
    with pytest.raises(BadInput, match="outside"):
        measure(wish(tmp_path, tmp_path / "tracks.txt"), nothing)
