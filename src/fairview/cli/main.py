"""The command line: words in, words out, exit codes from the error table.

Each command parses what was typed, calls one function of `run` or `access`, and says what came
of it: with bars on a terminal, in plain lines when piped.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

import typer

from fairview import __version__
from fairview.cli import (
    cameras,
    care,
    census,
    convert,
    cover,
    disks,
    footage,
    health,
    models,
    node,
    proofs,
    stills,
    watch,
)
from fairview.cli.voice import complain, note
from fairview.config.settings import Logs
from fairview.core.errors import FairviewError, outcome_of
from fairview.run.logs import set_up_logs

EXIT_WRONG_WORDS = 2
EXIT_OUR_MISTAKE = 70
EXIT_INTERRUPTED = 130

app = typer.Typer(
    name="fairview",
    help="Runs a city's cameras without identifying anyone, and lets its people check.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMMANDS: dict[str, Callable[..., None]] = {
    "demo": node.demo,
    "serve": node.serve,
    "record": footage.record,
    "play": footage.play,
    "export": footage.export,
    "snapshot": stills.snapshot,
    "timelapse": stills.timelapse,
    "watch": watch.watch,
    "measure": watch.measure,
    "convert": convert.convert,
    "sample": watch.sample,
    "cover": cover.cover,
    "verify": proofs.verify,
    "check": proofs.check,
    "backup": care.backup,
    "restore": care.restore,
    "upgrade": care.upgrade,
    "bench": proofs.bench,
    "support-bundle": health.support_bundle,
}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"fairview {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and end."
    ),
) -> None:
    """Runs a city's cameras without identifying anyone, and lets its people check."""


def build() -> typer.Typer:
    """The application with every command on it; safe to repeat."""
    if not app.registered_commands:
        for name, command in COMMANDS.items():
            app.command(name)(command)
        app.add_typer(cameras.app(), name="camera")
        app.add_typer(disks.app(), name="disk")
        app.add_typer(census.app(), name="census")
        app.add_typer(models.app(), name="models")
        app.add_typer(health.time_app(), name="time")
        app.add_typer(health.notice_app(), name="notice")
    return app


def main() -> None:
    """Run one command and end the process with its exit code. The command line's boundary.

    Logs go to standard error: standard output is the answer's, which can be a film.
    """
    set_up_logs(Logs(level="warning", form="text"), process="command")
    try:
        if build()(prog_name="fairview", standalone_mode=False) == EXIT_INTERRUPTED:
            raise KeyboardInterrupt  # Typer answers Ctrl-C with a number instead of raising it
    except FairviewError as error:
        complain(str(error))
        sys.exit(outcome_of(error).exit_code)
    except typer.Exit as error:
        sys.exit(error.exit_code)
    except typer.TyperException as error:
        _explain(error)
        sys.exit(EXIT_WRONG_WORDS)
    except (typer.Abort, KeyboardInterrupt):
        complain("interrupted")
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        sys.exit(0)
    except Exception:  # noqa: BLE001  # the command line is one of the four boundaries
        complain("this is a mistake of ours; please report it with the lines above")
        traceback.print_exc()
        sys.exit(EXIT_OUR_MISTAKE)


def _explain(error: typer.TyperException) -> None:
    """Words that are no command of ours. A command without any words is answered by its help."""
    text = error.format_message()
    if text.startswith("Usage:"):
        note(text)
        return
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "fairview"
    ended = text if text.endswith((".", "?")) else f"{text}."
    complain(f"{ended} All its words: {command} --help")


if __name__ == "__main__":
    main()
