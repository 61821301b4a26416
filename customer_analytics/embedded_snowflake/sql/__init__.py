"""From a Snowflake statement to its result: parsing, rewriting for DuckDB, and each kind of statement."""
