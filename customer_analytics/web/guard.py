"""A guard for web servers, which refuses requests from pages of other sites.

Every page that a browser shows can send requests to loopback. A request from another site is recognized by
`Origin`, by `Sec-Fetch-Site`, or by `Host` if the site's name points to this machine (DNS rebinding).
"""

import asyncio
import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_ANY_ADDRESS = ("0.0.0.0", "::")
_DEFAULT_PORT = 80  # browsers omit it
# A body is a GraphQL request with a run config. Streamlit uses a websocket.
_BODY_BYTES = 8 * 1024 * 1024
_BODY_SECONDS = 30.0
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_CONTENT_POLICY = "frame-ancestors 'self'; object-src 'none'; base-uri 'self'"


@dataclass(frozen=True)
class Access:
    """Who may use a server.

    Attributes:
        hosts: Accepted `Host` headers, in lower case, with the port unless it is the default.
        password: Password for basic authentication, with any user name; None if none is required.
    """

    hosts: frozenset[str]
    password: str | None = field(default=None, repr=False)


def access(address: str, port: int, also: Iterable[str] = (), password: str | None = None) -> Access:
    """Access through the names of loopback, through the address of the server, and through further names."""
    own = () if address in _ANY_ADDRESS else (f"[{address}]" if ":" in address else address,)
    shown = "" if port == _DEFAULT_PORT else f":{port}"
    return Access(frozenset((*(f"{name}{shown}".lower() for name in (*_LOOPBACK, *own)), *also)), password)


@dataclass(frozen=True)
class Refusal:
    """Why a request is not served."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


class Guard:
    """ASGI middleware, outermost: refuses requests of other sites, and those without the password.

    Args:
        app: The guarded application.
        allowed: Who may use it.
        health_path: Path that needs no password, for health checks.
    """

    def __init__(self, app: ASGIApp, allowed: Access, health_path: str) -> None:
        self._app = app
        self._allowed = allowed
        self._health_path = health_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif refusal := self._refusal(scope):
            await _refuse(refusal, scope, receive, _with_headers(send))
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._serve(scope, receive, _with_headers(send))

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _read(receive)
        if isinstance(body, Refusal):
            await _refuse(body, scope, receive, send)
        else:
            await self._app(scope, _replayed(body, receive), send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or hosts[0].lower() not in self._allowed.hosts:
            return Refusal(421, "This host is not allowed; add it to CUSTOMER_ANALYTICS_ALLOWED_HOSTS.")
        if not all(self._is_own(origin) for origin in origins) or _is_cross_site(scope, headers):
            return Refusal(403, "Requests from other sites are refused.")
        if scope["path"] != self._health_path and not self._has_password(headers.getlist("authorization")):
            challenge = ("WWW-Authenticate", 'Basic realm="customer-analytics", charset="UTF-8"')
            return Refusal(401, "A password is required.", (challenge,))
        return None

    def _is_own(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        own = parts.scheme in ("http", "https") and parts.netloc.lower() in self._allowed.hosts
        return own and origin == f"{parts.scheme}://{parts.netloc}"

    def _has_password(self, credentials: list[str]) -> bool:
        if self._allowed.password is None:
            return True
        try:
            scheme, _, encoded = credentials[0].partition(" ") if len(credentials) == 1 else ("", "", "")
            _, _, given = base64.b64decode(encoded, validate=True).partition(b":")
        except ValueError:
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, self._allowed.password.encode())


def _is_cross_site(scope: Scope, headers: Headers) -> bool:
    """Whether a page of another site sent the request; following a link from there is allowed."""
    if scope["type"] == "websocket" or headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False  # for websockets, browsers always send Origin
    follows_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return not (follows_link and scope["method"] == "GET")


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    response = PlainTextResponse(f"{refusal.reason}\n", refusal.status, dict(refusal.headers))
    await response(scope, receive, send)


async def _read(receive: Receive) -> list[Message] | Refusal:
    """The messages of the whole body; a refusal if it is too large or too slow."""
    body: list[Message] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            while not body or body[-1].get("more_body"):
                body.append(await receive())
                size += len(body[-1].get("body", b""))
                if size > _BODY_BYTES:
                    return Refusal(413, "The request is too large.", (("Connection", "close"),))
    except TimeoutError:
        return Refusal(408, "The request took too long to arrive.", (("Connection", "close"),))
    return body


def _replayed(body: list[Message], receive: Receive) -> Receive:
    messages = iter(body)

    async def replay() -> Message:
        return next(messages, None) or await receive()

    return replay


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = MutableHeaders(scope=message)
            headers.update(_HEADERS)
            headers.append("Content-Security-Policy", _CONTENT_POLICY)
        await send(message)

    return send_with_headers
