"""Settings of the warehouse and the vector store."""

from dataclasses import fields
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from customer_analytics.embedded_snowflake.state.limits import EndpointLimits

_LONGEST_PATH = 500


class StoreSettings(BaseModel):
    """Where tables and vectors are stored, and how to sign in there."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    warehouse: Literal["embedded", "snowflake"] = "embedded"
    """Where tables are stored: the embedded Snowflake endpoint, or Snowflake."""
    embedded_endpoint: str | None = None
    """Address of an embedded endpoint that runs elsewhere, e.g. http://endpoint:8080, instead of the state
    folder's own; its token is the secret `CUSTOMER_ANALYTICS_ENDPOINT_TOKEN`."""
    endpoint_max_result_megabytes: PositiveInt = EndpointLimits.result_megabytes
    """Largest result of the embedded endpoint in megabytes; a statement with a larger one fails."""
    endpoint_max_request_megabytes: PositiveInt = EndpointLimits.request_megabytes
    """Largest request to the embedded endpoint in megabytes, decompressed. Files that are loaded through a stage
    do not count."""
    endpoint_max_sessions: PositiveInt = EndpointLimits.sessions
    """Open sessions of the embedded endpoint at the same time."""
    endpoint_max_queued_statements: PositiveInt = EndpointLimits.queued_statements
    """Statements of one session that wait in the embedded endpoint for the running one."""
    endpoint_max_memory_megabytes: PositiveInt = EndpointLimits.memory_megabytes
    """Memory of the embedded endpoint in megabytes. Beyond it, the endpoint cancels the running statements; if
    that does not help within 5 s, its process ends, and the next client restarts it."""
    database: str = "CUSTOMER_ANALYTICS"
    """Database of all schemas."""
    deployment: Literal["development", "production"] = "development"
    """Database in Snowflake: `production` uses the database of that name, `development` the one with `_DEV`
    appended. The embedded endpoint has its own in each state folder."""
    schema_name: str = Field("ANALYTICS", alias="CUSTOMER_ANALYTICS_SCHEMA")
    """Schema of all tables."""
    statement_timeout: PositiveInt = 3600
    """Seconds after which the warehouse cancels a statement."""
    snowflake_authentication: Literal["key-pair", "token", "oauth", "browser", "connection"] = "key-pair"
    """How to sign in to Snowflake: `key-pair`, `token` (programmatic access token), `oauth`, `browser`, or
    `connection` (a name in connections.toml)."""
    snowflake_account: str | None = Field(None, alias="SNOWFLAKE_ACCOUNT")
    """Account identifier, e.g. myorg-myaccount."""
    snowflake_user: str | None = Field(None, alias="SNOWFLAKE_USER")
    """User of the pipeline."""
    snowflake_role: str | None = Field(None, alias="SNOWFLAKE_ROLE")
    """Role of the pipeline; the user's default if not set."""
    snowflake_reader_role: str | None = Field(None, alias="SNOWFLAKE_READER_ROLE")
    """Read-only role for the dashboard, `search` and `ask`; the user's default if not set. The embedded endpoint
    has its own."""
    snowflake_warehouse: str | None = Field(None, alias="SNOWFLAKE_WAREHOUSE")
    """Virtual warehouse; the user's default if not set."""
    snowflake_private_key_path: str | None = Field(None, alias="SNOWFLAKE_PRIVATE_KEY_PATH")
    """File of the private key; if not set, the key is the secret `SNOWFLAKE_PRIVATE_KEY`."""
    snowflake_connection_name: str | None = Field(None, alias="SNOWFLAKE_CONNECTION_NAME")
    """Name of a connection in connections.toml."""
    vectors: Literal["lancedb", "weaviate"] = "lancedb"
    """Where vectors are stored: a LanceDB folder in the state folder, or Weaviate."""
    weaviate_grpc_host: str | None = None
    """Host of Weaviate's gRPC interface; that of WEAVIATE_URL if not set."""
    weaviate_grpc_port: int | None = None
    """Port of Weaviate's gRPC interface; 50051 if not set (443 in its cloud)."""
    weaviate_prefix: str = Field("", pattern=r"^([A-Za-z][A-Za-z0-9]*)?$")
    """Prefix of the names of collections, so that deployments can share one Weaviate."""

    @property
    def endpoint_limits(self) -> EndpointLimits:
        """The limits of the embedded endpoint."""
        names = [limit.name for limit in fields(EndpointLimits)]
        return EndpointLimits(**{name: getattr(self, f"endpoint_max_{name}") for name in names})

    @field_validator("snowflake_private_key_path")
    @classmethod
    def _names_a_file(cls, path: str | None) -> str | None:
        if path and ("PRIVATE KEY" in path or len(path) > _LONGEST_PATH or not path.isprintable()):
            raise ValueError("it names the file of the key: put the key itself into SNOWFLAKE_PRIVATE_KEY")
        return path
