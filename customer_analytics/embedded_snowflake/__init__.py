"""A Snowflake endpoint for a laptop: a local server that unmodified Snowflake clients talk to, on DuckDB files."""

from customer_analytics.embedded_snowflake.process import Endpoint, StartError, ensure_running, find, reach, stop
from customer_analytics.embedded_snowflake.statement_log import read_statements

__all__ = ["Endpoint", "StartError", "ensure_running", "find", "reach", "read_statements", "stop"]
