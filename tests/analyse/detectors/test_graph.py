"""Graphs: opened only when they are what their card says."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from fairview.analyse.detectors.card import ModelCard, read_card
from fairview.analyse.detectors.contract import Picture
from fairview.analyse.detectors.cover_only import FaceDetector, PlateDetector
from fairview.analyse.detectors.graph import Graph, OnnxSettings
from fairview.analyse.detectors.onnx import OnnxDetector
from fairview.analyse.planes import Planes, planes_of_rgb
from fairview.core.errors import BadInput, Corrupt, Unavailable
from fairview.core.ids import CameraId
from fairview.core.sight import CAR, PERSON
from fairview.core.time import Instant
from tests.analyse.detectors.graphs import brightness_added, card_text, fixed, yolox_table

Field = npt.NDArray[np.float32]

SETTINGS = OnnxSettings()
ONE_PERSON = yolox_table((0, [0.5, 0.5, np.log(1), np.log(2), 0.9, 1.0, 0.0]))


def card_of(data: bytes, **words: object) -> ModelCard:
    return read_card(card_text(data, **words).encode(), "tiny.toml")


def grey(width: int = 32, height: int = 32, level: int = 120) -> Planes:
    return planes_of_rgb(np.full((height, width, 3), level, dtype=np.uint8), "bt601")


def picture(planes: Planes, camera: str = "a", frame: int = 1) -> Picture:
    return Picture(
        camera=CameraId(camera), frame=frame, at=Instant(1_700_000_000_000_000), planes=planes
    )


def test_a_fitting_graph_finds_its_person() -> None:
    data = fixed({"out": ONE_PERSON[None]})
    (found,) = OnnxDetector(card_of(data), data).detect([picture(grey())])
    assert found.model == "tiny"
    assert list(found.kinds) == [PERSON]
    np.testing.assert_allclose(found.boxes_unit, [[0, 0, 8 / 32, 12 / 32]], atol=1e-6)
    np.testing.assert_allclose(found.scores, [0.9], atol=1e-6)


def test_a_letterboxed_picture_gets_its_boxes_in_its_own_units() -> None:
    data = fixed({"out": ONE_PERSON[None]})
    (found,) = OnnxDetector(card_of(data), data).find([grey(64, 32)])
    np.testing.assert_allclose(found.boxes_unit, [[0, 0, 8 / 32, 12 / 16]], atol=1e-6)


def test_a_box_in_the_filling_is_not_in_the_picture() -> None:
    table = yolox_table((12, [0.5, 0.5, 0, 0, 0.9, 1.0, 0.0]))  # the last row of 8-pixel cells
    data = fixed({"out": table[None]})
    (found,) = OnnxDetector(card_of(data), data).find([grey(64, 32)])
    assert len(found.scores) == 0


def test_classes_the_card_leaves_out_are_never_looked_at() -> None:
    table = yolox_table(
        (0, [0.5, 0.5, 0, 0, 0.9, 0.6, 1.0]),  # the second class is surer of the same box
        (5, [0.5, 0.5, 0, 0, 0.9, 0.1, 1.0]),
    )
    data = fixed({"out": table[None]})
    (found,) = OnnxDetector(card_of(data, classes="person = [0]"), data).find([grey()])
    assert list(found.kinds) == [PERSON]
    np.testing.assert_allclose(found.scores, [0.54], atol=1e-6)


def test_a_picture_of_many_batches_is_the_same_alone() -> None:
    table = yolox_table((0, [-100, -100, -100, -100, -100, 0.0, -100.0]))
    data = brightness_added(table)
    graph = Graph(card_of(data), data, SETTINGS)
    assert graph.takes_batches
    inputs = [np.full((3, 32, 32), level, dtype=np.float32) for level in (100, 101)]
    together = graph.run(inputs)
    for one, alone in zip(together, [graph.run([one])[0] for one in inputs], strict=True):
        np.testing.assert_array_equal(one[0], alone[0])
        assert one[0].shape == (21, 7)
    data = fixed({"out": table[None]})
    assert not Graph(card_of(data), data, SETTINGS).takes_batches


def test_an_output_that_is_no_box_is_refused() -> None:
    features = np.zeros((1, 128), dtype=np.float32)
    data = fixed({"out": ONE_PERSON[None], "features": features})
    with pytest.raises(BadInput, match="no others") as told:
        OnnxDetector(card_of(data), data)
    assert "features [1, 128]" in str(told.value)
    assert "tiny" in str(told.value)


@pytest.mark.parametrize("shape", [(1, 21, 8), (1, 20, 7), (21, 7, 1), (1, 1, 21, 7)])
def test_an_output_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    data = fixed({"out": np.zeros(shape, dtype=np.float32)})
    with pytest.raises(BadInput, match="refused"):
        OnnxDetector(card_of(data), data)


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (1, 1, 32, 32), (3, 32, 32), (2, 3, 32, 32)])
def test_a_graph_that_takes_something_else_is_refused(shape: tuple[int, ...]) -> None:
    data = fixed({"out": ONE_PERSON[None]}, picture=shape)
    with pytest.raises(BadInput, match="must take one picture") as told:
        OnnxDetector(card_of(data), data)
    assert str(list(shape)) in str(told.value)


def test_other_bytes_than_the_cards_are_refused_before_they_are_opened() -> None:
    data = fixed({"out": ONE_PERSON[None]})
    with pytest.raises(Corrupt, match="pull it again"):
        OnnxDetector(card_of(data), data + b"\0")


@pytest.mark.parametrize("data", [b"", b"no graph at all", b"\x08\x07"])
def test_what_is_no_graph_is_refused(data: bytes) -> None:
    card = card_of(data, size_bytes=max(len(data), 1))
    with pytest.raises(BadInput, match="ONNX graph"):
        OnnxDetector(card, data)


def test_a_missing_provider_is_named() -> None:
    data = fixed({"out": ONE_PERSON[None]})
    with pytest.raises(Unavailable, match="NoSuchProvider"):
        OnnxDetector(card_of(data), data, OnnxSettings(providers=("NoSuchProvider",)))
    with pytest.raises(BadInput, match="between 0 and 1"):
        OnnxSettings(confidence=2.0)


def face_outputs(with_landmarks: bool) -> dict[str, Field]:
    sizes = {8: 16, 16: 4, 32: 1}
    made: dict[str, Field] = {}
    for name, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride, count in sizes.items():
            if name != "kps" or with_landmarks:
                made[f"{name}_{stride}"] = np.ones((1, count, width), dtype=np.float32)
    return made


@pytest.mark.parametrize("with_landmarks", [True, False])
def test_landmarks_are_not_even_computed(with_landmarks: bool) -> None:
    data = fixed(face_outputs(with_landmarks))
    card = card_of(data, layout="yunet", outputs=1, classes="")
    faces = FaceDetector(card, data)
    assert not any("kps" in name for name in faces.asked_for)
    assert len(faces.asked_for) == 9
    assert faces.boxes(grey()).boxes_unit.shape[1] == 4


def test_a_face_graph_with_something_more_is_refused() -> None:
    outputs = face_outputs(True) | {"vector": np.zeros((1, 512), dtype=np.float32)}
    data = fixed(outputs)
    with pytest.raises(BadInput, match="vector"):
        FaceDetector(card_of(data, layout="yunet", outputs=1, classes=""), data)


def test_cover_and_road_users_do_not_mix() -> None:
    data = fixed(face_outputs(True))
    faces = card_of(data, layout="yunet", outputs=1, classes="")
    with pytest.raises(BadInput, match="cover only"):
        OnnxDetector(faces, data)
    with pytest.raises(BadInput, match="lpd-yunet is needed"):
        PlateDetector(faces, data)
    data = fixed({"out": ONE_PERSON[None]})
    with pytest.raises(BadInput, match="yunet is needed"):
        FaceDetector(card_of(data), data)


def test_numbers_that_are_not_finite_are_no_boxes() -> None:
    table = yolox_table(
        (0, [np.nan, 0.5, 0, 0, 0.9, 1.0, 0.0]), (3, [0.5, 0.5, 0, 0, 0.8, 0.0, 1.0])
    )
    data = fixed({"out": table[None]})
    (found,) = OnnxDetector(card_of(data), data).detect([picture(grey())])
    assert list(found.kinds) == [CAR]
