"""GroundTruth customer analytics: shop, billing, web, social and call data as a Dagster asset graph."""
