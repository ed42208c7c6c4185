"""`fairview camera add --csv`, `csv-template`, `csv-export` and `login`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from fairview.access.door import KEPT_ALWAYS, CameraKeeping, LoginWish
from fairview.cli.keeping import KeepingWords, keeping_said
from fairview.cli.node import ConfigFile, DataDir, settings_from
from fairview.cli.voice import bar, note, say, say_rows
from fairview.cli.words import counted, duration_us
from fairview.core.camera import Secret
from fairview.core.errors import BadInput, Conflict
from fairview.core.ids import camera_id
from fairview.core.time import SystemClock
from fairview.run.care.bulk import (
    LOGIN_COLUMNS,
    PLAN_COLUMNS,
    Readers,
    RowWish,
    add_all,
    change_logins,
    exported,
    is_open_to_others,
    look,
    read_file,
    read_logins,
    read_sheet,
    template,
)
from fairview.run.owner.camera_book import CameraBook, open_book


def _keeping(cells: Mapping[str, str]) -> CameraKeeping:
    names = (*PLAN_COLUMNS, "disk")
    return keeping_said(KeepingWords(**{name: cells[name] or None for name in names}), KEPT_ALWAYS)


READERS = Readers(duration=duration_us, keeping=_keeping)


def add_many(
    file: Path, data: Path | None, config: Path | None, *, is_dry: bool, is_probed: bool
) -> None:
    """What `camera add --csv` does. Errors: BadInput with every line that can't be used."""
    text = read_file(file)
    _warn_of_readers(file)
    settings, clock = settings_from(config, data), SystemClock()
    with open_book(settings, clock, create=True) as book:
        sheet = read_sheet(text, settings, clock.now(), book.cameras(), READERS)
        sheet.refuse_faulty()
        if is_probed:
            _look(book, sheet.rows)
        if is_dry:
            _say_plan(sheet.rows)
            note(f"{counted(len(sheet.rows), 'camera')} would be added; nothing was changed")
            return
        with bar("adding cameras") as move:
            done = add_all(book, sheet.rows, move)
    say(f"{counted(len(done.added), 'camera')} added, {len(done.refused)} refused")
    if done.refused:
        lines = "\n  ".join(one.in_words() for one in done.refused)
        raise Conflict(f"refused (what was added stays):\n  {lines}")


def csv_template() -> None:
    """Print a CSV file to fill in: its header, and an example of every column."""
    typer.echo(template(), nl=False)


def csv_export(data: DataDir = None, config: ConfigFile = None) -> None:
    """Print the cameras there are as CSV, without logins: nobody can say those."""
    with open_book(settings_from(config, data), SystemClock()) as book:
        typer.echo(exported(book.cameras()), nl=False)


def login(  # noqa: PLR0913  # a command has as many parameters as it has words
    camera: Annotated[str | None, typer.Argument(help="The camera's name.")] = None,
    login_name: Annotated[
        str | None, typer.Option("--user", help="The user name; else it stays.")
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option(help="Read the password from this file's first line.")
    ] = None,
    many: Annotated[
        Path | None,
        typer.Option("--csv", help=f"Many at once; columns {', '.join(LOGIN_COLUMNS)}."),
    ] = None,
    probe: Annotated[bool, typer.Option(help="Try the new login at the camera first.")] = True,
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Replace a camera's login. The password is asked for, or read from standard input."""
    if (camera is None) == (many is None):
        raise BadInput("say one camera, or --csv FILE for many")
    with open_book(settings_from(config, data), SystemClock()) as book:
        if many is not None:
            _login_many(book, many, is_tried=probe)
            return
        assert camera is not None, "one of the two is there"
        name = camera_id(camera)
        book.camera(name)  # a name that is not there is told before anything is asked
        wish = _wish_of(name, login_name, _password(from_file), is_tried=probe)
        changed = book.set_login(wish)
    tried = f"; it answers ({changed.answered})" if changed.answered else "; it was not tried"
    say(f"{name}: new login{tried}")


def _login_many(book: CameraBook, file: Path, *, is_tried: bool) -> None:
    wishes = read_logins(read_file(file), book.cameras(), is_tried=is_tried)
    _warn_of_readers(file)
    with bar("changing logins") as move:
        refused = [one.because for one in change_logins(book, wishes, move)]
    say(f"{counted(len(wishes) - len(refused), 'login')} changed, {len(refused)} refused")
    if refused:
        raise Conflict("refused (those cameras keep their old login):\n  " + "\n  ".join(refused))


def _look(book: CameraBook, rows: list[RowWish]) -> None:
    """Errors:  Conflict when a camera does not answer; nothing was changed then."""
    with bar("looking at cameras") as move:
        looked = look(book, rows, move)
    say_rows(
        ("line", "camera", "picture", "a second"),
        [
            (
                str(one.line),
                one.camera,
                f"{one.found.codec} {one.found.width_px}x{one.found.height_px}"
                if one.found
                else "no answer",
                f"{one.found.fps:g}" if one.found and one.found.fps else "",
            )
            for one in looked
        ],
    )
    silent = [f"line {one.line}: {one.camera}: {one.because}" for one in looked if not one.found]
    if silent:
        raise Conflict(
            f"nothing was changed: {counted(len(silent), 'camera')} of {len(rows)} did not answer "
            "as they should (without --probe they are added all the same)\n  " + "\n  ".join(silent)
        )


def _say_plan(rows: list[RowWish]) -> None:
    say_rows(
        ("line", "camera", "from", "kept for", "login"),
        [
            (
                str(row.line),
                row.wish.name,
                row.address,
                f"{row.kept_h:g} h",
                "yes" if row.has_login else "no",
            )
            for row in rows
        ],
    )


def _wish_of(name: str, login_name: str | None, password: Secret, *, is_tried: bool) -> LoginWish:
    return LoginWish(camera=camera_id(name), name=login_name, password=password, is_tried=is_tried)


def _password(from_file: Path | None) -> Secret:
    """Never from the command line, where every user of the machine can read it."""
    if from_file is not None:
        text = read_file(from_file).split("\n")[0].rstrip("\r")
    elif sys.stdin.isatty():
        text = typer.prompt("The camera's new password", hide_input=True, err=True)
    else:
        text = sys.stdin.readline().rstrip("\r\n")
    if not text:
        raise BadInput("no password came: type it, pipe it in, or name a file with --from-file")
    return Secret(text)


def _warn_of_readers(file: Path) -> None:
    if is_open_to_others(file):
        note(f"others may read {file}: if passwords are in it, chmod 600 it, and delete it after")
