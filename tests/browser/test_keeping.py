"""When a camera is kept, in the pages: said with its default, changed, and shown as calm gaps."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from fairview.core.ids import CameraId
from fairview.core.recording import CONTINUOUS
from fairview.core.time import US_PER_SECOND
from tests.browser.conftest import new_page
from tests.browser.running import Running
from tests.browser.test_stories import desk, sign_in

__all__ = ["desk"]
pytestmark = [pytest.mark.server, pytest.mark.slow]
CAMERA = CameraId("junction-1")


def shot(page: Page, name: str) -> None:
    """A picture for people, where somebody asks for it."""
    folder = os.environ.get("FAIRVIEW_SHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def test_a_camera_is_kept_always_until_somebody_chooses_otherwise(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    page.get_by_role("link", name="Open First and Main").click()
    card = page.get_by_role("region", name="When it is kept")
    expect(card.get_by_text("always", exact=True)).to_be_visible()
    card.get_by_role("button", name="Change").click()
    expect(card.get_by_role("radio", name="Always (default)")).to_be_checked()
    shot(page, "keeping-always")
    card.get_by_role("radio", name="Around events").check()
    card.get_by_label("A rule of its scene").check()
    card.get_by_role("spinbutton", name="Seconds before").fill("8")
    shot(page, "keeping-events")
    card.get_by_role("button", name="Save").click()
    said = "on movement or a rule, from 8\u00a0s before to 10\u00a0s after"
    expect(card.get_by_text(said)).to_be_visible()
    plan = running.door.view_of(CAMERA).camera.recording
    assert (plan.mode, plan.triggers) == ("events", ("motion", "rule"))
    assert plan.pre_roll_us == 8 * US_PER_SECOND
    expect(page.get_by_text("Not kept, as planned")).to_be_visible()
    expect(page.locator("svg .planned")).to_have_count(1)
    expect(page.locator("svg .gap")).to_have_count(1)
    shot(page, "timeline-planned")
    card.get_by_role("button", name="Change").click()
    card.get_by_role("radio", name="By hours").check()
    card.get_by_label("Hours", exact=True).fill("mon-fry 08:00-18:00")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_text("is no day")).to_be_visible()
    card.get_by_label("Hours", exact=True).fill("mon-fri 08:00-18:00")
    card.get_by_label("On the clocks of").fill("Europe/Berlin")
    shot(page, "keeping-hours")
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_text("mon–fri 08:00–18:00 (clocks of Europe/Berlin)")).to_be_visible()
    card.get_by_role("button", name="Change").click()
    card.get_by_role("radio", name="Always (default)").check()
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_text("always", exact=True)).to_be_visible()
    assert running.door.view_of(CAMERA).camera.recording == CONTINUOUS
    # What can't be read is answered 400, which a browser's console tells.
    assert [one for one in complaints if "400" not in one] == []


def test_a_camera_is_added_as_it_shall_be_kept(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    page.get_by_role("link", name="Add a camera").first.click()
    page.get_by_label("Address").fill("rtsp://192.0.2.9/stream")
    page.get_by_label("Title").fill("Kept by hours")
    for label in ("Purpose", "Legal basis", "Run by", "Where residents can write"):
        page.get_by_label(label).fill("x")
    page.get_by_label("What it looks at").fill("x")
    expect(page.get_by_role("radio", name="Always (default)")).to_be_checked()
    page.get_by_role("radio", name="By hours").check()
    page.get_by_label("Hours", exact=True).fill("daily 22:00-06:00")
    page.get_by_label("At most (GB)").fill("200")
    shot(page, "add-hours")
    page.get_by_role("button", name="Add the camera").click()
    expect(page.get_by_role("heading", name="Kept by hours")).to_be_visible()
    camera = running.door.view_of(CameraId("kept-by-hours")).camera
    assert camera.recording.mode == "schedule"
    assert camera.keep_bytes_max == 200_000_000_000
    running.door.views[:] = [one for one in running.door.views if one.camera.id != camera.id]
    assert complaints == []


def test_a_time_lapse_is_asked_for_in_the_export_dialog(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    page.get_by_role("link", name="Open First and Main").click()
    page.get_by_role("button", name="Export…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("As").select_option("lapse")
    dialog.get_by_label("From").fill("2026-01-01T00:00:00")
    expect(dialog.get_by_text("Too many pictures")).to_be_visible()
    dialog.get_by_label("A picture every (seconds)").fill("86400")
    expect(dialog.get_by_text("Too many pictures")).to_be_hidden()
    shot(page, "time-lapse")
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "junction-1-time-lapse.mp4"
    assert "time_lapse" in running.door.calls
    assert complaints == []


def test_on_a_phone_the_form_and_the_time_line_fit(
    browser: Browser, running: Running, complaints: list[str]
) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = new_page(context, complaints)
    sign_in(page, running)
    page.get_by_role("link", name="Open First and Main").click()
    card = page.get_by_role("region", name="When it is kept")
    card.get_by_role("button", name="Change").click()
    card.get_by_role("radio", name="Around events").check()
    card.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Not kept, as planned")).to_be_visible()
    card.get_by_role("button", name="Change").click()
    shot(page, "phone-keeping")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    card.get_by_role("radio", name="Always (default)").check()
    card.get_by_role("button", name="Save").click()
    expect(card.get_by_text("always", exact=True)).to_be_visible()
    context.close()
    assert complaints == []
