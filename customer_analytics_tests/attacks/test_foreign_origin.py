"""Pages of other sites against the servers of `customer-analytics dev`: by hand, and from a real browser."""

import http.client
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from socket import create_connection
from typing import Any

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from customer_analytics.embedded_snowflake import find
from customer_analytics_tests.attacks.web_servers import (
    ATTACK,
    CURSOR,
    CURSORS,
    ROUTES,
    SOCKETS,
    WIPE,
    Served,
    another_site,
    dev,
)
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.production.servers import answers, free_port

pytestmark = pytest.mark.timeout(600)
CHROMIUM = shutil.which("chromium")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    deployment = Deployment(tmp_path_factory.mktemp("served"))
    with dev(deployment) as made:
        yield made
    assert find(deployment.home) is None  # it goes away with what has started it


@pytest.mark.parametrize("server", ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_route_answers_under_another_name_or_for_another_site(served: Served, server: str, method: str) -> None:
    port = getattr(served, server)
    foreign = [
        {"Host": f"evil.test:{port}"},
        {"Host": f"127.0.0.1.evil.test:{port}"},
        {"Host": f"0.0.0.0:{port}"},
        {"Host": "127.0.0.1"},
        {"Origin": f"http://evil.test:{port}"},
        {"Origin": "http://localhost:9"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{port}@evil.test"},
        {"Origin": f"file://127.0.0.1:{port}"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"},
        {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    ]
    answered = [
        (path, headers)
        for path in ROUTES[server]
        for headers in foreign
        if served.ask(server, path, method, "{}", Content_Type="application/json", **headers)[0] not in (403, 421)
    ]
    assert answered == []


@pytest.mark.parametrize("server", ROUTES)
def test_a_websocket_opens_for_the_own_page_only(served: Served, server: str) -> None:
    port = getattr(served, server)
    subprotocols: list[Any] = ["graphql-ws" if server == "ui" else "streamlit"]

    def opens(host: str, origin: str | None) -> bool:
        try:
            # The name in the address is the Host header.
            address = f"ws://{host}:{port}{SOCKETS[server]}"
            socket = create_connection(("127.0.0.1", port))
            with socket, connect(address, sock=socket, origin=origin, subprotocols=subprotocols):
                return True
        except InvalidStatus as refused:
            assert refused.response.status_code in (403, 421)
            return False

    assert opens("127.0.0.1", f"http://127.0.0.1:{port}")
    assert opens("localhost", f"http://localhost:{port}")
    for origin in ("http://evil.test", "http://localhost:9", "http://127.0.0.1", "null"):
        assert not opens("127.0.0.1", origin)
    assert not opens("evil.test", f"http://evil.test:{port}")


def test_graphql_is_changed_by_json_posts_only(served: Served) -> None:
    forms = {
        "text/plain": json.dumps({"query": WIPE}),
        "text/plain; x=application/json": json.dumps({"query": WIPE}),
        "application/x-www-form-urlencoded": "query=" + WIPE,
        "multipart/form-data; boundary=b": f'--b\r\nContent-Disposition: form-data; name="query"\r\n\r\n{WIPE}\r\n--b--',
        "application/graphql": WIPE,
        "": json.dumps({"query": WIPE}),
    }
    address = "/graphql?query=" + re.sub(r"\W", lambda c: f"%{ord(c[0]):02x}", WIPE)
    posted = [
        served.ask("ui", path, "POST", body, Content_Type=content_type)[0]
        for content_type, body in forms.items()
        for path in ("/graphql", address)
    ]
    got = [
        served.ask("ui", path, method)[0]
        for path in (address, address.replace("query", "%71uery"), address.replace("graphql", "graphql/"))
        for method in ("GET", "HEAD")
    ]
    served.assert_untouched()
    assert set(posted) == {415}
    assert set(got) == {405}


def test_following_a_link_from_another_site_is_allowed(served: Served) -> None:
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    for server in ROUTES:
        assert served.ask(server, "/", **link)[0] == 200
        assert served.ask(server, "/", "POST", **link)[0] == 403


def test_a_body_without_end_is_refused(served: Served) -> None:
    for server in ROUTES:
        status, _ = served.ask(server, "/graphql", "POST", " " * 9_000_000, Content_Type="application/json")
        assert status == 413


def test_every_port_of_dev_is_guarded(served: Served) -> None:
    family = [psutil.Process(served.pid), *psutil.Process(served.pid).children(recursive=True)]
    listening = {c.laddr for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
    assert {address.ip for address in listening} == {"127.0.0.1"}
    others = {address.port for address in listening} - {served.ui, served.dashboard}
    for port in others:  # the warehouse endpoint, which asks for its token
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        client.request("POST", "/queries/v1/query-request", '{"sqlText": "SELECT 1"}', {"Host": "evil.test"})
        with client.getresponse() as answer:
            assert answer.status >= 400 or json.load(answer)["success"] is False


# From a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium: apt install chromium")
    # No sandbox, because tests run as root in containers too. A name that leads here, as after DNS rebinding.
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP *.test 127.0.0.1"]
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=arguments) as browser,
    ):
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    context.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    yield context
    context.close()


@pytest.fixture(scope="module")
def evil() -> Iterator[int]:
    with another_site() as port:
        yield port


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "evil.test"])
def test_a_page_of_another_site_changes_and_reads_nothing(
    served: Served, context: BrowserContext, evil: int, name: str
) -> None:
    page = context.new_page()
    page.goto(f"http://{name}:{evil}/")
    targets = {"ui": f"127.0.0.1:{served.ui}", "dashboard": f"127.0.0.1:{served.dashboard}"}
    seen = page.evaluate(ATTACK, {**targets, "wipe": WIPE, "cursor": CURSOR})
    served.assert_untouched()
    assert {what: result for what, result in seen.items() if result not in ("refused", "opaque")} == {}
    assert {result for what, result in seen.items() if "socket" in what} == {"refused"}


def test_a_name_that_is_pointed_here_reads_and_frames_nothing(
    served: Served, context: BrowserContext, evil: int
) -> None:
    page = context.new_page()
    for port in (served.ui, served.dashboard):
        answer = page.goto(f"http://evil.test:{port}/")
        assert answer
        assert answer.status == 421
    page.goto(f"http://127.0.0.1:{evil}/")
    for port in (served.ui, served.dashboard):
        page.set_content(f'<iframe src="http://127.0.0.1:{port}/"></iframe>')
        page.wait_for_timeout(1500)
        assert not any(frame.locator("#root *").count() for frame in page.frames[1:])


def test_the_own_pages_work_in_the_same_browser(served: Served, context: BrowserContext) -> None:
    page = context.new_page()
    page.goto(f"http://localhost:{served.ui}/assets/prey")
    expect(page.get_by_text("prey").first).to_be_visible()
    mutation = CURSOR.replace("stolen", "moved by its user")
    ask = """body => fetch('/graphql', {method: 'POST', headers: {'Content-Type': 'application/json'}, body})
        .then(answer => answer.status)"""
    assert page.evaluate(ask, json.dumps({"query": mutation})) == 200
    assert "moved by its user" in json.dumps(served.graphql(CURSORS))
    page.goto(f"http://127.0.0.1:{served.dashboard}/")
    expect(page.get_by_role("heading", name="Marketing")).to_be_visible()


def test_tables_are_exported_by_the_guarded_button_only(served: Served, context: BrowserContext) -> None:
    """Streamlit's own export writes a text that is a formula as it is."""
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{served.dashboard}/pipeline")
    table = page.locator("[data-testid=stDataFrame]").first
    expect(table).to_be_visible()
    table.hover()
    expect(page.get_by_role("button", name="Fullscreen").first).to_be_visible()
    assert page.get_by_role("button", name="Download as CSV").count() == 0
    expect(page.get_by_role("button", name="Download CSV").first).to_be_visible()


def test_a_password_opens_the_dashboard_in_a_browser(served: Served, browser: Browser) -> None:
    port, password = free_port(), "correct horse"
    protected = Deployment(served.deployment.home, {"CUSTOMER_ANALYTICS_WEB_PASSWORD": password})
    server = protected.start("dashboard", "--port", str(port))
    try:
        while not answers(port):
            assert server.poll() is None
        assert password not in " ".join(psutil.Process(server.pid).cmdline())
        assert replace(served, dashboard=port).ask("dashboard", "/_stcore/host-config")[0] == 401
        let_in = browser.new_context(http_credentials={"username": "anyone", "password": password})
        page = let_in.new_page()
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.get_by_role("heading", name="Marketing")).to_be_visible(timeout=60_000)  # by its websocket
        let_in.close()
    finally:
        server.terminate()
        printed, _ = server.communicate(timeout=60)
    assert password not in printed
