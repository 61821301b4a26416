"""Keys that identify the data of erased customers, so that it is not loaded again."""

import csv
import io
import json
import re
from collections import defaultdict
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.calls import LeftOut
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.text import trimmed
from customer_analytics.ml.training_set import text_hash
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.tables import Column, SqlType, Table
from customer_analytics.tables.model import identifier
from customer_analytics.tables.sources import STG_COMMENT_TRAINING, STG_ORDERS, STG_PAYMENTS

CUSTOMER, ORDER, TEXT, FILE = "CUSTOMER_ID", "ORDER_ID", "TEXT_HASH", "STAGE_FILE"

# What separates an id from the surrounding text.
_BOUNDARY = "[^0-9A-Za-z]"
_NOTHING = "a^"
_SEPARATORS = (",", ";", "\t", "|")
_TEXTS = ("RAW", "REASON")

# Not a table of the asset graph: no asset writes it, and no run may replace it.
ERASED_KEYS = Table(
    "ERASED_KEYS",
    "One row per key that identifies data of an erased customer. Data with such a key is not loaded.",
    (
        identifier("CUSTOMER_ID", "The erased customer."),
        Column(
            "KIND",
            SqlType.TEXT,
            "CUSTOMER_ID, ORDER_ID, TEXT_HASH (SHA-256 of a text) or STAGE_FILE (of a call).",
            nullable=False,
        ),
        Column("VALUE", SqlType.TEXT, "The key.", nullable=False),
    ),
    key=("CUSTOMER_ID", "KIND", "VALUE"),
)


@dataclass(frozen=True)
class ErasedKeys:
    """The keys of one or all erased customers."""

    customers: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    stage_files: frozenset[str] = frozenset()

    @classmethod
    def recorded(cls, warehouse: Warehouse, customer: str | None = None) -> "ErasedKeys":
        """The keys in the warehouse, of all erased customers or of one."""
        warehouse.writes.ensure_table(ERASED_KEYS)
        select = f"SELECT KIND, VALUE FROM {warehouse.name(ERASED_KEYS.name)}"  # noqa: S608
        where, values = (" WHERE CUSTOMER_ID = ?", [customer]) if customer is not None else ("", [])
        found: dict[str, set[str]] = defaultdict(set)
        for row in warehouse.query(select + where, values).to_pylist():
            found[row["KIND"]].add(row["VALUE"])
        return cls(
            customers=frozenset(found[CUSTOMER]),
            orders=frozenset(found[ORDER]),
            texts=frozenset(found[TEXT]),
            stage_files=frozenset(found[FILE]),
        )

    @property
    def calls(self) -> LeftOut:
        """The calls to exclude; their audio also if its customer is no longer known."""
        return LeftOut(self.customers, self.stage_files)

    def record(self, warehouse: Warehouse, customer: str) -> None:
        """Write these keys of a customer to the warehouse."""
        kinds: dict[str, frozenset[str]] = {
            CUSTOMER: self.customers,
            ORDER: self.orders,
            TEXT: self.texts,
            FILE: self.stage_files,
        }
        pairs = sorted((kind, value) for kind, values in kinds.items() for value in values)
        columns = [[customer] * len(pairs), [kind for kind, _ in pairs], [value for _, value in pairs]]
        warehouse.writes.ensure_table(ERASED_KEYS)
        warehouse.writes.upsert(ERASED_KEYS, pa.table(columns, schema=ERASED_KEYS.arrow_schema))

    def left_out(self, file: LoadedFile) -> LoadedFile:
        """The file without the rows of erased customers."""
        if not self.customers:
            return file
        rows = file.rows
        if "CUSTOMER_ID" in rows.column_names:
            rows = _without(rows, rows["CUSTOMER_ID"], self.customers)
        if file.table in (STG_PAYMENTS, STG_ORDERS):
            rows = _without(rows, rows["ORDER_ID"], self.orders)
        if file.table is STG_COMMENT_TRAINING:
            hashes = pa.array([text_hash(text) for text in rows["REVIEW_TEXT"].to_pylist()], pa.string())
            rows = _without(rows, hashes, self.texts)
        rejected = file.rejected.filter(pc.invert(self.concern(file.table, file.rejected)))
        left_out = file.rows.num_rows - rows.num_rows + file.rejected.num_rows - rejected.num_rows
        return replace(file, rows=rows, rejected=rejected, lines_in=file.lines_in - left_out, left_out=left_out)

    def concern(self, table: Table, rejected: pa.Table) -> pa.ChunkedArray:
        """A mask of a table's rejected rows that belong to erased customers.

        The columns of a rejected row are unreliable. So a row belongs to a customer if the customer's id, or for
        payments an order's id, is a separate word in it; for training texts, if a field is one of the texts.
        """
        if table is STG_COMMENT_TRAINING:
            fields = (_fields(raw) for raw in rejected["RAW"].to_pylist())
            theirs = [not self.texts.isdisjoint(map(text_hash, texts)) for texts in fields]
            return pa.chunked_array([pa.array(theirs, pa.bool_())])
        ids = self.orders if table is STG_PAYMENTS else self.customers if _has_customers(table) else frozenset()
        pattern = _mention_pattern(ids)
        columns = (pc.fill_null(pc.match_substring_regex(rejected[name], pattern), False) for name in _TEXTS)
        return reduce(pc.or_, columns)


def _has_customers(table: Table) -> bool:
    return "CUSTOMER_ID" in table.column_names


def _mention_pattern(ids: Collection[str]) -> str:
    """The pattern of an id as a separate word: as it is, or with quotes escaped as in CSV and JSON."""
    forms = {form for id in ids for form in (id, id.replace('"', '""'), json.dumps(id, ensure_ascii=False)[1:-1])}
    return f"(^|{_BOUNDARY})({'|'.join(map(re.escape, sorted(forms)))})({_BOUNDARY}|$)" if forms else _NOTHING


def _fields(raw: str) -> set[str]:
    """The fields of a rejected row, with any of the possible separators."""
    if raw.startswith("{"):
        with suppress(ValueError):
            return {trimmed(value) for value in json.loads(raw).values() if isinstance(value, str)}
    rows = (csv.reader(io.StringIO(raw), delimiter=separator) for separator in _SEPARATORS)
    with suppress(csv.Error):  # a field is too long for the reader
        return {trimmed(field) for row in rows for fields in row for field in fields}
    return set()


def _without(rows: pa.Table, values: Any, erased: frozenset[str]) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(values, pa.array(sorted(erased), values.type))))
