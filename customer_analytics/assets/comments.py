"""Comment files as a staging table; each file is read once."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from customer_analytics.assets.objects import warehouse_objects
from customer_analytics.assets.table_assets import table_out
from customer_analytics.checks.audit_checks import audit, pre_publish_specs
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.ingestion import rejected_rows
from customer_analytics.ingestion.comment_loading import read_changes
from customer_analytics.ingestion.comments import files_of_rows
from customer_analytics.ingestion.source import Source
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources.io_manager import ReplaceWhere
from customer_analytics.resources.retries import RETRIES, fail_fast, may_pass
from customer_analytics.scope import Scope
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_TWITTER_COMMENTS

_COMMENTS, _FILES = STG_TWITTER_COMMENTS.name.lower(), STG_COMMENT_FILES.name.lower()


@dg.multi_asset(
    name="comment_files",
    outs={_COMMENTS: table_out(STG_TWITTER_COMMENTS), _FILES: table_out(STG_COMMENT_FILES)},
    deps=[warehouse_objects],
    check_specs=pre_publish_specs(STG_TWITTER_COMMENTS),
    pool="stg_twitter_comments",
    retry_policy=RETRIES,
)
@fail_fast
def comment_files(
    context: dg.AssetExecutionContext,
    source: dg.ResourceParam[Source],
    warehouse: dg.ResourceParam[Warehouse],
    scope: dg.ResourceParam[Scope],
) -> Iterator[Any]:
    """Load the comments of new and changed files, and remove those whose files are deleted.

    A refused file keeps its comments. STG_COMMENT_FILES is written last, so that the next run reads again what a
    killed run has read.
    """
    for table in (STG_TWITTER_COMMENTS, STG_COMMENT_FILES):
        warehouse.writes.require_table(table)
    scope = scope.resolved(warehouse)
    # Read before the files are listed, so that files which another run loads meanwhile do not count as deleted.
    known = files_of_rows(warehouse.reads.rows(STG_COMMENT_FILES))
    counted = warehouse.table(STG_TWITTER_COMMENTS.name).group_by("FILE_HASH").count().collect()
    changes = read_changes(
        source,
        known,
        {row["FILE_HASH"]: row["COUNT"] for row in counted},
        None if scope.is_whole else scope.comment_files,
        scope.covers,
        ErasedKeys.recorded(warehouse).left_out,
        context.log,
    )
    for error in changes.refused.values():
        if may_pass(error):
            raise error
        context.log.error(error.without_values)
    loaded, comments = changes.loaded.values(), changes.comments
    rejected_rows.write(
        warehouse,
        [file.rejected for file in loaded],
        {*changes.loaded, *changes.deleted},
        changes.refused,
        changes.is_settled,
    )
    staged = warehouse.session().table(warehouse.scratch.stage(STG_TWITTER_COMMENTS, comments))
    yield from audit(STG_TWITTER_COMMENTS, staged, warehouse)
    counts = {
        "files_read": len(loaded),
        "comments_read": comments.num_rows,
        "rows_left_out": sum(file.left_out for file in loaded),
    }
    yield dg.Output(ReplaceWhere(staged, "FILE_HASH", changes.replaced), _COMMENTS, metadata=counts)
    yield dg.Output(ReplaceWhere(STG_COMMENT_FILES.rows(changes.files), "RELATIVE_PATH", changes.deleted), _FILES)
