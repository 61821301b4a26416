"""What earlier runs of a job leave to be done."""

import datetime as dt
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import dagster as dg

_LOOKED_AT = 20
_FIRST_WAIT, _LONGEST_WAIT = dt.timedelta(seconds=30), dt.timedelta(hours=1)


@dataclass(frozen=True)
class EarlierRuns:
    """The runs of a job, as far as the next request depends on them.

    `latest` is the id of the newest run; `is_going_on` whether any is queued or running. `busy` says why nothing
    should be requested now, if so. `failed` are the configurations of the runs that have failed since the last
    success: what they were to do is not done.
    """

    latest: str
    is_going_on: bool
    busy: str | None
    failed: tuple[dict[str, Any], ...]


def earlier_runs(instance: dg.DagsterInstance, job: str, now: dt.datetime) -> EarlierRuns:
    """Look at the runs of a job, newest first.

    After a failure the next request waits, twice as long after each further one, up to an hour: so what passes
    is tried again soon, and what does not pass costs little. A run that was cancelled stays cancelled.
    """
    records = instance.get_run_records(dg.RunsFilter(job_name=job), limit=_LOOKED_AT)
    going_on = [record.dagster_run.run_id for record in records if not record.dagster_run.is_finished]
    failed = list(takewhile(lambda record: record.dagster_run.status is dg.DagsterRunStatus.FAILURE, records))
    busy = None
    if going_on:
        busy = f"run {going_on[-1]} is going on"
    elif failed and (ended := failed[0].end_time) is not None:
        again = dt.datetime.fromtimestamp(ended, dt.UTC) + _wait(len(failed))
        busy = f"{len(failed)} runs have failed in a row: the next one waits until {again:%H:%M:%S} UTC"
        busy = busy if now < again else None
    return EarlierRuns(
        latest=records[0].dagster_run.run_id if records else "",
        is_going_on=bool(going_on),
        busy=busy,
        failed=tuple(dict(record.dagster_run.run_config) for record in failed),
    )


def _wait(failures: int) -> dt.timedelta:
    return min(_FIRST_WAIT * int(2 ** (failures - 1)), _LONGEST_WAIT)
