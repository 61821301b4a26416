"""Replace and merge through the real connector and Snowpark."""

from decimal import Decimal

import pyarrow as pa
import pytest

from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics_tests.warehouse.stock import DAY, MOMENT, STOCK, contents, rows, staged


def test_rows_come_back_with_their_declared_types_and_values(warehouse: EmbeddedWarehouse) -> None:
    row = {
        "TOY": 'it\'s\n"ünïcode"; DROP',
        "PIECES": -7,
        "PRICE": Decimal("19.99"),
        "SINCE": DAY,
        "SEEN_AT": MOMENT,
    }
    table = pa.Table.from_pylist([row], STOCK.arrow_schema)
    warehouse.writes.replace(STOCK, warehouse.session().table(warehouse.scratch.stage(STOCK, table)))
    assert pa.Table.from_batches(warehouse.reads.rows(STOCK)).to_pylist() == table.to_pylist()


def test_replace_leaves_only_the_new_rows_and_keeps_comments(warehouse: EmbeddedWarehouse) -> None:
    warehouse.writes.replace(STOCK, staged(warehouse, ("train", 1), ("kite", 2)))
    written = warehouse.writes.replace(STOCK, staged(warehouse, ("kite", 3)))
    assert contents(warehouse) == {"kite": 3}
    assert written.rows == 1
    assert written.query_id
    described = warehouse.session().sql(f"DESCRIBE TABLE {warehouse.name('STOCK')}").collect()
    assert {row["name"]: row["comment"] for row in described}["TOY"] == "Name of the toy."


def test_replace_reads_from_the_table_that_it_replaces(warehouse: EmbeddedWarehouse) -> None:
    warehouse.writes.replace(STOCK, staged(warehouse, ("train", 1), ("kite", 2)))
    warehouse.writes.replace(STOCK, warehouse.table("STOCK").filter("TOY = 'kite'"))
    assert contents(warehouse) == {"kite": 2}


def test_replace_takes_the_place_of_a_table_with_other_columns(warehouse: EmbeddedWarehouse) -> None:
    warehouse.session().sql(f"CREATE TABLE {warehouse.name('STOCK')} (TOY VARCHAR, COLOUR VARCHAR)").collect()
    warehouse.writes.replace(STOCK, staged(warehouse, ("kite", 3)))
    assert contents(warehouse) == {"kite": 3}
    described = warehouse.session().sql(f"DESCRIBE TABLE {warehouse.name('STOCK')}").collect()
    assert [(row["name"], row["comment"]) for row in described] == [(c.name, c.description) for c in STOCK.columns]


def test_a_table_with_other_columns_is_neither_required_nor_merged(warehouse: EmbeddedWarehouse) -> None:
    warehouse.session().sql(f"CREATE TABLE {warehouse.name('STOCK')} (TOY VARCHAR, COLOUR VARCHAR)").collect()
    with pytest.raises(ValueError, match=r"differ from the declared ones: drop it, and the next run recreates"):
        warehouse.writes.require_table(STOCK)
    with pytest.raises(ValueError, match=r"differ from the declared ones"):
        warehouse.writes.merge(STOCK, staged(warehouse, ("kite", 3)))


def test_merge_inserts_updates_and_deletes_by_key(warehouse: EmbeddedWarehouse) -> None:
    warehouse.writes.merge(STOCK, staged(warehouse, ("train", 1), ("kite", 2), ("doll", None)))
    written = warehouse.writes.merge(STOCK, staged(warehouse, ("train", 1), ("kite", 5), ("ball", 4)))
    assert contents(warehouse) == {"train": 1, "kite": 5, "ball": 4}
    assert (written.inserted, written.updated, written.deleted, written.rows) == (1, 1, 1, 3)


def test_merge_touches_no_row_that_is_equal_already(warehouse: EmbeddedWarehouse) -> None:
    warehouse.writes.merge(STOCK, staged(warehouse, ("train", 1), ("doll", None)))
    written = warehouse.writes.merge(STOCK, staged(warehouse, ("train", 1), ("doll", None)))
    assert (written.inserted, written.updated, written.deleted) == (0, 0, 0)


def test_merge_without_deletion_keeps_what_is_not_named(warehouse: EmbeddedWarehouse) -> None:
    warehouse.writes.ensure_table(STOCK)
    warehouse.writes.upsert(STOCK, rows(("train", 1)))
    warehouse.writes.upsert(STOCK, rows(("kite", 2)))
    assert contents(warehouse) == {"train": 1, "kite": 2}


def test_merge_deletes_only_within_the_values_named(warehouse: EmbeddedWarehouse) -> None:
    warehouse.writes.merge(STOCK, staged(warehouse, ("train", 1), ("kite", 2), ("doll", 3)))
    warehouse.writes.merge(STOCK, staged(warehouse, ("ball", 9)), only={"TOY": ["kite", "it's"]})
    assert contents(warehouse) == {"train": 1, "doll": 3, "ball": 9}


def test_merge_refuses_a_key_that_repeats(warehouse: EmbeddedWarehouse) -> None:
    with pytest.raises(ValueError, match=r"TOY repeats in the rows for .*: 1 keys do"):
        warehouse.writes.merge(STOCK, staged(warehouse, ("train", 1), ("train", 2)))
    assert contents(warehouse) == {}


def test_an_empty_table_is_written_and_read(warehouse: EmbeddedWarehouse) -> None:
    warehouse.writes.replace(STOCK, staged(warehouse))
    assert contents(warehouse) == {}


def test_scratch_of_a_run_is_dropped_whole(warehouse: EmbeddedWarehouse) -> None:
    staged(warehouse, ("train", 1))
    assert warehouse.run_id in warehouse.scratch.runs()
    warehouse.scratch.drop(warehouse.run_id)
    assert warehouse.run_id not in warehouse.scratch.runs()
