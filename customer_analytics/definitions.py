"""The code location on one screen: assets, checks, jobs, sensors, resources."""

import dagster as dg

from customer_analytics import assets, checks, private_files
from customer_analytics.asset_attributes import described
from customer_analytics.automation import (
    dead_runs,
    jobs,
    maintenance,
    new_calls,
    new_comments,
    new_files,
    orphans,
    run_sensors,
    schedules,
)
from customer_analytics.output import guard_logs
from customer_analytics.resources.adapters import as_deployed, kinds, resources
from customer_analytics.settings import settings
from customer_analytics.terminal import terminal_logger

# Applies to every process that loads the code location: code servers, runs, and steps on other machines.
private_files.enforce(settings().home)
guard_logs()
_kinds = kinds(settings())

defs = dg.Definitions(
    assets=described(
        dg.map_asset_specs(
            lambda spec: as_deployed(spec, _kinds, settings().owner),
            # Dagster's type also allows legacy assets, which have no spec.
            dg.load_assets_from_package_module(assets, include_specs=True),  # type: ignore[arg-type]
        )
    ),
    asset_checks=dg.load_asset_checks_from_package_module(checks),
    jobs=[*jobs.jobs, orphans.orphans, maintenance.maintenance],
    sensors=[
        new_calls.new_calls,
        new_comments.new_comments,
        new_files.new_files,
        dead_runs.dead_runs,
        run_sensors.refresh,
        run_sensors.tell_of_failures,
        *run_sensors.clean_up,
    ],
    schedules=schedules.schedules,
    resources=resources(settings()),
    loggers={"console": terminal_logger},
    # A process for each step costs seconds of imports; in one process, the whole graph takes less than that.
    executor=dg.in_process_executor,
)
