"""The published pages under an HTML validator, axe-core and a phone's width."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from tools.web import WEB, environment, find_node, install

from tests.browser.running import CHROMIUM, chromium
from tests.publish.sites import own_site, surveyed_folder

pytestmark = [pytest.mark.server, pytest.mark.slow]

RULES = {"extends": ["html-validate:recommended"], "root": True}
SOME = (
    "index.html",
    "lists.html",
    "flags.html",
    "places.html",
    "claims.html",
    "sources.html",
    "changes.html",
    "dispute.html",
    "data.html",
    "claims/36.html",
    "claims/65.html",
    "places/cn-shanghai.html",
    "lists/country-precisesecurity-2019-all-cctv-cameras-number.html",
    "lists/city-comparitech-2019-all-public-facing-as-published-residents.html",
    "lists/city-openstreetmap-2026-surveillance-cameras-mapped-in-openstreetmap-residents.html",
    "lists/city-walkers-2025-visible-cameras-road-km.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    return own_site(folder / "out", surveyed_folder(folder))


@pytest.fixture(scope="module")
def tools() -> Path:
    """web/node_modules with what package-lock.json names."""
    with (Path(sys.prefix) / ".web.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install(find_node())
    return WEB / "node_modules"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium")
    with chromium() as found:
        yield found


def test_every_page_is_valid_html(site: Path, tools: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps(RULES))
    node = find_node()
    program = tools / "html-validate" / "bin" / "html-validate.mjs"
    done = subprocess.run(
        [node.node, str(program), "--config", str(rules), "--formatter", "text", str(site)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(node),
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(site: Path, tools: Path, browser: Browser, scheme: str) -> None:
    axe = (tools / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    found = []
    for name in SOME:
        page.goto(f"file://{site / name}")
        page.evaluate(axe)
        result = page.evaluate("() => axe.run(document, {rules: {'target-size': {enabled: true}}})")
        for violation in result["violations"]:
            nodes = [node["html"][:120] for node in violation["nodes"][:3]]
            found.append(f"{name}: {violation['id']}: {nodes}")
    context.close()
    assert not found, "\n".join(found)


@pytest.mark.parametrize("width", [320, 390, 1440])
def test_no_page_is_wider_than_its_window(site: Path, browser: Browser, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    for name in SOME:
        page.goto(f"file://{site / name}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} wide"
    context.close()


def test_pages_show_their_figures_without_script(site: Path, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"file://{site / 'index.html'}")
    page.get_by_role("link", name="All 16 findings").click()
    text = page.locator("main").inner_text()
    assert "1,000,000 cameras for 27,058,480 people make 36.96 per 1,000 people" in text
    context.close()
