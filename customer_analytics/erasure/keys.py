"""The keys by which the rows of erased customers are known, wherever they turn up again."""

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
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import Column, SqlType, Table
from customer_analytics.tables.model import identifier
from customer_analytics.tables.sources import STG_COMMENT_TRAINING, STG_ORDERS, STG_PAYMENTS

CUSTOMER, ORDER, TEXT, FILE = "CUSTOMER_ID", "ORDER_ID", "TEXT_HASH", "STAGE_FILE"

# What separates an id from the text around it.
_APART = "[^0-9A-Za-z]"
_NOTHING = "a^"
_SEPARATORS = (",", ";", "\t", "|")
_TEXTS = ("RAW", "REASON")

# Not among the tables of the graph: no asset writes it, and no run may replace it.
ERASED_KEYS = Table(
    "ERASED_KEYS",
    "One row per key by which data of an erased customer are known; whatever carries one is not loaded again.",
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
    """The keys of one erased customer, or of all."""

    customers: frozenset[str] = frozenset()
    orders: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    stage_files: frozenset[str] = frozenset()

    @classmethod
    def recorded(cls, warehouse: Warehouse, customer: str | None = None) -> "ErasedKeys":
        """The keys that the warehouse keeps, of all erased customers or of one."""
        warehouse.ensure_table(ERASED_KEYS)
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
        """The calls that are not loaded; audio also where nothing tells any more whose it is."""
        return LeftOut(self.customers, self.stage_files)

    def record(self, warehouse: Warehouse, customer: str) -> None:
        """Keep these keys of a customer in the warehouse, from where `recorded` has them."""
        kinds: dict[str, frozenset[str]] = {
            CUSTOMER: self.customers,
            ORDER: self.orders,
            TEXT: self.texts,
            FILE: self.stage_files,
        }
        pairs = sorted((kind, value) for kind, values in kinds.items() for value in values)
        columns = [[customer] * len(pairs), [kind for kind, _ in pairs], [value for _, value in pairs]]
        warehouse.ensure_table(ERASED_KEYS)
        warehouse.upsert(ERASED_KEYS, pa.table(columns, schema=ERASED_KEYS.arrow_schema))

    def left_out(self, file: LoadedFile) -> LoadedFile:
        """The file as if the erased customers' rows were not in it."""
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
        """Which of a table's rejected rows are of the erased customers.

        No column of such a row can be trusted: it counts where a customer's id, or an order's in payments, stands
        in it as a word of its own, and in training texts where one of its fields is a text of theirs.
        """
        if table is STG_COMMENT_TRAINING:
            fields = (_fields(raw) for raw in rejected["RAW"].to_pylist())
            theirs = [not self.texts.isdisjoint(map(text_hash, texts)) for texts in fields]
            return pa.chunked_array([pa.array(theirs, pa.bool_())])
        ids = self.orders if table is STG_PAYMENTS else self.customers if _has_customers(table) else frozenset()
        pattern = _mention(ids)
        columns = (pc.fill_null(pc.match_substring_regex(rejected[name], pattern), False) for name in _TEXTS)
        return reduce(pc.or_, columns)


def _has_customers(table: Table) -> bool:
    return "CUSTOMER_ID" in table.column_names


def _mention(ids: Collection[str]) -> str:
    """The pattern of a text with an id as a word of its own: as it is, and as CSV and JSON write it in quotes."""
    forms = {form for id in ids for form in (id, id.replace('"', '""'), json.dumps(id, ensure_ascii=False)[1:-1])}
    return f"(^|{_APART})({'|'.join(map(re.escape, sorted(forms)))})({_APART}|$)" if forms else _NOTHING


def _fields(raw: str) -> set[str]:
    """The fields of a rejected row, whatever separates them."""
    if raw.startswith("{"):
        with suppress(ValueError):
            return {trimmed(value) for value in json.loads(raw).values() if isinstance(value, str)}
    rows = (csv.reader(io.StringIO(raw), delimiter=separator) for separator in _SEPARATORS)
    with suppress(csv.Error):  # a field longer than the reader takes
        return {trimmed(field) for row in rows for fields in row for field in fields}
    return set()


def _without(rows: pa.Table, values: Any, erased: frozenset[str]) -> pa.Table:
    return rows.filter(pc.invert(pc.is_in(values, pa.array(sorted(erased), values.type))))
