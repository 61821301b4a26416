"""Named connections of the connector's connections.toml, which Snowflake's command line shares."""

from typing import Any


def named_connection(name: str) -> dict[str, Any]:
    """The parameters of a connection; raises ValueError, with no value of the file in it, where there is none."""
    from snowflake.connector.config_manager import CONFIG_MANAGER
    from snowflake.connector.errors import Error

    try:
        connections: Any = CONFIG_MANAGER["connections"]
    except Error as error:
        raise ValueError(f"connections.toml cannot be read: {error.msg}") from None
    if name not in connections:
        raise ValueError(
            f"connections.toml has no connection {name!r} (it has {', '.join(sorted(connections)) or 'none'}); "
            "set SNOWFLAKE_CONNECTION_NAME to the name of one."
        )
    return dict(connections[name])
