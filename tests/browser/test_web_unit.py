from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_pages_type_check_and_their_unit_tests_pass() -> None:
    command = [sys.executable, str(ROOT / "tools" / "web.py"), "--check", "--test"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lock_file_names_no_download_address() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text())
    for name, package in lock["packages"].items():
        assert "resolved" not in package, name
        assert name == "" or "integrity" in package, name


def test_the_pages_bring_everything_themselves() -> None:
    for path in (ROOT / "web" / "index.html", *(ROOT / "web" / "src").rglob("*.svelte")):
        text = path.read_text(encoding="utf-8")
        assert "https://" not in text, path
        assert " style=" not in text, f"{path}: inline style is refused by our content policy"
