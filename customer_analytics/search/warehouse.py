"""Sentiments, dates and filters of found objects, from the warehouse; all values are bound as parameters."""

import datetime as dt
from collections.abc import Sequence

from customer_analytics.ingestion.call_manifest import property_text
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.search.hits import Filters, Hit, Source

DAY_OF_CALL = "CAST(CONVERT_TIMEZONE('UTC', ?, S.CALLED_AT) AS DATE)"
"""The day of a call in STG_SUPPORT_CALLS S; the time zone is a bind parameter."""

_TABLES: dict[Source, str] = {"comment": "PRED_TWITTER_COMMENTS", "call": "PRED_CUSTOMER_CALLS"}
_ROWS: dict[Source, str] = {
    "comment": "PRED_TWITTER_COMMENTS P",
    "call": "PRED_CUSTOMER_CALLS P JOIN STG_SUPPORT_CALLS S ON S.RELATIVE_PATH = P.RELATIVE_PATH",
}
_DAYS: dict[Source, str] = {"comment": "P.DATE", "call": DAY_OF_CALL}


def passing(warehouse: Warehouse, source: Source, filters: Filters, time_zone: str) -> set[str]:
    """Ids of a source's objects that pass the filters on sentiment, date and properties."""
    conditions: list[str] = []
    values: list[float | dt.date | str] = []
    if filters.by_sentiment:
        conditions.append("P.SENTIMENT BETWEEN ? AND ?")
        low = 0.0 if filters.sentiment_from is None else filters.sentiment_from
        high = 1.0 if filters.sentiment_to is None else filters.sentiment_to
        values += [low, high]
    if filters.by_date:
        conditions.append(f"{_DAYS[source]} BETWEEN ? AND ?")
        values += [time_zone] if source == "call" else []
        values += [filters.date_from or dt.date.min, filters.date_to or dt.date.max]
    for name, value in filters.properties:
        conditions.append("CONTAINS(S.PROPERTIES, ?)")
        values.append(property_text(name, value))
    sql = f"SELECT P.VECTOR_ID FROM {_ROWS[source]} WHERE {' AND '.join(conditions)}"  # noqa: S608
    rows = warehouse.query_or_none(sql, values)
    return set() if rows is None else set(rows["VECTOR_ID"].to_pylist())


def days_of_calls(warehouse: Warehouse, hits: Sequence[Hit], time_zone: str) -> dict[str | None, dt.date]:
    """The known days of calls among the hits, by relative path."""
    paths = [hit.relative_path for hit in hits if hit.relative_path is not None]
    if not paths:
        return {}
    sql = f"""SELECT RELATIVE_PATH, {DAY_OF_CALL} AS DAY FROM STG_SUPPORT_CALLS S
        WHERE CALLED_AT IS NOT NULL AND RELATIVE_PATH IN ({", ".join("?" * len(paths))})"""  # noqa: S608
    rows = warehouse.query_or_none(sql, [time_zone, *paths])
    if rows is None:
        return {}
    return dict(zip(rows["RELATIVE_PATH"].to_pylist(), rows["DAY"].to_pylist(), strict=True))


def sentiments(warehouse: Warehouse, hits: Sequence[Hit]) -> dict[str, float | None]:
    """Sentiment by object id, for hits with a prediction; None without a classifier."""
    known: dict[str, float | None] = {}
    for source, table in _TABLES.items():
        ids = [hit.object_id for hit in hits if hit.source == source]
        if not ids:
            continue
        marks = ", ".join("?" * len(ids))
        sql = f"SELECT VECTOR_ID, SENTIMENT FROM {table} WHERE VECTOR_ID IN ({marks})"  # noqa: S608
        rows = warehouse.query_or_none(sql, ids)
        if rows is not None:
            known |= dict(zip(rows["VECTOR_ID"].to_pylist(), rows["SENTIMENT"].to_pylist(), strict=True))
    return known
