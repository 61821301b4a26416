"""A second copy of ERASED_KEYS, in a file of the state folder: whoever loses the warehouse brings nobody back."""

import json
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from snowflake.connector.errors import ProgrammingError

from customer_analytics.damage import damaged, write_whole
from customer_analytics.erasure.keys import ERASED_KEYS
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.resources.warehouse.writes import NOT_THERE

Key = tuple[str, str, str]
"""Customer, kind and value, as in ERASED_KEYS."""


def file(home: Path) -> Path:
    """Where the copy is."""
    return home / "erased_keys.json"


def read(home: Path) -> frozenset[Key] | None:
    """The keys in the copy; None where there is none; raises DamagedError where it cannot be read."""
    path = file(home)
    if not path.exists():
        return None
    try:
        keys = json.loads(path.read_bytes())["keys"]
        return frozenset((str(customer), str(kind), str(value)) for customer, kind, value in keys)
    except (ValueError, TypeError, KeyError):
        raise damaged(path, "it is no list of keys") from None


def keep(home: Path, warehouse: Warehouse, more: Iterable[Key] = ()) -> None:
    """Have the table and the copy both hold what either of them holds, and these keys."""
    before = read(home)
    select = f"SELECT CUSTOMER_ID, KIND, VALUE FROM {warehouse.name(ERASED_KEYS.name)}"  # noqa: S608
    try:
        rows = warehouse.query(select).to_pylist()
    except ProgrammingError as error:
        if error.errno not in NOT_THERE:
            raise
        rows = []
    recorded: frozenset[Key] = frozenset((row["CUSTOMER_ID"], row["KIND"], row["VALUE"]) for row in rows)
    keys = recorded | (before or frozenset()) | frozenset(more)
    if missing := sorted(keys - recorded):
        columns = [list(column) for column in zip(*missing, strict=True)]
        warehouse.ensure_schema()
        warehouse.ensure_table(ERASED_KEYS)
        warehouse.upsert(ERASED_KEYS, pa.table(columns, schema=ERASED_KEYS.arrow_schema))
    if keys != before:
        write(home, keys)


def write(home: Path, keys: Iterable[Key]) -> None:
    """Have the copy hold these keys."""
    write_whole(file(home), json.dumps({"keys": sorted(keys)}))
