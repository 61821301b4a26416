"""What is said of the registry in the warehouse alone: its table, its files, and what is left of killed writers."""

import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import dagster as dg
import pytest

from customer_analytics.automation.maintenance import ModelHistory, remove_old_versions
from customer_analytics.ports.registry.base import DamagedModelError
from customer_analytics.ports.registry.warehouse_registry import WarehouseRegistry
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics_tests.contract.registries.versions import (
    FIRST,
    FOURTH,
    MODEL,
    SECOND,
    THIRD,
    default,
    names,
    stored,
)

ROOT = Path(__file__).resolve().parents[3]
FILES = ["booster.txt", "manifest.json", "out_of_fold.parquet"]


def run(warehouse: EmbeddedWarehouse, sql: str, content: bytes | None = None) -> list[tuple[object, ...]]:
    stream = {} if content is None else {"file_stream": BytesIO(content)}
    with warehouse.connection() as connection:
        return [tuple(row) for row in connection.cursor().execute(sql, **stream).fetchall()]


def location(warehouse: EmbeddedWarehouse, version: str, file: str = "") -> str:
    return f"'@{warehouse.name('MODEL_STAGE')}/{MODEL}/{version}/{file}'"


def put(warehouse: EmbeddedWarehouse, version: str, file: str, content: bytes) -> None:
    options = "AUTO_COMPRESS = FALSE OVERWRITE = TRUE"
    run(warehouse, f"PUT 'file://{file}' {location(warehouse, version)} {options}", content)


def test_of_versions_logged_at_the_same_time_the_last_added_is_the_default(
    warehouse_registry: WarehouseRegistry,
) -> None:
    """One statement adds and makes the default; Snowflake's own registry needs two."""
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: warehouse_registry.log(stored(f"V_{number:012X}")), range(4)))
    assert default(warehouse_registry) == names(warehouse_registry)[-1]


def test_its_files_are_text_and_parquet_below_model_and_version(
    warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry
) -> None:
    warehouse_registry.log(stored(FIRST))
    listed = run(warehouse, f"LIST {location(warehouse, FIRST)}")
    assert [row[0] for row in listed] == [f"model_stage/{MODEL}/{FIRST}/{file}" for file in FILES]


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named_and_logging_again_restores_it(
    warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry, file: str
) -> None:
    warehouse_registry.log(stored(FIRST))
    run(warehouse, f"REMOVE {location(warehouse, FIRST, file)}")
    with pytest.raises(DamagedModelError, match=rf"{MODEL}/{FIRST}/{file} is missing; train"):
        warehouse_registry.load(MODEL)
    warehouse_registry.log(stored(FIRST))
    assert warehouse_registry.load(MODEL) == stored(FIRST)
    assert names(warehouse_registry) == [FIRST]


@pytest.mark.parametrize("file", FILES)
def test_a_changed_file_is_named_and_logging_again_restores_it(
    warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry, file: str
) -> None:
    warehouse_registry.log(stored(FIRST))
    put(warehouse, FIRST, file, b"{}")
    with pytest.raises(DamagedModelError, match=rf"{MODEL}/{FIRST}/{file} is damaged"):
        warehouse_registry.load(MODEL)
    warehouse_registry.log(stored(FIRST))
    assert warehouse_registry.load(MODEL) == stored(FIRST)


def test_a_damaged_version_is_still_listed_and_others_still_load(
    warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry
) -> None:
    warehouse_registry.log(stored(FIRST))
    warehouse_registry.log(stored(SECOND))
    put(warehouse, SECOND, "booster.txt", b"")
    assert names(warehouse_registry) == [FIRST, SECOND]
    assert warehouse_registry.load(MODEL, FIRST) == stored(FIRST)


def test_what_a_killed_log_left_behind_is_no_version_and_a_rerun_completes_it(
    warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry
) -> None:
    """The statements over connections: put three files, add the row."""
    warehouse_registry.log(stored(FIRST))
    orders = [f"{SECOND}:1", f"{THIRD}:3", f"{FOURTH}:4"]
    module = "customer_analytics_tests.contract.registries.killed_logger"
    arguments = [warehouse.home, warehouse.schema_name, *orders]
    killed = subprocess.check_output([sys.executable, "-m", module, *arguments], cwd=ROOT, text=True)
    assert killed.split() == [str(-signal.SIGKILL)] * 3
    assert names(warehouse_registry) == [FIRST, FOURTH]
    assert warehouse_registry.load(MODEL) == stored(FOURTH)
    for version in (SECOND, THIRD):
        with pytest.raises(LookupError):
            warehouse_registry.load(MODEL, version)
        warehouse_registry.log(stored(version))
        assert warehouse_registry.load(MODEL) == stored(version)
    assert names(warehouse_registry) == [FIRST, FOURTH, SECOND, THIRD]


def test_the_table_shows_one_default_and_counts_versions_per_model(
    warehouse: EmbeddedWarehouse, warehouse_registry: WarehouseRegistry
) -> None:
    for version in (FIRST, SECOND, FIRST):
        warehouse_registry.log(stored(version))
    warehouse_registry.log(stored(THIRD, model_name="churn_classifier"))
    table = warehouse.name("MODEL_VERSIONS")
    columns = "MODEL_NAME, VERSION, IS_DEFAULT, SEQUENCE"
    assert run(warehouse, f"SELECT {columns} FROM {table} ORDER BY MODEL_NAME, SEQUENCE") == [
        ("churn_classifier", THIRD, True, 1),
        (MODEL, FIRST, True, 1),
        (MODEL, SECOND, False, 2),
    ]


def test_a_removed_version_leaves_no_files(warehouse_registry: WarehouseRegistry) -> None:
    warehouse_registry.log(stored(FIRST))
    warehouse_registry.log(stored(SECOND))
    warehouse_registry.remove(MODEL, FIRST)
    stage = warehouse_registry.warehouse.name("MODEL_STAGE")
    listed = warehouse_registry.warehouse.session().sql(f"LIST @{stage}").collect()
    assert [row["name"] for row in listed if FIRST in row["name"]] == []


def test_maintenance_keeps_the_latest_versions_and_the_default(warehouse_registry: WarehouseRegistry) -> None:
    for version in (FIRST, SECOND, THIRD, FOURTH, FIRST):  # the first is the default again
        warehouse_registry.log(stored(version, model_name="SENTIMENT_CLASSIFIER"))
    remove_old_versions(dg.build_op_context(), ModelHistory(versions=2), warehouse_registry)
    assert names(warehouse_registry, "SENTIMENT_CLASSIFIER") == [FIRST, THIRD, FOURTH]
