"""The endpoint's process: open the state, listen, announce the port, and close the state at the end."""

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
from customer_analytics.embedded_snowflake.protocol.connections import HEADER_BYTES, HttpConnection
from customer_analytics.embedded_snowflake.protocol.jobs import Jobs
from customer_analytics.embedded_snowflake.protocol.server import Routes
from customer_analytics.embedded_snowflake.state.limits import EndpointLimits
from customer_analytics.embedded_snowflake.state.sessions import Sessions
from customer_analytics.embedded_snowflake.state.statement_log import StatementLog
from customer_analytics.embedded_snowflake.state.store import Store
from customer_analytics.embedded_snowflake.state.write_lock import WriteLock

_IDLE_SESSION_SECONDS = 4 * 3600.0
"""As in Snowflake."""

_STOP_SECONDS = 3.0
"""A stopping process ends after this time at the latest; all commits are on disk at any time."""


class InUseError(Exception):
    """Another process serves the state."""


def run(folder: Path, host: str, port: int, token: str, idle_minutes: float, limits: EndpointLimits) -> None:
    """Serve the state in `folder` until stopped; raises InUseError if another process serves it."""
    # Parsing, rewriting and checking recurse with the nesting of a statement: 1,000 frames for some 50 subqueries.
    sys.setrecursionlimit(3500)
    private_files.enforce(folder)
    private_files.make_folder(folder)
    _log_to(folder / "endpoint.log")
    # A client has up to two connections, and a statement opens a few files.
    _, max_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max_files, max_files))
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
        asyncio.run(_serve(folder, listener, Routes(sessions, jobs, token), token, idle_minutes))
        if not (jobs.close(seconds=1) and sessions.close_all(seconds=1)):
            os._exit(0)  # a statement that still runs is using the databases
        store.close()
        log.close()


def _log_to(path: Path) -> None:
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[RotatingFileHandler(path, maxBytes=5 * 1024 * 1024, backupCount=1)],
    )
    # It warns of every statement that it leaves as text, for example REMOVE.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)


def _listen(host: str, port: int) -> socket.socket:
    # asyncio disables Nagle's algorithm only if the protocol is given; with it, a statement takes 50 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process before the state is closed."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def _serve(folder: Path, listener: socket.socket, routes: Routes, token: str, idle_minutes: float) -> None:
    config = uvicorn.Config(
        routes.app(),
        http=HttpConnection,
        h11_max_incomplete_event_size=HEADER_BYTES,
        ws="none",
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, routes.stop_requested.set)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    announcement = discovery.Announcement(listener.getsockname()[1], token, os.getpid())
    announcement.write(folder)
    watching = asyncio.create_task(_watch(folder, announcement, routes, server, idle_minutes * 60))
    try:
        await serving
    finally:
        watching.cancel()
        if discovery.read(folder) == announcement:
            discovery.remove(folder)


async def _watch(
    folder: Path,
    announcement: discovery.Announcement,
    routes: Routes,
    server: uvicorn.Server,
    idle_seconds: float,
) -> None:
    """End the server when it is stopped or idle for too long, and keep the announcement intact.

    If its folder was deleted or replaced, the process ends at once.
    """
    served = discovery.identity(folder)
    while not routes.stop_requested.is_set():
        try:
            await asyncio.wait_for(routes.stop_requested.wait(), timeout=min(5.0, idle_seconds or 5.0))
        except TimeoutError:
            idle = time.monotonic() - routes.last_request
            if not _is_same(folder, served):
                # Without closing the databases, whose paths may now belong to another endpoint.
                os._exit(0)
            if idle_seconds and idle > idle_seconds:
                break
            _announce_again(folder, announcement)
            routes.sessions.close_idle(_IDLE_SESSION_SECONDS)
    end = threading.Timer(_STOP_SECONDS, os._exit, [0])
    end.daemon = True
    end.start()
    server.should_exit = True


def _is_same(folder: Path, served: list[int]) -> bool:
    """Whether the path of the folder still leads to the folder that is served."""
    try:
        return discovery.identity(folder) == served
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)


def _announce_again(folder: Path, announcement: discovery.Announcement) -> None:
    """Write the announcement again if its file was deleted or damaged."""
    try:
        if discovery.read(folder) != announcement:
            announcement.write(folder)
    except OSError as error:
        logging.getLogger(__name__).warning("the endpoint cannot be announced: %s", error)
