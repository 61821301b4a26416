"""An endpoint serves the folder that it was started for: no copy of it, and no other one that has its name later."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import snowflake.connector

from customer_analytics.embedded_snowflake import ensure_running, find, stop


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    stop(tmp_path / "home")


def test_a_copy_of_a_state_folder_is_not_served_by_the_endpoint_of_the_original(
    home: Path, tmp_path: Path
) -> None:
    endpoint = ensure_running(home)
    shutil.copytree(home, tmp_path / "copy")
    assert find(tmp_path / "copy") is None
    assert not stop(tmp_path / "copy")
    assert find(home) == endpoint


def test_the_endpoint_of_a_folder_that_was_moved_away_leaves_its_name_to_another(
    home: Path, tmp_path: Path
) -> None:
    moved = tmp_path / "moved"
    try:
        first = ensure_running(home)
        with snowflake.connector.connect(**first.connection_args) as connection:
            connection.cursor().execute("CREATE DATABASE KEPT")
        home.rename(moved)
        second = ensure_running(home)
        assert second.pid != first.pid
        psutil.wait_procs([psutil.Process(first.pid)] if psutil.pid_exists(first.pid) else [], timeout=15)
        assert find(moved) is None
        assert find(home) == second
        with snowflake.connector.connect(**ensure_running(moved).connection_args) as connection:
            assert connection.cursor().execute("SHOW DATABASES").fetchall()[0][1] == "KEPT"
    finally:
        stop(moved)
