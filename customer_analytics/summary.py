"""What a run did, gathered when it has ended: rows, rejections, failed checks, calls."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from customer_analytics.checks.sources import FILE_IS_ACCEPTED, noted
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import TABLES, sources
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS, TRANSCRIPT_STATUSES
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_REJECTED_ROWS

_REASONS = 3


@dataclass(frozen=True)
class RejectedFile:
    """A source file with rows that were not loaded: how many, of how many if known, and the first reasons.

    With `is_refused`, nothing of the file was loaded, and the only reason says why.
    """

    name: str
    rejected: int
    lines: int | None
    reasons: tuple[str, ...]
    is_refused: bool


@dataclass(frozen=True)
class FailedCheck:
    """A check that failed: of which asset, its severity (`WARN`, `ERROR`), and what it found."""

    asset: str
    name: str
    severity: str
    detail: str


@dataclass(frozen=True)
class Summary:
    """What a run did.

    `rows` are those of the tables that were written, in the order of the data's flow; `left_out` counts the rows
    of erased customers by the file that still has them; `calls` are numbers of calls by status, of all that are
    known; `skipped` are the assets that were not made because something before failed.
    """

    rows: dict[str, int]
    rejected: tuple[RejectedFile, ...]
    checks: tuple[FailedCheck, ...]
    left_out: dict[str, int]
    calls: dict[str, int]
    skipped: tuple[str, ...]
    seconds: float


def summarise(
    events: Sequence[dg.DagsterEvent], wanted: Sequence[str], seconds: float, warehouse: Warehouse
) -> Summary:
    """The summary of a run.

    Args:
        events: The run's events.
        wanted: Names of the assets that the run was to make.
        seconds: How long it took.
        warehouse: Where the rejected rows and transcripts are.
    """
    made = {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.metadata
        for event in events
        if event.is_step_materialization and event.asset_key
    }
    rows = {
        name: int(made[name.lower()]["dagster/row_count"].value)  # type: ignore[arg-type]
        for name in TABLES
        if "dagster/row_count" in made.get(name.lower(), {})
    }
    checks = tuple(_with_examples(check, warehouse) for check in _failed(events))
    refused = {check.asset for check in checks if check.name == FILE_IS_ACCEPTED}
    return Summary(
        rows=rows,
        rejected=tuple(_rejected(made, {check.asset for check in checks}, warehouse)),
        checks=checks,
        left_out=_left_out(made),
        calls=_calls(warehouse) if CALL_TRANSCRIPTS.name in rows else {},
        skipped=tuple(name for name in wanted if name not in {*made, *refused}),
        seconds=seconds,
    )


def _failed(events: Sequence[dg.DagsterEvent]) -> list[FailedCheck]:
    evaluations = [e.asset_check_evaluation_data for e in events if e.event_type_value == "ASSET_CHECK_EVALUATION"]
    failed = [
        FailedCheck(
            asset=evaluation.asset_key.path[-1],
            name=evaluation.check_name,
            severity=evaluation.severity.value,
            detail=evaluation.description or "",
        )
        for evaluation in evaluations
        if not evaluation.passed
    ]
    return sorted(failed, key=lambda check: (check.severity, check.asset, check.name))


def _with_examples(check: FailedCheck, warehouse: Warehouse) -> FailedCheck:
    """The check with the values that it found, where they are words that many rows share, such as a status."""
    table = TABLES.get(check.asset.upper())
    audits = (audit for audit in noted(table) if audit.name == check.name) if table in sources.TABLES else ()
    for audit in audits:
        if audit.examples:
            found = audit.examples(audit.violations(warehouse.table(check.asset.upper()), {}))
            return replace(check, detail=f"{check.detail}: {found}")
    return check


def _rejected(made: Mapping[str, Any], failed: Collection[str], warehouse: Warehouse) -> list[RejectedFile]:
    """The files of this run with rejected rows; their reasons hold values, so they are for the terminal alone."""
    read = {name for file in SOURCE_FILES if {file.table.name.lower()} & {*made, *failed} for name in file.names}
    if not read:
        return []
    table = warehouse.name(STG_REJECTED_ROWS.name)
    first_of_each = f"""SELECT SOURCE, LINE, REASON, COUNT(*) OVER (PARTITION BY SOURCE) AS N FROM {table}
        QUALIFY ROW_NUMBER() OVER (PARTITION BY SOURCE, RULE ORDER BY LINE) = 1"""  # noqa: S608
    select = f"""SELECT * FROM ({first_of_each})
        QUALIFY ROW_NUMBER() OVER (PARTITION BY SOURCE ORDER BY LINE) <= {_REASONS}
        ORDER BY SOURCE, LINE"""  # noqa: S608
    found: dict[str, list[dict[str, Any]]] = {}
    for row in warehouse.query(select).to_pylist():
        found.setdefault(row["SOURCE"], []).append(row)
    lines = {
        str(metadata["source_file"].value): int(metadata["lines_in"].value)
        for metadata in made.values()
        if "source_file" in metadata
    }
    if STG_COMMENT_FILES.name.lower() in made:
        files = warehouse.query(f"SELECT RELATIVE_PATH, LINES FROM {warehouse.name(STG_COMMENT_FILES.name)}")  # noqa: S608
        lines |= {row["RELATIVE_PATH"]: int(row["LINES"]) for row in files.to_pylist()}
    return [
        _refused(name, rows[0])
        if rows[0]["LINE"] == 0
        else RejectedFile(name, int(rows[0]["N"]), lines.get(name), tuple(map(_reason, rows)), is_refused=False)
        for name, rows in found.items()
        if name in read or ("/" in name and STG_COMMENT_FILES.name.lower() in made)
    ]


def _left_out(made: Mapping[str, Any]) -> dict[str, int]:
    counts = {
        str(metadata["source_file"].value if "source_file" in metadata else "comments"): int(
            metadata["rows_left_out"].value
        )
        for metadata in made.values()
        if "rows_left_out" in metadata
    }
    return {name: count for name, count in counts.items() if count}


def _refused(name: str, row: dict[str, Any]) -> RejectedFile:
    """A refused file, whose other rejected rows are of an earlier content."""
    return RejectedFile(name, 0, None, (str(row["REASON"]),), is_refused=True)


def _reason(row: dict[str, Any]) -> str:
    return f"line {row['LINE']}: {row['REASON']}"


def _calls(warehouse: Warehouse) -> dict[str, int]:
    select = f"SELECT STATUS, COUNT(*) AS N FROM {warehouse.name(CALL_TRANSCRIPTS.name)} GROUP BY STATUS"  # noqa: S608
    counts = {row["STATUS"]: int(row["N"]) for row in warehouse.query(select).to_pylist()}
    return {status: counts.get(status, 0) for status in TRANSCRIPT_STATUSES}
