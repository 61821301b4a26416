"""A local Snowflake endpoint on DuckDB files, for unmodified Snowflake clients.

`protocol` speaks HTTP, `sql` translates and runs statements, and `state` keeps the data. Imports go in that order.
"""

from customer_analytics.embedded_snowflake.process import (
    Endpoint,
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
from customer_analytics.embedded_snowflake.state.limits import EndpointLimits
from customer_analytics.embedded_snowflake.state.statement_log import read_statements
from customer_analytics.supervisor import StartError

__all__ = [
    "Endpoint",
    "EndpointLimits",
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
