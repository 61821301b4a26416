"""The code location on one screen: assets, checks, jobs, sensors, resources."""

import dagster as dg

from customer_analytics import assets, checks, private_files
from customer_analytics.automation import (
    cleanup,
    dead_runs,
    failures,
    jobs,
    maintenance,
    new_calls,
    new_comments,
    new_files,
    orphans,
    refresh,
    schedules,
)
from customer_analytics.deployment import as_deployed, resources
from customer_analytics.output import guard_logs
from customer_analytics.settings import settings
from customer_analytics.terminal import terminal_logger

# In whatever process the code location is loaded: code servers, runs, and steps on other machines.
private_files.keep(settings().home)
guard_logs()
_resources = resources(settings())

defs = dg.Definitions(
    assets=dg.map_asset_specs(
        lambda spec: as_deployed(spec, _resources, settings().owner),
        # Typed as if legacy kinds of assets could be among them, which have no spec.
        dg.load_assets_from_package_module(assets, include_specs=True),  # type: ignore[arg-type]
    ),
    asset_checks=dg.load_asset_checks_from_package_module(checks),
    jobs=[*jobs.jobs, orphans.orphans, maintenance.maintenance],
    sensors=[
        new_calls.new_calls,
        new_comments.new_comments,
        new_files.new_files,
        refresh.refresh,
        dead_runs.dead_runs,
        failures.tell_of_failures,
        *cleanup.sensors,
    ],
    schedules=schedules.schedules,
    resources=_resources,
    loggers={"console": terminal_logger},
    # A process a step costs seconds of imports each; within one process the whole graph takes less than that.
    executor=dg.in_process_executor,
)
