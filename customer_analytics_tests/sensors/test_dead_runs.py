"""Runs whose process has died are closed, and no others."""

import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterRunStatus
from dagster._core.events import EngineEventData

from customer_analytics import run_locks
from customer_analytics.automation.dead_runs import (
    LAUNCHED_BY_COMMAND_LINE,
    close_dead_runs,
    close_dead_runs_of_command_line,
    dead_runs,
    free_places_of_unknown_runs,
)
from customer_analytics.supervisor import Process


def started(instance: dg.DagsterInstance, pid: int, tags: dict[str, str] | None = None) -> str:
    job = dg.Definitions([nothing]).resolve_implicit_global_asset_job_def()
    run = instance.create_run_for_job(job, tags=tags)
    instance.report_run_starting(run) if hasattr(instance, "report_run_starting") else None
    instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", run.job_name), run.run_id)
    instance.report_engine_event("Started process", run, EngineEventData.in_process(pid))
    return run.run_id


@dg.asset
def nothing() -> None: ...


def test_a_run_without_a_process_is_closed_and_one_with_a_process_is_not() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with dg.instance_for_test() as instance:
        dead, alive = started(instance, ended.pid), started(instance, os.getpid())
        assert close_dead_runs(instance) == [dead]
        statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {dead: DagsterRunStatus.FAILURE, alive: DagsterRunStatus.STARTED}


def test_a_run_whose_pid_a_later_process_has_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.instance_for_test() as instance:
        run = started(instance, os.getpid())
        assert close_dead_runs(instance) == []
        monkeypatch.setattr(Process, "is_alive", lambda self: True)
        since_the_clock_was_corrected = Process(os.getpid(), time.time() + 30)
        monkeypatch.setattr(Process, "of", lambda pid: since_the_clock_was_corrected)
        assert close_dead_runs(instance) == []
        later = Process(os.getpid(), time.time() + 3600)
        monkeypatch.setattr(Process, "of", lambda pid: later)
        assert close_dead_runs(instance) == [run]


def test_a_run_of_the_command_line_is_closed_once_its_lock_is_released(tmp_path: Path) -> None:
    """Its PID says nothing here: the run may be in another container, which has PIDs of its own."""
    with dg.instance_for_test() as instance:
        run = started(instance, os.getpid(), LAUNCHED_BY_COMMAND_LINE)
        other = started(instance, os.getpid())
        with run_locks.hold(tmp_path, run):
            assert close_dead_runs(instance) == []
            assert close_dead_runs_of_command_line(instance, tmp_path) == []
        lock = tmp_path / "runs" / f"{run}.lock"
        lock.touch()  # as a killed process leaves it
        assert close_dead_runs_of_command_line(instance, tmp_path) == [run]
        assert not lock.exists()
        assert close_dead_runs_of_command_line(instance, tmp_path) == []
        statuses = {run.run_id: run.status for run in instance.get_runs()}
    assert statuses == {run: DagsterRunStatus.FAILURE, other: DagsterRunStatus.STARTED}


def test_a_sensor_leaves_runs_to_a_launcher_that_runs_them_elsewhere() -> None:
    """The lock of such a command-line run may be in a state folder on another machine."""
    elsewhere = {"run_launcher": {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"}}
    with dg.instance_for_test(overrides=elsewhere) as instance:
        run = started(instance, os.getpid(), LAUNCHED_BY_COMMAND_LINE)
        dead_runs(dg.build_sensor_context(instance))
        assert instance.get_run_by_id(run).status is DagsterRunStatus.STARTED


def test_a_run_that_ends_while_it_is_examined_is_not_marked_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with dg.instance_for_test() as instance:
        run = started(instance, os.getpid(), LAUNCHED_BY_COMMAND_LINE)

        def ended(home: Path, name: str) -> bool:
            instance.report_dagster_event(dg.DagsterEvent("PIPELINE_SUCCESS", "job"), run)
            return False

        monkeypatch.setattr(run_locks, "is_held", ended)
        assert close_dead_runs_of_command_line(instance, tmp_path) == []
        assert instance.get_run_by_id(run).status is DagsterRunStatus.SUCCESS


def test_a_run_that_the_history_does_not_know_keeps_nobody_waiting() -> None:
    pool = {"concurrency": {"pools": {"default_limit": 1}}}
    with dg.instance_for_test(overrides=pool) as instance:
        storage, known = instance.event_log_storage, started(instance, os.getpid())
        storage.initialize_concurrency_limit_to_default("files")
        assert storage.claim_concurrency_slot("files", "lost", "step").is_claimed
        assert not storage.claim_concurrency_slot("files", known, "step").is_claimed
        free_places_of_unknown_runs(instance)
        assert storage.claim_concurrency_slot("files", known, "step").is_claimed
        free_places_of_unknown_runs(instance)
        assert storage.claim_concurrency_slot("files", known, "step").is_claimed
