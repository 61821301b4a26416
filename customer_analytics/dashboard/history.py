"""Materializations and check results from Dagster's event log."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

import dagster as dg

_ACTIVE = dg.RunsFilter(
    statuses=[dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED]
)


@dataclass(frozen=True)
class Freshness:
    """When an asset was last written, and its number of rows; None if unknown."""

    asset: str
    group: str
    at: dt.datetime | None
    rows: int | None


@dataclass(frozen=True)
class Check:
    """The latest result of an asset check (passed, failed, or its execution status), and its figures."""

    asset: str
    name: str
    result: str
    blocking: bool
    at: dt.datetime | None
    figures: str


@dataclass(frozen=True)
class History:
    """The assets in topological order, their checks, and the number of active runs."""

    assets: list[Freshness]
    checks: list[Check]
    active_runs: int


def history(instance: dg.DagsterInstance) -> History:
    """The current state of the event log."""
    from customer_analytics.definitions import defs

    graph = defs.resolve_asset_graph()
    assets = [key for key in graph.toposorted_asset_keys if graph.get(key).is_materializable]
    checks = sorted(graph.asset_check_keys)
    records = {record.asset_entry.asset_key: record.asset_entry for record in instance.get_asset_records(assets)}
    executions = instance.event_log_storage.get_latest_asset_check_execution_by_key(checks)
    return History(
        [_freshness(key, graph.get(key).group_name, records.get(key)) for key in assets],
        [_check(key, executions.get(key)) for key in checks],
        instance.get_runs_count(_ACTIVE),
    )


def _freshness(key: dg.AssetKey, group: str, entry: Any) -> Freshness:
    event = entry.last_materialization if entry else None
    if event is None:
        return Freshness(key.to_user_string(), group, None, None)
    rows = event.asset_materialization.metadata.get("dagster/row_count")
    return Freshness(key.to_user_string(), group, _time(event.timestamp), rows.value if rows else None)


def _check(key: dg.AssetCheckKey, execution: Any) -> Check:
    asset = key.asset_key.to_user_string()
    if execution is None:
        return Check(asset, key.name, "not run yet", False, None, "")
    event = execution.event
    evaluation = event.dagster_event.event_specific_data if event else None
    if not isinstance(evaluation, dg.AssetCheckEvaluation):
        return Check(asset, key.name, execution.status.value.lower(), False, _time(execution.create_timestamp), "")
    figures = ", ".join(f"{name} {value.value}" for name, value in evaluation.metadata.items())
    result = "passed" if evaluation.passed else "failed"
    return Check(asset, key.name, result, bool(evaluation.blocking), _time(event.timestamp), figures)


def _time(timestamp: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(timestamp, dt.UTC)
