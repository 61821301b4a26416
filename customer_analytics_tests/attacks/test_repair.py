"""Damage is found by reading, reported in one sentence, moved aside, and rebuilt from the source."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import snowflake.connector

from customer_analytics.adapters import Adapters
from customer_analytics.damage import DamagedError
from customer_analytics.embedded_snowflake import ensure_running, stop
from customer_analytics.erasure import key_copy
from customer_analytics.ml.collections import CUSTOMER_COMMENT, collection
from customer_analytics.settings import Settings
from customer_analytics.state_check import damages
from customer_analytics_tests.deployment import Deployment

ERASED = [("2", "CUSTOMER_ID", "2"), ("2", "ORDER_ID", "3")]
GARBAGE = random.Random(1).randbytes(3000)


@pytest.fixture(scope="module")
def state(shop: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state of the small shop as a backup has it, to be copied and damaged."""
    folder = tmp_path_factory.mktemp("state")
    shop.call("backup", str(folder / "shop.zip"))
    Deployment(folder / "home").call("restore", str(folder / "shop.zip"))
    return folder / "home"


def one(pattern: str) -> Callable[[Path], Path]:
    """The only file, or the first of several, that a pattern finds."""
    return lambda home: sorted(home.glob(pattern))[0]


DATABASE = one("warehouse/databases/CUSTOMER_ANALYTICS.duckdb")
FORMAT = one("warehouse/format.json")
STAGED = one("warehouse/stages/*/????????????????????????????????????????????????????????????????.*")
LANCE_MANIFEST = one("vectors/customer_comment*.lance/_versions/*.manifest")
LANCE_DATA = one("vectors/customer_comment*.lance/data/*.lance")
LANCE_INDEX = one("vectors/customer_comment*.lance/_indices/*/part_0_invert.lance")
RUNS, EVENTS = one("dagster/history/runs.db"), one("dagster/history/runs/index.db")
SCHEDULES, RUN = one("dagster/schedules/schedules.db"), one("dagster/history/runs/????????-*.db")
KEYS = one("erased_keys.json")


def flip_middle(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0x80
    file.write_bytes(content)


def garbage(file: Path) -> None:
    file.write_bytes(GARBAGE)


def empty(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


CASES = [
    *((DATABASE, how) for how in (flip_middle, garbage, empty, cut)),
    *((FORMAT, how) for how in (garbage, empty, cut)),
    *((STAGED, how) for how in (flip_middle, empty, cut)),
    *((LANCE_MANIFEST, how) for how in (garbage, empty)),
    *((LANCE_DATA, how) for how in (garbage, empty, cut, Path.unlink)),
    *((LANCE_INDEX, how) for how in (garbage, Path.unlink)),
    *((which, how) for which in (RUNS, EVENTS, SCHEDULES, RUN) for how in (garbage, empty, cut)),
    *((KEYS, how) for how in (garbage, empty)),
]


def test_nothing_is_damaged_in_a_sound_state(state: Path) -> None:
    assert list(damages(state)) == []


@pytest.mark.parametrize(("which", "how"), CASES)
def test_each_damaged_file_is_found(
    state: Path, tmp_path: Path, which: Callable[[Path], Path], how: Callable[[Path], None]
) -> None:
    damaged = which(state).relative_to(state)
    # The part of the state that the file is in; what reads the warehouse takes a second.
    part = tmp_path / damaged.parts[0]
    (shutil.copytree if (state / damaged.parts[0]).is_dir() else shutil.copy)(state / damaged.parts[0], part)
    how(tmp_path / damaged)
    (found,) = damages(tmp_path)
    assert (tmp_path / damaged).is_relative_to(found.path)
    assert found.why and "\n" not in found.why


@pytest.mark.parametrize("how", [garbage, empty, cut, Path.unlink])
def test_a_damaged_collection_is_told_of_by_whoever_uses_it(
    state: Path, tmp_path: Path, how: Callable[[Path], None]
) -> None:
    shutil.copytree(state / "vectors", tmp_path / "vectors")
    how(LANCE_DATA(tmp_path))
    made = Adapters(Settings(home=tmp_path))
    store, comments = made.vector_store, collection(CUSTOMER_COMMENT, made.embedder)
    vector = np.ones(comments.dimensions, dtype=np.float32)
    for use in (lambda: list(store.scan(comments)), lambda: store.search_vector(comments, vector, 3)):
        with pytest.raises(DamagedError, match=r"vectors is damaged .*customer-analytics repair") as raised:
            use()
        assert len(str(raised.value).splitlines()) == 1 and "cargo" not in str(raised.value)


def test_a_run_without_dagsters_database_fails_in_a_sentence(state: Path, tmp_path: Path) -> None:
    shutil.copytree(state / "dagster", tmp_path / "dagster")
    garbage(RUNS(tmp_path))
    done = Deployment(tmp_path).attempt("run", "--select", "key:customers")
    assert done.returncode == 1
    assert "is damaged" in done.stderr and "customer-analytics repair" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_a_database_is_not_given_up_where_nobody_knows_who_was_erased(state: Path, tmp_path: Path) -> None:
    for name in ("warehouse", "dagster"):
        shutil.copytree(state / name, tmp_path / name)
    garbage(DATABASE(tmp_path))
    done = Deployment(tmp_path).attempt("repair", "--yes")
    assert done.returncode == 1 and "which customers were erased" in done.stderr
    assert DATABASE(tmp_path).read_bytes() == GARBAGE


def test_who_was_erased_is_read_from_what_is_left_of_a_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    arguments = ensure_running(home).connection_args
    with snowflake.connector.connect(**arguments) as connection:
        for statement in (
            "CREATE DATABASE CUSTOMER_ANALYTICS",
            "CREATE SCHEMA ANALYTICS",
            "CREATE TABLE ERASED_KEYS (CUSTOMER_ID VARCHAR, KIND VARCHAR, VALUE VARCHAR)",
            "INSERT INTO ERASED_KEYS VALUES ('2', 'CUSTOMER_ID', '2'), ('2', 'ORDER_ID', '3')",
        ):
            connection.cursor().execute(statement)
    stop(home)
    log = DATABASE(home).with_suffix(".duckdb.wal")
    log.write_bytes(GARBAGE)  # which makes the database one that is moved aside
    deployment = Deployment(home)
    try:
        deployment.call("repair", "--yes")
        rows = deployment.rows("SELECT * FROM ERASED_KEYS ORDER BY KIND")
        assert [tuple(row.values()) for row in rows] == ERASED
        assert key_copy.read(home) == set(ERASED)
    finally:
        stop(home)


def test_after_a_repair_a_run_gives_the_same_rows_and_erased_customers_stay_erased(
    shop: Deployment, state: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(state, home)
    deployment = Deployment(home, shop.variables)
    try:
        key_copy.write(home, ERASED)
        for which in (DATABASE, LANCE_DATA, RUNS, STAGED):
            garbage(which(home))
        doctor = deployment.attempt("doctor")
        assert doctor.returncode == 1
        for name in ("CUSTOMER_ANALYTICS.duckdb", "customer_comment", "runs.db"):
            assert any(line.startswith("FAIL") and name in line for line in doctor.stdout.splitlines())
        told = deployment.call("repair", "--yes")
        (aside,) = (home / "damaged").iterdir()
        assert str(aside) in told
        assert DATABASE(aside).read_bytes() == RUNS(aside).read_bytes() == GARBAGE
        deployment.call("run")
        assert list(damages(home)) == []
        assert key_copy.read(home) == set(ERASED)
        assert [row["CUSTOMER_ID"] for row in deployment.rows("SELECT CUSTOMER_ID FROM CUSTOMERS")] == ["1", "3"]
        before, after = shop.tables(), deployment.tables()
        for name in (
            "CUSTOMERS",
            "ORDERS",
            "STG_PAYMENTS",
            "MRR",
            "PRED_TWITTER_COMMENTS",
            "PRES_CLV",
            "PRES_CHURN",
        ):
            assert after[name] == [row for row in before[name] if not _of_the_erased(row)], name
    finally:
        stop(home)


def _of_the_erased(row: str) -> bool:
    return "'CUSTOMER_ID': '2'" in row or "'ORDER_ID': '3'" in row
