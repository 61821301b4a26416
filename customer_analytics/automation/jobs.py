"""Jobs: all assets, or a named selection of them."""

from collections.abc import Set as AbstractSet

import dagster as dg

from customer_analytics.ingestion.files import whole_files

ALL = "all_assets"

_SOURCES_OF_SENTIMENT = dg.AssetSelection.assets(
    "stg_twitter_comments", "stg_comment_files", "stg_comment_training", "stg_support_calls"
)
_WITH_SENTIMENT = dg.AssetSelection.assets("pres_sentiment", "pres_clv", "pres_churn")

everything = dg.define_asset_job(
    ALL, dg.AssetSelection.all(), description="Every asset, from the source files to the presentation tables."
)

structured = dg.define_asset_job(
    "structured",
    dg.AssetSelection.groups("sources", "reporting", "customers", "presentation")
    - _SOURCES_OF_SENTIMENT
    - dg.AssetSelection.assets("call_audio", "pres_sentiment", "dashboard"),
    description="The CSV files and the tables computed from them; comments and sentiment stay as they are.",
)

sentiment = dg.define_asset_job(
    "sentiment",
    dg.AssetSelection.groups("transcripts", "embeddings", "sentiment")
    | _SOURCES_OF_SENTIMENT
    | dg.AssetSelection.assets("stg_rejected_rows", "as_of")
    | _WITH_SENTIMENT,
    description="Comments and calls, their vectors, the classifier, and the tables with sentiment.",
)

files = dg.define_asset_job(
    "files",
    dg.AssetSelection.groups("sources", "reporting")
    - dg.AssetSelection.assets("call_audio", "stg_support_calls", "stg_twitter_comments", "stg_comment_files"),
    description="Source files into their tables; automation conditions refresh the tables computed from them.",
)

comments = dg.define_asset_job(
    "comments",
    dg.AssetSelection.assets(
        "stg_twitter_comments", "stg_comment_files", "as_of", "customer_comment", "pred_twitter_comments"
    )
    | _WITH_SENTIMENT,
    description="From comments to the presentation tables, for the files in the scope or for all.",
)

calls = dg.define_asset_job(
    "calls",
    dg.AssetSelection.assets("stg_support_calls", "call_transcripts", "customer_call", "pred_customer_calls")
    | _WITH_SENTIMENT,
    description="From call audio to the presentation tables, for the calls in the scope or for all.",
)

dated = dg.define_asset_job(
    "dated",
    dg.AssetSelection.assets("as_of").downstream() - dg.AssetSelection.assets("dashboard"),
    description="The day up to which events count, and all tables that depend on it.",
)


def with_rejected_rows(keys: AbstractSet[dg.AssetKey]) -> set[dg.AssetKey]:
    """The assets, and stg_rejected_rows if they include source files, because its check reports refused files."""
    files = {dg.AssetKey(file.table.name.lower()) for file in whole_files()}
    return {*keys, dg.AssetKey("stg_rejected_rows")} if keys & files else set(keys)


jobs = [everything, structured, sentiment, files, comments, calls, dated]
