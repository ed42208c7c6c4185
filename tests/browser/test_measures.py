"""Counting in the pages, in Chromium, over the pretend door: figures with bounds, lines drawn."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from fairview.config.scene_file import scene_of
from fairview.core.ids import CameraId
from tests.browser.conftest import new_page
from tests.browser.running import Running
from tests.browser.test_stories import desk, open_live, sign_in

__all__ = ["desk"]
pytestmark = [pytest.mark.server, pytest.mark.slow]
CAMERA = CameraId("junction-1")


def open_scene(page: Page, running: Running) -> None:
    sign_in(page, running)
    page.get_by_role("link", name="Open First and Main").click()
    page.get_by_role("link", name="Draw lines to count").click()
    expect(page.get_by_role("heading", name="Lines and zones of First and Main")).to_be_visible()
    page.locator(".stage [data-state=playing]").wait_for()


def tap(page: Page, *places: tuple[float, float]) -> None:
    """Click into the picture, at parts of its width and height."""
    board = page.locator(".stage > svg")
    box = board.bounding_box()
    assert box is not None
    for across, down in places:
        page.mouse.click(box["x"] + box["width"] * across, box["y"] + box["height"] * down)


def test_lines_zones_and_lengths_are_drawn_saved_and_counted(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    running.door.scenes.clear()
    page = new_page(desk, complaints)
    open_scene(page, running)
    page.get_by_role("button", name="Line", exact=True).click()
    tap(page, (0.1, 0.5), (0.6, 0.5))
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Zone", exact=True).click()
    tap(page, (0.2, 0.6), (0.4, 0.6), (0.4, 0.8))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Taped length").click()
    tap(page, (0.5, 0.7), (0.7, 0.7))
    page.get_by_label("Name of line-1").fill("north")
    page.get_by_role("spinbutton").fill("12.5")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved as revision 1")).to_be_visible()
    scene = scene_of(running.door.scenes[CAMERA].text.encode())
    assert [line.name for line in scene.lines] == ["north"]
    (first, last) = scene.lines[0].points_px
    assert first[0] < last[0]
    assert scene.lengths[0].metres == 12.5
    assert len(scene.zones[0].polygon_px) == 3
    page.goto(f"{running.url}/cameras/{CAMERA}")
    expect(page.get_by_text("11 to 15").first).to_be_visible()
    expect(page.get_by_text("people: fewer than 5")).to_be_visible()
    expect(page.get_by_text("41 km/h")).to_be_visible()
    assert complaints == []


def test_a_corner_is_moved_by_keys_and_a_shape_undone(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    running.door.scenes.clear()
    page = new_page(desk, complaints)
    open_scene(page, running)
    page.get_by_role("button", name="Line", exact=True).click()
    tap(page, (0.1, 0.5), (0.6, 0.5))
    page.keyboard.press("Enter")
    corner = page.get_by_role("button", name="Corner 1")
    before = float(corner.get_attribute("cx") or 0)
    corner.focus()
    page.keyboard.press("ArrowRight")
    assert float(corner.get_attribute("cx") or 0) > before
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nothing is drawn yet.")).to_be_visible()
    assert complaints == []


def test_a_wrong_scene_says_what_is_wrong_and_keeps_the_drawing(
    desk: BrowserContext, running: Running
) -> None:
    running.door.scenes.clear()
    page = new_page(desk, [])
    open_scene(page, running)
    page.get_by_role("button", name="Edit as text").click()
    page.get_by_label("scene.toml").fill("version = 1\n[camera]\nid = 'junction-1'\nsize = 3\n")
    running.door.check_scenes = True
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("size")
    expect(page.get_by_label("scene.toml")).to_have_value(
        "version = 1\n[camera]\nid = 'junction-1'\nsize = 3\n"
    )


def test_boxes_lie_over_the_live_picture_and_can_be_hidden(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    running.door.draw_line(CAMERA)
    open_live(page)
    overlay = page.locator(".picture svg")
    expect(overlay.locator("polyline.line")).to_have_count(1)
    page.get_by_role("button", name="Boxes").click()
    expect(overlay).to_have_count(0)
    assert complaints == []


@pytest.mark.parametrize("width", [390, 1440])
def test_the_scene_page_fits(browser: Browser, running: Running, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = new_page(context, [])
    open_scene_by_address(page, running)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def open_scene_by_address(page: Page, running: Running) -> None:
    sign_in(page, running)
    page.goto(f"{running.url}/cameras/{CAMERA}/scene")
    expect(page.get_by_role("heading", name="Lines and zones")).to_be_visible()
