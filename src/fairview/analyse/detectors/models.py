"""The models of this machine: which are known, which are here, and how one is fetched.

Nothing is fetched unless somebody asks for it by name, from the publisher's own address, and
nothing is kept whose SHA-256 is not the one on its card.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fairview.analyse.detectors.card import ModelCard, packaged_cards, read_card
from fairview.analyse.detectors.download import Download, download
from fairview.analyse.detectors.graph import refuse_wrong_bytes
from fairview.analyse.detectors.graph_file import without_listed_initializers
from fairview.analyse.detectors.sums import sha256_of
from fairview.core.errors import BadInput, Corrupt, NotFound, Unavailable
from fairview.core.limits_seeing import MODEL_CARD_BYTES_MAX, MODEL_FILE_BYTES_MAX
from fairview.core.time import Clock
from fairview.store.durable import FolderLock, make_folders, remove_file, replace_file

Progress = Callable[[float, str], None]
"""How far (0..1) and what now, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """A card, where its file belongs, and whether something lies there."""

    card: ModelCard
    path: Path
    is_present: bool


def models_folder(environment: Mapping[str, str]) -> Path:
    """$FAIRVIEW_MODELS, or ~/.local/share/fairview/models."""
    chosen = environment.get("FAIRVIEW_MODELS")
    if chosen:
        return Path(chosen)
    return Path(environment.get("HOME", "~")).expanduser() / ".local/share/fairview/models"


class ModelStore:
    """A folder of model files, and the cards that come with the program.

    cards None: the packaged ones.
    """

    def __init__(self, folder: Path, cards: tuple[ModelCard, ...] | None = None) -> None:
        self.folder = folder
        self.cards = packaged_cards() if cards is None else cards

    def known(self) -> tuple[KnownModel, ...]:
        """Every model with a card, by name. Digests are checked when a file is opened."""
        return tuple(self._known(card) for card in self.cards)

    def info(self, name: str) -> KnownModel:
        """Errors:  NotFound naming the models there are."""
        return self._known(self._card(name))

    def read(self, name_or_path: str) -> tuple[ModelCard, bytes]:
        """A model's card and bytes, by its name, or by the path of an .onnx file with its card
        (the same name with .toml) beside it.

        Errors:  NotFound saying how to fetch it; Corrupt when the bytes are not the card's;
        BadInput for a wrong card.
        """
        if name_or_path.endswith(".onnx") or "/" in name_or_path:
            return self._own(Path(name_or_path).expanduser())
        known = self.info(name_or_path)
        if not known.is_present:
            raise NotFound(
                f"model {known.card.name} is not on this machine; fetch it with: fairview models "
                f"pull {known.card.name}  (it belongs at {known.path})"
            )
        data = _bytes_of(known.path, MODEL_FILE_BYTES_MAX)
        refuse_wrong_bytes(known.card, data)
        return known.card, data

    def pull(self, name: str, clock: Clock, progress: Progress) -> KnownModel:
        """Fetch a model from its publisher, unless it is here already.

        What came before a cut is kept beside (.part) and gone on with; the model appears under
        its own name only complete, and only with the right digest.

        Errors:  NotFound for an unknown name or address; Unavailable without a network or with a
        cut; Corrupt for other bytes than the card's.
        """
        known = self.info(name)
        if known.is_present and sha256_of(known.path) == known.card.sha256:
            return known
        make_folders(self.folder)
        with FolderLock(self.folder / ".pulling"):
            part = known.path.with_name(known.path.name + ".part")
            wanted = Download(
                address=known.card.address,
                size_bytes=_fetched_bytes(known.card),
                part=part,
                by_hand=(
                    f"fetch it elsewhere and hand it over: fairview models pull {name} --from FILE "
                    f"(its place is {known.path})"
                ),
            )
            download(wanted, clock, progress)
            try:
                self._keep(known, part, _bytes_of(part, MODEL_FILE_BYTES_MAX))
            finally:
                remove_file(part)
        return self._known(known.card)

    def take(self, name: str, file: Path) -> KnownModel:
        """Keep a file that was fetched by hand.

        Errors:  NotFound; Corrupt when its digest is not the card's.
        """
        known = self.info(name)
        data = _bytes_of(file, MODEL_FILE_BYTES_MAX)
        make_folders(self.folder)
        with FolderLock(self.folder / ".pulling"):
            self._keep(known, file, data)
        return self._known(known.card)

    def _keep(self, known: KnownModel, came_as: Path, data: bytes) -> None:
        card = known.card
        made_from = card.made_from
        if made_from is not None and sha256_of(data) == made_from.sha256:
            data = without_listed_initializers(data)
        digest = sha256_of(data)
        if digest != card.sha256:
            wanted = card.sha256 if made_from is None else made_from.sha256
            raise Corrupt(
                f"{came_as} is not model {card.name}: its SHA-256 is {digest}, the publisher's "
                f"file has {wanted}. Nothing was kept; fetch it anew from {card.address}"
            )
        replace_file(known.path, data, mode=0o644)

    def _card(self, name: str) -> ModelCard:
        for card in self.cards:
            if card.name == name:
                return card
        names = [card.name for card in self.cards]
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise NotFound(f"there is no model {name!r}{hint} Known are: {', '.join(names)}")

    def _known(self, card: ModelCard) -> KnownModel:
        path = self.folder / card.file
        return KnownModel(card=card, path=path, is_present=path.is_file())

    def _own(self, path: Path) -> tuple[ModelCard, bytes]:
        beside = path.with_suffix(".toml")
        if not path.is_file():
            raise NotFound(f"{path} is not there; give a model's name or the path of an .onnx file")
        if not beside.is_file():
            raise BadInput(
                f"{path} has no card: put {beside.name} beside it, saying what it finds "
                "and where it comes from; docs/guides/models.md shows one"
            )
        card = read_card(_bytes_of(beside, MODEL_CARD_BYTES_MAX), str(beside))
        data = _bytes_of(path, MODEL_FILE_BYTES_MAX)
        refuse_wrong_bytes(card, data)
        return card, data


def _fetched_bytes(card: ModelCard) -> int:
    return card.size_bytes if card.made_from is None else card.made_from.size_bytes


def _bytes_of(path: Path, bytes_max: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(bytes_max + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path} is not there") from error
    except OSError as error:
        raise Unavailable(f"{path} can't be read: {error.strerror}") from error
    if len(data) > bytes_max:
        raise BadInput(f"{path} has more than {bytes_max} bytes; that is no model for here")
    return data


def here() -> ModelStore:
    """The store of this process's environment."""
    return ModelStore(models_folder(os.environ))
