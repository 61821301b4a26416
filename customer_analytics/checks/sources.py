"""Checks of source tables.

Rows that break a rule are rejected while a file is read, so the blocking checks confirm what has been published.
Values that are only unexpected, such as an unknown payment method, warn.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.checks.audit_checks import AuditsByTable, post_publish, specs
from customer_analytics.ingestion.calls import CALLS_FOLDER
from customer_analytics.ingestion.comments import is_of_comments
from customer_analytics.ingestion.files import COMMENTS, SOURCE_FILES, SourceFile, whole_files
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.publishing.audits import Audit, Inputs, key_audits
from customer_analytics.publishing.table_audits import warning_audits
from customer_analytics.tables import TABLES, Table, sources
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_REJECTED_ROWS, STG_TWITTER_COMMENTS

_RECONCILED, FILE_IS_ACCEPTED = "every_line_is_loaded_or_rejected", "file_is_accepted"
_FILES = {file.table: file for file in whole_files()}
_KEYS = {table: key_audits(table) for table in _FILES}
_WARNINGS = {table: warning_audits(table) for table in _FILES}
_OTHER_WARNINGS = {table: warning_audits(table) for table in sources.TABLES if table not in _FILES}
SPECS = [
    *(
        spec
        for table, file in _FILES.items()
        for spec in (
            dg.AssetCheckSpec(
                FILE_IS_ACCEPTED,
                asset=table.name.lower(),
                description=f"{file.name} was loaded. If it is refused, the table keeps its old rows.",
            ),
            dg.AssetCheckSpec(
                _RECONCILED,
                asset=table.name.lower(),
                blocking=True,
                description="Lines in the file = rows in the table + rows rejected.",
            ),
        )
    ),
    *specs(_KEYS, blocking=True),
    *specs(_WARNINGS, blocking=False),
]
"""The checks of tables that one file fills."""


def results(
    context: dg.AssetExecutionContext,
    loaded: Sequence[LoadedFile],
    refused: Mapping[SourceFile, SourceError],
    warehouse: Warehouse,
) -> Iterator[dg.AssetCheckResult]:
    """The results of SPECS for loaded files, and of `file_is_accepted` for refused ones."""
    selected = {key.asset_key for key in context.selected_asset_check_keys}

    def is_selected(table: Table) -> bool:
        return dg.AssetKey(table.name.lower()) in selected

    for file, error in refused.items():
        if is_selected(file.table):
            yield _accepted(file.table, reason=error.without_values)
    files = {file.table: file for file in loaded if is_selected(file.table)}
    for table in files:
        yield _accepted(table)
    yield from _reconciled(files, warehouse)
    yield from post_publish({table: _KEYS[table] for table in files}, context, warehouse)
    yield from _warned({table: _WARNINGS[table] for table in files}, context, warehouse)


_WHOLE_FILES, _COMMENT_FILES = (dg.AssetKey(t.name.lower()) for t in (STG_REJECTED_ROWS, STG_COMMENT_FILES))


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            "no_file_is_refused",
            asset=key,
            description="Every file was loaded; a refused one has a row with line 0 in STG_REJECTED_ROWS.",
        )
        for key in (_WHOLE_FILES, _COMMENT_FILES)
    ],
    can_subset=True,
)
def no_file_is_refused(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Fail the run, after everything else is done, if it refused a source file.

    A refused file in the comments folder is only reported.
    """
    rows = warehouse.table(STG_REJECTED_ROWS.name).filter(f.col("LINE") == 0)
    rules = {row["SOURCE"]: row["RULE"] for row in rows.select("SOURCE", "RULE").sort("SOURCE").collect()}
    failed = []
    for key in sorted(check.asset_key for check in context.selected_asset_check_keys):
        of_comments = key == _COMMENT_FILES
        refused = [name for name in rules if is_of_comments(name) == of_comments]
        named = [file for file in SOURCE_FILES if set(file.names) & set(refused)]
        shown = _without_calls(refused)
        yield dg.AssetCheckResult(
            passed=not refused,
            asset_key=key,
            check_name="no_file_is_refused",
            severity=dg.AssetCheckSeverity.ERROR if named else dg.AssetCheckSeverity.WARN,
            metadata={"files": shown},
            description=", ".join(shown),
        )
        failed += [
            rules[name] for name in refused for file in named if name in file.names and _was_read(file, context)
        ]
    if failed:
        raise dg.Failure("\n".join(failed), allow_retries=False)


def _without_calls(names: Sequence[str]) -> list[str]:
    """The names of files; of recordings, whose names may identify customers, only the number."""
    files = [name for name in names if not name.startswith(f"{CALLS_FOLDER}/")]
    calls = len(names) - len(files)
    return [*files, f"{calls:,} in {CALLS_FOLDER}"] if calls else files


def _was_read(file: SourceFile, context: dg.AssetCheckExecutionContext) -> bool:
    """Whether this run has read the file; another one may have refused it."""
    if file is COMMENTS:
        return True  # each run about comments reads it
    check = dg.AssetCheckKey(dg.AssetKey(file.table.name.lower()), FILE_IS_ACCEPTED)
    record = context.instance.get_latest_asset_check_evaluation_record(check)
    return record is not None and record.run_id == context.run.run_id


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            audit.name,
            asset=table.name.lower(),
            additional_deps=sorted({reference.table.lower() for reference in table.references}),
            description=audit.description,
        )
        for table, audits in _OTHER_WARNINGS.items()
        for audit in audits
    ],
    can_subset=True,
)
def warnings(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Count unknown values, and references to rows that do not exist."""
    yield from _warned(_OTHER_WARNINGS, context, warehouse)


def _warned(
    audits: AuditsByTable,
    context: dg.AssetCheckExecutionContext | dg.AssetExecutionContext,
    warehouse: Warehouse,
) -> Iterator[dg.AssetCheckResult]:
    referenced = {reference.table for table in audits for reference in table.references}
    for name in referenced:
        warehouse.writes.ensure_table(TABLES[name])  # the first run may be one of some assets only
    inputs = {name: warehouse.table(name) for name in referenced}
    yield from post_publish(audits, context, warehouse, dg.AssetCheckSeverity.WARN, **inputs)


def _accepted(table: Table, reason: str | None = None) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=reason is None,
        asset_key=table.name.lower(),
        check_name=FILE_IS_ACCEPTED,
        metadata={"reason": reason} if reason else {},
        description="The file was refused, and the table keeps its old rows." if reason else None,
    )


def _reconciled(files: Mapping[Table, LoadedFile], warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Compare each file's line count with its rows in the tables."""
    loaded = warehouse.reads.counts([warehouse.table(table.name) for table in files])
    counted = warehouse.table(STG_REJECTED_ROWS.name).group_by("SOURCE").count().collect() if files else []
    rejected = {row["SOURCE"]: int(row["COUNT"]) for row in counted}
    for (table, file), rows in zip(files.items(), loaded, strict=True):
        found = {"lines": file.lines_in, "loaded": rows, "rejected": rejected.get(file.name, 0)}
        yield dg.AssetCheckResult(
            passed=file.lines_in == found["loaded"] + found["rejected"],
            asset_key=table.name.lower(),
            check_name=_RECONCILED,
            metadata=found,
            description=", ".join(f"{count:,} {what}" for what, count in found.items()),
        )


def _miscounted(comments: DataFrame, inputs: Inputs) -> DataFrame:
    """Files whose number of lines differs from their rows in the tables."""
    loaded = comments.group_by("FILE_HASH").agg(f.count("*").alias("FOUND"))
    of_files = inputs["rejected"].filter(f.col("LINE") > 0)  # line 0: the whole file was refused
    rejected = of_files.group_by("SOURCE").agg(f.count("*").alias("REJECTED"))
    files = inputs["files"].join(loaded, "FILE_HASH", "left")
    files = files.join(rejected, files["RELATIVE_PATH"] == rejected["SOURCE"], "left")
    found = f.coalesce("FOUND", f.lit(0)) + f.coalesce("REJECTED", f.lit(0))
    return files.filter(f.col("LINES") != found).select("RELATIVE_PATH", "LINES", "FOUND", "REJECTED")


_LINES = Audit(
    _RECONCILED,
    "Lines in each file = its rows in the table + its rows rejected.",
    _miscounted,
)


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            _LINES.name,
            asset=STG_TWITTER_COMMENTS.name.lower(),
            blocking=True,
            additional_deps=[STG_COMMENT_FILES.name.lower()],
            description=_LINES.description,
        )
    ]
)
def comment_lines(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Compare each comment file's line count with its rows in the tables."""
    files, rejected = warehouse.table(STG_COMMENT_FILES.name), warehouse.table(STG_REJECTED_ROWS.name)
    audits = {STG_TWITTER_COMMENTS: (_LINES,)}
    yield from post_publish(audits, context, warehouse, files=files, rejected=rejected)
