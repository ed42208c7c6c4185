"""`fairview camera change`: keep a camera otherwise, also while its node runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from fairview.access.door import KeepingWish
from fairview.access.keeping import keeping_of
from fairview.cli import keeping as k
from fairview.cli.node import ConfigFile, DataDir, settings_from
from fairview.cli.voice import say
from fairview.cli.words import TRANSPORT
from fairview.core.camera import transport_named
from fairview.core.errors import BadInput
from fairview.core.ids import camera_id
from fairview.core.time import SystemClock
from fairview.run.owner.camera_book import open_book


def change(  # noqa: PLR0913  # a command has as many parameters as it has words
    camera: Annotated[str, typer.Argument(help="The camera's name.")],
    mode: k.Mode = None,
    on: k.On = None,
    pre_roll: k.PreRoll = None,
    post_roll: k.PostRoll = None,
    hours: k.Hours = None,
    zone: k.Zone = None,
    record: k.Record = None,
    keep_at_most: k.KeepAtMost = None,
    disk: k.Disk = None,
    transport: Annotated[str | None, typer.Option(help=TRANSPORT)] = None,
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Keep a camera otherwise from now on. What is not said stays; a line in the ledger."""
    words = k.KeepingWords(
        mode=mode,
        on=on,
        pre_roll=pre_roll,
        post_roll=post_roll,
        hours=hours,
        zone=zone,
        record=record,
        keep_at_most=keep_at_most,
        disk=disk,
    )
    if words.is_silent and transport is None:
        raise BadInput("say what changes, such as --mode events; all words: camera change --help")
    name = camera_id(camera)
    with open_book(settings_from(config, data), SystemClock()) as book:
        before = book.camera(name).camera
        said = k.keeping_said(words, keeping_of(before))
        if transport is not None:
            said = replace(said, transport=transport_named(transport))
        kept = book.keep(KeepingWish(camera=name, keeping=said, from_revision=before.revision))
    say(f"{kept.id} is kept {k.keeping_text(kept)}")
