"""What must hold of transcripts and vectors: rows are reconciled from table to table to collection."""

from collections.abc import Iterator

import dagster as dg
from snowflake.snowpark import functions as f

from customer_analytics.checks import afterwards
from customer_analytics.checks.audit import as_many_rows_as, declared
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.tables.sources import STG_COMMENT_TRAINING, STG_SUPPORT_CALLS, STG_TWITTER_COMMENTS

_TRANSCRIPTS = {CALL_TRANSCRIPTS: declared(CALL_TRANSCRIPTS)}
_HEARD = {
    CALL_TRANSCRIPTS: (as_many_rows_as("calls", "every_call_has_a_row", "As many rows as STG_SUPPORT_CALLS."),)
}
_EMBEDDED = {
    "comment_training": (COMMENT_TRAINING, STG_COMMENT_TRAINING),
    "customer_comment": (CUSTOMER_COMMENT, STG_TWITTER_COMMENTS),
    "customer_call": (CUSTOMER_CALL, CALL_TRANSCRIPTS),
}
_VECTORS = "every_row_has_its_vector"


@dg.multi_asset_check(specs=afterwards.specs(_TRANSCRIPTS, blocking=True), can_subset=True)
def transcripts(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Confirm keys, required columns and accepted values of transcripts, which are committed in small groups."""
    yield from afterwards.evaluated(_TRANSCRIPTS, context, warehouse)


# These do not block: what is missing, because a run was killed, comes with the next one, and spoils nothing until
# then.
@dg.multi_asset_check(
    specs=[
        *afterwards.specs(_HEARD, blocking=False),
        *(
            dg.AssetCheckSpec(
                _VECTORS,
                asset=name,
                description=f"As many objects as rows of {table.name} that are to be embedded.",
            )
            for name, (_, table) in _EMBEDDED.items()
        ),
    ],
    can_subset=True,
)
def texts(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse, embedder: Embedder, vector_store: VectorStore
) -> Iterator[dg.AssetCheckResult]:
    """Count calls, transcripts, texts and vectors where they are."""
    yield from afterwards.evaluated(_HEARD, context, warehouse, calls=warehouse.table(STG_SUPPORT_CALLS.name))
    # Only what is selected is looked at: where a run is about some assets, the tables of others may not be there.
    selected = sorted(key.asset_key.path[-1] for key in context.selected_asset_check_keys if key.name == _VECTORS)
    rows = {name: warehouse.table(_EMBEDDED[name][1].name) for name in selected}
    if "customer_call" in rows:
        rows["customer_call"] = rows["customer_call"].filter(f.col("STATUS") == "ok")
    if "comment_training" in rows:
        rows["comment_training"] = rows["comment_training"].filter(f.col("LABEL").is_not_null())
    for name, count in zip(selected, warehouse.counts(list(rows.values())), strict=True):
        objects = vector_store.count(collection(_EMBEDDED[name][0], embedder))
        yield dg.AssetCheckResult(
            passed=objects == count,
            asset_key=name,
            check_name=_VECTORS,
            metadata={"rows": count, "objects": objects},
        )
