"""Kill the endpoint at random under four writers and a reader, and verify that no acknowledged write is lost.

    python -m benchmarks.kills [--kills 100] [--seed 1] [--folder /tmp/kills]

A batch is one transaction that writes the same number of rows to two tables. At the end, each acknowledged batch
must be in both tables exactly once, and every other batch in both or in neither. The reader must never see a
partial batch. Prints the figures, and exits with 1 if a batch violates this.
"""

import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import click
import snowflake.connector
from snowflake.connector.errors import Error

from customer_analytics.embedded_snowflake import StartError, ensure_running, stop

WRITERS, ROWS, TABLES = 4, 100, ("A", "B")
PROGRESS_SECONDS = 120.0
UNEQUAL = " UNION ALL ".join(
    f"SELECT WRITER, NUMBER FROM {table} GROUP BY 1, 2 HAVING COUNT(*) <> {ROWS} OR COUNT(DISTINCT N) <> {ROWS}"
    for table in TABLES
)
IN_ONE_ALONE = "SELECT WRITER, NUMBER FROM A MINUS SELECT WRITER, NUMBER FROM B"
Batch = tuple[int, int]


def connect(home: Path) -> Any:
    return snowflake.connector.connect(**ensure_running(home).connection_args, database="KILLS", schema="PUBLIC")


def repeat(home: Path, ended: Event, work: Callable[[Any], None]) -> None:
    """Repeat the work on one connection until it fails, then on a new one."""
    while not ended.is_set():
        try:
            connection = connect(home)
            while not ended.is_set():
                work(connection.cursor())
        except (Error, StartError):
            continue


def write(home: Path, ended: Event, writer: int, acknowledged: Path) -> None:
    """Write numbered batches, and record the acknowledged ones."""
    number = 0
    with acknowledged.open("w", buffering=1) as notes:

        def batch(cursor: Any) -> None:
            nonlocal number
            number += 1
            cursor.execute("BEGIN")
            for table in TABLES:
                rows = f"SELECT {writer}, {number}, SEQ4() FROM TABLE(GENERATOR(ROWCOUNT => {ROWS}))"
                cursor.execute(f"INSERT INTO {table} {rows}")
            cursor.execute("COMMIT")
            notes.write(f"{number}\n")

        repeat(home, ended, batch)


def read(home: Path, ended: Event, seen: Path) -> None:
    """Look for partial batches, and record each result."""
    with seen.open("w", buffering=1) as notes:

        def look(cursor: Any) -> None:
            found = cursor.execute(f"SELECT COUNT(*) FROM ({UNEQUAL} UNION ALL ({IN_ONE_ALONE}))").fetchone()
            notes.write(f"{found[0]}\n")

        repeat(home, ended, look)


@dataclass
class Found:
    """The batches in the tables at the end, compared with the acknowledged ones."""

    acknowledged: set[Batch]
    stored: dict[str, Counter[Batch]]

    @property
    def lost(self) -> set[Batch]:
        return {batch for batch in self.acknowledged if not all(rows[batch] for rows in self.stored.values())}

    @property
    def doubled(self) -> set[Batch]:
        return {batch for rows in self.stored.values() for batch in rows if rows[batch] > ROWS}

    @property
    def partial(self) -> set[Batch]:
        everything = set().union(*self.stored.values())
        return {b for b in everything if any(rows[b] < ROWS for rows in self.stored.values())} - self.lost

    @property
    def unacknowledged(self) -> set[Batch]:
        return set().union(*self.stored.values()) - self.acknowledged


def lines(files: list[Path]) -> int:
    return sum(len(file.read_text().splitlines()) for file in files if file.exists())


def kill_at_random(home: Path, kills: int, moments: random.Random, notes: list[Path]) -> list[float]:
    """Kill the endpoint repeatedly, each time after an acknowledged batch; the seconds of each restart."""
    restarts = []
    for _ in range(kills):
        pid, before = ensure_running(home).pid, lines(notes)
        deadline = time.monotonic() + PROGRESS_SECONDS
        while lines(notes) == before:
            if time.monotonic() > deadline:
                raise TimeoutError(f"No batch was acknowledged within {PROGRESS_SECONDS:.0f} s.")
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.5))
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        ensure_running(home)
        restarts.append(time.monotonic() - began)
        print(f"kill {len(restarts)}, {lines(notes):,} batches acknowledged", flush=True)
    return restarts


def found(home: Path, notes: list[Path]) -> Found:
    acknowledged = {(w, int(n)) for w, file in enumerate(notes) for n in file.read_text().splitlines()}
    cursor, stored = connect(home).cursor(), {}
    for table in TABLES:
        rows = cursor.execute(f"SELECT WRITER, NUMBER, COUNT(*) FROM {table} GROUP BY 1, 2").fetchall()
        stored[table] = Counter({(writer, number): count for writer, number, count in rows})
    return Found(acknowledged, stored)


@click.command()
@click.option("--kills", default=100, show_default=True, help="Number of kills.")
@click.option("--seed", default=1, show_default=True, help="Random seed of the kill times.")
@click.option("--folder", type=click.Path(path_type=Path), help="State folder [default: a temporary folder].")
def main(kills: int, seed: int, folder: Path | None) -> None:
    """Kill the endpoint at random under four writers and a reader, and look for lost or partial batches."""
    folder = folder or Path(tempfile.mkdtemp(prefix="kills-"))
    home, notes, seen = folder / "home", [folder / f"writer-{n}" for n in range(WRITERS)], folder / "reader"
    folder.mkdir(parents=True, exist_ok=True)
    with snowflake.connector.connect(**ensure_running(home).connection_args) as connection:
        connection.cursor().execute("CREATE OR REPLACE DATABASE KILLS")
        for table in TABLES:
            connection.cursor().execute(f"CREATE TABLE {table} (WRITER INT, NUMBER INT, N INT)")
    context = multiprocessing.get_context("spawn")
    ended = context.Event()
    clients = [context.Process(target=write, args=(home, ended, n, file)) for n, file in enumerate(notes)]
    clients.append(context.Process(target=read, args=(home, ended, seen)))
    for client in clients:
        client.start()
    try:
        restarts = kill_at_random(home, kills, random.Random(seed), notes)
    finally:
        ended.set()
        for client in clients:
            client.join(PROGRESS_SECONDS)
            client.kill()
    result = found(home, notes)
    stop(home)
    torn = [int(line) for line in seen.read_text().splitlines() if line != "0"]
    faults = {"lost": result.lost, "doubled": result.doubled, "partial": result.partial}
    print(f"{len(restarts)} kills, {len(result.acknowledged):,} batches of {2 * ROWS} rows acknowledged")
    print(", ".join(f"{len(batches)} {name}" for name, batches in faults.items()))
    print(f"{len(result.unacknowledged)} batches in progress at a kill are complete")
    print(f"{lines([seen]):,} reads, {len(torn)} of them with a partial batch")
    print(f"restart: median {sorted(restarts)[len(restarts) // 2]:.1f} s, maximum {max(restarts):.1f} s")
    if any(faults.values()) or torn:
        sys.exit(f"Faults: {[name for name, batches in faults.items() if batches] or 'partial reads'}")


if __name__ == "__main__":
    main()
