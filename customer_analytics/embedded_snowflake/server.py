"""The Snowflake connector's HTTP protocol."""

import asyncio
import gzip
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from customer_analytics.embedded_snowflake import bindings, transfers
from customer_analytics.embedded_snowflake.answers import answer, failure, in_progress, success
from customer_analytics.embedded_snowflake.errors import SnowflakeError
from customer_analytics.embedded_snowflake.jobs import Jobs
from customer_analytics.embedded_snowflake.rewrites import SERVER_VERSION
from customer_analytics.embedded_snowflake.session import Session
from customer_analytics.embedded_snowflake.sessions import Sessions
from customer_analytics.embedded_snowflake.statement import Statement
from customer_analytics.embedded_snowflake.store import Store
from customer_analytics.embedded_snowflake.transfers import FileLinks

Handler = Callable[[Request], Awaitable[Response]]


class Endpoint:
    """The routes and what they work on."""

    def __init__(self, store: Store, sessions: Sessions, jobs: Jobs, token: str) -> None:
        self.store = store
        self.sessions = sessions
        self.jobs = jobs
        self.last_request = time.monotonic()
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
                Route("/embedded/stop", self._quietly(self.stop), methods=["POST"]),
                Route("/{path:path}", self._quietly(self.unknown), methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    def _quietly(self, handler: Callable[[Request], Awaitable[dict[str, Any]]]) -> Handler:
        async def answered(request: Request) -> Response:
            self.last_request = time.monotonic()
            try:
                content = await handler(request)
            except SnowflakeError as error:
                content = failure(error)
            return JSONResponse(content)

        return answered

    async def login(self, request: Request) -> dict[str, Any]:
        """Open a session, if the password is the endpoint's token."""
        data = (await _body(request))["data"]
        if not secrets.compare_digest(str(data.get("PASSWORD") or "").encode(), self._token.encode()):
            raise SnowflakeError(390100, "08001", "Incorrect username or password was specified.")
        parameters = {name.upper(): value for name, value in (data.get("SESSION_PARAMETERS") or {}).items()}
        autocommit = str(parameters.pop("AUTOCOMMIT", True)).upper() == "TRUE"
        session = self.sessions.open(
            str(data.get("LOGIN_NAME") or "USER"), autocommit=autocommit, parameters=parameters
        )
        query = request.query_params
        await run_in_threadpool(self._choose, session, query.get("databaseName"), query.get("schemaName"))
        session.warehouse = query.get("warehouse") or session.warehouse
        session.role = query.get("roleName") or session.role
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

    async def renew(self, request: Request) -> dict[str, Any]:
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

    async def heartbeat(self, request: Request) -> dict[str, Any]:
        """Say whether the session is there."""
        self.sessions.by_token(_token(request))
        return success(None)

    async def close_session(self, request: Request) -> dict[str, Any]:
        """Close the session."""
        session = self.sessions.by_token(_token(request))
        if request.query_params.get("delete"):
            await run_in_threadpool(self.sessions.close, session)
        return success(None)

    async def query(self, request: Request) -> dict[str, Any]:
        """Run a statement."""
        session = self.sessions.by_token(_token(request))
        body = await _body(request)
        bound = bindings.values(body.get("bindings") or {})
        many = bool(bound) and isinstance(bound[0], list)
        links = FileLinks(f"{request.url.scheme}://{request.url.netloc}", self._links_secret)
        statement = Statement(
            sql=body["sqlText"],
            session=session,
            sessions=self.sessions,
            links=links,
            bindings=() if many else bound,
            rows=list(zip(*bound, strict=True)) if many else None,
            describe_only=bool(body.get("describeOnly")),
            result_of=lambda query_id: self.jobs.by_query(query_id).future.result(),
        )
        job = self.jobs.submit(statement, request.query_params.get("requestId") or secrets.token_hex(16))
        if body.get("asyncExec"):
            return in_progress(job)
        return await answer(job)

    async def abort(self, request: Request) -> dict[str, Any]:
        """Interrupt the statement of a request."""
        self.sessions.by_token(_token(request))
        await run_in_threadpool(self.jobs.cancel, str((await _body(request)).get("requestId")))
        return success(None)

    async def result(self, request: Request) -> dict[str, Any]:
        """The result of a statement that was started before."""
        self.sessions.by_token(_token(request))
        return await answer(self.jobs.by_query(request.path_params["query_id"]))

    async def monitor(self, request: Request) -> dict[str, Any]:
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
        signed = secrets.compare_digest(request.query_params.get("signature", ""), links.sign(path, mode))
        file: Path = self.store.stages / path
        if not signed or (mode == "get") != (request.method == "GET"):
            return Response(status_code=403)
        if request.method == "GET":
            return FileResponse(file) if file.is_file() else Response(status_code=404)
        if not (self.store.stages / path.split("/")[0]).is_dir():
            return Response(status_code=404)
        await transfers.receive(file, request.stream(), replace=mode == "put")
        return Response()

    async def health(self, request: Request) -> dict[str, Any]:
        """Say that this is the endpoint with this token, and since which start."""
        self._check_token(request)
        return success({"health": "ok", "instance": self._instance})

    async def stop(self, request: Request) -> dict[str, Any]:
        """Stop the server, once this is answered."""
        self._check_token(request)
        self.stop_requested.set()
        return success(None)

    async def unknown(self, request: Request) -> dict[str, Any]:
        """Telemetry and whatever else a client may send along."""
        return success(None)

    def _check_token(self, request: Request) -> None:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not secrets.compare_digest(given.encode(), self._token.encode()):
            raise SnowflakeError(390100, "08001", "Incorrect token.")


async def _body(request: Request) -> Any:
    content = await request.body()
    if request.headers.get("Content-Encoding") == "gzip":
        content = gzip.decompress(content)
    return json.loads(content) if content else {}


def _token(request: Request) -> str:
    return request.headers.get("Authorization", "").removeprefix('Snowflake Token="').removesuffix('"')


def _fold(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.upper()
