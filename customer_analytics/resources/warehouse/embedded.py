"""The embedded Snowflake endpoint as the warehouse."""

from pathlib import Path
from typing import Any, ClassVar

from dagster_snowflake import SnowflakeResource
from pydantic import Field

from customer_analytics.resources.warehouse.resource import Warehouse

READER = "READER"
"""The endpoint's role that may only read."""


class EmbeddedWarehouse(Warehouse):
    """The endpoint of a state folder, started by whoever needs it first."""

    kind: ClassVar[str] = "duckdb"

    home: str = Field(description="Folder of all state.")

    def server(self) -> str:
        """Address and process of the endpoint, which is started if it is not there."""
        from customer_analytics.embedded_snowflake import ensure_running

        endpoint = ensure_running(Path(self.home))
        return f"{endpoint.host}:{endpoint.port} {endpoint.pid}"

    def snowflake(self, session_parameters: dict[str, Any]) -> SnowflakeResource:
        """Connection settings of the running endpoint, which is started if it is not there."""
        from customer_analytics.embedded_snowflake import ensure_running

        arguments = ensure_running(Path(self.home)).connection_args
        arguments["session_parameters"] = {**arguments.get("session_parameters", {}), **session_parameters}
        return SnowflakeResource(
            account=arguments.pop("account"),
            user=arguments.pop("user"),
            password=arguments.pop("password"),
            database=self.database,
            schema=self.schema_name,
            role=self.role,
            paramstyle="qmark",
            autocommit=True,
            additional_snowflake_connection_args=arguments,
        )
