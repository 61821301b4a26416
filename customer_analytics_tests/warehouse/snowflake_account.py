"""A loopback server that takes sign-ins to a Snowflake account, remembers them and refuses every one."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from customer_analytics.ports.warehouse.snowflake import SnowflakeWarehouse


@dataclass(kw_only=True, eq=False)
class LoopbackWarehouse(SnowflakeWarehouse):
    """A Snowflake account whose host is on this machine."""

    port: int

    def _entry(self) -> dict[str, Any]:
        entry = super()._entry()
        reached = {"host": "127.0.0.1", "port": self.port, "protocol": "http"}
        return entry | {"additional": entry.get("additional", {}) | reached}


@contextmanager
def refusing_account(code: str, message: str) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The port of a server that answers each sign-in with this error, and the sign-ins so far."""
    sign_ins: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                content = gzip.decompress(content)
            if "login-request" in self.path:
                sign_ins.append(json.loads(content)["data"])
            answer = json.dumps({"success": False, "code": code, "message": message, "data": {}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port, sign_ins
        server.shutdown()
