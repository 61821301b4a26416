"""The embedded Snowflake endpoint as the warehouse."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from dagster_snowflake import SnowflakeResource
from pydantic import Field

from customer_analytics.credentials import key
from customer_analytics.resources.warehouse.resource import Warehouse

if TYPE_CHECKING:
    from customer_analytics.embedded_snowflake import Endpoint

READER = "READER"
"""The endpoint's role that may only read."""


class EmbeddedWarehouse(Warehouse):
    """The endpoint of a state folder, started by whoever needs it first, or one that is served elsewhere."""

    kind: ClassVar[str] = "duckdb"

    home: str = Field(description="Folder of all state.")
    url: str | None = Field(default=None, description="Address of an endpoint in place of the state folder's.")
    token: str | None = Field(default=None, description="The token of the endpoint at the address.")
    limits: dict[str, int] = Field(
        default_factory=dict, description="Limits of the state folder's endpoint, by the names of their arguments."
    )

    def server(self) -> str:
        """Address and instance of the endpoint."""
        endpoint = self._endpoint()
        return f"{endpoint.host}:{endpoint.port} {endpoint.instance}"

    def snowflake(self, session_parameters: dict[str, Any]) -> SnowflakeResource:
        """Connection settings of the running endpoint."""
        arguments = self._endpoint().connection_args
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

    def purge(self) -> None:
        """See `Warehouse.purge`."""
        from customer_analytics.embedded_snowflake import purge

        purge(self._endpoint())

    def out_of_reach(self) -> None:
        """See `Warehouse.out_of_reach`."""

    def _endpoint(self) -> "Endpoint":
        from customer_analytics.embedded_snowflake import Limits, ensure_running, reach

        if not self.url:
            return ensure_running(Path(self.home), Limits(**self.limits))
        return reach(self.url, key(self.token or "", "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN"))
