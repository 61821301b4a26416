"""The endpoint's process: open the state, listen, announce, and leave everything on disk in the end."""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from customer_analytics.embedded_snowflake import process
from customer_analytics.embedded_snowflake.jobs import Jobs
from customer_analytics.embedded_snowflake.server import Endpoint
from customer_analytics.embedded_snowflake.sessions import Sessions
from customer_analytics.embedded_snowflake.statement_log import StatementLog
from customer_analytics.embedded_snowflake.store import StateFormatError, Store
from customer_analytics.embedded_snowflake.write_lock import WriteLock

_IDLE_SESSION_SECONDS = 4 * 3600.0
"""As long as Snowflake keeps a session without a statement."""


def run(folder: Path, host: str, port: int, token: str, idle_minutes: float) -> None:
    """Serve the state in `folder` until stopped."""
    folder.mkdir(parents=True, exist_ok=True)
    _log_to(folder / "endpoint.log")
    in_use = FileLock(folder / "state.lock")
    try:
        in_use.acquire(timeout=10)
    except Timeout:
        raise StateFormatError(f"Another endpoint is using the state in {folder}; stop it first.") from None
    with in_use, _listen(host, port) as listener:
        log = StatementLog(folder)
        store = Store(folder)
        sessions = Sessions(store, WriteLock())
        jobs = Jobs(log)
        asyncio.run(_serve(folder, listener, Endpoint(store, sessions, jobs, token), token, idle_minutes))
        jobs.close()
        sessions.close_all()
        store.close()
        log.close()


def _log_to(path: Path) -> None:
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[RotatingFileHandler(path, maxBytes=5 * 1024 * 1024, backupCount=1)],
    )
    # It warns of every statement that it leaves as text, such as REMOVE.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)


def _listen(host: str, port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it a statement takes 50 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


class _Server(uvicorn.Server):
    """uvicorn without its own handling of signals, which would end the process before the state is closed."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _serve(
    folder: Path, listener: socket.socket, endpoint: Endpoint, token: str, idle_minutes: float
) -> None:
    server = _Server(uvicorn.Config(endpoint.app(), log_level="warning", access_log=False, lifespan="off"))
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, endpoint.stop_requested.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    host, port = listener.getsockname()[:2]
    process.write_discovery(folder, process.Endpoint(host=host, port=port, token=token, pid=os.getpid()))
    watching = asyncio.create_task(_watch(endpoint, server, idle_minutes * 60))
    try:
        await serving
    finally:
        watching.cancel()
        process.remove_discovery(folder)


async def _watch(endpoint: Endpoint, server: uvicorn.Server, idle_seconds: float) -> None:
    """End the server when it is asked to stop, or has been idle for too long."""
    while not endpoint.stop_requested.is_set():
        try:
            await asyncio.wait_for(endpoint.stop_requested.wait(), timeout=min(5.0, idle_seconds or 5.0))
        except TimeoutError:
            idle = time.monotonic() - endpoint.last_request
            if idle_seconds and idle > idle_seconds:
                break
            await asyncio.to_thread(endpoint.sessions.close_idle, _IDLE_SESSION_SECONDS)
    server.should_exit = True
