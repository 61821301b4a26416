"""The IO manager: what assets read from and write to the warehouse."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import dagster as dg
import pandas as pd
import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources import lineage
from customer_analytics.resources.retries import fail_fast
from customer_analytics.scope import Scope
from customer_analytics.tables import Table, table

_asset: ContextVar[str | None] = ContextVar("asset", default=None)


@dataclass(frozen=True)
class ReplaceWhere:
    """Rows that replace the rows of a table whose column has one of the values; all other rows stay."""

    rows: DataFrame | pa.Table
    column: str
    values: Sequence[Any]


Rows: TypeAlias = "DataFrame | pd.DataFrame | pa.Table | ReplaceWhere"
WRITE_MODE = "write_mode"
WriteMode = Literal["replace", "merge"]
PART_BY = "part_by"


class SnowflakeIOManager(dg.IOManager):
    """Writes what an asset returns to its table, and passes tables on without moving their rows.

    An input annotated as a Snowpark DataFrame is a reference to the table; as `pandas.DataFrame` or
    `pyarrow.Table`, its rows. An asset may return any of these, or `ReplaceWhere`. Its metadata declare the write
    mode, `replace` (the default) or `merge` on the table's key, and optionally a column that separates parts: in a
    run with a scope, such an asset reads and writes only the rows with the scope's values. Dagster's database gets
    the relation, the row count, the columns and the query id, but no rows.
    """

    def __init__(self, warehouse: Warehouse, scope: Scope) -> None:
        self._warehouse = warehouse
        self._scope = scope

    @fail_fast
    def handle_output(self, context: dg.OutputContext, obj: Rows) -> None:
        """Write the rows of an asset to its table."""
        target = table(context.asset_key.path[-1])
        mode: WriteMode = context.definition_metadata.get(WRITE_MODE, "replace")
        part_by: str = context.definition_metadata.get(PART_BY, "")
        values = self._scope.resolved(self._warehouse).values(part_by) if part_by else None
        if isinstance(obj, ReplaceWhere):
            part_by, values, obj = obj.column, list(obj.values), obj.rows
        changes = ""
        with for_asset(context.asset_key.to_user_string()):
            rows = self._in_warehouse(target, obj)
            if mode == "merge" or values is not None:
                written = self._warehouse.writes.merge(
                    target, rows, only=None if values is None else {part_by: values}
                )
                changes = f", {written.inserted:,} new, {written.updated:,} changed, {written.deleted:,} removed"
            else:
                written = self._warehouse.writes.replace(target, rows)
        if not context.step_context.has_data_version(context.asset_key):
            # Tables depend on more than code and upstream tables (files, models): each write is a new version.
            context.step_context.set_data_version(context.asset_key, dg.DataVersion(context.run_id))
        context.log.info(f"{target.name}: {written.rows:,} rows{changes}")
        declared = context.definition_metadata
        context.add_output_metadata(
            {
                **table_metadata(self._warehouse, target, written.rows),
                "query_id": written.query_id,
                # A lineage that is read from a query comes with the rows.
                **{key: declared[key] for key in lineage.KEYS if key in declared},
            }
        )

    @fail_fast
    def load_input(self, context: dg.InputContext) -> Any:
        """The table of an upstream asset, in the type that the input is annotated with."""
        frame = self._warehouse.table(table(context.asset_key.path[-1]).name)
        if part_by := context.definition_metadata.get(PART_BY):
            frame = self._scope.resolved(self._warehouse).part(frame, part_by)
        wanted = context.dagster_type.typing_type
        if wanted is pd.DataFrame:
            return frame.to_pandas()
        if wanted is pa.Table:
            return frame.to_arrow()
        return frame

    def _in_warehouse(self, target: Table, obj: Rows) -> DataFrame:
        session = self._warehouse.session()  # sets the query tag to this asset
        if isinstance(obj, DataFrame):
            return obj
        rows = pa.Table.from_pandas(obj, preserve_index=False) if isinstance(obj, pd.DataFrame) else obj
        return session.table(self._warehouse.scratch.stage(target, rows))


@dg.io_manager(required_resource_keys={"warehouse", "scope"})
def io_manager(context: dg.InitResourceContext) -> SnowflakeIOManager:
    """The IO manager on the warehouse and the scope of the run."""
    return SnowflakeIOManager(context.resources.warehouse, context.resources.scope)


def table_metadata(warehouse: Warehouse, target: Table, rows: int) -> dict[str, Any]:
    """The table's name, columns and number of rows for the Dagster UI."""
    return {
        "dagster/row_count": rows,
        "dagster/relation_identifier": f"{warehouse.database}.{warehouse.schema_name}.{target.name}",
        "dagster/column_schema": column_schema(target),
    }


def column_schema(target: Table) -> dg.TableSchema:
    """The table's columns for the Dagster UI."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                str(column.type),
                column.description,
                dg.TableColumnConstraints(nullable=column.nullable, unique=target.key == (column.name,)),
            )
            for column in target.columns
        ]
    )


@contextmanager
def for_asset(name: str) -> Iterator[None]:
    """Label what this thread does in the block with one of the assets of its step."""
    token = _asset.set(name)
    try:
        yield
    finally:
        _asset.reset(token)


def current_asset() -> str | None:
    """The asset, or the assets, of the step that this thread runs; None outside of steps."""
    if named := _asset.get():
        return named
    try:
        step = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return None
    keys = step.selected_asset_keys or {check.asset_key for check in step.selected_asset_check_keys}
    return ", ".join(sorted(key.to_user_string() for key in keys))
