"""Connections of clients: bounded in number, in the size of a request's head and in the time that it may take."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_MOST = 4096
_HEAD_SECONDS = 10.0
HEAD_BYTES = 64 * 1024


class Connection(H11Protocol):
    """uvicorn's connection, which by itself waits for the head of a request for ever."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > _MOST:
            transport.abort()
        self._look_after_head()

    def data_received(self, data: bytes) -> None:
        """Take the next part of a request."""
        super().data_received(data)
        self._look_after_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        super().connection_lost(exc)
        self._stop_clock()

    def _look_after_head(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_clock()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(_HEAD_SECONDS, self.transport.close)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
