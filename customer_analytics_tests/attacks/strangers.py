"""Servers that pretend to be an endpoint, and keep what they are sent."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Stranger(ThreadingHTTPServer):
    """Answers every request with the same words, and keeps all that it hears."""

    daemon_threads = True

    def __init__(self, answer: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.status, self.headers = status, headers or {}
        self.heard = ""


class _Handler(BaseHTTPRequestHandler):
    server: Stranger

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.server.heard += f"{self.requestline}\n{self.headers}\n{body}\n"
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    do_POST = do_GET

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


@contextmanager
def stranger(answer: Any, status: int = 200, headers: dict[str, str] | None = None) -> Iterator[Stranger]:
    """A stranger for the length of the block."""
    with Stranger(answer, status, headers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def dripping() -> Iterator[int]:
    """The port of a server that answers a byte a second, for ever."""
    ended = threading.Event()

    def drip(client: socket.socket) -> None:
        with client:
            client.recv(65536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not ended.wait(1):
                try:
                    client.sendall(b" ")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=drip, args=(client,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
