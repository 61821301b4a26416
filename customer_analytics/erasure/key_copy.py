"""A copy of ERASED_KEYS in the state folder, so that customers stay erased if the warehouse is lost."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from customer_analytics.damage import damaged, write_atomically
from customer_analytics.erasure.keys import ERASED_KEYS
from customer_analytics.ports.warehouse.base import Warehouse

Key = tuple[str, str, str]
"""Customer, kind and value, as in ERASED_KEYS."""


def path(home: Path) -> Path:
    """The path of the copy."""
    return home / "erased_keys.json"


def read(home: Path) -> frozenset[Key] | None:
    """The keys in the copy, or None if it is absent; raises DamagedError if it cannot be read."""
    file = path(home)
    if not file.exists():
        return None
    try:
        keys = json.loads(file.read_bytes())["keys"]
        return frozenset((str(customer), str(kind), str(value)) for customer, kind, value in keys)
    except (ValueError, TypeError, KeyError):
        raise damaged(file, "it is not a list of keys") from None


def merge(home: Path, warehouse: Warehouse, more: Iterable[Key] = ()) -> None:
    """Add the keys of the table, of the copy, and `more` to both the table and the copy."""
    before = read(home)
    select = f"SELECT CUSTOMER_ID, KIND, VALUE FROM {warehouse.name(ERASED_KEYS.name)}"  # noqa: S608
    found = warehouse.query_or_none(select)
    rows = [] if found is None else found.to_pylist()
    recorded: frozenset[Key] = frozenset((row["CUSTOMER_ID"], row["KIND"], row["VALUE"]) for row in rows)
    keys = recorded | (before or frozenset()) | frozenset(more)
    if missing := sorted(keys - recorded):
        columns = [list(column) for column in zip(*missing, strict=True)]
        warehouse.writes.ensure_schema()
        warehouse.writes.ensure_table(ERASED_KEYS)
        warehouse.writes.upsert(ERASED_KEYS, pa.table(columns, schema=ERASED_KEYS.arrow_schema))
    if keys != before:
        write(home, keys)


def write(home: Path, keys: Iterable[Key]) -> None:
    """Replace the copy with these keys."""
    write_atomically(path(home), json.dumps({"keys": sorted(keys)}))
