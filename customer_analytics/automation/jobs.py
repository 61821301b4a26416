"""Jobs: everything, or a part of it by name."""

import dagster as dg

ALL = "all_assets"

jobs = [
    dg.define_asset_job(
        ALL, dg.AssetSelection.all(), description="Every asset, from the source files to the presentation tables."
    )
]
