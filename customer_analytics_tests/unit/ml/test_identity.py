"""Ids of rows without a key."""

from datetime import datetime

import pyarrow as pa
import pytest

from customer_analytics.ml.identity import object_ids
from customer_analytics_tests.unit.ml.letters import MONDAY, SCHEMA, TUESDAY, batch


def test_ids_are_the_same_on_every_machine_and_in_every_release() -> None:
    rows = batch((7, MONDAY, "naïve 😀"), (None, None, ""))
    assert object_ids(rows, SCHEMA.names) == [
        "c971203a-55b6-556f-a503-78df800127c6",
        "a5e63ef3-f964-53d4-a1e9-d1ad3459e251",
    ]


def test_equal_rows_are_told_apart_by_their_occurrence_in_the_whole_stream() -> None:
    row = (7, MONDAY, "again")
    at_once = object_ids(batch(row, row, (8, MONDAY, "once"), row), SCHEMA.names)
    occurrences: dict[bytes, int] = {}
    parts = [batch(row), batch(row, (8, MONDAY, "once")), batch(row)]
    streamed = [id for part in parts for id in object_ids(part, SCHEMA.names, occurrences)]
    assert len(set(at_once)) == 4
    assert streamed == at_once


def test_a_row_keeps_its_id_wherever_it_stands_and_however_its_columns_are_stored() -> None:
    expected = object_ids(batch((7, MONDAY, "a"), (8, TUESDAY, "b")), SCHEMA.names)
    other = pa.table(
        {
            "review_text": pa.chunked_array(
                [pa.array(["b"], pa.large_string()), pa.array(["a"], pa.large_string())]
            ),
            "date": pa.array([TUESDAY, MONDAY], pa.date64()),
            "customer_id": pa.array([8, 7], pa.int8()),
        }
    )
    assert object_ids(other, other.column_names) == expected[::-1]


def test_no_two_different_rows_share_an_id() -> None:
    texts = [
        "",
        "a",
        "b",
        "ab",
        "s1:a",
        "a;",
        "n;",
        None,
        "1",
        "i1;",
        "2020-02-03",
        "é",
        "e\u0301",
        "a\x00",
        "a\x00b",
    ]
    pairs = pa.table({"x": [x for x in texts for _ in texts], "y": texts * len(texts)})
    numbers = pa.table({"x": pa.array([1, 11, -1, None]), "y": pa.array([11, 1, 1, 1])})
    days = pa.table({"x": pa.array([MONDAY]), "y": pa.array([""])})
    ids = [id for rows in (pairs, numbers, days) for id in object_ids(rows, ["x", "y"])]
    assert len(set(ids)) == len(texts) ** 2 + 4 + 1


def test_the_same_values_in_other_columns_make_another_row() -> None:
    rows = pa.table({"x": ["a"], "y": ["a"]})
    assert object_ids(rows, ["x"]) != object_ids(rows, ["y"])


def test_a_column_whose_values_have_no_agreed_spelling_is_refused() -> None:
    with pytest.raises(TypeError, match=r"amount is of type double"):
        object_ids(pa.table({"amount": [0.1]}), ["amount"])
    with pytest.raises(TypeError, match=r"at is of type timestamp"):
        object_ids(pa.table({"at": [datetime(2020, 1, 1)]}), ["at"])


# Sync
