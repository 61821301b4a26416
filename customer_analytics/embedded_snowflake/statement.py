"""A statement as it comes from a client."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from customer_analytics.embedded_snowflake.results import Result
from customer_analytics.embedded_snowflake.session import Session
from customer_analytics.embedded_snowflake.sessions import Sessions
from customer_analytics.embedded_snowflake.transfers import FileLinks


@dataclass
class Statement:
    """One statement on its way through the endpoint."""

    sql: str
    session: Session
    sessions: Sessions
    links: FileLinks
    bindings: Sequence[Any] = ()
    rows: Sequence[Sequence[Any]] | None = None
    """Rows of bindings, where the client has sent many for one statement."""
    describe_only: bool = False
    result_of: Callable[[str], Result] | None = None
    """Looks up the result of an earlier statement by its query id."""
