"""Cards: what is accepted, and what is refused with words that help."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.detectors.card import CARD_CLASSES, packaged_cards, read_card
from fairview.core.errors import BadInput
from fairview.core.sight import CAR, KINDS, MOVING, PERSON
from tests.analyse.detectors.graphs import card_text


def read(text: str) -> object:
    return read_card(text.encode(), "tiny.toml")


def test_a_card_maps_the_models_numbers_to_our_classes() -> None:
    card = read_card(card_text(b"x").encode(), "tiny.toml")
    assert card.classes == ((0, PERSON), (1, CAR))
    assert card.use == "road_users"
    assert card.measured is None


def test_packaged_cards_find_nothing_but_the_nine() -> None:
    cards = packaged_cards()
    assert [card.name for card in cards] == sorted(card.name for card in cards)
    assert {"yolox-nano", "picodet-s-320", "picodet-s-416", "fastestdet"} <= {
        card.name for card in cards
    }
    for card in cards:
        assert MOVING not in {kind for _, kind in card.classes}
        assert card.address.startswith("https://")
        if card.layout in ("yunet", "lpd-yunet"):
            assert card.use == "cover"
            assert card.classes == ()


@pytest.mark.parametrize("name", ["face", "plate", "child", "moving", "police car", "Person"])
def test_a_tenth_class_is_refused(name: str) -> None:
    with pytest.raises(BadInput, match="not one of the nine") as told:
        read(card_text(b"x", classes=f'person = [0]\n"{name}" = [1]'))
    assert "tiny.toml" in str(told.value)


@given(st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=12))
def test_no_other_name_becomes_a_class(name: str) -> None:
    text = card_text(b"x", classes=f'"{name}" = [0]')
    if name in CARD_CLASSES:
        read(text)
        return
    with pytest.raises(BadInput):
        read(text)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layout": "yolov8"}, "is not one of yolox"),
        ({"address": "http://example.org/x.onnx"}, "https"),
        ({"address": "file:///etc/passwd"}, "https"),
        ({"file": "../up.onnx"}, "file name"),
        ({"name": "A b"}, "a name of"),
        ({"sha256": "abc"}, "64 hexadecimal"),
        ({"size_bytes": 0}, "whole number"),
        ({"confidence": 1.5}, "from 0 to 1"),
        ({"confidence": True}, "number"),
        ({"input_px": [32]}, "width, height"),
        ({"outputs": 1}, "not below"),
        ({"verified": 1}, "true or false"),
        ({"licence": None}, "licence must be a text"),
        ({"colour": 3}, "no word of a card"),
        ({"published_ap": "high"}, "must be a number"),
    ],
)
def test_a_wrong_word_is_named(changes: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read(card_text(b"x", **changes))


def test_classes_are_refused_on_a_card_for_the_cover() -> None:
    with pytest.raises(BadInput, match="cover only"):
        read(card_text(b"x", layout="yunet"))


@pytest.mark.parametrize(
    "classes", ["person = 0", "person = []", "person = [0]\ncar = [0]", 'person = ["0"]', ""]
)
def test_class_numbers_are_checked(classes: str) -> None:
    with pytest.raises(BadInput):
        read(card_text(b"x", classes=classes))


def test_what_is_not_toml_is_refused() -> None:
    deep, long = b"a=" + b"[" * 30_000, b"a=" + b"9" * 5_000
    for data in (b"\xff\xfe", b"= 3", b"a" * 70_000, deep, long):
        with pytest.raises(BadInput, match=r"tiny\.toml"):
            read_card(data, "tiny.toml")


@pytest.mark.parametrize("number", ["nan", "inf", "1" + "0" * 400])
def test_a_number_beyond_all_bounds_is_refused(number: str) -> None:
    with pytest.raises(BadInput, match="published_ap"):
        read(f"published_ap = {number}\n" + card_text(b"x").replace("published_ap", "# "))


def test_measured_figures_say_on_what() -> None:
    text = (
        card_text(b"x") + '[measured]\nrecall = 0.8\nprecision = 0.9\nboxes = 412\non = "streets"\n'
    )
    card = read_card(text.encode(), "tiny.toml")
    assert card.measured is not None
    assert (card.measured.recall, card.measured.boxes) == (0.8, 412)
    with pytest.raises(BadInput, match="boxes"):
        read(text.replace("boxes = 412\n", ""))
    assert len(KINDS) == len(CARD_CLASSES) + 1


def test_counting_is_told_apart_from_boxes() -> None:
    text = card_text(b"x") + "[counted]\nrecall = 0.9\nprecision = 0.8\npassings = 90\n"
    card = read_card((text + 'on = "a junction"\n').encode(), "tiny.toml")
    assert card.measured is None
    assert card.counted is not None
    assert (card.counted.precision, card.counted.passings) == (0.8, 90)
    with pytest.raises(BadInput, match="on must be a text"):
        read(text)
