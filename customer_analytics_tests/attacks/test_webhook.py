"""A webhook whose address is a secret, malformed, or leads to a server that means harm."""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from dagster._serdes import serialize_value
from dagster._utils.error import serializable_error_info_from_exc_info

from customer_analytics.ports.notifications.base import RunFailure
from customer_analytics.ports.notifications.webhook import WebhookNotifier

FAILURE = RunFailure("run-1", "all_assets", "it failed", ("ill: the toy box is empty",))
WORD = "planted-word"
MALFORMED = [
    f"http://user:{WORD}@[::1",
    f"http://user:{WORD}@127.0.0.1:port/",
    f"http://user:{WORD}/more@127.0.0.1:9/",
    f"http://user:{WORD}@127.0.0.1:9/hook",
    f"http://user:{WORD}@127.0.0.1:0/hook",
    f"http://user:{WORD}@\u2100.example/",
    f"http://user:{WORD}@127.0.0.1:9/a b",
    f"http://127.0.0.1:9/{WORD}\r\nX-Other: 1",
    f"user:{WORD}@127.0.0.1/hook",
    f"ftp://user:{WORD}@127.0.0.1/hook",
    f"https://user:{WORD}@",
    WORD,
]
Answer = Callable[[socket.socket, bytes], None]


@contextmanager
def server(answer: Answer) -> Iterator[tuple[int, list[bytes]]]:
    """A server on loopback that answers by hand: its port, and the requests that it got."""
    got: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return  # it is closed
            with client, suppress(OSError):
                client.settimeout(10)
                got.append(client.recv(65536))
                answer(client, got[-1])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1], got
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def told(url: str, seconds: float = 10) -> str:
    """What Dagster would store and show of a message that could not be delivered."""
    with pytest.raises(OSError):
        try:
            WebhookNotifier(url=url, timeout_seconds=seconds).tell(FAILURE)
        except Exception:
            stored = serializable_error_info_from_exc_info(sys.exc_info())
            raise
    return f"{stored.to_string()}{serialize_value(stored)}"


@pytest.mark.parametrize("url", MALFORMED)
def test_no_error_and_no_log_has_a_part_of_a_malformed_address(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    stored = told(url)
    assert "CUSTOMER_ANALYTICS_WEBHOOK_URL" in stored
    for left in (stored, caplog.text):
        assert WORD not in left
        assert "more@" not in left


def test_a_refusal_that_repeats_the_address_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(client: socket.socket, request: bytes) -> None:
        path = request.split()[1]
        client.sendall(b"HTTP/1.1 500 " + path + b"\r\nContent-Length: 20\r\n\r\n" + path)

    with server(echo) as (port, _):
        stored = told(f"http://127.0.0.1:{port}/{WORD}")
    assert "status 500" in stored
    assert WORD not in stored + caplog.text


def test_a_server_that_drips_is_given_up_at_the_deadline() -> None:
    def drip(client: socket.socket, request: bytes) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(100):  # ten seconds
            client.sendall(b"x")
            time.sleep(0.1)
        client.sendall(b"\r\nContent-Length: 0\r\n\r\n")

    with server(drip) as (port, _):
        began = time.monotonic()
        stored = told(f"http://127.0.0.1:{port}/", seconds=0.5)
        assert time.monotonic() - began < 5
    assert "within 0.5 seconds" in stored


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int) -> None:
    def fine(client: socket.socket, request: bytes) -> None:
        client.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with server(fine) as (elsewhere, stolen):

        def redirect(client: socket.socket, request: bytes) -> None:
            to = f"HTTP/1.1 {status} Over There\r\nLocation: http://127.0.0.1:{elsewhere}/{WORD}\r\n"
            client.sendall(f"{to}Content-Length: 0\r\n\r\n".encode())

        with server(redirect) as (port, _):
            stored = told(f"http://127.0.0.1:{port}/")
        assert stolen == []
    assert f"redirect {status}" in stored
    assert WORD not in stored


def test_an_answer_without_end_is_not_read() -> None:
    sent = 0

    def flood(client: socket.socket, request: bytes) -> None:
        nonlocal sent
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while sent < 100_000_000:
            sent += client.send(b"x" * 65536)

    with server(flood) as (port, _):
        WebhookNotifier(url=f"http://127.0.0.1:{port}/").tell(FAILURE)
        time.sleep(0.5)
    assert sent < 20_000_000


def test_a_password_is_sent_as_basic_authentication_and_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def fine(client: socket.socket, request: bytes) -> None:
        client.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with server(fine) as (port, got):
        WebhookNotifier(url=f"http://user:{WORD}@127.0.0.1:{port}/hook").tell(FAILURE)
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        WebhookNotifier(url="http://hooks.example/hook").tell(FAILURE)
    direct, by_proxy = got
    assert b"Authorization: Basic dXNlcjpwbGFudGVkLXdvcmQ=" in direct
    assert WORD.encode() not in direct
    assert by_proxy.startswith(b"POST http://hooks.example/hook ")
