"""The IO manager: what assets take from and give to the warehouse."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import dagster as dg
import pandas as pd
import pyarrow as pa
from snowflake.snowpark import DataFrame

from customer_analytics.lineage import metadata as lineage
from customer_analytics.resources.scope import Scope
from customer_analytics.resources.warehouse.query_tag import for_asset
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.retries import at_once
from customer_analytics.tables import Table, table


@dataclass(frozen=True)
class Part:
    """Rows that take the place of those of a table whose column holds one of the values, and of no others."""

    rows: DataFrame | pa.Table
    column: str
    values: Sequence[Any]


Rows: TypeAlias = "DataFrame | pd.DataFrame | pa.Table | Part"
WRITE_MODE = "write_mode"
WriteMode = Literal["replace", "merge"]
PART_BY = "part_by"


class SnowflakeIOManager(dg.ConfigurableIOManager):
    """Writes what an asset returns to its table, and hands tables on without moving their rows.

    An asset whose input is annotated as a Snowpark DataFrame gets a reference to the table; as `pandas.DataFrame`
    or `pyarrow.Table`, the rows themselves. What it returns may be any of these, or a `Part`.
    The asset's metadata declares the write mode: `replace` (the default) or `merge` on the table's key; and the
    column that its parts go by, if it can be written by parts. In a run with a scope, such an asset gets of its
    inputs, and gives to its table, the rows of the scope alone. The Dagster database gets relation, row count,
    columns and query id; never rows.
    """

    warehouse: dg.ResourceDependency[Warehouse]
    scope: dg.ResourceDependency[Scope]

    @at_once
    def handle_output(self, context: dg.OutputContext, obj: Rows) -> None:
        """Write the rows of an asset to its table."""
        target = table(context.asset_key.path[-1])
        mode: WriteMode = context.definition_metadata.get(WRITE_MODE, "replace")
        part_by: str = context.definition_metadata.get(PART_BY, "")
        values = self.scope.resolved(self.warehouse).values(part_by) if part_by else None
        if isinstance(obj, Part):
            part_by, values, obj = obj.column, list(obj.values), obj.rows
        changes = ""
        with for_asset(context.asset_key.to_user_string()):
            rows = self._in_warehouse(target, obj)
            if mode == "merge" or values is not None:
                written = self.warehouse.merge(target, rows, only=None if values is None else {part_by: values})
                changes = f", {written.inserted:,} new, {written.updated:,} changed, {written.deleted:,} removed"
            else:
                written = self.warehouse.replace(target, rows)
        context.log.info(f"{target.name}: {written.rows:,} rows{changes}")
        declared = context.definition_metadata
        context.add_output_metadata(
            {
                "dagster/row_count": written.rows,
                "dagster/relation_identifier": relation(self.warehouse, target),
                "dagster/column_schema": column_schema(target),
                "query_id": written.query_id,
                # A lineage that is read from a query comes with the rows.
                **{key: declared[key] for key in lineage.KEYS if key in declared},
            }
        )

    @at_once
    def load_input(self, context: dg.InputContext) -> Any:
        """The table of an upstream asset, in the type that the input is annotated with."""
        frame = self.warehouse.table(table(context.asset_key.path[-1]).name)
        if part_by := context.definition_metadata.get(PART_BY):
            frame = self.scope.resolved(self.warehouse).part(frame, part_by)
        wanted = context.dagster_type.typing_type
        if wanted is pd.DataFrame:
            return frame.to_pandas()
        if wanted is pa.Table:
            return frame.to_arrow()
        return frame

    def _in_warehouse(self, target: Table, obj: Rows) -> DataFrame:
        session = self.warehouse.session()  # labels what follows with the asset
        if isinstance(obj, DataFrame):
            return obj
        rows = pa.Table.from_pandas(obj, preserve_index=False) if isinstance(obj, pd.DataFrame) else obj
        return session.table(self.warehouse.stage(target, rows))


def relation(warehouse: Warehouse, target: Table) -> str:
    """The table's name as people write it."""
    return f"{warehouse.database}.{warehouse.schema_name}.{target.name}"


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
