"""Checks of transcripts and vectors: rows are reconciled from stage to table to table to collection."""

from collections.abc import Iterator

import dagster as dg
from snowflake.snowpark import functions as f

from customer_analytics.checks.audit_checks import post_publish, specs
from customer_analytics.ingestion.call_staging import staged_audio
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, collection
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.publishing.audits import Audit, among, as_many_rows_as, table_audits
from customer_analytics.tables.sentiment import CALL_TRANSCRIPTS
from customer_analytics.tables.sources import STG_COMMENT_TRAINING, STG_SUPPORT_CALLS, STG_TWITTER_COMMENTS

_TRANSCRIPTS = {CALL_TRANSCRIPTS: table_audits(CALL_TRANSCRIPTS)}
CALLS_ARE_STAGED = Audit(
    "every_call_is_staged",
    "The directory table of CALL_STAGE lists the audio of every call.",
    lambda calls, inputs: calls.filter(~among("AUDIO_HASH", inputs["staged"])).select("AUDIO_HASH"),
)
_COUNTED = {
    CALL_TRANSCRIPTS: (as_many_rows_as("calls", "every_call_has_a_row", "As many rows as STG_SUPPORT_CALLS."),),
    STG_SUPPORT_CALLS: (CALLS_ARE_STAGED,),
}
_EMBEDDED = {
    "comment_training": (COMMENT_TRAINING, STG_COMMENT_TRAINING),
    "customer_comment": (CUSTOMER_COMMENT, STG_TWITTER_COMMENTS),
    "customer_call": (CUSTOMER_CALL, CALL_TRANSCRIPTS),
}
_VECTORS = "every_row_has_its_vector"


@dg.multi_asset_check(specs=specs(_TRANSCRIPTS, blocking=True), can_subset=True)
def transcripts(
    context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.AssetCheckResult]:
    """Check keys, required columns and accepted values of transcripts, which are committed in small groups."""
    yield from post_publish(_TRANSCRIPTS, context, warehouse)


# These do not block: what a killed run has not written, the next run adds.
@dg.multi_asset_check(
    specs=[
        *specs(_COUNTED, blocking=False),
        *(
            dg.AssetCheckSpec(
                _VECTORS,
                asset=name,
                description=f"As many objects as rows of {table.name} to embed.",
            )
            for name, (_, table) in _EMBEDDED.items()
        ),
    ],
    can_subset=True,
)
def texts(
    context: dg.AssetCheckExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    embedder: dg.ResourceParam[Embedder],
    vector_store: dg.ResourceParam[VectorStore],
) -> Iterator[dg.AssetCheckResult]:
    """Compare the numbers of calls, transcripts, texts and vectors."""
    calls, staged = warehouse.table(STG_SUPPORT_CALLS.name), staged_audio(warehouse)
    yield from post_publish(_COUNTED, context, warehouse, calls=calls, staged=staged)
    # Only selected checks are evaluated, because tables of other assets may not exist yet.
    selected = sorted(key.asset_key.path[-1] for key in context.selected_asset_check_keys if key.name == _VECTORS)
    rows = {name: warehouse.table(_EMBEDDED[name][1].name) for name in selected}
    if "customer_call" in rows:
        rows["customer_call"] = rows["customer_call"].filter(f.col("STATUS") == "ok")
    if "comment_training" in rows:
        rows["comment_training"] = rows["comment_training"].filter(f.col("LABEL").is_not_null())
    for name, count in zip(selected, warehouse.reads.counts(list(rows.values())), strict=True):
        objects = vector_store.count(collection(_EMBEDDED[name][0], embedder))
        yield dg.AssetCheckResult(
            passed=objects == count,
            asset_key=name,
            check_name=_VECTORS,
            metadata={"rows": count, "objects": objects},
        )
