"""`fairview models …`: which models there are, what they are, and fetching one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fairview.cli.voice import bar, note, say, say_json, say_rows
from fairview.core.sight import KINDS
from fairview.core.time import SystemClock

if TYPE_CHECKING:
    from fairview.analyse.detectors.models import KnownModel, ModelStore

Name = Annotated[str, typer.Argument(metavar="NAME", help="A model, as in: fairview models list.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def app() -> typer.Typer:
    """The `models` commands."""
    made = typer.Typer(help="Detection models: list, pull, info.", no_args_is_help=True)
    made.command("list")(list_)
    made.command("pull")(pull)
    made.command("info")(info)
    return made


def list_(as_json: AsJson = False) -> None:
    """Every known model: what for, licence, accuracy, and whether it is on this machine."""
    store = _store()
    known = store.known()
    if as_json:
        say_json([_facts(one) for one in known])
        return
    say_rows(
        ("model", "for", "here", "licence", "accuracy", "publisher", "address", "SHA-256"),
        [
            (
                one.card.name,
                one.card.use.replace("_", " "),
                "yes" if one.is_present else "no",
                one.card.licence,
                _accuracy(one),
                one.card.publisher,
                one.card.address,
                one.card.sha256,
            )
            for one in known
        ],
    )
    note(f"kept in {store.folder}; without any, `motion` needs none")


def info(name: Name, as_json: AsJson = False) -> None:
    """One model: publisher, address, digest, licence, classes, accuracy."""
    known = _store().info(name)
    facts = _facts(known)
    if as_json:
        say_json(facts)
        return
    for word, value in facts.items():
        say(f"{word.replace('_', ' ')}: {_in_words(value)}")


def pull(
    name: Name,
    file: Annotated[
        Path | None,
        typer.Option("--from", help="A file fetched by hand, instead of the network."),
    ] = None,
) -> None:
    """Fetch a model from its publisher; kept only if its SHA-256 is the one on its card."""
    store = _store()
    if file is not None:
        known = store.take(name, file)
    else:
        wanted = store.info(name)
        with bar(f"{name} from {wanted.card.publisher}") as move:
            known = store.pull(name, SystemClock(), move)
    say(f"{known.path}: {name}, {known.card.licence}, SHA-256 as on its card")
    if not known.card.is_verified:
        note("that digest is of the copy tested here; the publisher tells none to compare with")


def _store() -> ModelStore:
    from fairview.analyse.detectors.models import here

    return here()


def _in_words(value: object) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, list) else str(value)


def _accuracy(known: KnownModel) -> str:
    card = known.card
    if card.measured is not None:
        return (
            f"recall {card.measured.recall:.2f}, precision {card.measured.precision:.2f} "
            f"(measured on {card.measured.boxes} boxes)"
        )
    if card.published_ap is not None:
        return f"AP {card.published_ap} (published, not measured here)"
    return "not measured"


def _counting(known: KnownModel) -> str:
    counted = known.card.counted
    if counted is None:
        return "not measured, so counts have no bounds"
    return (
        f"recall {counted.recall:.2f}, precision {counted.precision:.2f} "
        f"(measured on {counted.passings} passings)"
    )


def _facts(known: KnownModel) -> dict[str, object]:
    card = known.card
    return {
        "name": card.name,
        "for": card.use.replace("_", " "),
        "layout": card.layout,
        "input": f"{card.input_px[0]}x{card.input_px[1]}",
        "classes": [KINDS[kind] for kind in sorted({kind for _, kind in card.classes})],
        "publisher": card.publisher,
        "address": card.address,
        "sha256": card.sha256,
        "made_from_sha256": card.made_from.sha256 if card.made_from else None,
        "digest_compared_with_publisher": card.is_verified,
        "size_bytes": card.size_bytes,
        "licence": card.licence,
        "accuracy": _accuracy(known),
        "measured_on": card.measured.measured_on if card.measured else None,
        "counting": _counting(known),
        "counted_on": card.counted.counted_on if card.counted else None,
        "file": str(known.path),
        "here": known.is_present,
    }
