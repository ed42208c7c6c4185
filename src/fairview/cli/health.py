"""`time`, `notice` and `support-bundle`: how the node is, for whoever looks after it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.node import ConfigFile, DataDir, settings_from
from fairview.cli.voice import note, say
from fairview.cli.words import counted
from fairview.core.camera import Secret
from fairview.core.errors import BadInput
from fairview.core.time import US_PER_HOUR, SystemClock
from fairview.run.health.notice_logins import MAIL_LOGIN, WEBHOOK_PREFIX, seal_notice_login
from fairview.run.health.notice_trial import Tried, try_rule
from fairview.run.health.support_bundle import make_bundle
from fairview.run.logs import set_up_logs
from fairview.run.owner.owner_door import open_owner_door
from fairview.run.owner.time_words import time_words
from fairview.store.layout import open_data_folder

RuleName = Annotated[
    str, typer.Argument(metavar="RULE", help="The name of one of the [[notices]].")
]


def time_app() -> typer.Typer:
    app = typer.Typer(help="What the node takes the time to be.", no_args_is_help=True)
    app.command("show")(time_show)
    app.command("confirm")(time_confirm)
    return app


def notice_app() -> typer.Typer:
    app = typer.Typer(help="Notices by webhook and mail.", no_args_is_help=True)
    app.command("test")(notice_test)
    app.command("secret")(notice_secret)
    app.command("login")(notice_login)
    return app


def time_show(config: ConfigFile = None, data: DataDir = None) -> None:
    """Say what time footage dies by, and whether the machine's clock is trusted."""
    with open_owner_door(settings_from(config, data), SystemClock()) as owner:
        say(time_words(owner.door.time(owner.session)))


def time_confirm(
    config: ConfigFile = None,
    data: DataDir = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="The clock was compared and is right.")
    ] = False,
) -> None:
    """Say that the machine's clock is right: footage dies by it from now on."""
    settings, clock = settings_from(config, data), SystemClock()
    with open_owner_door(settings, clock) as owner:
        known = owner.door.time(owner.session)
        ahead_h = known.wall.since(known.sure) / US_PER_HOUR
        if not yes:
            raise BadInput(
                f"the machine's clock says {known.wall.iso()[:19]}Z, {ahead_h:+.1f} h from what "
                "the node holds to be sure; footage past its retention by it dies at the next "
                "sweep. Compare the clock with another one, then say --yes"
            )
        say(time_words(owner.door.time_confirm(owner.session)))
    note("this stands in the ledger")


def notice_test(rule: RuleName, config: ConfigFile = None, data: DataDir = None) -> None:
    """Send a test notice to every receiver of a rule, and say what came of it."""
    settings = settings_from(config, data)
    set_up_logs(settings.logs, process="notice")
    tried: tuple[Tried, ...] = try_rule(settings, rule, SystemClock())
    for one in tried:
        say(f"{one.to}: {one.because or 'taken'}")
    failed = [one for one in tried if one.because]
    if failed:
        raise BadInput(f"{counted(len(failed), 'receiver')} of {rule} did not take it")


def notice_secret(rule: RuleName, config: ConfigFile = None, data: DataDir = None) -> None:
    """Make the secret that a rule's posts are signed with, and show it once."""
    settings = settings_from(config, data)
    if rule not in {one.name for one in settings.notices}:
        raise BadInput(f"there are no [[notices]] of the name {rule} in the settings")
    secret = secrets.token_hex(32)
    folder = open_data_folder(settings.data)
    seal_notice_login(folder, WEBHOOK_PREFIX + rule, "", Secret(secret))
    say(secret)
    note(
        "give it to the receiver; it is not shown again. A running node takes it at its next start"
    )


def notice_login(
    name: Annotated[str, typer.Option("--name", help="The login at the mail server.")],
    password: Annotated[
        str,
        typer.Option(
            "--password",
            prompt=True,
            hide_input=True,
            envvar="SMTP_PASSWORD",
            help="Asked for when it is not in the environment.",
        ),
    ],
    config: ConfigFile = None,
    data: DataDir = None,
) -> None:
    """Keep the login of the mail server, sealed."""
    folder = open_data_folder(settings_from(config, data).data)
    seal_notice_login(folder, MAIL_LOGIN, name, Secret(password))
    note("sealed; a running node takes it at its next start")


def support_bundle(
    out: Annotated[Path, typer.Option("--out", help="The zip to write.", dir_okay=False)],
    log: Annotated[
        list[Path] | None,
        typer.Option("--log", help="A log file whose newest lines go in, secrets taken out."),
    ] = None,
    config: ConfigFile = None,
    data: DataDir = None,
) -> None:
    """Pack what helps to find a fault: no footage, no keys, no logins, no names."""
    made = make_bundle(settings_from(config, data), log or [], out, SystemClock())
    say(f"{made.out}: {counted(len(made.files), 'file')}, {made.size_bytes / 1e3:.0f} kB")
    for one in made.left_out:
        note(f"left out: {one}")
    note("look through it before you give it away")
