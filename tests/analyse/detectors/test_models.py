"""Models of a machine: fetched by digest or not at all, from a loopback publisher."""

from __future__ import annotations

import hashlib
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairview.analyse.detectors.card import ModelCard, read_card
from fairview.analyse.detectors.choose import detector_for
from fairview.analyse.detectors.download import Download, download
from fairview.analyse.detectors.graph_file import (
    _fields,
    _name,
    _read_varint,
    without_listed_initializers,
)
from fairview.analyse.detectors.models import ModelStore, models_folder
from fairview.analyse.detectors.motion import MotionDetector
from fairview.analyse.detectors.onnx import OnnxDetector
from fairview.core.errors import BadInput, Corrupt, NotFound, Unavailable
from fairview.core.scene import DetectorWish
from fairview.core.time import Instant, ManualClock
from tests.analyse.detectors import real
from tests.analyse.detectors.graphs import (
    block,
    card_text,
    fixed,
    model,
    node,
    number,
    tensor,
    value_info,
    yolox_table,
)
from tests.analyse.detectors.publisher import Publisher, publishing

DATA = fixed({"out": yolox_table()[None]})


def clock() -> ManualClock:
    return ManualClock(Instant(1_700_000_000_000_000))


def store_of(folder: Path, publisher: Publisher) -> ModelStore:
    return ModelStore(folder, (card_of(publisher.address),))


def card_of(address: str) -> ModelCard:
    return read_card(card_text(DATA, address=address).encode(), "tiny.toml")


def pull(store: ModelStore) -> Path:
    return store.pull("tiny", clock(), lambda done_frac, now: None).path


def test_a_pulled_model_is_whole_and_runs(tmp_path: Path) -> None:
    moves: list[float] = []
    with publishing(Publisher(data=DATA)) as publisher:
        store = store_of(tmp_path / "new" / "models", publisher)
        assert not store.info("tiny").is_present
        known = store.pull("tiny", clock(), lambda done_frac, now: moves.append(done_frac))
        assert known.path.read_bytes() == DATA
        assert moves[-1] == 1.0
        pull(store)
    assert len(publisher.asked) == 1, "a model that is here is not fetched again"
    assert isinstance(detector_for(DetectorWish(kind="onnx", model="tiny"), store), OnnxDetector)
    assert [one.name for one in known.path.parent.glob("*.part")] == []


def test_a_damaged_model_is_refused_and_pulled_anew(tmp_path: Path) -> None:
    with publishing(Publisher(data=DATA)) as publisher:
        store = store_of(tmp_path, publisher)
        (tmp_path / "tiny.onnx").write_bytes(DATA[:-1] + b"\0")
        with pytest.raises(Corrupt, match="models pull tiny"):
            store.read("tiny")
        pull(store)
        assert store.read("tiny")[1] == DATA


def test_wrong_bytes_are_not_kept(tmp_path: Path) -> None:
    with publishing(Publisher(data=DATA[:-1] + b"\0")) as publisher:
        store = store_of(tmp_path, publisher)
        with pytest.raises(Corrupt, match="Nothing was kept") as told:
            pull(store)
    assert hashlib.sha256(DATA).hexdigest() in str(told.value)
    assert list(tmp_path.glob("tiny*")) == []


@pytest.mark.parametrize("goes_on", [True, False])
@pytest.mark.parametrize("tells_length", [True, False])
def test_a_cut_download_goes_on_where_it_broke(
    tmp_path: Path, goes_on: bool, tells_length: bool
) -> None:
    publisher = Publisher(data=DATA, cut_at=100, goes_on=goes_on, tells_length=tells_length)
    with publishing(publisher):
        store = store_of(tmp_path, publisher)
        with pytest.raises(Unavailable, match="broke off"):
            pull(store)
        assert (tmp_path / "tiny.onnx.part").stat().st_size == 100
        assert not (tmp_path / "tiny.onnx").exists()
        publisher.cut_at = None
        assert pull(store).read_bytes() == DATA
    assert publisher.asked == ["", "bytes=100-"]


def test_more_than_the_card_tells_is_cut_off(tmp_path: Path) -> None:
    with publishing(Publisher(data=DATA + b"x" * 500_000)) as publisher:
        store = store_of(tmp_path, publisher)
        with pytest.raises(Corrupt, match=f"more than the {len(DATA)} bytes"):
            pull(store)
    assert list(tmp_path.glob("tiny*")) == []


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (410, NotFound), (500, Unavailable), (403, Unavailable)]
)
def test_what_the_publisher_refuses_is_told(
    tmp_path: Path, status: int, kind: type[Exception]
) -> None:
    with publishing(Publisher(status=status)) as publisher:
        with pytest.raises(kind, match=str(status)) as told:
            pull(store_of(tmp_path, publisher))
        assert publisher.address in str(told.value)
        assert "--from FILE" in str(told.value)


def test_without_a_network_the_address_and_the_place_are_told(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/tiny.onnx"
        store = ModelStore(tmp_path, (card_of(address),))
        with pytest.raises(Unavailable) as told:
            pull(store)
    for words in (address, "models pull tiny --from FILE", str(tmp_path / "tiny.onnx")):
        assert words in str(told.value)


@pytest.mark.parametrize("elsewhere", ["http://example.org/x.onnx", "ftp://example.org/x.onnx"])
def test_a_redirect_to_plain_http_is_not_followed(tmp_path: Path, elsewhere: str) -> None:
    publisher = Publisher(sends_on_to=elsewhere)
    with publishing(publisher), pytest.raises(Unavailable, match="https"):
        pull(store_of(tmp_path, publisher))


def test_a_redirect_that_never_ends_is_given_up(tmp_path: Path) -> None:
    with publishing(Publisher()) as publisher:
        publisher.sends_on_to = publisher.address
        with pytest.raises(Unavailable):
            pull(store_of(tmp_path, publisher))
    assert len(publisher.asked) < 10


def test_a_download_that_lasts_too_long_ends_and_keeps_what_came(tmp_path: Path) -> None:
    slow = clock()
    with publishing(Publisher(data=b"x" * 300_000)) as publisher:
        wanted = Download(
            address=publisher.address,
            size_bytes=300_000,
            part=tmp_path / "x.part",
            by_hand="fetch it by hand",
        )
        with pytest.raises(Unavailable, match="broke off"):
            download(wanted, slow, lambda done_frac, now: slow.advance(3_600_000_000))
        assert 0 < wanted.part.stat().st_size < 300_000
        download(wanted, slow, lambda done_frac, now: None)
        assert wanted.part.stat().st_size == 300_000


def test_a_file_fetched_by_hand_is_taken_only_when_it_is_right(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models", (card_of("https://example.org/tiny.onnx"),))
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_bytes(DATA)
    wrong.write_bytes(b"something else")
    with pytest.raises(Corrupt, match="is not model tiny"):
        store.take("tiny", wrong)
    with pytest.raises(NotFound, match="not there"):
        store.take("tiny", tmp_path / "nothing")
    assert not store.info("tiny").is_present
    assert store.take("tiny", right).is_present


def listed() -> tuple[bytes, bytes]:
    """A graph that lists its weight as an input too, and the same without."""
    weight, out = tensor("w", yolox_table()[None]), value_info("out", (1, 21, 7))
    nodes, picture = [node("Identity", ["w"], "out")], value_info("picture", (1, 3, 32, 32))
    with_it = model(nodes, [weight], [picture, value_info("w", (1, 21, 7))], [out])
    return with_it, model(nodes, [weight], [picture], [out])


def test_a_model_made_from_the_publishers_file_is_made_on_the_way(tmp_path: Path) -> None:
    theirs, ours = listed()
    with publishing(Publisher(data=theirs)) as publisher:
        text = card_text(ours, address=publisher.address)
        text += f'[made_from]\nsha256 = "{hashlib.sha256(theirs).hexdigest()}"\n'
        text += f"size_bytes = {len(theirs)}\n"
        store = ModelStore(tmp_path, (read_card(text.encode(), "tiny.toml"),))
        assert pull(store).read_bytes() == ours
    file = tmp_path / "theirs"
    file.write_bytes(theirs)
    assert store.take("tiny", file).path.read_bytes() == ours


@pytest.mark.parametrize("name", ["picodet-s-320", "picodet-s-416"])
def test_the_publishers_picodet_becomes_ours_byte_for_byte(name: str) -> None:
    """Its list of inputs is written back first; the digest tells that it is the publisher's."""
    card, data = real.store().read(name)
    assert card.made_from is not None
    theirs = with_listed_initializers(data)
    assert hashlib.sha256(theirs).hexdigest() == card.made_from.sha256
    assert len(theirs) == card.made_from.size_bytes
    assert without_listed_initializers(theirs) == data


@given(st.binary(max_size=60))
def test_no_bytes_break_the_editing_of_graph_files(data: bytes) -> None:
    try:
        made = without_listed_initializers(data)
    except BadInput:
        return
    assert len(made) <= len(data) + 20


def test_a_file_without_listed_weights_stays_as_it_is() -> None:
    assert without_listed_initializers(DATA) == DATA
    assert without_listed_initializers(listed()[0]) == listed()[1]
    with pytest.raises(BadInput, match="middle"):
        without_listed_initializers(DATA[:-1])


def test_a_model_of_ones_own_needs_its_card_beside_it(tmp_path: Path) -> None:
    store, file = ModelStore(tmp_path, ()), tmp_path / "own" / "mine.onnx"
    with pytest.raises(NotFound, match="not there"):
        store.read(str(file))
    file.parent.mkdir()
    file.write_bytes(DATA)
    with pytest.raises(BadInput, match=r"mine\.toml beside it"):
        store.read(str(file))
    file.with_suffix(".toml").write_text(card_text(DATA, name="mine", file="mine.onnx"))
    detector = detector_for(DetectorWish(kind="onnx", model=str(file), confidence=0.7), store)
    assert detector.name == "mine"
    file.write_bytes(DATA + b"\0")
    with pytest.raises(Corrupt):
        store.read(str(file))


def test_unknown_and_missing_models_say_what_to_do(tmp_path: Path) -> None:
    store = ModelStore(tmp_path)
    with pytest.raises(NotFound, match="did you mean yolox-nano"):
        store.read("yolox-nan")
    with pytest.raises(NotFound, match="fairview models pull picodet-s-416"):
        detector_for(DetectorWish(kind="onnx"), store)
    with pytest.raises(BadInput, match="runs no model"):
        detector_for(DetectorWish(kind="motion", model="yolox-nano"), store)
    assert isinstance(detector_for(DetectorWish(), store), MotionDetector)


def test_the_folder_is_the_environments_or_the_homes() -> None:
    assert models_folder({"FAIRVIEW_MODELS": "/m"}) == Path("/m")
    assert models_folder({"HOME": "/h"}) == Path("/h/.local/share/fairview/models")


def with_listed_initializers(data: bytes) -> bytes:
    """The opposite edit, for PicoDet's graphs: every weight as an input after the picture."""
    graph = next(body for key, _, body in _fields(data) if key == 7)
    assert graph is not None
    infos = b""
    for key, _, body in _fields(graph):
        if key == 5 and body is not None:
            infos += block(11, value_info(_name(body, 8).decode(), _dims(body), _kind(body)))
    made = b"".join(whole + infos if key == 11 else whole for key, whole, _ in _fields(graph))
    return b"".join(block(7, made) if key == 7 else whole for key, whole, _ in _fields(data))


def _dims(weight: bytes) -> list[int]:
    return [_read_varint(whole, 1)[0] for key, whole, _ in _fields(weight) if key == 1]


def _kind(weight: bytes) -> int:
    return next(_read_varint(whole, 1)[0] for key, whole, _ in _fields(weight) if key == 2)


def test_numbers_and_fixed_fields_are_stepped_over() -> None:
    odd = number(1, 300) + b"\x09" + b"12345678" + b"\x15" + b"1234"
    assert without_listed_initializers(odd + DATA) == odd + DATA
