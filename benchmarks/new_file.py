"""Measure the cost of one more file, and verify that no other row changes.

    CUSTOMER_ANALYTICS_HOME=… CUSTOMER_ANALYTICS_SOURCE=… python -m benchmarks.new_file FILE CUSTOMER

Needs a state folder after a full run. Adds the file to the source, as a call of the customer or, if it is a .csv,
as comments of the customer. Then runs the job `calls` or `comments` for it, in a process that has not loaded any
model, like Dagster's run processes. Measures from run start to the last presentation table.
"""

import hashlib
import shutil
import sys
from pathlib import Path

import click
import psutil
from dagster import DagsterEventType
from snowflake.connector import DictCursor

from customer_analytics import tables
from customer_analytics.adapters import Adapters
from customer_analytics.definitions import defs
from customer_analytics.embedded_snowflake import ensure_running
from customer_analytics.instance import dagster_instance
from customer_analytics.settings import settings


def others(customer: int, file: str) -> dict[str, str]:
    """A hash of each table's rows, without those of the customer and the file."""
    hashes = {}
    with Adapters(settings()) as adapters, adapters.warehouse.connection() as connection:
        for name, table in tables.TABLES.items():
            rows = connection.cursor(DictCursor).execute(f"SELECT * FROM {name}").fetchall()
            by_customer = "COMMENT" in name or (name.startswith("PRES_") and "CUSTOMER_ID" in table.column_names)
            kept = sorted(
                str(row)
                for row in rows
                if row.get("RELATIVE_PATH") != file and not (by_customer and row.get("CUSTOMER_ID") == customer)
            )
            hashes[name] = hashlib.sha256("\n".join(kept).encode()).hexdigest()
    return hashes


def seconds(process: psutil.Process) -> float:
    """The CPU time of a process."""
    times = process.cpu_times()
    return times.user + times.system


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("customer", type=int)
def main(file: Path, customer: int) -> None:
    """Measure the cost of one more FILE of a CUSTOMER: a call, or a .csv of comments."""
    job_name = "comments" if file.suffix == ".csv" else "calls"
    folder = Path(str(settings().source)) / job_name
    folder.mkdir(exist_ok=True)
    name = f"{customer}-{len(list(folder.glob(f'{customer}-*'))) + 100}{file.suffix}"
    path, scope = name, {"calls": [name]}
    if job_name == "comments":
        path = f"comments/{name}"
        scope = {"comment_files": [path], "customers": [customer]}
    processes = psutil.Process(), psutil.Process(ensure_running(settings().home).pid)
    before = others(customer, path)
    shutil.copyfile(file, folder / name)
    config = {"resources": {"scope": {"config": scope}}, "loggers": {"console": {"config": {}}}}
    with dagster_instance(settings()) as instance:
        job = defs.resolve_job_def(job_name)
        idle = [seconds(process) for process in processes]
        result = job.execute_in_process(config, instance)
        busy = [seconds(process) - since for process, since in zip(processes, idle, strict=True)]
        logs = [entry for entry in instance.all_logs(result.run_id) if entry.dagster_event]
    (start,) = (e.timestamp for e in logs if e.dagster_event.event_type is DagsterEventType.RUN_START)
    steps = [e for e in logs if e.dagster_event.event_type is DagsterEventType.ASSET_MATERIALIZATION]
    for entry in steps:
        print(f"{entry.timestamp - start:6.2f} s  {entry.step_key}")
    after = others(customer, path)
    changed = [name for name in before if before[name] != after[name]]
    print(f"{steps[-1].timestamp - start:6.1f} s from run start to the last presentation table")
    print(f"{busy[0]:6.1f} s of CPU in the run, {busy[1]:.1f} s in the endpoint")
    print(f"other rows have changed in: {', '.join(changed) or 'no table'}")
    sys.exit(bool(changed))


if __name__ == "__main__":
    main()
