"""One run for what is new and for what failed runs were to do."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import dagster as dg

from customer_analytics.automation.earlier_runs import EarlierRuns
from customer_analytics.resources.recorded_scopes import record
from customer_analytics.resources.scope import LARGEST, Scope
from customer_analytics.resources.warehouse.resource import Warehouse


def request(
    job: str,
    about: Mapping[str, Iterable[Any]],
    contents: Iterable[str],
    earlier: EarlierRuns,
    tags: Mapping[str, str],
    warehouse: Warehouse,
) -> dg.RunRequest:
    """A run about these values and those of failed runs; about all where one of these was, or values are too many.

    The key is derived from the content and from the run before it: a tick that is repeated asks for the same run,
    while a file that returns to an earlier content, or whose run has failed, asks for another.

    The configuration names the values, which are kept in the warehouse.

    Args:
        job: The job to be run.
        about: The values by the fields of `Scope`.
        contents: Hashes of the new files.
        earlier: What earlier runs of the job leave to be done.
        tags: Tags of the run.
        warehouse: Where the values are kept.
    """
    scopes = [_scope(config) for config in earlier.failed]
    failed = [_resolved(scope, warehouse) for scope in scopes]
    together = {
        field: sorted({*values, *(value for scope in failed for value in getattr(scope, field))})
        for field, values in about.items()
    }
    is_too_large = any(len(values) > LARGEST for values in together.values())
    is_whole = is_too_large or any(scope.is_whole for scope in failed)
    named = (str(value) for values in together.values() for value in values)
    key = hashlib.sha256("\n".join([earlier.latest, *named, *sorted(contents)]).encode()).hexdigest()
    config: dict[str, Any] = {}
    if not is_whole:
        recorded = record(warehouse, job, together, [scope.recorded for scope in scopes])
        config = {"resources": {"scope": {"config": {"recorded": recorded}}}}
    return dg.RunRequest(run_key=key, run_config=config, tags=dict(tags))


def _scope(run_config: Mapping[str, Any]) -> Scope:
    """What a run was about."""
    return Scope(**run_config.get("resources", {}).get("scope", {}).get("config", {}))


def _resolved(scope: Scope, warehouse: Warehouse) -> Scope:
    """The scope with its values; one of everything where they are not kept any more."""
    try:
        return scope.resolved(warehouse)
    except LookupError:
        return Scope()
