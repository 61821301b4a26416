"""What must hold of comments, whose files come and go."""

from collections.abc import Iterator

import dagster as dg
from snowflake.snowpark import DataFrame
from snowflake.snowpark import functions as f

from customer_analytics.checks import afterwards
from customer_analytics.checks.audit import Audit, Inputs, keyed
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sources import STG_COMMENT_FILES, STG_REJECTED_ROWS, STG_TWITTER_COMMENTS

COMMENTS = keyed(STG_TWITTER_COMMENTS)


def _miscounted(comments: DataFrame, inputs: Inputs) -> DataFrame:
    """Files with other numbers of rows than the tables have of them."""
    loaded = comments.group_by("CONTENT_HASH").agg(f.count("*").alias("FOUND"))
    of_files = inputs["rejected"].filter(f.col("LINE") > 0)  # line 0 says that a whole file was refused
    rejected = of_files.group_by("SOURCE").agg(f.count("*").alias("REJECTED"))
    files = inputs["files"].join(loaded, "CONTENT_HASH", "left")
    files = files.join(rejected, files["RELATIVE_PATH"] == rejected["SOURCE"], "left")
    found = f.coalesce("FOUND", f.lit(0)) + f.coalesce("REJECTED", f.lit(0))
    return files.filter(f.col("LINES") != found).select("RELATIVE_PATH", "LINES", "FOUND", "REJECTED")


_COUNTED = {
    STG_TWITTER_COMMENTS: (
        Audit(
            "every_line_is_loaded_or_rejected",
            "Lines in each file = its rows in the table + its rows rejected.",
            _miscounted,
        ),
    )
}


@dg.multi_asset_check(
    specs=[
        dg.AssetCheckSpec(
            audit.name,
            asset=STG_TWITTER_COMMENTS.name.lower(),
            blocking=True,
            additional_deps=[STG_COMMENT_FILES.name.lower()],
            description=audit.description,
        )
        for audits in _COUNTED.values()
        for audit in audits
    ]
)
def comment_lines(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Reconcile each file of comments with the rows that are there of it."""
    files, rejected = warehouse.table(STG_COMMENT_FILES.name), warehouse.table(STG_REJECTED_ROWS.name)
    yield from afterwards.evaluated(_COUNTED, context, warehouse, files=files, rejected=rejected)
