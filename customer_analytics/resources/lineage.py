"""Column lineage as Dagster's metadata: of queries, and of assets that are not made by one query."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg
from snowflake.snowpark import DataFrame

from customer_analytics.column_lineage import UnknownLineageError, column_sources
from customer_analytics.ml.collections import PROPERTIES, text_property
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables import TABLES, Table

KEYS = ("dagster/column_lineage", "columns_come_from")
# The name of an asset, and of one of its columns.
AssetColumn = tuple[str, str]
_log = logging.getLogger(__name__)


def metadata(sources: Mapping[str, Iterable[AssetColumn]]) -> dict[str, Any]:
    """Lineage for Dagster, and as a table to read, because only Dagster+ draws it.

    `sources` are the columns that each column is computed from.
    """
    ordered = {column: sorted(of) for column, of in sources.items()}
    return {
        "dagster/column_lineage": dg.TableColumnLineage(
            {
                column: [dg.TableColumnDep(asset_key=asset, column_name=name) for asset, name in of]
                for column, of in ordered.items()
            }
        ),
        "columns_come_from": dg.MetadataValue.md(_as_text(ordered)),
    }


def of_query(rows: DataFrame, warehouse: Warehouse) -> dict[str, Any]:
    """The lineage of a query over the schema's tables, read from its SQL; none, with a warning, if unreadable."""
    assets = {warehouse.name(table.name): name.lower() for name, table in TABLES.items()}
    tables = {warehouse.name(table.name): table.column_names for table in TABLES.values()}
    try:
        found = column_sources(rows.queries["queries"][-1], tables)
    except UnknownLineageError as error:
        _log.warning("No column lineage: %s", error)
        return {}
    return metadata({column: [(assets[s.table], s.column) for s in of] for column, of in found.items()})


def _as_text(sources: Mapping[str, Iterable[AssetColumn]]) -> str:
    lines = ["| column | comes from |", "| --- | --- |"]
    for column, of in sources.items():
        lines.append(f"| {column} | {', '.join('.'.join(source) for source in of) or 'nowhere'} |")
    return "\n".join(lines)


_AUDIO = ("stg_support_calls", "AUDIO_HASH")  # names the audio

CALL_TRANSCRIPTS = metadata(
    {
        **{name: [("stg_support_calls", name)] for name in ("CUSTOMER_ID", "RELATIVE_PATH", "AUDIO_HASH")},
        **{name: [_AUDIO] for name in ("TRANSCRIPT", "LANGUAGE", "DURATION_SECONDS", "STATUS", "ERROR")},
    }
)

# The classifier's columns are those of its predictions for the training texts by folds that did not see them.
SENTIMENT_CLASSIFIER = metadata(
    {
        "TEXT_HASH": [("comment_training", "text_hash")],
        "LABEL": [("comment_training", "label")],
        "SENTIMENT": [("comment_training", "vector"), ("comment_training", "label")],
    }
)


def predictions(table: Table, collection: str) -> dict[str, Any]:
    """The lineage of a prediction table whose rows are the objects of a collection, an asset."""
    made: dict[str, list[AssetColumn]] = {
        "SENTIMENT": [(collection, "vector"), ("sentiment_classifier", "SENTIMENT")],
        "IS_OUT_OF_FOLD": [(collection, "text_hash"), ("sentiment_classifier", "TEXT_HASH")],
        "MODEL_VERSION": [("sentiment_classifier", "SENTIMENT")],
        "VECTOR_ID": [(collection, "id")],
    }
    return metadata({name: made.get(name, [(collection, name.lower())]) for name in table.column_names})


def collection(name: str, table: str) -> dict[str, Any]:
    """The columns of a collection and their lineage, for the asset that brings it to the rows of a table."""
    source = table.lower()
    text = (source, text_property(name).upper())
    properties = {property: [(source, property.upper())] for property in PROPERTIES[name]}
    columns = [
        dg.TableColumn("id", "uuid", "Derived from all columns of the row and how often it has occurred."),
        dg.TableColumn("text_hash", "string", "SHA-256 of the text, in hexadecimal."),
        dg.TableColumn("vector", "float32[]", "The text's vector."),
        *(
            dg.TableColumn(name, str(kind), f"{name.upper()} of the row.")
            for name, kind in PROPERTIES[name].items()
        ),
    ]
    of_row = [source for sources in properties.values() for source in sources]
    return {
        "dagster/column_schema": dg.TableSchema(columns),
        **metadata({"id": of_row, "text_hash": [text], "vector": [text], **properties}),
    }
