"""The endpoint's process: open the state, listen, announce, and leave everything on disk in the end."""

import asyncio
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

import uvicorn
from filelock import FileLock, Timeout

from customer_analytics import private_files
from customer_analytics.embedded_snowflake import discovery
from customer_analytics.embedded_snowflake.connections import HEAD_BYTES, Connection
from customer_analytics.embedded_snowflake.jobs import Jobs
from customer_analytics.embedded_snowflake.limits import Limits
from customer_analytics.embedded_snowflake.server import Endpoint
from customer_analytics.embedded_snowflake.sessions import Sessions
from customer_analytics.embedded_snowflake.statement_log import StatementLog
from customer_analytics.embedded_snowflake.store import Store
from customer_analytics.embedded_snowflake.write_lock import WriteLock

_IDLE_SESSION_SECONDS = 4 * 3600.0
"""As long as Snowflake keeps a session without a statement."""

_STOP_SECONDS = 3.0
"""A process that is asked to end does so by then; what it has committed is on disk at any moment."""


class InUseError(Exception):
    """Another process is serving the state."""


def run(folder: Path, host: str, port: int, token: str, idle_minutes: float, limits: Limits) -> None:
    """Serve the state in `folder` until stopped; raises InUseError where another process does."""
    # A statement is parsed, rewritten and checked as deep as it is nested: 1,000 frames are some 50 subqueries.
    sys.setrecursionlimit(3500)
    private_files.keep(folder)
    private_files.make_folder(folder)
    _log_to(folder / "endpoint.log")
    # A client has up to two connections, a statement a few files.
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    in_use = FileLock(folder / "state.lock")
    try:
        in_use.acquire(timeout=10)
    except Timeout:
        raise InUseError(f"Another endpoint is using the state in {folder}; stop it first.") from None
    with in_use, _listen(host, port) as listener:
        log = StatementLog(folder)
        store = Store(folder)
        sessions = Sessions(store, WriteLock(), limits)
        jobs = Jobs(log, limits)
        asyncio.run(_serve(folder, listener, Endpoint(store, sessions, jobs, token), token, idle_minutes))
        if not (jobs.close(seconds=1) and sessions.close_all(seconds=1)):
            os._exit(0)  # a statement that goes on after all has the databases in use
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
    config = uvicorn.Config(
        endpoint.app(),
        http=Connection,
        h11_max_incomplete_event_size=HEAD_BYTES,
        ws="none",
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, endpoint.stop_requested.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    announcement = discovery.Announcement(listener.getsockname()[1], token, os.getpid())
    announcement.write(folder)
    watching = asyncio.create_task(_watch(folder, announcement, endpoint, server, idle_minutes * 60))
    try:
        await serving
    finally:
        watching.cancel()
        if discovery.read(folder) == announcement:
            discovery.remove(folder)


async def _watch(
    folder: Path,
    announcement: discovery.Announcement,
    endpoint: Endpoint,
    server: uvicorn.Server,
    idle_seconds: float,
) -> None:
    """End the server when it is asked to stop, or has been idle for too long; announce it again where it must.

    Where its folder has gone, or another one has its name, the process ends at once.
    """
    served = discovery.identity(folder)
    while not endpoint.stop_requested.is_set():
        try:
            await asyncio.wait_for(endpoint.stop_requested.wait(), timeout=min(5.0, idle_seconds or 5.0))
        except TimeoutError:
            idle = time.monotonic() - endpoint.last_request
            if not _is_there(folder, served):
                # Without closing the databases, as their names may be those of another endpoint's by now.
                os._exit(0)
            if idle_seconds and idle > idle_seconds:
                break
            _announce_again(folder, announcement)
            endpoint.sessions.close_idle(_IDLE_SESSION_SECONDS)
    end = threading.Timer(_STOP_SECONDS, os._exit, [0])
    end.daemon = True
    end.start()
    server.should_exit = True


def _is_there(folder: Path, served: list[int]) -> bool:
    """Whether the folder that is served is still the one of its name."""
    try:
        return discovery.identity(folder) == served
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)


def _announce_again(folder: Path, announcement: discovery.Announcement) -> None:
    """Announce the endpoint anew where its file has gone or been damaged."""
    try:
        if discovery.read(folder) != announcement:
            announcement.write(folder)
    except OSError as error:
        logging.getLogger(__name__).warning("the endpoint cannot be announced: %s", error)
