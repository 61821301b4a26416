"""Summary of a finished run: rows, rejections, failed checks, calls."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from customer_analytics.checks.sources import FILE_IS_ACCEPTED
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.publishing.table_audits import warning_audits
from customer_analytics.tables import TABLES, sources
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS, TRANSCRIPT_STATUSES
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_REJECTED_ROWS

_REASONS = 3


@dataclass(frozen=True)
class RejectedFile:
    """A source file with rejected rows: their number, the number of lines if known, and the first reasons.

    If `is_refused`, nothing of the file was loaded, for the only reason given.
    """

    name: str
    rejected: int
    lines: int | None
    reasons: tuple[str, ...]
    is_refused: bool


@dataclass(frozen=True)
class FailedCheck:
    """A failed check: its asset, severity (`WARN`, `ERROR`) and findings."""

    asset: str
    name: str
    severity: str
    detail: str


@dataclass(frozen=True)
class Summary:
    """What a run did.

    `rows` counts the rows of each written table, in the order of the data flow; `left_out` counts the rows of
    erased customers by the file that still contains them; `calls` counts all known calls by status; `skipped` are
    the assets that were not materialized because something upstream failed.
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
        wanted: Names of the assets that the run selected.
        seconds: Its duration.
        warehouse: The warehouse with the rejected rows and transcripts.
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
    """The check with examples of violating values, if its audit has any, such as an unknown status."""
    table = TABLES.get(check.asset.upper())
    for audit in warning_audits(table) if table in sources.TABLES else ():
        if audit.name == check.name and audit.examples:
            found = audit.examples(audit.violations(warehouse.table(check.asset.upper()), {}))
            return replace(check, detail=f"{check.detail}: {found}")
    return check


def _rejected(made: Mapping[str, Any], failed: Collection[str], warehouse: Warehouse) -> list[RejectedFile]:
    """The files of this run with rejected rows; the reasons contain values, so only the terminal shows them."""
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
    """A refused file; its other rejected rows are from an earlier version of the file."""
    return RejectedFile(name, 0, None, (str(row["REASON"]),), is_refused=True)


def _reason(row: dict[str, Any]) -> str:
    return f"line {row['LINE']}: {row['REASON']}"


def _calls(warehouse: Warehouse) -> dict[str, int]:
    select = f"SELECT STATUS, COUNT(*) AS N FROM {warehouse.name(CALL_TRANSCRIPTS.name)} GROUP BY STATUS"  # noqa: S608
    counts = {row["STATUS"]: int(row["N"]) for row in warehouse.query(select).to_pylist()}
    return {status: counts.get(status, 0) for status in TRANSCRIPT_STATUSES}
