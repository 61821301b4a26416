"""How a client and an endpoint prove to each other that they know the token, without sending it.

Each sends only HMACs of the other's challenge, so another process that listens on the port learns nothing useful.
"""

import hmac
import http.client
import json
import os
import secrets
import socket
import threading
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from typing import Any

import psutil

_ANSWER_SECONDS = 5.0
_ANSWER_BYTES = 16 * 1024
# What another server may cause, from a refused connection to invalid numbers.
_NOT_AN_ENDPOINT = (
    OSError,
    http.client.HTTPException,
    ArithmeticError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Identity:
    """The process that answers: its id, its start time, and a random name for this run."""

    instance: str
    pid: int
    began: float

    @classmethod
    def of_this_process(cls, instance: str) -> "Identity":
        """This process, with its start time by the current clock."""
        return cls(instance, os.getpid(), psutil.Process().create_time())

    def answer(self, token: str, nonce: str) -> dict[str, Any]:
        """An endpoint's answer to a challenge."""
        return {**asdict(self), "proof": _proof(token, "answer", nonce, repr(self))}


def challenge(token: str, nonce: str) -> str:
    """What a client sends with its nonce; without it, an endpoint does not answer."""
    return _proof(token, "challenge", nonce)


def password(token: str, instance: str) -> str:
    """A client's password for this run of this endpoint only."""
    return _proof(token, "password", instance)


def order(token: str, instance: str, path: str) -> str:
    """What a client sends with a request for an operation, for example `/embedded/copy`."""
    return _proof(token, "order", instance, path)


def identify(host: str, port: int, token: str) -> Identity | None:
    """The endpoint at an address, or None if no server there proves that it knows the token."""
    nonce = secrets.token_hex(16)
    try:
        answer = request(host, port, "GET", f"/embedded/health?nonce={nonce}", challenge(token, nonce))
        data = answer["data"]
        identity = Identity(str(data["instance"]), int(data["pid"]), float(data["began"]))
        expected = _proof(token, "answer", nonce, repr(identity))
        proven = hmac.compare_digest(str(data["proof"]).encode(), expected.encode())
    except _NOT_AN_ENDPOINT:
        return None
    return identity if proven else None


def request(
    host: str, port: int, method: str, path: str, authorization: str, seconds: float = _ANSWER_SECONDS
) -> Any:
    """A server's JSON answer, limited in time and size.

    It uses no proxy and follows no redirect, so nothing is sent to any other address.
    """
    with closing(http.client.HTTPConnection(host, port, timeout=seconds)) as connection:
        connection.connect()
        deadline = threading.Timer(seconds, _hang_up, [connection.sock])
        deadline.start()
        try:
            connection.request(method, path, headers={"Authorization": authorization})
            return json.loads(connection.getresponse().read(_ANSWER_BYTES))
        finally:
            deadline.cancel()


def same(given: str, expected: str) -> bool:
    """Compare secrets in constant time."""
    return secrets.compare_digest(given.encode(errors="replace"), expected.encode())


def _hang_up(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _proof(token: str, purpose: str, *said: str) -> str:
    return hmac.new(token.encode(), "\n".join((purpose, *said)).encode(), "sha256").hexdigest()
