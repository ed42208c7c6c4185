"""What `pipx install` gets: whole, nothing more, and a node that works from an empty folder."""

from __future__ import annotations

import email
import json
import re
import zipfile
from pathlib import Path

import pytest

from fairview import __version__
from tests.deploy.installed import (
    PASSWORD,
    Installed,
    Node,
    installed,
    names_in,
    running,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REGISTER = ("purpose", "legal_basis", "operator", "contact", "area")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return installed(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_the_wheel_holds_the_page_the_cards_the_upgrades_and_the_service_files(
    made: Installed,
) -> None:
    names = names_in(made.wheel)
    wanted = {
        "fairview/py.typed",
        "fairview/web_dist/index.html",
        "fairview/publish/census/data/claims.csv",
        "fairview/store/schema/upgrades/versions/v0001_first.py",
        "fairview/analyse/detectors/cards/picodet-s-416.toml",
    }
    assert wanted <= names
    assert any(
        name.startswith("fairview/web_dist/assets/") and name.endswith(".js") for name in names
    )
    share = f"fairview-{__version__}.data/data/share/fairview"
    for name in ("fairview.service", "sysusers.conf", "tmpfiles.conf", "installing.md"):
        assert f"{share}/{name}" in names
    assert f"fairview-{__version__}.dist-info/licenses/LICENSE" in names


def test_the_wheel_holds_no_tests_no_codecs_and_no_footage(made: Installed) -> None:
    names = names_in(made.wheel)
    roots = {name.partition("/")[0] for name in names}
    assert roots == {
        "fairview",
        f"fairview-{__version__}.dist-info",
        f"fairview-{__version__}.data",
    }
    suffixes = {Path(name).suffix for name in names}
    assert not suffixes & {".so", ".dll", ".exe", ".mp4", ".fvs", ".onnx", ".sqlite", ".pyc"}
    assert not [name for name in names if "/test" in name or "conftest" in name or "x264" in name]
    assert made.wheel.name.endswith("-py3-none-any.whl"), "nothing of it is for one machine only"
    assert made.wheel.stat().st_size < 3_000_000


def test_what_it_depends_on_is_said(made: Installed) -> None:
    with zipfile.ZipFile(made.wheel) as packed:
        text = packed.read(f"fairview-{__version__}.dist-info/METADATA").decode()
    told = email.message_from_string(text)
    assert told["Requires-Python"] == ">=3.11"
    needs = {re.split(r"[<>=;\[ ]", one)[0] for one in told.get_all("Requires-Dist") or []}
    assert {"av", "cryptography", "fastapi", "uvicorn"} <= needs
    assert not needs & {"pytest", "hypothesis", "playwright", "ruff"}


def test_the_version_and_completion_answer(made: Installed, home: Path) -> None:
    assert made.run("--version", at=home).stdout == f"fairview {__version__}\n"
    told = made.run(
        at=home,
        more={
            "_FAIRVIEW_COMPLETE": "complete_bash",
            "COMP_WORDS": "fairview cam",
            "COMP_CWORD": "1",
        },
    )
    assert told.stdout.split() == ["camera"], told.stderr


def _set_up(node: Node) -> str:
    """The first account; its cookie."""
    wish = {"link_token": node.link, "name": "mara", "password": PASSWORD}
    status, answer, cookie = node.ask("POST", "/api/v1/set-up", wish)
    assert status == 200, answer
    return cookie


def test_a_node_from_an_empty_folder(made: Installed, home: Path) -> None:
    """As a service manager runs it: ready, set up, cameras added beside it, alive, a good end."""
    data = home / "data"
    sheet = home / "cameras.csv"
    sheet.write_text(
        f"camera,address,{','.join(REGISTER)}\n"
        + "".join(f"junction-{n},sim:junction?seed={n},p,l,o,c,a\n" for n in (1, 2))
    )
    with running(made, home, data) as node:
        status, page, _ = node.ask("GET", "/")
        assert (status, page) == (200, {})
        assert node.ask("GET", "/healthz")[1] == {"status": "ok"}
        cookie = _set_up(node)

        added = made.run("camera", "add", "--csv", str(sheet), "--data", str(data), at=home)
        assert added.stdout == "2 cameras added, 0 refused\n", added.stderr
        names = {"junction-1", "junction-2"}
        listed = made.run("camera", "list", "--data", str(data), at=home)
        assert {line.partition("\t")[0] for line in listed.stdout.splitlines()} == names

        def newest() -> list[object]:
            status, answer, _ = node.ask("GET", "/api/v1/cameras", cookie=cookie)
            assert status == 200, answer
            cameras = answer["cameras"]
            assert isinstance(cameras, list)
            assert {one["id"] for one in cameras} == names
            return [one["newest"] for one in cameras]

        wait_for(lambda: all(newest()), 120)

        refused = made.run("upgrade", "--yes", "--data", str(data), at=home)
        assert (refused.returncode, "stop it first" in refused.stderr) == (5, True)
        modes = [path.stat().st_mode & 0o777 for path in (data / "door", data / "door/owner.json")]
        assert modes == [0o700, 0o600]

        said = node.heard()
        assert said
        assert set(said) == {"WATCHDOG=1"}
        node.process.terminate()
        assert node.process.wait(timeout=60) == 0
        assert "STOPPING=1" in node.heard()

    checked = made.run("check", "--json", "--data", str(data), at=home)
    assert checked.returncode == 0, checked.stdout
    assert json.loads(checked.stdout)["is_clean"]


def test_a_second_start_asks_for_no_set_up_and_an_old_way_in_opens_nothing(
    made: Installed, home: Path
) -> None:
    data = home / "data"
    old = (data / "door" / "owner.json").read_bytes()
    with running(made, home, data) as node:
        assert node.link == ""
        assert (data / "door" / "owner.json").read_bytes() != old
        gone = made.run("camera", "remove", "junction-2", "--yes", "--data", str(data), at=home)
        assert gone.returncode == 0, gone.stderr
    exported = made.run("camera", "csv-export", "--data", str(data), at=home)
    assert [line.partition(",")[0] for line in exported.stdout.splitlines()] == [
        "camera",
        "junction-1",
    ]
