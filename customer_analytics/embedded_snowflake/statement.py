"""A statement as it comes from a client."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from customer_analytics.embedded_snowflake.bindings import Bound, read
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
    sent_bindings: Any = field(default=None, repr=False)
    """As the protocol carries them, unchecked."""
    describe_only: bool = False
    result_of: Callable[[str], Result] | None = None
    """Looks up the result of an earlier statement by its query id."""
    release: Callable[[], None] | None = None
    """Gives back the memory that was reserved for the request."""

    @property
    def bindings(self) -> Sequence[Any]:
        """Bound values; raises SnowflakeError if they are not of their types."""
        return () if self.rows is not None else self._bound.values

    @property
    def rows(self) -> Sequence[Sequence[Any]] | None:
        """Rows of bindings, where the client has sent many for one statement."""
        return self._bound.rows

    @cached_property
    def _bound(self) -> Bound:
        return read(self.sent_bindings)

    def forget(self) -> None:
        """Drop text and values, once the statement has run."""
        self.sql, self.sent_bindings = "", None
        self.__dict__.pop("_bound", None)
        release, self.release = self.release, None
        if release is not None:
            release()
