"""Results appear whole or not at all, and nobody else's files are touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairview.core.errors import BadInput, Conflict, NotFound
from fairview.run.watch.out_folder import out_folder

NAMES = frozenset({"one.csv", "two.csv"})


def write(out: Path, *names: str, is_forced: bool = False) -> None:
    with out_folder(out, NAMES, is_forced=is_forced) as making:
        for name in names:
            (making / name).write_text("new")


def test_nothing_is_under_its_name_before_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with out_folder(out, NAMES, is_forced=False) as making:
        (making / "one.csv").write_text("half")
        assert not out.exists()
    assert [path.name for path in out.iterdir()] == ["one.csv"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_run_that_fails_leaves_everything_as_it_was(
    tmp_path: Path, error: type[BaseException]
) -> None:
    write(tmp_path / "out", "one.csv")

    def fail() -> None:
        with out_folder(tmp_path / "out", NAMES, is_forced=True) as making:
            (making / "two.csv").write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one.csv"]


def test_force_replaces_our_files_and_keeps_others(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write(out, "one.csv", "two.csv")
    (out / "one.csv").write_text("old")
    (out / "notes.txt").write_text("mine")
    write(out, "one.csv", is_forced=True)
    assert (out / "one.csv").read_text() == "new"
    assert sorted(path.name for path in out.iterdir()) == ["notes.txt", "one.csv"]


def test_an_empty_folder_is_taken_and_a_full_one_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "one.csv")
    with pytest.raises(Conflict, match="--force"):
        write(tmp_path / "out", "one.csv")


def test_a_place_that_can_not_be_a_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(Conflict, match="not a folder"):
        write(tmp_path / "file", "one.csv")
    with pytest.raises(Conflict, match="not a folder"):
        write(tmp_path / "link", "one.csv", is_forced=True)
    with pytest.raises(NotFound, match="make it first"):
        write(tmp_path / "none" / "out", "one.csv")
    with pytest.raises(BadInput, match="name"):
        write(Path("/"), "one.csv")


def test_results_can_be_read_like_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "beside").mkdir()
    write(tmp_path / "out", "one.csv")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "beside").stat().st_mode


def killed(out: Path, *names: str) -> Path:
    """What a run leaves that was killed in the middle."""
    whole = out.with_name(f".{out.name}-abcd1234")
    (whole / out.name).mkdir(parents=True)
    (whole / ".fairview").write_text("4711\n")
    for name in names:
        (whole / out.name / name).write_text("half")
    return whole


def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    out = tmp_path / "out"
    left = killed(out, "one.csv")
    write(out, "two.csv")
    assert not left.exists()
    assert [path.name for path in out.iterdir()] == ["two.csv"]


def test_a_run_under_way_and_anybody_else_s_folders_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    theirs = killed(out, "one.csv", "diary.txt")
    (tmp_path / ".out-notours1").mkdir()
    with out_folder(out, NAMES, is_forced=False) as making:
        (making / "one.csv").write_text("mine")
        write(out, "two.csv")
        assert (making / "one.csv").read_text() == "mine"
        assert (theirs / "out" / "diary.txt").exists()
        (out / "two.csv").unlink()
    assert (tmp_path / ".out-notours1").is_dir()
    assert [path.name for path in out.iterdir()] == ["one.csv"]


def test_a_folder_in_the_place_of_a_result_is_told_before_anything_is_replaced(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    write(out, "one.csv")
    (out / "two.csv").mkdir()
    (out / "one.csv").write_text("old")
    with pytest.raises(Conflict, match="is a folder"):
        write(out, "one.csv", "two.csv", is_forced=True)
    assert (out / "one.csv").read_text() == "old"
    with pytest.raises(BadInput, match="name"):
        write(tmp_path / "out" / "..", "one.csv", is_forced=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
