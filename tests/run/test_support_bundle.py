from __future__ import annotations

import json
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from fairview.access.open_door import open_door
from fairview.config.settings import NoticeRule, Notifier, Settings
from fairview.core.camera import Login, Secret
from fairview.core.errors import Conflict
from fairview.core.event import HealthEvent
from fairview.core.time import ManualClock
from fairview.run.health.notice_logins import seal_notice_login
from fairview.run.health.redacting import masked_settings, redacted
from fairview.run.health.support_bundle import make_bundle
from fairview.store.blobs import FileBlobs
from fairview.store.catalogue_sqlite import SqliteCatalogue
from fairview.store.contracts import CameraSaved, EventSaved
from fairview.store.layout import DataFolder, open_data_folder
from fairview.store.secrets import SecretBox, read_or_make_key, seal_login
from tests.access.doubles import QUICK_HASHER
from tests.builders import NOON, camera, register_entry

ACTOR = "needle-of-an-actor"
TOKEN = "needle0token" + "A" * 40
LOG = (
    '<3>{"event": "camera away", "because": "rtsp://needle-name:needle-pass@192.0.2.7/s refused"}\n'
    f'{{"event": "x", "token": "{TOKEN}", "password": "needle-plain", "because": "kept words"}}\n'
    "Authorization: Bearer needle-bearer\n"
    "written to needle-mail@city.example, http://h.example/hook?key=needle-query\n"
    f"{ACTOR} did something; session=needle-session\n"
    "digest 6e6565646c65" + "0" * 60 + " needle-free words stay\n"
)


def planted(tmp_path: Path) -> tuple[DataFolder, Settings, Path]:
    """A folder with a needle in every secret place, and a log full of them."""
    folder = open_data_folder(tmp_path / "data", create=True)
    settings = Settings(
        data=folder.root,
        notifier=Notifier(smtp_host="needle-host.example", smtp_from="needle-from@city.example"),
        notices=(
            NoticeRule(
                name="away",
                webhook="https://hooks.example/needle-path?key=needle-key",
                mail=("needle-to@city.example",),
            ),
        ),
        register={"default": {"contact": "needle-contact@city.example"}},
    )
    clock = ManualClock(NOON)
    seal_notice_login(folder, "smtp", "needle-smtp", Secret("needle-smtp-pass"))
    box = SecretBox(read_or_make_key(folder.secrets_key))
    login = seal_login(box, camera().id, _login())
    with closing(SqliteCatalogue(folder.catalogue)) as catalogue:
        made = camera(register=register_entry(contact="needle-register@city.example"))
        event = HealthEvent(
            kind="camera_away",
            camera=made.id,
            at=NOON,
            because="rtsp://needle-u:needle-p@192.0.2.7/s?token=needle-t is away",
        )
        catalogue.write([CameraSaved(camera=made, sealed_login=login), EventSaved(event=event)])
        gate = open_door(
            folder,
            catalogue=catalogue,
            blobs=FileBlobs(folder.blobs),
            clock=clock,
            settings=settings,
            hasher=QUICK_HASHER,
        )
        with closing(gate):
            link = gate.new_set_up_link()
            assert link is not None
            gate.set_up(link.reveal(), ACTOR, "needle password of hers")
    (folder.blobs / "junction-1").mkdir()
    for path in (
        folder.blobs / "junction-1" / "a.fvs",
        folder.door / "needle-name-of-a-file",
        folder.root / "notifier.json",
    ):
        path.write_bytes(b"needle in the bytes of " + path.name.encode())
    log = tmp_path / "needle-log.txt"
    log.write_text(LOG)
    return folder, settings, log


def _login() -> Login:
    return Login(name="needle-camera", password=Secret("needle-camera-pass"))


def keys_of(folder: DataFolder) -> list[bytes]:
    found = []
    for path in folder.root.rglob("*"):
        if path.is_file() and path.suffix in (".key", ".pub"):
            found += [path.read_bytes(), path.read_bytes().hex().encode()]
    return found


def test_no_needle_of_any_secret_place_is_in_the_bundle(tmp_path: Path) -> None:
    folder, settings, log = planted(tmp_path)
    made = make_bundle(settings, [log], tmp_path / "bundle.zip", ManualClock(NOON))
    with zipfile.ZipFile(made.out) as bundle:
        parts = {name: bundle.read(name) for name in bundle.namelist()}
    keys = keys_of(folder)
    assert len(keys) >= 8
    for name, data in parts.items():
        lowered = data.lower().replace(b"needle-free words stay", b"")
        assert b"needle" not in lowered, (name, lowered[lowered.find(b"needle") - 80 :][:200])
        assert ACTOR.encode() not in data
        assert not any(key in data for key in keys), name
    assert b"needle" not in made.out.read_bytes()
    assert made.out.stat().st_mode & 0o777 == 0o600


def test_what_helps_is_in_it(tmp_path: Path) -> None:
    _, settings, log = planted(tmp_path)
    made = make_bundle(settings, [log], tmp_path / "bundle.zip", ManualClock(NOON))
    with zipfile.ZipFile(made.out) as bundle:
        parts = {one.rpartition("support/")[2]: bundle.read(one) for one in bundle.namelist()}
    assert json.loads(parts["versions.json"])["fairview"]
    told = json.loads(parts["settings.json"])
    assert told["notices"][0]["webhook"] == "https://hooks.example/•••"
    assert told["server"]["port"] == 8443
    (row,) = json.loads(parts["catalogue.json"])["cameras"]
    assert (row["camera"], row["has_login"], row["segments"]) == ("junction-1", True, 0)
    assert json.loads(parts["folders.json"])["blobs"]["files"] == 1
    text = parts["logs/0.txt"].decode()
    assert "camera away" in text
    assert "192.0.2.7" in text
    assert "kept words" in text
    assert "needle-free words stay" in text
    assert any("no node runs" in one for one in made.left_out)


def test_an_older_bundle_is_never_overwritten(tmp_path: Path) -> None:
    _, settings, _ = planted(tmp_path)
    out = tmp_path / "bundle.zip"
    make_bundle(settings, [], out, ManualClock(NOON))
    with pytest.raises(Conflict):
        make_bundle(settings, [], out, ManualClock(NOON))


def test_a_log_that_is_not_there_is_said_and_no_end(tmp_path: Path) -> None:
    _, settings, _ = planted(tmp_path)
    made = make_bundle(settings, [tmp_path / "nowhere"], tmp_path / "bundle.zip", ManualClock(NOON))
    assert any(one.startswith("log 0") for one in made.left_out)


def test_plain_words_stay_as_they_are() -> None:
    for text in (
        "camera away",
        "2026-05-01T12:00:00.000000Z junction-1 segment 0123456789abcdef0123456789abcdef",
        "rtsp://192.0.2.7:554/stream1 refuses connections",
    ):
        assert redacted(text) == text


def test_settings_that_hold_nothing_secret_are_whole() -> None:
    values = Settings().model_dump(mode="json", by_alias=True)
    assert masked_settings(values) == values
