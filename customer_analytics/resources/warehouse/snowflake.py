"""Snowflake itself as the warehouse."""

from typing import ClassVar

from dagster_snowflake import SnowflakeResource
from pydantic import Field

from customer_analytics.resources.warehouse.resource import Warehouse


class SnowflakeWarehouse(Warehouse):
    """A Snowflake account, entered with a key pair."""

    kind: ClassVar[str] = "snowflake"

    account: str = Field(description="Account identifier, e.g. myorg-myaccount.")
    user: str = Field(description="User of the pipeline.")
    private_key_path: str = Field(description="Path of the user's private key.")
    warehouse: str | None = Field(default=None, description="Virtual warehouse; the user's default if none.")
    role: str | None = Field(default=None, description="Role; the user's default if none.")

    def snowflake(self, session_parameters: dict[str, str]) -> SnowflakeResource:
        """Connection settings of the account."""
        return SnowflakeResource(
            account=self.account,
            user=self.user,
            private_key_path=self.private_key_path,
            warehouse=self.warehouse,
            role=self.role,
            database=self.database,
            schema=self.schema_name,
            paramstyle="qmark",
            autocommit=True,
            additional_snowflake_connection_args={"session_parameters": session_parameters},
        )
