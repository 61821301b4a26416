"""The Snowflake connector's HTTP protocol."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from customer_analytics.embedded_snowflake import (
    bodies,
    copying,
    file_check,
    parameters,
    proof,
    rewriting,
    transfers,
)
from customer_analytics.embedded_snowflake.answers import JSON, answer, failure, finished, in_progress, success
from customer_analytics.embedded_snowflake.budgets import Budget, Reservation, too_much
from customer_analytics.embedded_snowflake.errors import SnowflakeError
from customer_analytics.embedded_snowflake.job import places
from customer_analytics.embedded_snowflake.jobs import Jobs
from customer_analytics.embedded_snowflake.limits import LOGIN_BYTES, STATEMENT_BYTES
from customer_analytics.embedded_snowflake.rewrites import SERVER_VERSION
from customer_analytics.embedded_snowflake.session import Session
from customer_analytics.embedded_snowflake.sessions import Sessions
from customer_analytics.embedded_snowflake.statement import Statement
from customer_analytics.embedded_snowflake.store import Store
from customer_analytics.embedded_snowflake.transfers import FileLinks

Handler = Callable[[Request], Awaitable[Response]]
Answer = dict[str, Any] | Response
_log = logging.getLogger(__name__)
_END_SECONDS = 5.0
"""How long a request to end something waits for the end."""


class Endpoint:
    """The routes and what they work on."""

    def __init__(self, store: Store, sessions: Sessions, jobs: Jobs, token: str) -> None:
        self.store = store
        self.sessions = sessions
        self.jobs = jobs
        self.last_request = time.monotonic()
        self._requests = Budget(16 * sessions.limits.request_bytes, "requests")
        self._token = token
        self._links_secret = secrets.token_bytes(32)
        self._instance = secrets.token_hex(8)
        self.stop_requested = asyncio.Event()

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/session/v1/login-request", self._quietly(self.login), methods=["POST"]),
                Route("/session/token-request", self._quietly(self.renew), methods=["POST"]),
                Route("/session/heartbeat", self._quietly(self.heartbeat), methods=["POST"]),
                Route("/session", self._quietly(self.close_session), methods=["POST"]),
                Route("/queries/v1/query-request", self._quietly(self.query), methods=["POST"]),
                Route("/queries/v1/abort-request", self._quietly(self.abort), methods=["POST"]),
                Route("/queries/{query_id}/result", self._quietly(self.result), methods=["GET"]),
                Route("/monitoring/queries/{query_id}", self._quietly(self.monitor), methods=["GET"]),
                Route("/stage-files/{path:path}", self.stage_file, methods=["GET", "PUT"]),
                Route("/embedded/health", self._quietly(self.health), methods=["GET"]),
                Route("/embedded/check", self._quietly(self.check), methods=["POST"]),
                Route("/embedded/copy", self._quietly(self.copy), methods=["POST"]),
                Route("/embedded/purge", self._quietly(self.purge), methods=["POST"]),
                Route("/embedded/stop", self._quietly(self.stop), methods=["POST"]),
                Route("/{path:path}", self._quietly(self.unknown), methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    def _quietly(self, handler: Callable[[Request], Awaitable[Answer]]) -> Handler:
        async def answered(request: Request) -> Response:
            self.last_request = time.monotonic()
            try:
                content = await handler(request)
            except SnowflakeError as error:
                content = failure(error)
            except Exception as error:
                # An HTTP error would be sent again and again.
                _log.error("request failed unexpectedly: %s\n%s", type(error).__name__, places(error))
                content = failure(
                    SnowflakeError(
                        370001, "XX000", f"Internal error of the embedded endpoint: {type(error).__name__}."
                    )
                )
            return content if isinstance(content, Response) else JSON(content)

        return answered

    async def login(self, request: Request) -> Answer:
        """Open a session, if the password is the endpoint's token."""
        memory = Reservation(self._requests)
        try:
            data = (await bodies.read(request, LOGIN_BYTES, memory)).get("data")
        finally:
            memory.release()
        if not isinstance(data, dict):
            raise SnowflakeError(390402, "22000", "The body of the request has no object 'data'.")
        known = (proof.password(self._token, self._instance), self._token)
        if not any(_same(str(data.get("PASSWORD") or ""), password) for password in known):
            raise SnowflakeError(390100, "08001", "Incorrect username or password was specified.")
        given = parameters.from_login(data.get("SESSION_PARAMETERS") or {})
        user = str(data.get("LOGIN_NAME") or "USER").encode("utf-8", "replace").decode()[:255]
        session = self.sessions.open(user, autocommit=given.pop("AUTOCOMMIT", True), parameters=given)
        query = request.query_params
        try:
            await run_in_threadpool(self._choose, session, query.get("databaseName"), query.get("schemaName"))
        except BaseException:
            self.sessions.close(session)
            raise
        session.warehouse = query.get("warehouse") or session.warehouse
        session.role = _fold(role) if (role := query.get("roleName")) else session.role
        return success(
            {
                "token": session.token,
                "masterToken": session.master_token,
                "validityInSeconds": 3600,
                "masterValidityInSeconds": 14400,
                "serverVersion": SERVER_VERSION,
                "sessionId": session.id,
                "parameters": [
                    {"name": "AUTOCOMMIT", "value": session.autocommit},
                    {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
                    # Rows of bindings come with the statement, not by way of a stage.
                    {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
                    {"name": "CLIENT_TELEMETRY_ENABLED", "value": False},
                    {"name": "TIMEZONE", "value": "Etc/UTC"},
                    {"name": "QUERY_TAG", "value": session.query_tag},
                ],
                "sessionInfo": {
                    "databaseName": session.database,
                    "schemaName": session.schema,
                    "warehouseName": session.warehouse,
                    "roleName": session.role,
                },
            }
        )

    def _choose(self, session: Session, database: str | None, schema: str | None) -> None:
        """Make database and schema of the connection current; as in Snowflake, nothing if they do not exist."""
        if database is None or not self.store.has_database(_fold(database)):
            return
        session.database = _fold(database)
        wanted = _fold(schema) if schema else "PUBLIC"
        session.schema = wanted if self.store.has_schema(session.database, wanted) else None

    async def renew(self, request: Request) -> Answer:
        """Give the session a new token."""
        session = self.sessions.by_master_token(_token(request))
        self.sessions.renew(session)
        return success(
            {
                "sessionToken": session.token,
                "masterToken": session.master_token,
                "validityInSecondsST": 3600,
                "validityInSecondsMT": 14400,
                "sessionId": session.id,
            }
        )

    async def heartbeat(self, request: Request) -> Answer:
        """Say whether the session is there."""
        self.sessions.by_token(_token(request))
        return success(None)

    async def close_session(self, request: Request) -> Answer:
        """Close the session."""
        session = self.sessions.by_token(_token(request))
        if request.query_params.get("delete"):
            await finished(self.sessions.close(session), _END_SECONDS)
        return success(None)

    async def query(self, request: Request) -> Answer:
        """Run a statement."""
        session = self.sessions.by_token(_token(request))
        memory = Reservation(self._requests)
        try:
            body = await bodies.read(request, self.sessions.limits.request_bytes, memory)
            sql = _statement_text(body.get("sqlText"))
        except BaseException:
            memory.release()
            raise
        links = FileLinks(f"{request.url.scheme}://{request.url.netloc}", self._links_secret)
        statement = Statement(
            sql=sql,
            session=session,
            sessions=self.sessions,
            links=links,
            sent_bindings=body.get("bindings"),
            describe_only=bool(body.get("describeOnly")),
            result_of=self.jobs.result_of,
            release=memory.release,
        )
        request_id = request.query_params.get("requestId") or secrets.token_hex(16)
        job = self.jobs.submit(statement, request_id[:100])
        if body.get("asyncExec"):
            return in_progress(job)
        return await answer(job)

    async def abort(self, request: Request) -> Answer:
        """Interrupt the statement of a request."""
        session = self.sessions.by_token(_token(request))
        memory = Reservation(self._requests)
        try:
            request_id = (await bodies.read(request, LOGIN_BYTES, memory)).get("requestId")
        finally:
            memory.release()
        if job := self.jobs.cancel(session, str(request_id)[:100]):
            await finished(job.future, 2 * _END_SECONDS)
        return success(None)

    async def result(self, request: Request) -> Answer:
        """The result of a statement that was started before."""
        self.sessions.by_token(_token(request))
        return await answer(self.jobs.by_query(request.path_params["query_id"]))

    async def monitor(self, request: Request) -> Answer:
        """The status of a statement."""
        self.sessions.by_token(_token(request))
        try:
            job = self.jobs.by_query(request.path_params["query_id"])
        except SnowflakeError:
            return success({"queries": []})
        if not job.future.done():
            return success({"queries": [{"id": job.query_id, "status": "RUNNING"}]})
        error = job.future.exception()
        if error is None:
            return success({"queries": [{"id": job.query_id, "status": "SUCCESS"}]})
        status = {"status": "FAILED_WITH_ERROR", "errorMessage": str(error)}
        if isinstance(error, SnowflakeError):
            status |= {"errorCode": error.code, "errorMessage": error.message}
        return success({"queries": [{"id": job.query_id, **status}]})

    async def stage_file(self, request: Request) -> Response:
        """Send or receive a file of a stage."""
        self.last_request = time.monotonic()
        path, mode = request.path_params["path"], request.query_params.get("mode", "")
        links = FileLinks("", self._links_secret)
        signed = _same(request.query_params.get("signature", ""), links.sign(path, mode))
        file: Path = self.store.stages / path
        if not signed or (mode == "get") != (request.method == "GET"):
            return Response(status_code=403)
        if request.method == "GET":
            return FileResponse(file) if file.is_file() else Response(status_code=404)
        if not (self.store.stages / path.split("/")[0]).is_dir():
            return Response(status_code=404)
        length = request.headers.get("Content-Length", "0")
        try:
            await transfers.receive(
                file, request.stream(), int(length) if length.isdecimal() else 0, replace=mode == "put"
            )
        except (OSError, ClientDisconnect) as error:
            # The connector sends a file again after some errors of a server, and after this one it does not.
            _log.warning("an upload could not be stored: %s", type(error).__name__)
            return Response("The file could not be stored: the disk may be full.", HTTPStatus.INSUFFICIENT_STORAGE)
        return Response()

    async def health(self, request: Request) -> Answer:
        """Prove that this is the endpoint with the token, and say which process it is."""
        nonce = request.query_params.get("nonce", "")
        _check(request, proof.challenge(self._token, nonce))
        return success(proof.Identity.of_this_process(self._instance).answer(self._token, nonce))

    async def purge(self, request: Request) -> Answer:
        """Rewrite the database files without what was deleted, and empty the logs of statements."""
        self._check_order(request)
        await run_in_threadpool(rewriting.rewrite, self.sessions)
        await run_in_threadpool(self.jobs.log.clear)
        await run_in_threadpool(rewriting.empty_logs, self.store.folder)
        return success(None)

    async def check(self, request: Request) -> dict[str, Any]:
        """Read all database files, and say which are damaged."""
        self._check_order(request)

        def found() -> list[list[str]]:
            with self.sessions.gate.passing():
                return [[str(path), why] for path, why in file_check.unreadable_tables(self.store)]

        return success(await run_in_threadpool(found))

    async def copy(self, request: Request) -> Answer:
        """Copy the state, and say into which folder."""
        self._check_order(request)
        try:
            return success({"folder": str(await run_in_threadpool(copying.copy, self.sessions))})
        except OSError as error:
            raise SnowflakeError(100132, "58030", f"The state could not be copied: {error}") from error

    async def stop(self, request: Request) -> Answer:
        """Stop the server, once this is answered."""
        self._check_order(request)
        self.stop_requested.set()
        return success(None)

    async def unknown(self, request: Request) -> Answer:
        """Telemetry and whatever else a client may send along."""
        return success(None)

    def _check_order(self, request: Request) -> None:
        _check(request, proof.order(self._token, self._instance, request.url.path))


def _statement_text(text: Any) -> str:
    if not isinstance(text, str):
        raise SnowflakeError(390402, "22000", "The body of the request has no text 'sqlText'.")
    if not parameters.is_text(text):
        raise SnowflakeError(1003, "42000", "SQL compilation error:\nthe statement holds half a surrogate pair.")
    if len(text) > STATEMENT_BYTES:
        raise too_much(
            f"The statement is longer than {STATEMENT_BYTES:,} characters; bind its values, or load them from a "
            "stage."
        )
    return text


def _check(request: Request, expected: str) -> None:
    if not _same(request.headers.get("Authorization", ""), expected):
        raise SnowflakeError(390100, "08001", "Incorrect token.")


def _same(given: str, expected: str) -> bool:
    return secrets.compare_digest(given.encode(errors="replace"), expected.encode())


def _token(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix('Snowflake Token="').removesuffix('"')


def _fold(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.upper()
