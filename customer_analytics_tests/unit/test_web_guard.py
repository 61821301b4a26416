"""The guard in front of Dagster's UI and the dashboard, on an app that answers everything."""

import base64
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocket

from customer_analytics.settings import Settings
from customer_analytics.web import guard
from customer_analytics.web.guard import Guard, access

PASSWORD = "pässword: of colons"


async def answer(request: Request) -> PlainTextResponse:
    return PlainTextResponse(await request.body())


async def accept(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


def client(password: str | None = None, *hosts: str) -> TestClient:
    app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"]), WebSocketRoute("/", accept)])
    return TestClient(Guard(app, access("127.0.0.1", 3000, hosts, password), "/health"), "http://localhost:3000")


def basic(user_and_password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(user_and_password.encode()).decode()}


def _socket(headers: dict[str, str]) -> WebSocketTestSession:
    return client(PASSWORD).websocket_connect("ws://localhost:3000/", headers=headers)


def test_a_password_is_asked_for_with_any_user_name() -> None:
    asked = client(PASSWORD).get("/")
    assert asked.status_code == 401
    assert asked.headers["WWW-Authenticate"].startswith("Basic ")
    assert client(PASSWORD).get("/", headers=basic(f"anyone:{PASSWORD}")).status_code == 200
    assert client(PASSWORD).get("/health").status_code == 200
    assert client().get("/").status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        basic("anyone:wrong"),
        basic("anyone:"),
        basic(PASSWORD),
        basic(f"anyone:{PASSWORD} "),
        {"Authorization": "Basic"},
        {"Authorization": "Basic ***"},
        {"Authorization": b"Basic \xff\xfe"},
        {"Authorization": "Bearer " + basic(f"anyone:{PASSWORD}")["Authorization"].partition(" ")[2]},
    ],
)
def test_anything_else_is_refused(given: dict[str, str]) -> None:
    assert client(PASSWORD).get("/", headers=given).status_code == 401
    with pytest.raises(WebSocketDenialResponse) as denied, _socket(given):
        pass
    assert denied.value.status_code == 401


def test_a_websocket_opens_with_the_password() -> None:
    with _socket(basic(f"a:{PASSWORD}")):
        pass


def test_a_refusal_for_another_site_comes_before_the_question_for_the_password() -> None:
    asked = client(PASSWORD).get("/health", headers={"Origin": "http://evil.test"})
    assert asked.status_code == 403
    assert "WWW-Authenticate" not in asked.headers


def test_hosts_that_the_user_adds_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUSTOMER_ANALYTICS_ALLOWED_HOSTS", "Analytics.example.com, 10.0.0.5:8501,")
    hosts = Settings().allowed_hosts
    assert hosts == ("analytics.example.com", "10.0.0.5:8501")
    origin = {"Host": "analytics.example.com", "Origin": "https://analytics.example.com"}
    assert client(None, *hosts).get("/", headers=origin).status_code == 200
    assert client(None, *hosts).get("/", headers={"Host": "analytics.example.com:3000"}).status_code == 421
    assert client().get("/", headers=origin).status_code == 421


@pytest.mark.parametrize("host", ["https://a.example", "a.example/b", "*", "a b", "user:word@a.example"])
def test_what_is_no_host_is_refused_without_being_quoted(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("CUSTOMER_ANALYTICS_ALLOWED_HOSTS", host)
    with pytest.raises(ValueError, match="name or name:port") as refused:
        Settings()
    assert host not in str(refused.value)


def test_a_server_is_reached_by_its_own_address_but_not_by_any_address() -> None:
    loopback = {"localhost:3000", "127.0.0.1:3000", "[::1]:3000"}
    assert access("10.0.0.5", 3000).hosts == loopback | {"10.0.0.5:3000"}
    assert access("FE80::1", 3000).hosts == loopback | {"[fe80::1]:3000"}
    assert access("0.0.0.0", 3000).hosts == access("::", 3000).hosts == loopback
    assert access("127.0.0.1", 80).hosts == {"localhost", "127.0.0.1", "[::1]"}


def test_bodies_arrive_whole_and_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    def chunks(count: int) -> Iterator[bytes]:
        yield from [b"x" * 1000] * count

    monkeypatch.setattr(guard, "_BODY_BYTES", 5000)
    assert client().post("/", content=chunks(5)).text == "x" * 5000
    assert client().post("/", content=chunks(6)).status_code == 413


def test_every_answer_forbids_frames_and_guessed_types() -> None:
    for answered in (client().get("/"), client().get("/", headers={"Host": "evil.test"})):
        assert answered.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert "frame-ancestors 'self'" in answered.headers["Content-Security-Policy"]
        assert answered.headers["X-Content-Type-Options"] == "nosniff"
        assert answered.headers["Referrer-Policy"] == "same-origin"
