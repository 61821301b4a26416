"""Requests of this package's own clients: health, check, copy and purge."""

import secrets

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from customer_analytics.embedded_snowflake.protocol import proof
from customer_analytics.embedded_snowflake.protocol.answers import Answer, success
from customer_analytics.embedded_snowflake.state import copying, file_check, rewriting
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError
from customer_analytics.embedded_snowflake.state.sessions import Sessions
from customer_analytics.embedded_snowflake.state.statement_log import StatementLog


class Operations:
    """Handlers of the requests below /embedded, each of which proves that its sender knows the token."""

    def __init__(self, sessions: Sessions, log: StatementLog, token: str) -> None:
        self.instance = secrets.token_hex(8)
        """Identifies this run of the endpoint."""
        self._sessions = sessions
        self._log = log
        self._token = token

    async def health(self, request: Request) -> Answer:
        """Prove that this endpoint knows the token, and identify its process."""
        nonce = request.query_params.get("nonce", "")
        _check(request, proof.challenge(self._token, nonce))
        return success(proof.Identity.of_this_process(self.instance).answer(self._token, nonce))

    async def purge(self, request: Request) -> Answer:
        """Rewrite the database files without deleted data, and empty the logs."""
        self._check_order(request)
        await run_in_threadpool(rewriting.rewrite, self._sessions)
        await run_in_threadpool(self._log.clear)
        await run_in_threadpool(rewriting.empty_logs, self._sessions.store.folder)
        return success(None)

    async def check(self, request: Request) -> Answer:
        """Read all database files and report the damaged ones."""
        self._check_order(request)

        def found() -> list[list[str]]:
            with self._sessions.gate.passing():
                return [[str(path), why] for path, why in file_check.unreadable_tables(self._sessions.store)]

        return success(await run_in_threadpool(found))

    async def copy(self, request: Request) -> Answer:
        """Copy the state and return the folder of the copy."""
        self._check_order(request)
        try:
            return success({"folder": str(await run_in_threadpool(copying.copy, self._sessions))})
        except OSError as error:
            raise SnowflakeError(100132, "58030", f"The state could not be copied: {error}") from error

    def _check_order(self, request: Request) -> None:
        _check(request, proof.order(self._token, self.instance, request.url.path))


def _check(request: Request, expected: str) -> None:
    if not proof.same(request.headers.get("Authorization", ""), expected):
        raise SnowflakeError(390100, "08001", "Incorrect token.")
