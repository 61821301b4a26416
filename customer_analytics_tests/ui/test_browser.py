"""The dashboard in a real browser: what a person does with it."""

import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.shop import MARKUP

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt install chromium"),
    pytest.mark.timeout(900),  # the first test waits for the shop's first run
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENCE = 60_000  # milliseconds, on a machine that does other things too


@pytest.fixture(scope="module")
def dashboard(shop: Deployment) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = shop.start("dashboard", "--port", str(port))
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/_stcore/health", server)
        yield address
    finally:
        server.kill()
        server.communicate()


def _wait_for(url: str, server: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"The dashboard did not start: {server.poll()}")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # No sandbox, because tests run as root in containers too.
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=arguments) as browser,
    ):
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport=DESKTOP)
    page.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield page
    page.close()


def _settled(page: Page) -> None:
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")


def _said(page: Page, text: str) -> Locator:
    """A text outside of the tables, which hold it too."""
    return page.get_by_test_id("stText").get_by_text(text)


def test_one_drills_down_from_the_list_to_a_call_and_plays_it(page: Page, dashboard: str) -> None:
    page.goto(dashboard)
    expect(page.get_by_role("heading", name="Return on advertising")).to_be_visible()
    page.get_by_role("link", name="Sales").click()
    grid = page.locator("[data-testid=stDataFrame]").first
    expect(grid).to_be_visible()
    _settled(page)
    grid.click(position={"x": 20, "y": 88})  # the box before the second customer, who is Ada
    expect(_said(page, "Ada L.")).to_be_visible()
    page.wait_for_url("**customer=1**")
    expect(_said(page, "replacement train")).to_be_visible()
    audio = page.locator("audio")
    expect(audio).to_have_count(1)
    audio.evaluate("audio => { audio.muted = true; return audio.play() }")
    page.wait_for_function("document.querySelector('audio').currentTime > 0.2")
    assert audio.evaluate("audio => audio.readyState") >= 2
    assert 10 < audio.evaluate("audio => audio.duration") < 60


def test_one_searches_asks_and_follows_a_quote_to_its_customer(page: Page, dashboard: str) -> None:
    page.goto(f"{dashboard}/product")
    page.get_by_label("Words or meaning").fill("broken wheel")
    page.get_by_label("Words or meaning").press("Enter")
    expect(page.get_by_text("The wheel of the red tractor broke off at once.")).to_be_visible()
    page.wait_for_url("**q=broken+wheel**")
    page.get_by_label("Question").fill("Who does Thomas like best?")
    page.get_by_label("Question").press("Enter")
    quote = page.get_by_text("Thomas likes Bertie the bus best.").first
    expect(quote).to_be_visible()
    page.get_by_role("link", name="[1] Comment of customer 1").first.click()
    expect(_said(page, "Ada L.")).to_be_visible()


def test_what_customers_write_is_shown_as_text(page: Page, dashboard: str) -> None:
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto(f"{dashboard}/product?q=squid")
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    assert page.title() != "owned"
    assert page.locator("a[href^='javascript:']").count() == 0
    assert page.locator("strong", has_text="bold").count() == 0
    assert alerts == []


@pytest.mark.parametrize("path", ["", "sales?customer=1", "product?q=train", "pipeline"])
def test_a_page_fits_a_phone(page: Page, dashboard: str, path: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(f"{dashboard}/{path}")
    expect(page.get_by_role("heading").first).to_be_visible()
    _settled(page)
    widest = page.evaluate(
        "Math.max(document.documentElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth)"
    )
    assert widest <= PHONE["width"]
    assert page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count() == 0


def test_nothing_is_asked_of_other_machines(page: Page, dashboard: str) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(dashboard)
    expect(page.get_by_role("heading", name="Monthly recurring revenue")).to_be_visible()
    _settled(page)
    assert [url for url in asked if not url.startswith((dashboard, "ws://127.0.0.1", "data:", "blob:"))] == []
