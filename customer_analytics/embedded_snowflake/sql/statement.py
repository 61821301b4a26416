"""A statement as a client sends it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from customer_analytics.embedded_snowflake.sql.bindings import Bound, read
from customer_analytics.embedded_snowflake.sql.transfers import FileLinks
from customer_analytics.embedded_snowflake.state.results import Result
from customer_analytics.embedded_snowflake.state.session import Session
from customer_analytics.embedded_snowflake.state.sessions import Sessions


@dataclass
class Statement:
    """One statement of a client."""

    sql: str
    session: Session
    sessions: Sessions
    links: FileLinks
    result_of: Callable[[str], Result]
    """Returns the result of an earlier statement by its query id."""
    release: Callable[[], None]
    """Releases the memory reserved for the request."""
    sent_bindings: Any = field(default=None, repr=False)
    """As sent, not validated."""
    describe_only: bool = False

    @cached_property
    def bound(self) -> Bound:
        """Bound values; raises SnowflakeError if one is not of its type."""
        return read(self.sent_bindings)

    def discard(self) -> None:
        """Drop text and values after the statement has run."""
        self.sql, self.sent_bindings = "", None
        self.__dict__.pop("bound", None)
        self.release()
