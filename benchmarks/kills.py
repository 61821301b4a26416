"""The endpoint is killed at random under four writers and a reader: nothing acknowledged is lost or doubled.

    python -m benchmarks.kills [--kills 100] [--seed 1] [--folder /tmp/kills]

A batch is one transaction that writes the same number of rows into two tables. At the end, each batch that was
acknowledged has to stand in both exactly once, and each other batch in both or in neither; the reader must never
see anything else. Prints what was found, and exits with 1 if that does not hold.
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


def again_and_again(home: Path, ended: Event, work: Callable[[Any], None]) -> None:
    """Do the work on one connection until it fails, and then on another."""
    while not ended.is_set():
        try:
            connection = connect(home)
            while not ended.is_set():
                work(connection.cursor())
        except (Error, StartError):
            continue


def write(home: Path, ended: Event, writer: int, acknowledged: Path) -> None:
    """Write batches, each with a number of its own, and note those that were acknowledged."""
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

        again_and_again(home, ended, batch)


def read(home: Path, ended: Event, seen: Path) -> None:
    """Look for batches that are not whole, and note each look."""
    with seen.open("w", buffering=1) as notes:

        def look(cursor: Any) -> None:
            found = cursor.execute(f"SELECT COUNT(*) FROM ({UNEQUAL} UNION ALL ({IN_ONE_ALONE}))").fetchone()
            notes.write(f"{found[0]}\n")

        again_and_again(home, ended, look)


@dataclass
class Found:
    """The batches that stand at the end, against those that were acknowledged."""

    acknowledged: set[Batch]
    standing: dict[str, Counter[Batch]]

    @property
    def lost(self) -> set[Batch]:
        return {batch for batch in self.acknowledged if not all(rows[batch] for rows in self.standing.values())}

    @property
    def doubled(self) -> set[Batch]:
        return {batch for rows in self.standing.values() for batch in rows if rows[batch] > ROWS}

    @property
    def partial(self) -> set[Batch]:
        everything = set().union(*self.standing.values())
        return {b for b in everything if any(rows[b] < ROWS for rows in self.standing.values())} - self.lost

    @property
    def unacknowledged(self) -> set[Batch]:
        return set().union(*self.standing.values()) - self.acknowledged


def lines(files: list[Path]) -> int:
    return sum(len(file.read_text().splitlines()) for file in files if file.exists())


def kill_at_random(home: Path, kills: int, moments: random.Random, notes: list[Path]) -> list[float]:
    """Kill the endpoint that many times, each time after batches were acknowledged; seconds of each restart."""
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
    cursor, standing = connect(home).cursor(), {}
    for table in TABLES:
        rows = cursor.execute(f"SELECT WRITER, NUMBER, COUNT(*) FROM {table} GROUP BY 1, 2").fetchall()
        standing[table] = Counter({(writer, number): count for writer, number, count in rows})
    return Found(acknowledged, standing)


@click.command()
@click.option("--kills", default=100, show_default=True, help="How often the endpoint is killed.")
@click.option("--seed", default=1, show_default=True, help="Another seed, other moments.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where state goes; a temporary folder if none.")
def main(kills: int, seed: int, folder: Path | None) -> None:
    """Kill the endpoint at random under four writers and a reader, and look for what was lost, doubled or torn."""
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
    print(f"{len(result.unacknowledged)} stand whole of those that were under way when the endpoint was killed")
    print(f"{lines([seen]):,} looks of the reader, {len(torn)} of them at a batch that was not whole")
    print(f"back after {sorted(restarts)[len(restarts) // 2]:.1f} s in the median, {max(restarts):.1f} s at most")
    if any(faults.values()) or torn:
        sys.exit(f"Not what was acknowledged: {[name for name, batches in faults.items() if batches]}")


if __name__ == "__main__":
    main()
