"""Words that identify a customer's data in files."""

import importlib.util
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path

import pyarrow.compute as pc

from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.ports.warehouse.names import quoted
from customer_analytics.tables import TABLES, SqlType

Condition = tuple[str, str, tuple[object, ...]]
"""A table, a condition for its rows, and the values of the condition."""

_SHORTEST = 6  # bytes; any five bytes are likely to occur in a gigabyte of compressed data
_LONGEST = 200
_WORD = re.compile(r"\w+")
_LETTER = re.compile(r"[^\W\d_]")
# Columns with computed values instead of the source's.
_DERIVED = {
    *("AUDIO_HASH", "FILE_HASH", "VECTOR_ID", "MODEL", "MODEL_VERSION", "LANGUAGE", "ERROR"),
    *("SOURCE", "RULE", "REASON", "CALLED_AT_SOURCE", "ORIGIN", "CHANGE_CATEGORY", "ID"),
}


def distinctive_words(
    conditions: Iterable[Condition], keys: Iterable[str], warehouse: Warehouse
) -> frozenset[str]:
    """The words and values that occur only in rows that meet the conditions, in no other row of any table.

    Words and values of fewer than six bytes are excluded. So are those in the source code of this package or of
    Dagster, or in a key, because files contain them anyway. A whole value is included if none of its words is.
    """
    chosen = list(conditions)
    values = {value for condition in chosen for value in _texts(condition, warehouse)}
    words = {word[:_LONGEST].lower() for value in values for word in _WORD.findall(value) if _is_long(word)}
    words = {word for word in words if _LETTER.search(word)}
    wholes = {value.strip()[:_LONGEST].lower() for value in values}
    wholes = {value for value in wholes if _is_long(value) and _LETTER.search(value)}
    for text in chain(_others(chosen, warehouse), ["\n".join(keys), _programs()]):
        folded = text.lower()
        found = set(_WORD.findall(folded))
        joined = "\n".join(found)
        words = {word for word in words - found if word not in joined}
        wholes = {value for value in wholes if value not in folded}
    return frozenset(words | {value for value in wholes if not any(word in value for word in words)})


def id_if_distinctive(customer: str) -> set[str]:
    """A customer's id, if it is unlikely to be part of other data; not a word, because ERASED_KEYS keeps it."""
    return {customer} if _is_long(customer) and _LETTER.search(customer) else set()


def _is_long(word: str) -> bool:
    return len(word.encode(errors="replace")) >= _SHORTEST


def _texts(condition: Condition, warehouse: Warehouse) -> Iterator[str]:
    table, where, values = condition
    select = f"SELECT {_text_columns(table)} FROM {warehouse.name(table)} WHERE {where}"  # noqa: S608
    for column in warehouse.query(select, values).columns:
        yield from (value for value in column.to_pylist() if value)


def _text_columns(table: str) -> str:
    texts = (column.name for column in TABLES[table].columns if column.type is SqlType.TEXT)
    return ", ".join(quoted(name) for name in texts if name not in _DERIVED)


def _others(conditions: Iterable[Condition], warehouse: Warehouse) -> Iterator[str]:
    """The texts of all rows that meet no condition, joined into long strings."""
    met: dict[str, list[tuple[str, tuple[object, ...]]]] = {name: [] for name in TABLES}
    for table, where, values in conditions:
        met[table].append((where, values))
    for name in filter(_text_columns, TABLES):
        select = f"SELECT {_text_columns(name)} FROM {warehouse.name(name)}"  # noqa: S608
        if met[name]:
            select += f" WHERE NOT COALESCE({' OR '.join(f'({where})' for where, _ in met[name])}, FALSE)"
        values = tuple(value for _, of_condition in met[name] for value in of_condition)
        with warehouse.connection() as connection:
            cursor = connection.cursor()
            cursor.execute(select, values or None)
            for batch in cursor.fetch_arrow_batches():
                for column in batch.columns:
                    yield "\n".join(pc.unique(column.drop_null()).to_pylist())


@cache
def _programs() -> str:
    """The source code of this package and of Dagster."""
    found = []
    for package in ("dagster", __name__.partition(".")[0]):
        spec = importlib.util.find_spec(package)
        for folder in (spec and spec.submodule_search_locations) or ():
            files = sorted(Path(folder).rglob("*.py"))
            found += [file.read_text(encoding="utf-8", errors="replace").lower() for file in files]
    return "\n".join(found)
