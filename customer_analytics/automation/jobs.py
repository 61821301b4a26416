"""Jobs: everything, or a part of it by name."""

import dagster as dg

ALL = "all_assets"

_PRESENTATION = ["pres_sentiment", "pres_clv", "pres_churn"]

everything = dg.define_asset_job(
    ALL, dg.AssetSelection.all(), description="Every asset, from the source files to the presentation tables."
)

calls = dg.define_asset_job(
    "calls",
    dg.AssetSelection.assets(
        "stg_support_calls", "call_transcripts", "customer_call", "pred_customer_calls", *_PRESENTATION
    ),
    description="From call audio to the presentation tables: of the calls that the scope names, or of all.",
)

jobs = [everything, calls]
