"""`fairview camera …`: what is recorded, from where, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairview.cli.node import settings_from
from fairview.cli.voice import note, say, say_json, say_rows
from fairview.cli.words import TRANSPORT, ago, duration_us
from fairview.core.camera import transport_named
from fairview.core.errors import BadInput
from fairview.core.ids import camera_id
from fairview.core.time import SystemClock
from fairview.run.local import AddWish, RegisterWish, probe_address
from fairview.run.office import open_office

DataDir = Annotated[Path, typer.Option("--data", help="The data folder.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The settings file (TOML).", dir_okay=False)
]
FOLDER = Path("fairview-data")


def app() -> typer.Typer:
    """The `camera` commands."""
    made = typer.Typer(help="Cameras: add, list, show, probe, remove.", no_args_is_help=True)
    made.command("add")(add)
    made.command("list")(list_)
    made.command("show")(show)
    made.command("probe")(probe)
    made.command("remove")(remove)
    return made


def probe(
    address: Annotated[str, typer.Argument(help="rtsp://…, or a file.")],
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
    address: Annotated[str, typer.Argument(help="rtsp://…, a file, or sim:junction.")],
    camera: Annotated[str, typer.Option(help="Its name: a-z, 0-9 and '-'.")],
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
    data: DataDir = FOLDER,
    config: ConfigFile = None,
) -> None:
    """Put a camera into the register and record it whenever the node runs."""
    register = RegisterWish(
        purpose=purpose,
        legal_basis=legal_basis,
        operator=operator,
        contact=contact,
        area=area,
        retention_us=duration_us(keep) if keep else None,
    )
    wish = AddWish(
        camera=camera_id(camera),
        title=title,
        address=address,
        sub_address=sub,
        register=register,
        is_commissioning=commissioning,
        transport=transport_named(transport),
    )
    with open_office(settings_from(config, data), SystemClock(), create=True) as office:
        kept = office.camera_add(wish, SystemClock())
    say(f"{kept.id}: {kept.title}, recorded from {kept.sources[0].address}")


def list_(
    data: DataDir = FOLDER,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Every camera of a data folder, with its newest footage."""
    clock = SystemClock()
    with open_office(settings_from(config, data), clock) as office:
        rows = office.cameras()
    if as_json:
        say_json([office_row.as_json() for office_row in rows])
        return
    if not rows:
        note(f"no cameras in {data}; add one with: fairview camera add ADDRESS --camera NAME")
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
    data: DataDir = FOLDER,
    config: ConfigFile = None,
) -> None:
    """One camera with its register entry, as JSON."""
    name = camera_id(camera)
    with open_office(settings_from(config, data), SystemClock()) as office:
        found = office.camera(name)
    say_json(found.as_json())


def remove(
    camera: Annotated[str, typer.Argument(help="The camera's name.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it.")] = False,
    data: DataDir = FOLDER,
    config: ConfigFile = None,
) -> None:
    """Stop recording a camera. Its footage lives on until its retention ends."""
    if not yes:
        raise BadInput(f"this stops recording {camera}; say --yes to do it")
    with open_office(settings_from(config, data), SystemClock()) as office:
        office.camera_remove(camera_id(camera))
    say(f"{camera} is no longer recorded; what there is dies with its retention")
