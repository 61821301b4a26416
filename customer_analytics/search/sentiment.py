"""Sentiment of what is in the collections, from the PRED_ tables; all values are bound as parameters."""

import datetime as dt
from collections.abc import Sequence

from customer_analytics.resources.warehouse.resource import NotThereError, Warehouse
from customer_analytics.search.hits import Filters, Hit, Source

_TABLES: dict[Source, str] = {"comment": "PRED_TWITTER_COMMENTS", "call": "PRED_CUSTOMER_CALLS"}


def passing(warehouse: Warehouse, source: Source, filters: Filters) -> set[str]:
    """Ids of the objects of a source whose date and sentiment are within the filters' ranges."""
    sql = f"SELECT VECTOR_ID FROM {_TABLES[source]} WHERE SENTIMENT BETWEEN ? AND ?"  # noqa: S608
    low = 0.0 if filters.sentiment_from is None else filters.sentiment_from
    high = 1.0 if filters.sentiment_to is None else filters.sentiment_to
    values: list[float | dt.date] = [low, high]
    if filters.by_date:
        sql += " AND DATE BETWEEN ? AND ?"
        values += [filters.date_from or dt.date.min, filters.date_to or dt.date.max]
    try:
        return set(warehouse.read(sql, values)["VECTOR_ID"].to_pylist())
    except NotThereError:
        return set()


def sentiments(warehouse: Warehouse, hits: Sequence[Hit]) -> dict[str, float]:
    """Sentiment by object id, of those hits that have been scored."""
    known: dict[str, float] = {}
    for source, table in _TABLES.items():
        ids = [hit.object_id for hit in hits if hit.source == source]
        if not ids:
            continue
        marks = ", ".join("?" * len(ids))
        sql = f"SELECT VECTOR_ID, SENTIMENT FROM {table} WHERE VECTOR_ID IN ({marks})"  # noqa: S608
        try:
            rows = warehouse.read(sql, ids)
        except NotThereError:
            continue
        known |= dict(zip(rows["VECTOR_ID"].to_pylist(), rows["SENTIMENT"].to_pylist(), strict=True))
    return known
