"""`fairview camera …`: what is recorded, from where, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairview.access.door import KEPT_ALWAYS
from fairview.cli import cameras_bulk
from fairview.cli import keeping as k
from fairview.cli.camera_change import change
from fairview.cli.node import ConfigFile, DataDir, settings_from
from fairview.cli.voice import note, say, say_json, say_rows
from fairview.cli.words import TRANSPORT, ago, duration_us
from fairview.core.camera import transport_named
from fairview.core.errors import BadInput
from fairview.core.ids import camera_id
from fairview.core.time import SystemClock
from fairview.run.owner.camera_book import open_book
from fairview.run.owner.local import AddWish, RegisterWish, camera_wish, probe_address


def app() -> typer.Typer:
    """The `camera` commands."""
    made = typer.Typer(
        help="Cameras: add, list, show, probe, change, remove, login.", no_args_is_help=True
    )
    made.command("add")(add)
    made.command("list")(list_)
    made.command("show")(show)
    made.command("probe")(probe)
    made.command("change")(change)
    made.command("remove")(remove)
    made.command("login")(cameras_bulk.login)
    made.command("csv-template")(cameras_bulk.csv_template)
    made.command("csv-export")(cameras_bulk.csv_export)
    return made


def probe(
    address: Annotated[str, typer.Argument(help="rtsp://…, http://…, /dev/video0, or a file.")],
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    transport: Annotated[str, typer.Option(help=TRANSPORT)] = "auto",
) -> None:
    """Connect for a few seconds and say what is there. Nothing is kept."""
    way = transport_named(transport)
    found = probe_address(address, settings_from(config, None), SystemClock(), way)
    if as_json:
        say_json(found)
        return
    for name, value in found.items():
        say(f"{name.replace('_', ' ')}: {value}")


def add(  # noqa: PLR0913  # a command has as many parameters as it has words
    address: Annotated[
        str | None, typer.Argument(help="rtsp://…, http://…, /dev/video0, a file, sim:junction.")
    ] = None,
    camera: Annotated[str | None, typer.Option(help="Its name: a-z, 0-9 and '-'.")] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Many cameras; see csv-template.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --csv: check only.")] = False,
    look: Annotated[bool, typer.Option("--probe", help="With --csv: look at each first.")] = False,
    purpose: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    legal_basis: Annotated[str | None, typer.Option(help="The law or order.")] = None,
    operator: Annotated[str | None, typer.Option(help="Who runs it.")] = None,
    contact: Annotated[str | None, typer.Option(help="Where residents can write.")] = None,
    area: Annotated[str | None, typer.Option(help="What it looks at, in words.")] = None,
    keep: Annotated[str | None, typer.Option(help="How long footage is kept: 24h, 3d …")] = None,
    title: Annotated[str | None, typer.Option(help="Its name for people.")] = None,
    sub: Annotated[str | None, typer.Option(help="Address of a smaller second stream.")] = None,
    commissioning: Annotated[
        bool, typer.Option(help="Allow uncovered pictures for its first 24 hours (ledgered).")
    ] = False,
    transport: Annotated[str, typer.Option(help=TRANSPORT)] = "auto",
    mode: k.Mode = None,
    on: k.On = None,
    pre_roll: k.PreRoll = None,
    post_roll: k.PostRoll = None,
    hours: k.Hours = None,
    zone: k.Zone = None,
    record: k.Record = None,
    keep_at_most: k.KeepAtMost = None,
    disk: k.Disk = None,
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Put a camera into the register and record it whenever the node runs."""
    _refuse_mixed(csv, address, camera, for_many=dry_run or look)
    if csv is not None or address is None or camera is None:
        assert csv is not None, "one camera has an address and a name"
        cameras_bulk.add_many(csv, data, config, is_dry=dry_run, is_probed=look)
        return
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
    wish = AddWish(
        camera=camera_id(camera),
        title=title,
        address=address,
        sub_address=sub,
        register=RegisterWish(
            purpose=purpose,
            legal_basis=legal_basis,
            operator=operator,
            contact=contact,
            area=area,
            retention_us=duration_us(keep) if keep else None,
        ),
        is_commissioning=commissioning,
        transport=transport_named(transport),
        keeping=k.keeping_said(words, KEPT_ALWAYS),
    )
    _put(wish, data, config)


def _refuse_mixed(
    csv: Path | None, address: str | None, camera: str | None, *, for_many: bool
) -> None:
    """Words for one camera and for many don't go together. Errors: BadInput."""
    if csv is not None:
        if address or camera:
            raise BadInput("with --csv, cameras and addresses stand in the file")
    elif address is None or camera is None:
        raise BadInput("say ADDRESS --camera NAME, or --csv FILE for many")
    elif for_many:
        raise BadInput("--dry-run and --probe go with --csv; for one: fairview camera probe")


def _put(wish: AddWish, data: Path | None, config: Path | None) -> None:
    settings, clock = settings_from(config, data), SystemClock()
    with open_book(settings, clock, create=True) as book:
        kept = book.add(camera_wish(wish, settings, clock.now()))
    address = kept.sources[0].address
    say(f"{kept.id}: {kept.title}, recorded from {address}, {k.keeping_text(kept)}")


def list_(
    data: DataDir = None,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Every camera of a data folder, with its newest footage."""
    clock = SystemClock()
    settings = settings_from(config, data)
    with open_book(settings, clock) as book:
        rows = book.cameras()
    if as_json:
        say_json([office_row.as_json() for office_row in rows])
        return
    if not rows:
        note(f"no cameras in {settings.data}; add one: fairview camera add ADDRESS --camera NAME")
    say_rows(
        ("camera", "title", "from", "kept for", "newest footage", "state"),
        [
            (
                row.camera.id,
                row.camera.title,
                row.camera.sources[0].address,
                f"{row.camera.register.retention_us // 3_600_000_000} h",
                f"{ago(row.newest, clock.now())} ago" if row.newest else "none",
                "recorded" if row.camera.is_active else "removed",
            )
            for row in rows
        ],
    )


def show(
    camera: Annotated[str, typer.Argument(help="The camera's name.")],
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """One camera with its register entry, as JSON."""
    name = camera_id(camera)
    with open_book(settings_from(config, data), SystemClock()) as book:
        found = book.camera(name)
    say_json(found.as_json())


def remove(
    camera: Annotated[str, typer.Argument(help="The camera's name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    data: DataDir = None,
    config: ConfigFile = None,
) -> None:
    """Stop recording a camera. Its footage lives on until its retention ends."""
    if not yes:
        raise BadInput(f"this stops recording {camera}; say --yes to do it")
    with open_book(settings_from(config, data), SystemClock()) as book:
        book.remove(camera_id(camera))
    say(f"{camera} is no longer recorded; what there is dies with its retention")
