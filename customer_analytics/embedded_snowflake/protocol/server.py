"""The Snowflake connector's HTTP protocol."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from customer_analytics.embedded_snowflake.protocol import answers, bodies, proof, stage_files
from customer_analytics.embedded_snowflake.protocol.answers import JSON, Answer, finished, success
from customer_analytics.embedded_snowflake.protocol.job import places
from customer_analytics.embedded_snowflake.protocol.jobs import Jobs
from customer_analytics.embedded_snowflake.protocol.operations import Operations
from customer_analytics.embedded_snowflake.sql import parameters
from customer_analytics.embedded_snowflake.sql.statement import Statement
from customer_analytics.embedded_snowflake.sql.transfers import FileLinks
from customer_analytics.embedded_snowflake.state.budgets import Budget, Reservation, too_much
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.limits import LOGIN_BYTES, STATEMENT_BYTES
from customer_analytics.embedded_snowflake.state.session import Session
from customer_analytics.embedded_snowflake.state.sessions import Sessions

_log = logging.getLogger(__name__)
_END_SECONDS = 5.0
"""How long a request that ends a session or a statement waits for the end."""


class Routes:
    """The endpoint's HTTP routes."""

    def __init__(self, sessions: Sessions, jobs: Jobs, token: str) -> None:
        self.sessions = sessions
        self.jobs = jobs
        self.last_request = time.monotonic()
        self._requests = Budget(16 * sessions.limits.request_bytes, "requests")
        self._token = token
        self._links_secret = secrets.token_bytes(32)
        self._operations = Operations(sessions, jobs.log, token)
        self.stop_requested = asyncio.Event()

    def app(self) -> Starlette:
        """The ASGI application."""
        operations = self._operations
        answered: list[tuple[str, str, Callable[[Request], Awaitable[Answer]]]] = [
            ("POST", "/session/v1/login-request", self.login),
            ("POST", "/session/token-request", self.renew),
            ("POST", "/session/heartbeat", self.heartbeat),
            ("POST", "/session", self.close_session),
            ("POST", "/queries/v1/query-request", self.query),
            ("POST", "/queries/v1/abort-request", self.abort),
            ("GET", "/queries/{query_id}/result", self.result),
            ("GET", "/monitoring/queries/{query_id}", self.monitor),
            ("GET", "/embedded/health", operations.health),
            ("POST", "/embedded/check", operations.check),
            ("POST", "/embedded/copy", operations.copy),
            ("POST", "/embedded/purge", operations.purge),
        ]
        return Starlette(
            routes=[
                *(Route(path, self._answered(handler), methods=[method]) for method, path, handler in answered),
                Route("/stage-files/{path:path}", self.stage_file, methods=["GET", "PUT"]),
                Route("/{path:path}", self._answered(self.unknown), methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    def _answered(
        self, handler: Callable[[Request], Awaitable[Answer]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """A handler whose errors are answers, because the connector retries after every HTTP error."""

        async def answered(request: Request) -> Response:
            self.last_request = time.monotonic()
            try:
                content = await handler(request)
            except SnowflakeError as error:
                content = answers.failure(error)
            except Exception as error:
                _log.error("request failed unexpectedly: %s\n%s", type(error).__name__, places(error))
                content = answers.failure(
                    SnowflakeError(
                        370001, "XX000", f"Internal error of the embedded endpoint: {type(error).__name__}."
                    )
                )
            return content if isinstance(content, Response) else JSON(content)

        return answered

    def _session(self, request: Request) -> Session:
        return self.sessions.by_token(_token(request))

    async def _small_body(self, request: Request) -> dict[str, Any]:
        memory = Reservation(self._requests)
        try:
            return await bodies.read(request, LOGIN_BYTES, memory)
        finally:
            memory.release()

    async def login(self, request: Request) -> Answer:
        """Open a session if the password is the endpoint's token or derived from it."""
        data = (await self._small_body(request)).get("data")
        if not isinstance(data, dict):
            raise SnowflakeError(390402, "22000", "The body of the request has no object 'data'.")
        known = (proof.password(self._token, self._operations.instance), self._token)
        if not any(proof.same(str(data.get("PASSWORD") or ""), password) for password in known):
            raise SnowflakeError(390100, "08001", "Incorrect username or password was specified.")
        given = parameters.from_login(data.get("SESSION_PARAMETERS") or {})
        user = str(data.get("LOGIN_NAME") or "USER").encode("utf-8", "replace").decode()[:255]
        session = self.sessions.open(user, autocommit=given.pop("AUTOCOMMIT", True), parameters=given)
        query = request.query_params
        try:
            await run_in_threadpool(self._select, session, query.get("databaseName"), query.get("schemaName"))
        except BaseException:
            self.sessions.close(session)
            raise
        session.warehouse = query.get("warehouse") or session.warehouse
        session.role = _fold(role) if (role := query.get("roleName")) else session.role
        return answers.signed_in(session)

    def _select(self, session: Session, database: str | None, schema: str | None) -> None:
        """Make the connection's database and schema current if they exist, as Snowflake does."""
        if database is None or not self.sessions.store.has_database(_fold(database)):
            return
        session.database = _fold(database)
        wanted = _fold(schema) if schema else "PUBLIC"
        session.schema = wanted if self.sessions.store.has_schema(session.database, wanted) else None

    async def renew(self, request: Request) -> Answer:
        """Give the session a new token."""
        session = self.sessions.by_master_token(_token(request))
        self.sessions.renew(session)
        return answers.renewed(session)

    async def heartbeat(self, request: Request) -> Answer:
        """Confirm that the session is open."""
        self._session(request)
        return success(None)

    async def close_session(self, request: Request) -> Answer:
        """Close the session."""
        session = self._session(request)
        if request.query_params.get("delete"):
            await finished(self.sessions.close(session), _END_SECONDS)
        return success(None)

    async def query(self, request: Request) -> Answer:
        """Run a statement."""
        session = self._session(request)
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
            return answers.in_progress(job)
        return await answers.result_of(job)

    async def abort(self, request: Request) -> Answer:
        """Interrupt the statement of a request."""
        session = self._session(request)
        request_id = (await self._small_body(request)).get("requestId")
        if job := self.jobs.cancel(session, str(request_id)[:100]):
            await finished(job.future, 2 * _END_SECONDS)
        return success(None)

    async def result(self, request: Request) -> Answer:
        """Return the result of an earlier statement."""
        self._session(request)
        return await answers.result_of(self.jobs.by_query(request.path_params["query_id"]))

    async def monitor(self, request: Request) -> Answer:
        """Return the status of a statement."""
        self._session(request)
        try:
            job = self.jobs.by_query(request.path_params["query_id"])
        except SnowflakeError:
            return success({"queries": []})
        return success({"queries": [answers.status(job)]})

    async def stage_file(self, request: Request) -> Response:
        """Send or receive a file of a stage."""
        self.last_request = time.monotonic()
        return await stage_files.transfer(request, self.sessions.store.stages, FileLinks("", self._links_secret))

    async def unknown(self, request: Request) -> Answer:
        """Accept telemetry and other requests without effect here."""
        return success(None)


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


def _token(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix('Snowflake Token="').removesuffix('"')


def _fold(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.upper()
