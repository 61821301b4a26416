"""The embedded Snowflake endpoint as the warehouse."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from customer_analytics.credentials import key
from customer_analytics.embedded_snowflake.state.limits import EndpointLimits
from customer_analytics.ports.warehouse.base import Warehouse

if TYPE_CHECKING:
    from dagster_snowflake import SnowflakeResource

    from customer_analytics.embedded_snowflake import Endpoint

READER = "READER"
"""The endpoint's read-only role."""


@dataclass(kw_only=True, eq=False)
class EmbeddedWarehouse(Warehouse):
    """The endpoint of a state folder, started by its first client, or an endpoint at another address."""

    kind: ClassVar[str] = "duckdb"

    home: str
    url: str | None = None
    token: str | None = field(default=None, repr=False)
    limits: EndpointLimits = field(default_factory=EndpointLimits)

    def server(self) -> str:
        """Address and instance of the endpoint."""
        endpoint = self._endpoint()
        return f"{endpoint.host}:{endpoint.port} {endpoint.instance}"

    def snowflake(self, session_parameters: dict[str, Any]) -> "SnowflakeResource":
        """Connection settings of the running endpoint."""
        arguments = self._endpoint().connection_args
        arguments["session_parameters"] = {**arguments.get("session_parameters", {}), **session_parameters}
        from dagster_snowflake import SnowflakeResource

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

    def retention_notice(self) -> None:
        """See `Warehouse.retention_notice`."""

    def _endpoint(self) -> "Endpoint":
        from customer_analytics.embedded_snowflake import ensure_running, reach

        if not self.url:
            return ensure_running(Path(self.home), self.limits)
        return reach(self.url, key(self.token or "", "CUSTOMER_ANALYTICS_ENDPOINT_TOKEN"))
