"""Runs and endpoints killed anywhere: the next run ends with the tables of a run that nobody killed."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from customer_analytics import tables
from customer_analytics.embedded_snowflake import find, stop
from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.small_source import write_small_source

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_source(tmp_path_factory.mktemp("source"))


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    made = Deployment(tmp_path / "home")
    yield made
    stop(made.home)


@pytest.fixture(scope="module")
def undisturbed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[float, dict[str, Any]]]:
    """How long the process of a run takes and what it leaves when nobody kills anything."""
    made = Deployment(tmp_path_factory.mktemp("undisturbed"))
    began = time.monotonic()
    run = made.start("run", "--source", str(source))
    printed, _ = run.communicate()
    seconds = time.monotonic() - began
    assert run.returncode == 0, printed
    yield seconds, contents(made)
    stop(made.home)


def contents(deployment: Deployment) -> dict[str, Any]:
    """All rows of all tables but for when calls were transcribed."""
    return {
        name: sorted(
            str({column: value for column, value in row.items() if column != "TRANSCRIBED_AT"})
            for row in deployment.rows(f"SELECT * FROM {name}")
        )
        for name in tables.TABLES
    }


@pytest.mark.parametrize("victim", ["run", "endpoint"])
def test_a_rerun_after_kills_gives_the_tables_of_an_undisturbed_run(
    deployment: Deployment, source: Path, undisturbed: tuple[float, dict[str, Any]], victim: str
) -> None:
    seconds, expected = undisturbed
    moments = random.Random(20200217)
    for _ in range(2):
        run = deployment.start("run", "--source", str(source))
        time.sleep(moments.uniform(0.2, 0.9) * seconds)
        endpoint = find(deployment.home)
        pid = run.pid if victim == "run" else endpoint.pid if endpoint else None
        if pid and run.poll() is None:
            os.kill(pid, signal.SIGKILL)
        run.communicate()
    deployment.call("run", "--source", str(source))
    assert contents(deployment) == expected
    schemas = "SELECT COUNT(*) AS N FROM INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME LIKE 'RUN%'"
    assert deployment.rows(schemas) == [{"N": 0}]
