"""What must hold of source tables, and what is worth knowing of them.

Rows that cannot be true are rejected while a file is read. So these checks confirm what has been published; those
that fail block all that is computed from it. What is only unexpected, such as a payment method that is not known,
warns.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.checks import afterwards
from customer_analytics.checks.audit import Audit, Inputs, among, identifying, keyed, known_words, restricted
from customer_analytics.ingestion.calls import CALLS_FOLDER
from customer_analytics.ingestion.comments import is_of_comments
from customer_analytics.ingestion.files import (
    COMMENTS,
    SOURCE_FILES,
    SourceFile,
    whole_files,
)
from customer_analytics.ingestion.load import LoadedFile
from customer_analytics.ingestion.location import SourceError
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables import TABLES, Reference, Table, sources
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_REJECTED_ROWS

_RECONCILED, FILE_IS_ACCEPTED = "every_line_is_loaded_or_rejected", "file_is_accepted"
_AUDITED_BEFORE = (sources.STG_SUPPORT_CALLS, sources.STG_TWITTER_COMMENTS)
_KEYED = {table: keyed(table) for table in sources.TABLES if table not in _AUDITED_BEFORE}

SUPPORT_CALLS = keyed(sources.STG_SUPPORT_CALLS)


def _known(table: Table, reference: Reference) -> Audit:
    """The audit that a reference leads somewhere; null leads nowhere."""
    column, there = reference.column, reference.table

    def violations(rows: DataFrame, inputs: Inputs) -> DataFrame:
        keys = inputs[there].filter(f.col(column).is_not_null()).select(column)
        return rows.filter(f.col(column).is_null() | ~among(column, keys)).select(identifying(table))

    description = f"Counts rows whose {column} is null or not in {there}."
    if reference.strangers:
        description += " They need not be: any number passes."
    return Audit(f"{column.removesuffix('_ID').lower()}s_are_known", description, violations, reference.strangers)


_DATED = Audit(
    "calls_are_dated",
    "Counts calls of which neither the manifest, the name nor the recording tells when they happened; they are in "
    "no figure that depends on time.",
    lambda rows, _: rows.filter(f.col("CALLED_AT").is_null()).select(identifying(sources.STG_SUPPORT_CALLS)),
)


def noted(table: Table) -> tuple[Audit, ...]:
    """The audits of what is only unexpected in a table."""
    others = (_DATED,) if table is sources.STG_SUPPORT_CALLS else ()
    return (
        *restricted(table),
        *known_words(table),
        *(_known(table, reference) for reference in table.references),
        *others,
    )


_NOTEWORTHY = {table: noted(table) for table in sources.TABLES}


_FILES = {file.table: file for file in whole_files()}
SPECS = [
    *(
        spec
        for table, file in _FILES.items()
        for spec in (
            dg.AssetCheckSpec(
                FILE_IS_ACCEPTED,
                asset=table.name.lower(),
                description=f"{file.name} can be read and was loaded; else the table keeps its old rows.",
            ),
            dg.AssetCheckSpec(
                _RECONCILED,
                asset=table.name.lower(),
                blocking=True,
                description="Lines in the file = rows in the table + rows rejected.",
            ),
        )
    ),
    *afterwards.specs({table: _KEYED[table] for table in _FILES}, blocking=True),
    *afterwards.specs({table: _NOTEWORTHY[table] for table in _FILES}, blocking=False),
]
"""The checks of the files that fill their table alone."""


def results(
    context: dg.AssetExecutionContext,
    loaded: Sequence[LoadedFile],
    refused: Mapping[SourceFile, SourceError],
    warehouse: Warehouse,
) -> Iterator[dg.AssetCheckResult]:
    """The results of SPECS for files that were loaded, and of the first for those that were refused."""
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
    yield from afterwards.evaluated({table: _KEYED[table] for table in files}, context, warehouse)
    yield from _noteworthy({table: _NOTEWORTHY[table] for table in files}, context, warehouse)


_WHOLE, _OF_COMMENTS = (dg.AssetKey(t.name.lower()) for t in (STG_REJECTED_ROWS, STG_COMMENT_FILES))


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            "no_file_is_refused",
            asset=key,
            description="Every file was loaded; a refused one has a row with line 0 in STG_REJECTED_ROWS.",
        )
        for key in (_WHOLE, _OF_COMMENTS)
    ],
    can_subset=True,
)
def no_file_is_refused(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse
) -> Iterator[dg.AssetCheckResult]:
    """Fail the run, after it has done the rest, if it refused a source file.

    A refused file in the folder of comments is only reported.
    """
    rows = warehouse.table(STG_REJECTED_ROWS.name).filter(f.col("LINE") == 0)
    rules = {row["SOURCE"]: row["RULE"] for row in rows.select("SOURCE", "RULE").sort("SOURCE").collect()}
    failed = []
    for key in sorted(check.asset_key for check in context.selected_asset_check_keys):
        of_comments = key == _OF_COMMENTS
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
    """The names of files; of recordings, which may name customers, how many there are."""
    files = [name for name in names if not name.startswith(f"{CALLS_FOLDER}/")]
    calls = len(names) - len(files)
    return [*files, f"{calls:,} in {CALLS_FOLDER}"] if calls else files


def _was_read(file: SourceFile, context: dg.AssetCheckExecutionContext) -> bool:
    """Whether this run has read the file; another one may have refused it."""
    if file is COMMENTS:
        return True  # each run of the files of comments looks at it
    check = dg.AssetCheckKey(dg.AssetKey(file.table.name.lower()), FILE_IS_ACCEPTED)
    record = context.instance.get_latest_asset_check_evaluation_record(check)
    return record is not None and record.run_id == context.run.run_id


_OTHERS = {table: audits for table, audits in _NOTEWORTHY.items() if table not in _FILES}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            audit.name,
            asset=table.name.lower(),
            additional_deps=sorted({reference.table.lower() for reference in table.references}),
            description=audit.description,
        )
        for table, audits in _OTHERS.items()
        for audit in audits
    ],
    can_subset=True,
)
def noteworthy(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Count values that are not known, and references that lead nowhere."""
    yield from _noteworthy(_OTHERS, context, warehouse)


def _noteworthy(
    audits: afterwards.Audits,
    context: dg.AssetCheckExecutionContext | dg.AssetExecutionContext,
    warehouse: Warehouse,
) -> Iterator[dg.AssetCheckResult]:
    referenced = {reference.table for table in audits for reference in table.references}
    for name in referenced:
        warehouse.ensure_table(TABLES[name])  # a run of some assets alone may be the first
    inputs = {name: warehouse.table(name) for name in referenced}
    yield from afterwards.evaluated(audits, context, warehouse, dg.AssetCheckSeverity.WARN, **inputs)


def _accepted(table: Table, reason: str | None = None) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=reason is None,
        asset_key=table.name.lower(),
        check_name=FILE_IS_ACCEPTED,
        metadata={"reason": reason} if reason else {},
        description="The file was refused, and the table is as it was." if reason else None,
    )


def _reconciled(files: Mapping[Table, LoadedFile], warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Count each file's rows where they are and compare with what the file held."""
    loaded = warehouse.counts([warehouse.table(table.name) for table in files])
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
