"""Runs whose process has died are closed, and no others."""

import os
import subprocess
import sys

import dagster as dg
from dagster import DagsterRunStatus
from dagster._core.events import EngineEventData

from customer_analytics.automation.dead_runs import close_dead_runs, free_places_of_unknown_runs


def started(instance: dg.DagsterInstance, pid: int) -> str:
    run = instance.create_run_for_job(dg.Definitions([nothing]).resolve_implicit_global_asset_job_def())
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
