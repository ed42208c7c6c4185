from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.running import CHROMIUM, Running, build_pages, chromium, web_over_pretend_door


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail(f"no Chromium at {CHROMIUM}: apt-get install chromium")
        pytest.skip(f"no Chromium at {CHROMIUM}: apt-get install chromium")
    build_pages()
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with web_over_pretend_door() as found:
        yield found


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said against us."""
    return []


def new_page(context: BrowserContext, complaints: list[str]) -> Page:
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type == "error" else None,
    )
    return page
