"""What a run is about: everything, or what new files concern."""

from collections.abc import Collection
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.ingestion.call_names import customer_of
from customer_analytics.resources.recorded_scopes import read
from customer_analytics.resources.warehouse.resource import Warehouse

LARGEST = 1_000
"""Values of a column that a run may be restricted to; with more of them, reading all rows costs no more."""


class Scope(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The calls or comments that a run is about; with none named, a run is about all rows of all tables.

    An asset that is written by parts says which column they go by. In a run with a scope it reads and writes the
    rows of the scope's values alone, and leaves all others as they are.
    """

    calls: list[str] = Field(
        default=[], max_length=LARGEST, description="Relative paths of new, changed or removed calls."
    )

    comment_files: list[str] = Field(
        default=[], max_length=LARGEST, description="Paths of new and changed comment files, below the source."
    )

    customers: list[str] = Field(
        default=[],
        max_length=LARGEST,
        description="Customers who wrote what these files say, or said before, and those of the calls where the "
        "files' names do not tell.",
    )

    recorded: str = Field(
        default="",
        description="Name of values that are kept in RUN_SCOPES, in place of those above: so requested runs are "
        "recorded without a path and without a customer.",
    )

    again: bool = Field(
        default=False, description="Whether to listen again to calls that could not be transcribed."
    )

    _resolved: "Scope | None" = PrivateAttr(default=None)

    @property
    def is_whole(self) -> bool:
        """Whether the run is about everything."""
        return not (self.calls or self.comment_files or self.recorded)

    def resolved(self, warehouse: Warehouse) -> "Scope":
        """The scope with the values that its name stands for.

        Raises:
            LookupError: They are not kept any more.
        """
        if not self.recorded:
            return self
        if self._resolved is None:
            values: dict[str, Any] = read(warehouse, self.recorded)
            if not values:
                raise LookupError(
                    "What this run was to be about is not recorded any more: start one about everything instead."
                )
            self._resolved = Scope(**values, again=self.again)
        return self._resolved

    def covers(self, customers: Collection[str | None]) -> bool:
        """Whether the run is about all of these customers; rows of nobody wait for a run about everything."""
        return self.is_whole or set(customers) - {None} <= set(self.customers)

    def part(self, rows: DataFrame, column: str) -> DataFrame:
        """The rows that the run is about, by one of their columns."""
        values = self.values(column)
        return rows if values is None else rows.filter(f.col(column).in_(values))

    def where(self, column: str) -> dict[str, list[Any]]:
        """The objects of a collection that the run is about, as the filter that a vector store takes."""
        values = self.values(column)
        return {} if values is None else {column.lower(): values}

    def values(self, column: str) -> list[Any] | None:
        """The values of a column that the run is about; None if it is about all of them."""
        if self.is_whole:
            return None
        if self.recorded:
            raise RuntimeError("The values of this scope are in the warehouse: use `resolved`.")
        if column == "RELATIVE_PATH":
            return self.calls
        if column == "CUSTOMER_ID":
            customers = {customer_of(path) for path in self.calls}
            return sorted({customer for customer in customers if customer is not None}.union(self.customers))
        raise ValueError(f"A run cannot be restricted by {column}: declare parts by RELATIVE_PATH or CUSTOMER_ID.")


WHOLE = Scope()
"""No restriction."""
