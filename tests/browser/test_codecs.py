"""Cameras that browsers don't play show moving pictures all the same, from a real node."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import new_page
from tests.browser.live_cameras import motion_jpeg, transport_stream
from tests.browser.test_stories import FRAME
from tests.ingest.http.serving import camera
from tests.serve.talk import NAME, PASSWORD
from tests.servers.running import free_port

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(180)]

FAIRVIEW = (sys.executable, "-m", "fairview.cli.main")
WAIT_S = 40.0
CODEC = """() => {
  const video = document.querySelector('video')
  return { ready: video?.readyState ?? 0, wide: video?.videoWidth ?? 0 }
}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    link: str
    url: str


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    config = folder / "fairview.toml"
    config.write_text("[cameras]\nallow_loopback = true\n")
    data, port, done = folder / "data", free_port(), threading.Event()
    where = ("--config", str(config), "--data", str(data))
    with ExitStack() as stack:
        stack.callback(done.set)
        for name, play in (
            ("jpeg", motion_jpeg(done)),
            ("hevc", transport_stream(done, "libx265")),
            ("turning", motion_jpeg(done, (320, 180), (256, 192))),
        ):
            served = stack.enter_context(camera(play))
            stack.callback(done.set)
            added = (*FAIRVIEW, "camera", "add", served.address(), "--camera", name)
            register = [
                "--purpose", "a test", "--legal-basis", "none", "--operator", "us",
                "--contact", "us", "--area", "a street", "--commissioning",
            ]  # fmt: skip
            subprocess.run([*added, *register, *where], check=True, capture_output=True)
        node = subprocess.Popen(
            [*FAIRVIEW, "serve", *where, "--port", str(port)],
            stdout=subprocess.PIPE,
            stderr=stack.enter_context((folder / "node.log").open("wb")),
            text=True,
        )
        stack.callback(_ended, node)
        assert node.stdout is not None
        link = next(
            (found.group() for line in node.stdout if (found := re.search(r"http\S+#\S+", line))),
            None,
        )
        assert link is not None, (folder / "node.log").read_text()[-2_000:]
        yield Site(link=link, url=f"http://127.0.0.1:{port}")


def _ended(node: subprocess.Popen[str]) -> None:
    node.send_signal(signal.SIGTERM)
    try:
        node.wait(timeout=30)
    except subprocess.TimeoutExpired:
        os.kill(node.pid, signal.SIGKILL)
        node.wait(timeout=10)
    if node.stdout is not None:
        node.stdout.close()


@pytest.fixture(scope="module")
def page(browser: Browser, site: Site) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    found = new_page(context, [])
    found.goto(site.link)
    found.get_by_label("Name").fill(NAME)
    found.get_by_label("Password", exact=True).fill(PASSWORD)
    found.get_by_label("The same password again").fill(PASSWORD)
    found.get_by_role("button", name="Make the account").click()
    expect(found.get_by_role("heading", name="Cameras")).to_be_visible()
    yield found
    context.close()


def wait_until_it_moves(page: Page) -> None:
    """Pictures differ while time runs on; asked again and again, since the page allows no more."""
    until, before = time.monotonic() + WAIT_S, None
    while time.monotonic() < until:
        state = page.evaluate(CODEC)
        if state["ready"] >= 2 and state["wide"] > 0:
            now = page.evaluate(FRAME)
            if before is not None and now["at"] > before["at"] + 0.5:
                assert now["picture"] != before["picture"], "time runs and the picture stands"
                return
            before = before or now
        page.wait_for_timeout(200)
    raise AssertionError(f"no moving picture: {page.evaluate(CODEC)} {page.inner_text('.stage')}")


@pytest.mark.parametrize("name", ["jpeg", "hevc"])
def test_a_camera_that_browsers_do_not_play_moves_covered_uncovered_and_recorded(
    page: Page, site: Site, name: str
) -> None:
    page.goto(f"{site.url}/cameras/{name}")
    page.locator(".stage [data-state=playing]").wait_for(timeout=WAIT_S * 1_000)
    wait_until_it_moves(page)
    expect(page.locator(".stage .rendition")).to_contain_text("Whole frame covered")
    page.get_by_role("button", name="Show the uncovered picture").click()
    expect(page.locator(".stage .rendition")).to_contain_text("Uncovered")
    page.locator(".stage [data-state=playing]").wait_for(timeout=WAIT_S * 1_000)
    wait_until_it_moves(page)
    page.get_by_role("button", name="Back 10 seconds").click()
    expect(page.locator(".stage .bar")).to_contain_text("Recorded")
    wait_until_it_moves(page)


def widths_shown(page: Page, wanted: int) -> set[int]:
    """Widths of the pictures shown, until there are as many as wanted."""
    until, found = time.monotonic() + WAIT_S, set[int]()
    while time.monotonic() < until and len(found) < wanted:
        state = page.evaluate(CODEC)
        if state["ready"] >= 2 and state["wide"] > 0:
            found.add(state["wide"])
        page.wait_for_timeout(100)
    return found


def test_pictures_go_on_when_their_size_changes_live_and_recorded(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/cameras/turning")
    page.locator(".stage [data-state=playing]").wait_for(timeout=WAIT_S * 1_000)
    assert len(widths_shown(page, 2)) == 2
    wait_until_it_moves(page)
    page.get_by_role("button", name="Back 10 seconds").click()
    expect(page.locator(".stage .bar")).to_contain_text("Recorded")
    assert len(widths_shown(page, 2)) == 2
    wait_until_it_moves(page)
