"""A writer killed after any statement leaves the old rows or the new ones, and readers never see anything else."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics_tests.warehouse.stock import STOCK, contents, staged

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW = {"train": 1, "kite": 2}, {"kite": 3, "ball": 4, "doll": 5}
MOST_STATEMENTS = 12


@contextmanager
def reading(warehouse: EmbeddedWarehouse) -> Iterator[list[dict[str, int | None]]]:
    """What another session sees all the time."""
    reader = EmbeddedWarehouse(home=warehouse.home, database="TEST", schema_name=warehouse.schema_name)
    reader.run_id = "11111111-1111-1111-1111-111111111111"
    seen: list[dict[str, int | None]] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(contents(reader))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()
        reader.close()


@pytest.mark.parametrize("how", ["replace", "merge"])
def test_only_whole_old_or_whole_new_rows_are_ever_seen(warehouse: EmbeddedWarehouse, how: str) -> None:
    command = [sys.executable, "-m", "customer_analytics_tests.warehouse.killed_writer"]
    arguments = [warehouse.home, warehouse.schema_name, how]
    pipe = subprocess.PIPE
    warehouse.writes.replace(STOCK, staged(warehouse, *OLD.items()))
    outcomes = []
    with (
        subprocess.Popen([*command, *arguments], stdin=pipe, stdout=pipe, text=True, cwd=ROOT) as writer,
        reading(warehouse) as seen,
    ):
        assert writer.stdin and writer.stdout
        for statement in range(1, MOST_STATEMENTS):
            print(statement, file=writer.stdin, flush=True)
            code = int(writer.stdout.readline())
            outcomes.append((code, contents(warehouse)))
            if code == 0:
                break
            warehouse.writes.replace(STOCK, staged(warehouse, *OLD.items()))
        writer.stdin.close()
    assert outcomes[0] == (-9, OLD)
    assert outcomes[-1] == (0, NEW)
    assert all(rows in (OLD, NEW) for _, rows in outcomes)
    assert OLD in seen
    assert all(rows in (OLD, NEW) for rows in seen)
