"""Model cards: what a detector's file is, where it comes from, and which of our classes it finds.

A card that names a class outside the nine of `core.sight` is refused, so that no model can bring
a new kind of person, or a person's features, in. Faces and plates have no class: their cards are
for the cover alone.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Literal
from urllib.parse import urlsplit

from fairview.core.errors import BadInput
from fairview.core.limits_seeing import MODEL_CARD_BYTES_MAX, MODEL_FILE_BYTES_MAX
from fairview.core.sight import KINDS, kind_number

Use = Literal["road_users", "cover"]

CARD_CLASSES = tuple(kind for kind in KINDS if kind != "moving")
"""The nine. `moving` is what motion finds; a model can tell, so it may not say it."""

LAYOUTS: dict[str, Use] = {
    "yolox": "road_users",
    "picodet": "road_users",
    "fastestdet": "road_users",
    "yunet": "cover",
    "lpd-yunet": "cover",
}
"""How outputs are laid out, and what models of that layout may be used for."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,126}\.onnx\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_NUMBER_MAX = 1e6
_WORDS = {
    "name",
    "layout",
    "file",
    "input_px",
    "outputs",
    "confidence",
    "licence",
    "publisher",
    "address",
    "sha256",
    "size_bytes",
    "verified",
    "published_ap",
    "classes",
    "made_from",
    "measured",
    "counted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """What was measured here, and on what. Never copied from a publisher.

    boxes: hand-drawn boxes behind the figures. Both 0..1 at an overlap of half.
    """

    recall: float
    precision: float
    boxes: int
    measured_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """How much of what passed was counted with this model and our tracker, and on what.

    A count needs a road user in a few pictures only, so it is another figure than that of boxes,
    and the one that bounds of counts rest on. passings: how many were read by eye.
    """

    recall: float
    precision: float
    passings: int
    counted_on: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFrom:
    """The publisher's file when ours is made from it: initializers taken out of the graph's
    inputs, nothing else changed."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """One model file.

    classes: (number in the model's output, our class), sorted; other outputs are never looked at.
    outputs: how many classes the model itself tells apart.
    is_verified: the digest was compared with the publisher's own; otherwise it is that of the
    copy that was tested here.
    """

    name: str
    layout: str
    file: str
    input_px: tuple[int, int]
    outputs: int
    confidence: float
    licence: str
    publisher: str
    address: str
    sha256: str
    size_bytes: int
    is_verified: bool
    published_ap: float | None
    classes: tuple[tuple[int, int], ...]
    made_from: MadeFrom | None
    measured: Accuracy | None
    counted: Counting | None

    @property
    def use(self) -> Use:
        return LAYOUTS[self.layout]


def packaged_cards() -> tuple[ModelCard, ...]:
    """The cards that come with the program, by name."""
    folder = resources.files("fairview.analyse.detectors") / "cards"
    found = [
        read_card(one.read_bytes(), one.name)
        for one in folder.iterdir()
        if one.name.endswith(".toml")
    ]
    return tuple(sorted(found, key=lambda card: card.name))


def read_card(data: bytes, where: str) -> ModelCard:
    """A card from its file.

    Bounds:  MODEL_CARD_BYTES_MAX.
    Errors:  BadInput naming the file, the word, and what it should be.
    """
    if len(data) > MODEL_CARD_BYTES_MAX:
        raise BadInput(f"{where}: a card has at most {MODEL_CARD_BYTES_MAX} bytes")
    try:
        raw = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where} is not a card in TOML: {error}") from error
    words = _Words(raw, where)
    words.refuse_unknown(_WORDS)
    layout = words.text("layout")
    if layout not in LAYOUTS:
        raise BadInput(f"{where}: layout {layout!r} is not one of {', '.join(LAYOUTS)}")
    outputs = words.whole("outputs", 1, 10_000)
    return ModelCard(
        name=words.matching("name", _NAME, "a name of a-z, 0-9 and '-'"),
        layout=layout,
        file=words.matching("file", _FILE, "a file name that ends in .onnx, without folders"),
        input_px=words.size(),
        outputs=outputs,
        confidence=words.fraction("confidence"),
        licence=words.text("licence"),
        publisher=words.text("publisher"),
        address=_address(words.text("address"), where),
        sha256=words.matching("sha256", _DIGEST, "64 hexadecimal digits in small letters"),
        size_bytes=words.whole("size_bytes", 1, MODEL_FILE_BYTES_MAX),
        is_verified=words.yes("verified"),
        published_ap=words.number_or_none("published_ap"),
        classes=_classes(words, LAYOUTS[layout], outputs),
        made_from=_made_from(words),
        measured=_measured(words),
        counted=_counted(words),
    )


def _classes(words: _Words, use: Use, outputs: int) -> tuple[tuple[int, int], ...]:
    table = words.table("classes")
    if use == "cover":
        if table:
            raise BadInput(
                f"{words.where}: models of this layout serve the cover only and have no classes; "
                "leave [classes] out"
            )
        return ()
    found: dict[int, int] = {}
    for name, numbers in table.items():
        kind = kind_number(name)
        if kind is None or name not in CARD_CLASSES:
            raise BadInput(
                f"{words.where}: class {name!r} is not one of the nine "
                f"({', '.join(CARD_CLASSES)}); a model may find nothing else here"
            )
        if not isinstance(numbers, list) or not numbers:
            raise BadInput(f"{words.where}: class {name} needs the model's numbers, as in [2, 3]")
        for number in numbers:
            if not isinstance(number, int) or isinstance(number, bool):
                raise BadInput(f"{words.where}: class {name}: {number!r} is not a whole number")
            if not 0 <= number < outputs or number in found:
                raise BadInput(
                    f"{words.where}: class {name}: {number} is used twice, or is not below "
                    f"outputs = {outputs}"
                )
            found[number] = kind
    if not found:
        raise BadInput(f"{words.where}: [classes] names none of {', '.join(CARD_CLASSES)}")
    return tuple(sorted(found.items()))


def _made_from(words: _Words) -> MadeFrom | None:
    table = words.table("made_from")
    if not table:
        return None
    inner = _Words(table, f"{words.where} [made_from]")
    inner.refuse_unknown({"sha256", "size_bytes"})
    return MadeFrom(
        sha256=inner.matching("sha256", _DIGEST, "64 hexadecimal digits in small letters"),
        size_bytes=inner.whole("size_bytes", 1, MODEL_FILE_BYTES_MAX),
    )


def _measured(words: _Words) -> Accuracy | None:
    table = words.table("measured")
    if not table:
        return None
    inner = _Words(table, f"{words.where} [measured]")
    inner.refuse_unknown({"recall", "precision", "boxes", "on"})
    return Accuracy(
        recall=inner.fraction("recall"),
        precision=inner.fraction("precision"),
        boxes=inner.whole("boxes", 1, 10_000_000),
        measured_on=inner.text("on"),
    )


def _counted(words: _Words) -> Counting | None:
    table = words.table("counted")
    if not table:
        return None
    inner = _Words(table, f"{words.where} [counted]")
    inner.refuse_unknown({"recall", "precision", "passings", "on"})
    return Counting(
        recall=inner.fraction("recall"),
        precision=inner.fraction("precision"),
        passings=inner.whole("passings", 1, 10_000_000),
        counted_on=inner.text("on"),
    )


def _address(text: str, where: str) -> str:
    parts = urlsplit(text)
    is_loopback = parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback):
        raise BadInput(f"{where}: address {text!r} must begin with https://")
    if not parts.hostname:
        raise BadInput(f"{where}: address {text!r} names no publisher's machine")
    return text


class _Words:
    """A card's words, each read once with its own complaint."""

    def __init__(self, raw: dict[str, object], where: str) -> None:
        self._raw = raw
        self.where = where

    def refuse_unknown(self, known: set[str]) -> None:
        for word in self._raw:
            if word not in known:
                raise BadInput(f"{self.where}: {word!r} is no word of a card")

    def text(self, word: str) -> str:
        value = self._raw.get(word)
        if not isinstance(value, str) or not value.strip():
            raise BadInput(f"{self.where}: {word} must be a text, and it must be there")
        return value

    def matching(self, word: str, pattern: re.Pattern[str], wanted: str) -> str:
        value = self.text(word)
        if not pattern.match(value):
            raise BadInput(f"{self.where}: {word} = {value!r} must be {wanted}")
        return value

    def whole(self, word: str, least: int, most: int) -> int:
        value = self._raw.get(word)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise BadInput(f"{self.where}: {word} must be a whole number from {least} to {most}")
        return value

    def fraction(self, word: str) -> float:
        value = self.number_or_none(word)
        if value is None or not 0 <= value <= 1:
            raise BadInput(f"{self.where}: {word} must be a number from 0 to 1")
        return value

    def number_or_none(self, word: str) -> float | None:
        value = self._raw.get(word)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise BadInput(f"{self.where}: {word} must be a number")
        if not -_NUMBER_MAX <= value <= _NUMBER_MAX:
            raise BadInput(f"{self.where}: {word} is no sensible number")
        return float(value)

    def yes(self, word: str) -> bool:
        value = self._raw.get(word)
        if not isinstance(value, bool):
            raise BadInput(f"{self.where}: {word} must be true or false")
        return value

    def size(self) -> tuple[int, int]:
        value = self._raw.get("input_px")
        if isinstance(value, list) and len(value) == 2:
            width, height = value
            if all(isinstance(one, int) and 32 <= one <= 4_096 for one in (width, height)):
                return width, height
        raise BadInput(f"{self.where}: input_px must be [width, height], each from 32 to 4096")

    def table(self, word: str) -> dict[str, object]:
        value = self._raw.get(word, {})
        if not isinstance(value, dict):
            raise BadInput(f"{self.where}: [{word}] must be a table")
        return value
