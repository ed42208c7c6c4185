"""A camera's login replaced: tried first, ledgered without being said, the old one gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fairview.access.camera_desk import CameraDesk
from fairview.access.door import LoginWish
from fairview.core.camera import Login, Secret, Source
from fairview.core.errors import BadInput, Conflict, NotAllowed, NotFound
from fairview.core.ids import CameraId
from fairview.core.time import US_PER_MINUTE
from fairview.ingest.probe import Probed
from fairview.store.secrets import open_login, read_secret_box
from tests.faults.town import CAMERA_PASSWORD, LONG, SHORT, Town

NEW = "a new lamp by the river"
PROBED = Probed(
    codec="h264",
    width_px=640,
    height_px=360,
    fps=25.0,
    key_interval_us=1_000_000,
    bits_per_second=1,
    has_audio=False,
    has_reordering=False,
)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path / "data")
    yield made
    made.close()


def wish(
    camera: CameraId = SHORT,
    name: str | None = None,
    password: str = NEW,
    *,
    is_tried: bool = False,
) -> LoginWish:
    return LoginWish(camera=camera, name=name, password=Secret(password), is_tried=is_tried)


def login_of(town: Town) -> Login:
    row = town.catalogue.camera(SHORT)
    assert row.sealed_login is not None
    return open_login(read_secret_box(town.folder.secrets_key), SHORT, row.sealed_login)


def let_in(town: Town, password: str) -> list[Login | None]:
    """The camera lets this password in; who tried."""
    tried: list[Login | None] = []

    def probe(source: Source, login: Login | None) -> Probed:
        del source
        tried.append(login)
        if login is None or login.password.reveal() != password:
            raise NotAllowed("the camera refuses the login")
        return PROBED

    desk: CameraDesk = town.gate._parts.desk
    desk._parts = replace(desk._parts, probe=probe)
    return tried


def test_a_new_login_is_a_new_revision_and_keeps_the_user_name(town: Town) -> None:
    before = town.catalogue.camera(SHORT).camera
    changed = town.gate.camera_login(town.mara, wish())
    assert changed.revision == before.revision + 1
    assert replace(town.catalogue.camera(SHORT).camera, revision=before.revision) == before
    assert login_of(town) == Login(name="watch", password=Secret(NEW))
    town.gate.camera_login(town.mara, wish(name="other"))
    assert login_of(town).name == "other"


def test_the_ledger_says_that_the_camera_changed_and_no_word_of_the_login(town: Town) -> None:
    town.gate.camera_login(town.mara, wish())
    leaf = town.leaves()[-1]
    assert (leaf.kind, leaf.texts["camera"]) == ("camera.changed", SHORT)
    for path in town.data.rglob("*"):
        if path.is_file():
            assert NEW.encode() not in path.read_bytes(), path


def test_the_old_login_is_overwritten_at_rest(town: Town) -> None:
    old = town.catalogue.camera(SHORT).sealed_login
    assert old is not None
    town.gate.camera_login(town.mara, wish())
    for path in town.data.rglob("catalogue.sqlite*"):
        assert old not in path.read_bytes(), path


def test_a_login_that_the_camera_refuses_changes_nothing(town: Town) -> None:
    tried = let_in(town, "something else")
    size = len(town.leaves())
    with pytest.raises(NotAllowed, match="refuses"):
        town.gate.camera_login(town.mara, wish(is_tried=True))
    assert tried == [Login(name="watch", password=Secret(NEW))]
    assert login_of(town).password == Secret(CAMERA_PASSWORD)
    assert town.catalogue.camera(SHORT).camera.revision == 1
    assert len(town.leaves()) == size


def test_a_login_that_lets_in_is_kept_and_said_so(town: Town) -> None:
    let_in(town, NEW)
    assert town.gate.camera_login(town.mara, wish(is_tried=True)).answered == "h264 640x360"
    assert login_of(town).password == Secret(NEW)


def test_only_a_camera_on_the_network_that_is_recorded_takes_a_login(town: Town) -> None:
    with pytest.raises(BadInput, match="takes no login"):
        town.gate.camera_login(town.mara, wish(LONG))
    with pytest.raises(NotFound):
        town.gate.camera_login(town.mara, wish(CameraId("nowhere")))
    town.gate.camera_remove(town.mara, SHORT)
    with pytest.raises(Conflict, match="was removed"):
        town.gate.camera_login(town.mara, wish())


def test_a_first_login_needs_its_user_name(town: Town) -> None:
    added = town._add(
        CameraId("third"), "rtsp://127.0.0.1:8554/c", 30 * 60 * US_PER_MINUTE, "persons"
    )
    with pytest.raises(BadInput, match="--user"):
        town.gate.camera_login(town.mara, wish(added.id))
    assert town.gate.camera_login(town.mara, wish(added.id, name="watch")).revision == 2


@pytest.mark.parametrize("password", ["", "x" * 121, "a\nb", "a\x00"])
def test_what_can_be_no_password_is_refused_unsaid(password: str) -> None:
    with pytest.raises(BadInput) as told:
        wish(password=password)
    assert not password or password not in str(told.value)


def test_a_user_name_has_no_colon() -> None:
    with pytest.raises(BadInput, match="colon"):
        wish(name="a:b")


def test_the_wish_prints_no_password() -> None:
    assert NEW not in repr(wish())
