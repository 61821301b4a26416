"""What one more call costs: from run start to updated presentation tables, and that no other row changes.

    CUSTOMER_ANALYTICS_HOME=… CUSTOMER_ANALYTICS_SOURCE=… python benchmarks/new_call.py CALL.wav CUSTOMER

On a state folder in which everything has been run once: adds the file to the source as a call of the customer and
runs job `calls` about it, in a process that has loaded no model yet, as Dagster's run processes have not.
"""

import hashlib
import shutil
import sys
from pathlib import Path

import psutil
from dagster import DagsterEventType
from snowflake.connector import DictCursor

from customer_analytics import running, tables
from customer_analytics.definitions import defs
from customer_analytics.deployment import resources
from customer_analytics.embedded_snowflake import ensure_running
from customer_analytics.settings import settings


def others(customer: int, call: str) -> dict[str, str]:
    """A hash of each table's rows without those of the customer and the call."""
    hashes = {}
    with resources(settings())["warehouse"].connection() as connection:
        for name, table in tables.TABLES.items():
            rows = connection.cursor(DictCursor).execute(f"SELECT * FROM {name}").fetchall()
            is_summary = name.startswith("PRES_") and "CUSTOMER_ID" in table.column_names
            kept = sorted(
                str(row)
                for row in rows
                if row.get("RELATIVE_PATH") != call and not (is_summary and row["CUSTOMER_ID"] == customer)
            )
            hashes[name] = hashlib.sha256("\n".join(kept).encode()).hexdigest()
    return hashes


def seconds(process: psutil.Process) -> float:
    """The CPU time that a process has taken."""
    times = process.cpu_times()
    return times.user + times.system


def main() -> None:
    file, customer = Path(sys.argv[1]), int(sys.argv[2])
    calls = Path(str(settings().source)) / "calls"
    number = len(list(calls.glob(f"{customer}-*"))) + 100
    call = f"{customer}-{number}{file.suffix}"
    processes = psutil.Process(), psutil.Process(ensure_running(settings().home).pid)
    before = others(customer, call)
    shutil.copyfile(file, calls / call)
    config = {"resources": {"scope": {"config": {"calls": [call]}}}, "loggers": {"console": {"config": {}}}}
    with running.dagster_instance(settings()) as instance:
        job = defs.resolve_job_def("calls")
        idle = [seconds(process) for process in processes]
        result = job.execute_in_process(config, instance)
        busy = [seconds(process) - since for process, since in zip(processes, idle, strict=True)]
        logs = [entry for entry in instance.all_logs(result.run_id) if entry.dagster_event]
    (start,) = (e.timestamp for e in logs if e.dagster_event.event_type is DagsterEventType.RUN_START)
    steps = [e for e in logs if e.dagster_event.event_type is DagsterEventType.ASSET_MATERIALIZATION]
    for entry in steps:
        print(f"{entry.timestamp - start:6.2f} s  {entry.step_key}")
    after = others(customer, call)
    changed = [name for name in before if before[name] != after[name]]
    print(f"{steps[-1].timestamp - start:6.1f} s from run start to the last presentation table")
    print(f"{busy[0]:6.1f} s of CPU in the run, {busy[1]:.1f} s in the endpoint")
    print(f"other rows have changed in: {', '.join(changed) or 'no table'}")
    sys.exit(bool(changed))


if __name__ == "__main__":
    main()
