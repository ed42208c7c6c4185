"""How people reach the node."""

from __future__ import annotations

from pathlib import Path

from fairview.config.settings import load_settings
from fairview.run.reach import address_of
from tests.builders import NOON


def test_a_fresh_folder_gets_its_own_certificate_beyond_loopback(tmp_path: Path) -> None:
    settings = load_settings(
        None,
        {"FAIRVIEW_DATA": str(tmp_path / "data"), "FAIRVIEW_SERVER__HOST": "0.0.0.0"},  # noqa: S104
    )
    first = address_of(settings, NOON)
    assert first.url.startswith("https://")
    assert first.certificate is not None
    assert first.certificate.exists()
    assert address_of(settings, NOON).fingerprint == first.fingerprint


def test_loopback_is_plain_and_has_no_certificate(tmp_path: Path) -> None:
    settings = load_settings(None, {"FAIRVIEW_DATA": str(tmp_path / "data")})
    found = address_of(settings, NOON)
    assert found.url.startswith("http://127.0.0.1")
    assert found.certificate is None
