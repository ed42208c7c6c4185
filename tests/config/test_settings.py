"""Settings: parsed, resolved, frozen; anything unknown is refused with a hint."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from fairview.config.settings import Settings, load_settings
from fairview.core.errors import BadInput


def test_defaults_listen_on_loopback_only() -> None:
    settings = load_settings(None, {})
    assert settings.server.host == "127.0.0.1"
    assert settings.register_.default.retention_h == 72


def test_environment_overrules_the_file(tmp_path: Path) -> None:
    file = tmp_path / "fairview.toml"
    file.write_text('data = "a"\n[server]\nport = 9000\n')
    settings = load_settings(
        file, {"FAIRVIEW_SERVER__PORT": "9001", "FAIRVIEW_SERVER__HOSTS": "a.example, b.example"}
    )
    assert settings.data == Path("a")
    assert settings.server.port == 9001
    assert settings.server.hosts == ("a.example", "b.example")


def test_unknown_key_names_the_nearest_known_one(tmp_path: Path) -> None:
    file = tmp_path / "fairview.toml"
    file.write_text("[server]\nprot = 9000\n")
    with pytest.raises(BadInput, match=r"server\.prot; did you mean server\.port"):
        load_settings(file, {})
    with pytest.raises(BadInput, match="did you mean"):
        load_settings(None, {"FAIRVIEW_SERVR__PORT": "1"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nport = 0\n", "server.port"),
        ("server = 3\n", "is a section"),
        ('[server]\nhost = "0.0.0.0"\nhttps = "off"\n', "in the clear"),
        ('[server]\nhttps = "files"\n', "server.certificate"),
        ('[server]\nhttps = "proxy"\n', "server.proxies"),
        ("[register.default]\nretention_h = 0\n", "retention_h"),
        ("nonsense", "not valid TOML"),
    ],
)
def test_bad_values_say_which_and_why(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "fairview.toml"
    file.write_text(text)
    with pytest.raises(BadInput, match=words):
        load_settings(file, {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no settings file"):
        load_settings(tmp_path / "nowhere.toml", {})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Settings().data = Path("b")  # type: ignore[misc]  # the point of the test


def test_disks_are_tables_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "fairview.toml"
    file.write_text('[[disks]]\nname = "tank"\npath = "/mnt/tank"\nbytes_max = 5\n')
    (disk,) = load_settings(file, {}).disks
    assert (disk.name, disk.path, disk.bytes_max, disk.role) == (
        "tank",
        Path("/mnt/tank"),
        5,
        "record",
    )
    file.write_text('[[disks]]\nname = "tank"\npaht = "/mnt/tank"\n')
    with pytest.raises(BadInput, match=r"disks\.0\.path"):
        load_settings(file, {})
    file.write_text('[[disks]]\nname = "../tank"\n')
    with pytest.raises(BadInput, match=r"disks\.0\.name"):
        load_settings(file, {})
