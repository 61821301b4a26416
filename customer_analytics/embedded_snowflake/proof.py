"""How a client and an endpoint prove to each other that they know the token, which is never sent.

Each sends only HMACs of the other's challenge, so that a stranger that listens on the port learns nothing of use.
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
# What a server of another kind may bring about, from no connection to numbers that are none.
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
    """Which process answers: its number, when it began, and what it calls itself since then."""

    instance: str
    pid: int
    began: float

    @classmethod
    def of_this_process(cls, instance: str) -> "Identity":
        """This process, by the clock as it is set now."""
        return cls(instance, os.getpid(), psutil.Process().create_time())

    def answer(self, token: str, nonce: str) -> dict[str, Any]:
        """What an endpoint answers to a challenge."""
        return {**asdict(self), "proof": _proof(token, "answer", nonce, repr(self))}


def challenge(token: str, nonce: str) -> str:
    """What a client sends along with its nonce, so that only those who know the token get an answer."""
    return _proof(token, "challenge", nonce)


def password(token: str, instance: str) -> str:
    """What a client logs in with: of no use to any other endpoint, or to this one after its next start."""
    return _proof(token, "password", instance)


def order(token: str, instance: str, path: str) -> str:
    """What a client sends to have this endpoint do what a path stands for, such as `/embedded/stop`."""
    return _proof(token, "order", instance, path)


def identify(host: str, port: int, token: str) -> Identity | None:
    """The endpoint that answers at an address, or None if nobody there proves to know the token."""
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
    """The JSON that a server answers with, in at most so many seconds and some kilobytes.

    No proxy is asked and no redirection followed: nothing is sent to any other address.
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


def _hang_up(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _proof(token: str, purpose: str, *said: str) -> str:
    return hmac.new(token.encode(), "\n".join((purpose, *said)).encode(), "sha256").hexdigest()
