"""Jobs: everything, or a part of it by name."""

from collections.abc import Set as AbstractSet

import dagster as dg

from customer_analytics.ingestion.files import whole_files

ALL = "all_assets"

_SOURCES_OF_SENTIMENT = dg.AssetSelection.assets(
    "stg_twitter_comments", "stg_comment_files", "stg_comment_training", "stg_support_calls"
)
_FELT = dg.AssetSelection.assets("pres_sentiment", "pres_clv", "pres_churn")

everything = dg.define_asset_job(
    ALL, dg.AssetSelection.all(), description="Every asset, from the source files to the presentation tables."
)

structured = dg.define_asset_job(
    "structured",
    dg.AssetSelection.groups("sources", "customers", "presentation")
    - _SOURCES_OF_SENTIMENT
    - dg.AssetSelection.assets("call_audio", "pres_sentiment", "dashboard"),
    description="The CSV files and what is made of them; reads comments and sentiment as they are.",
)

sentiment = dg.define_asset_job(
    "sentiment",
    dg.AssetSelection.groups("transcripts", "embeddings", "sentiment")
    | _SOURCES_OF_SENTIMENT
    | dg.AssetSelection.assets("stg_rejected_rows", "as_of")
    | _FELT,
    description="Comments and calls, their vectors, the classifier, and what is made of sentiment.",
)

files = dg.define_asset_job(
    "files",
    dg.AssetSelection.groups("sources")
    - dg.AssetSelection.assets("call_audio", "stg_support_calls", "stg_twitter_comments", "stg_comment_files"),
    description="Source files into their tables; what depends on them follows by conditions.",
)

comments = dg.define_asset_job(
    "comments",
    dg.AssetSelection.assets(
        "stg_twitter_comments", "stg_comment_files", "as_of", "customer_comment", "pred_twitter_comments"
    )
    | _FELT,
    description="From comments to the presentation tables: of the files that the scope names, or of all.",
)

calls = dg.define_asset_job(
    "calls",
    dg.AssetSelection.assets("stg_support_calls", "call_transcripts", "customer_call", "pred_customer_calls")
    | _FELT,
    description="From call audio to the presentation tables: of the calls that the scope names, or of all.",
)

dated = dg.define_asset_job(
    "dated",
    dg.AssetSelection.assets("as_of").downstream() - dg.AssetSelection.assets("dashboard"),
    description="The day up to which events count, and all tables that depend on it.",
)


def with_rejected_rows(keys: AbstractSet[dg.AssetKey]) -> set[dg.AssetKey]:
    """The assets, with the rejected rows of source files among them: their check tells of refused files."""
    files = {dg.AssetKey(file.table.name.lower()) for file in whole_files()}
    return {*keys, dg.AssetKey("stg_rejected_rows")} if keys & files else set(keys)


jobs = [everything, structured, sentiment, files, comments, calls, dated]
