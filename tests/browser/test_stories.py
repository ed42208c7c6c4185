"""What a person does in the pages, in Chromium, over the pretend door."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import new_page
from tests.browser.running import Running
from tests.serve.pretend_door import LINK
from tests.serve.talk import NAME, PASSWORD

pytestmark = [pytest.mark.server, pytest.mark.slow]

FRAME = """() => {
  const video = document.querySelector('video')
  const canvas = document.createElement('canvas')
  canvas.width = 160
  canvas.height = 90
  canvas.getContext('2d').drawImage(video, 0, 0, 160, 90)
  return { at: video.currentTime, picture: canvas.toDataURL('image/png') }
}"""
MOVED_ON = "from => document.querySelector('video').currentTime > from + 0.8"
EDGE = """() => {
  const video = document.querySelector('video')
  return video.buffered.end(video.buffered.length - 1) - video.currentTime
}"""
WIDTH = "document.documentElement.scrollWidth"


def sign_in(page: Page, running: Running) -> None:
    running.door.accounts.setdefault(NAME, PASSWORD)
    page.goto(running.url)
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Cameras")).to_be_visible()


def open_live(page: Page) -> None:
    page.get_by_role("link", name="Open First and Main").click()
    page.locator(".stage [data-state=playing]").wait_for()


def open_now(running: Running) -> set[str]:
    return {look.id for look in list(running.door.looks.values())}


def strips_opened(running: Running) -> int:
    return sum(look.wish.is_strip for look in running.door.opened)


def frames_around(page: Page) -> tuple[dict[str, Any], dict[str, Any]]:
    before: dict[str, Any] = page.evaluate(FRAME)
    page.wait_for_function(MOVED_ON, arg=before["at"])
    after: dict[str, Any] = page.evaluate(FRAME)
    return before, after


def tap_timeline(page: Page, part: float) -> None:
    track = page.get_by_role("slider")
    track.scroll_into_view_if_needed()
    expect(page.locator("svg rect.footage").first).to_be_visible()
    box = track.bounding_box()
    assert box is not None
    track.click(position={"x": box["width"] * part, "y": 20})


@pytest.fixture
def desk(browser: Browser) -> Any:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    yield context
    context.close()


def test_set_up_leads_to_a_live_picture_that_really_moves(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    running.door.accounts.clear()
    page = new_page(desk, complaints)
    page.goto(f"{running.url}/set-up#{LINK}")
    expect(page).to_have_url(f"{running.url}/set-up")
    expect(page.get_by_role("heading", name="It may not")).to_be_visible()
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same password again").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    open_live(page)
    before, after = frames_around(page)
    assert after["at"] > before["at"]
    assert after["picture"] != before["picture"]
    assert page.evaluate(EDGE) < 1.5
    expect(page.locator(".stage .rendition")).to_have_text(
        "Covered, silhouettes on a clean picture"
    )
    assert not complaints


def test_uncovered_simulated_pictures_are_one_click_away_and_named(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    open_live(page)
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    page.get_by_role("button", name="Show the uncovered simulated picture").click()
    expect(page.locator(".stage .rendition")).to_contain_text("Uncovered, simulated")
    page.locator(".stage [data-state=playing]").wait_for()
    assert any("uncovered" in text for _, _, text in running.door.lines)
    assert len(sockets) == 1, "only the new look is connected to"
    page.get_by_role("button", name="Show the covered picture").click()
    expect(page.locator(".stage .rendition")).to_contain_text("Covered")
    assert not complaints


def test_history_plays_from_the_timeline_and_live_comes_back(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    open_live(page)
    tap_timeline(page, 0.97)
    expect(page.locator(".stage .bar")).to_contain_text("Recorded")
    page.wait_for_function("() => document.querySelector('video').readyState >= 3")
    before, after = frames_around(page)
    assert after["picture"] != before["picture"]
    shown = page.locator(".stage .bar b").first
    first = shown.inner_text()
    page.get_by_role("button", name="Back 10 seconds").click()
    expect(shown).not_to_have_text(first)
    page.get_by_role("button", name="Back to live").click()
    page.locator(".stage [data-state=playing]").wait_for()
    assert not complaints


def test_a_refresh_of_the_camera_does_not_move_what_is_playing(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    open_live(page)
    tap_timeline(page, 0.97)
    page.wait_for_function("() => document.querySelector('video').readyState >= 3")
    before, after = frames_around(page)
    with page.expect_response("**/timeline*"):
        pass
    later = page.evaluate(FRAME)
    assert before["at"] < after["at"] < later["at"]
    page.wait_for_function(MOVED_ON, arg=later["at"])
    assert not complaints


def test_a_gap_says_its_cause_and_footage_shows_a_thumbnail(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    open_live(page)
    track = page.get_by_role("slider")
    expect(page.locator("svg rect.gap").first).to_be_visible()
    gap = page.locator("svg rect.gap").first.bounding_box()
    box = track.bounding_box()
    assert gap is not None
    assert box is not None
    strips = strips_opened(running)
    page.mouse.move(gap["x"] + gap["width"] / 2, box["y"] + 20)
    expect(page.locator(".tip")).to_contain_text("the camera was away")
    page.mouse.move(box["x"] + box["width"] * 0.98, box["y"] + 20)
    expect(page.locator(".tip img")).to_be_visible()
    page.mouse.move(box["x"] + box["width"] * 0.99, box["y"] + 20)
    expect(page.locator(".tip img")).to_be_visible()
    assert strips_opened(running) - strips == 1, "one look for all thumbnails of a day"
    assert not complaints


def test_the_keyboard_alone_plays_history(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    open_live(page)
    expect(page.locator("svg rect.footage").first).to_be_visible()
    page.get_by_role("slider").focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator(".stage .bar")).to_contain_text("Recorded")
    assert not complaints


def test_an_export_is_downloaded_by_the_browser(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    open_live(page)
    page.get_by_role("button", name="Export…").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download").click()
    assert waiting.value.suggested_filename == "junction-1.mp4"
    assert waiting.value.path().read_bytes()[4:8] == b"ftyp"


def test_a_clean_picture_is_looked_at_and_approved(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    page.get_by_role("link", name="Open Bus depot, east gate").click()
    page.get_by_role("button", name="Look at it").click()
    expect(page.get_by_alt_text("The clean picture that waits")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("A clean picture waits for you")).to_have_count(0)
    assert not complaints


def test_a_camera_is_added_after_a_probe(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    page.get_by_role("link", name="Add a camera").click()
    page.get_by_label("Address").fill("rtsp://192.0.2.7/stream1")
    page.get_by_role("button", name="Look what is there").click()
    expect(page.get_by_text("1920 × 1080, H264")).to_be_visible()
    page.get_by_label("Title").fill("Mill Bridge")
    expect(page.get_by_label("Short name")).to_have_value("mill-bridge")
    for label in ("Purpose", "Legal basis", "Run by", "Where residents can write"):
        page.get_by_label(label).fill("as in the order")
    page.get_by_label("What it looks at").fill("the bridge")
    page.get_by_role("button", name="Add the camera").click()
    expect(page.get_by_role("heading", name="Mill Bridge")).to_be_visible()
    assert running.door.views[-1].camera.id == "mill-bridge"


def test_the_ledger_is_read_without_signing_in(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    page.goto(f"{running.url}/ledger")
    expect(page.get_by_text("the ledger begins")).to_be_visible()
    leaves = [int(text) for text in page.locator("li .leaf").all_inner_texts()]
    assert leaves == sorted(leaves, reverse=True)
    assert not complaints


def test_leaving_closes_the_look(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    page = new_page(desk, complaints)
    sign_in(page, running)
    open_live(page)
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("link", name="Ledger", exact=True).click()
    expect(page.get_by_role("heading", name="The public ledger")).to_be_visible()


def test_closing_the_tab_closes_every_look_of_it(
    desk: BrowserContext, running: Running, complaints: list[str]
) -> None:
    watcher = desk.new_page()
    before = len(running.door.opened)
    page = new_page(desk, complaints)
    sign_in(page, running)
    open_live(page)
    tap_timeline(page, 0.97)
    page.wait_for_function("() => document.querySelector('video').readyState >= 3")
    mine = {look.id for look in running.door.opened[before:]}
    assert mine & open_now(running)
    page.close(run_before_unload=True)
    deadline = time.monotonic() + 5
    while mine & open_now(running) and time.monotonic() < deadline:
        watcher.evaluate("() => new Promise(requestAnimationFrame)")
    assert not mine & open_now(running)


def test_every_page_fits_a_phone(browser: Browser, running: Running, complaints: list[str]) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True
    )
    page = new_page(context, complaints)
    sign_in(page, running)
    assert page.evaluate(WIDTH) == 390
    open_live(page)
    frames_around(page)
    assert page.evaluate(WIDTH) == 390
    tap_timeline(page, 0.97)
    expect(page.locator(".stage .bar")).to_contain_text("Recorded")
    for path in ("/ledger", "/health", "/add-camera"):
        page.goto(f"{running.url}{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.evaluate(WIDTH) == 390, path
    context.close()
    assert not complaints
