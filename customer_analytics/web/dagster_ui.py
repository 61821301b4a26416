"""Dagster's web UI behind the guard."""

from pathlib import Path

import uvicorn
from dagster._cli.utils import get_instance_for_cli
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from dagster._utils.log import configure_loggers
from dagster_webserver.app import create_app_from_workspace_process_context
from dagster_webserver.version import __version__
from starlette.datastructures import Headers, QueryParams
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from customer_analytics.web.guard import Access, Guard

HEALTH_PATH = "/server_info"
_STATEMENT_MILLISECONDS = 15_000
_POOL_RECYCLE_SECONDS = 3600
_POOL_OVERFLOW = 20
_POLL_MILLISECONDS = 2000
_STOP_SECONDS = 5


def serve(workspace: Path, address: str, port: int, allowed: Access) -> None:
    """Serve the UI for the code locations of a workspace file, until SIGTERM or Ctrl-C.

    The instance is that of DAGSTER_HOME. Like Dagster's own commands, this reads variables from a file `.env` in
    the current folder.
    """
    configure_loggers(log_level="INFO")
    with get_instance_for_cli() as instance:
        instance.optimize_for_webserver(_STATEMENT_MILLISECONDS, _POOL_RECYCLE_SECONDS, _POOL_OVERFLOW)
        target = WorkspaceFileTarget([str(workspace)])
        with WorkspaceProcessContext(instance, target, version=__version__) as context:
            ui = create_app_from_workspace_process_context(context, live_data_poll_rate=_POLL_MILLISECONDS)
            uvicorn.run(
                Guard(OnlyJson(ui), allowed, HEALTH_PATH),
                host=address,
                port=port,
                log_level="warning",
                timeout_graceful_shutdown=_STOP_SECONDS,
            )


class OnlyJson:
    """ASGI middleware: accepts GraphQL only by POST, and POST only with JSON, which no form or image can send."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["method"] in ("GET", "HEAD") and _is_query(scope):
            refusal = PlainTextResponse("Send GraphQL queries by POST.\n", 405, {"Allow": "POST"})
            await refusal(scope, receive, send)
        elif scope["method"] not in ("GET", "HEAD") and _media_type(scope) != "application/json":
            refusal = PlainTextResponse("The Content-Type must be application/json.\n", 415)
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _is_query(scope: Scope) -> bool:
    # Without a query, this is the page for writing queries.
    return str(scope["path"]).rstrip("/").endswith("/graphql") and "query" in QueryParams(scope["query_string"])


def _media_type(scope: Scope) -> str:
    return Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
