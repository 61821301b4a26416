"""Several commands at once on a new state folder: all of them work, and what they leave can be opened."""

import multiprocessing
import sqlite3
from multiprocessing.pool import Pool
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from customer_analytics.doctor import examine
from customer_analytics.instance import dagster_home, dagster_instance
from customer_analytics.settings import Settings

AT_ONCE, HOMES = 4, 5
together: Barrier


def join(barrier: Barrier) -> None:
    global together
    together = barrier


def runs_known_in(homes: list[Path]) -> list[str]:
    """What one of the processes meets that all open the same new homes, one after another."""
    met = []
    for home in homes:
        together.wait(120)  # also for the slowest to import what it needs
        try:
            with dagster_instance(Settings(home=home)) as instance:
                met.append(str(instance.get_runs_count()))
        except Exception as error:  # every error is reported
            met.append(f"{type(error).__name__}: {error}"[:200])
    return met


@pytest.fixture(scope="module")
def processes() -> Pool:
    context = multiprocessing.get_context("spawn")
    with context.Pool(AT_ONCE, join, (context.Barrier(AT_ONCE),)) as pool:
        yield pool


def test_processes_that_open_dagsters_history_at_once_on_a_new_home_all_succeed(
    processes: Pool, tmp_path: Path
) -> None:
    homes = [tmp_path / str(number) for number in range(HOMES)]
    met = processes.map(runs_known_in, [homes] * AT_ONCE, chunksize=1)
    assert met == [["0"] * HOMES] * AT_ONCE
    databases = [path for home in homes for path in home.rglob("*.db")]
    assert len(databases) == 3 * HOMES  # runs, events and schedules
    assert {path: versions(path) for path in databases} == dict.fromkeys(databases, 1)


def versions(database: Path) -> int:
    (count,) = sqlite3.connect(database).execute("SELECT COUNT(*) FROM alembic_version").fetchone()
    return int(count)


def test_a_process_that_is_reading_dagsters_settings_never_finds_half_of_them(tmp_path: Path) -> None:
    used = dagster_home(Settings(home=tmp_path)) / "dagster.yaml"
    whole = used.read_text()
    used.write_text("telemetry:\n  enabled: true\n")  # as of an earlier release
    with used.open() as reading:
        dagster_home(Settings(home=tmp_path))
        assert reading.read() == "telemetry:\n  enabled: true\n"
    assert used.read_text() == whole


def test_doctor_opens_the_history_before_it_says_that_it_is_sound(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert next(found for found in examine(settings) if found.subject == "run history").sound
    with sqlite3.connect(tmp_path / "dagster" / "history" / "runs.db") as database:
        database.execute("INSERT INTO alembic_version VALUES ('another')")
    assert not next(found for found in examine(settings) if found.subject == "run history").sound
