"""A Snowflake endpoint for a laptop: a local server that unmodified Snowflake clients talk to, on DuckDB files."""

from customer_analytics.embedded_snowflake.limits import Limits
from customer_analytics.embedded_snowflake.process import (
    Endpoint,
    StartError,
    UnusableStateError,
    check,
    copy,
    ensure_running,
    find,
    purge,
    reach,
    stop,
    write_format,
)
from customer_analytics.embedded_snowflake.statement_log import read_statements

__all__ = [
    "Endpoint",
    "Limits",
    "StartError",
    "UnusableStateError",
    "check",
    "copy",
    "ensure_running",
    "find",
    "purge",
    "reach",
    "read_statements",
    "stop",
    "write_format",
]
