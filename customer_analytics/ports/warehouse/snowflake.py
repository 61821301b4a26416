"""Snowflake itself as the warehouse."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from snowflake.connector.errors import Error as SnowflakeError

from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.ports.warehouse.privileges import check_privileges
from customer_analytics.ports.warehouse.sign_in import check_private_key, named_connection

if TYPE_CHECKING:
    from dagster_snowflake import SnowflakeResource

Authentication = Literal["key-pair", "token", "oauth", "browser", "connection"]
_AUTHENTICATORS = {"token": "PROGRAMMATIC_ACCESS_TOKEN", "oauth": "OAUTH", "browser": "EXTERNALBROWSER"}
_NEEDS = {
    "key-pair": ("account", "user"),
    "token": ("account", "user", "token"),
    "oauth": ("account", "user", "token"),
    "browser": ("account", "user"),
    "connection": ("connection_name",),
}
_LOGIN_SECONDS = 30


@dataclass(kw_only=True, eq=False)
class SnowflakeWarehouse(Warehouse):
    """A Snowflake account. Only `authentication` decides how to sign in, whatever else is set.

    - `key-pair`: user and private key, from a file or as a value.
    - `token`: user and programmatic access token.
    - `oauth`: user and access token of an OAuth integration.
    - `browser`: user; a browser on this machine opens the identity provider.
    - `connection`: a name in connections.toml, which supplies everything that is not set here.
    """

    kind: ClassVar[str] = "snowflake"

    authentication: Authentication
    account: str | None = None
    user: str | None = None
    private_key_path: str | None = None
    private_key: str | None = field(default=None, repr=False)
    private_key_passphrase: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    connection_name: str | None = None
    warehouse: str | None = None

    def snowflake(self, session_parameters: dict[str, Any]) -> "SnowflakeResource":
        """Connection settings of the account; raises ValueError if one is missing or the key cannot be read."""
        missing = [f"SNOWFLAKE_{name.upper()}" for name in _NEEDS[self.authentication] if not getattr(self, name)]
        if missing:
            raise ValueError(
                f"CUSTOMER_ANALYTICS_SNOWFLAKE_AUTHENTICATION={self.authentication} needs {', '.join(missing)}; "
                "set it, or choose another way of signing in."
            )
        entry = self._entry()
        place = {"warehouse": self.warehouse, "role": self.role}
        chosen = {"login_timeout": _LOGIN_SECONDS} | entry | {name: at for name, at in place.items() if at}
        further = chosen.pop("additional", {})
        further["session_parameters"] = further.get("session_parameters", {}) | session_parameters
        from dagster_snowflake import SnowflakeResource

        return SnowflakeResource(
            **chosen,
            database=self.database,
            schema=self.schema_name,
            paramstyle="qmark",
            autocommit=True,
            additional_snowflake_connection_args=further,
        )

    def sign_in_advice(self, error: SnowflakeError) -> str:
        """Which setting to correct if the account refuses the sign-in or cannot be reached."""
        if self.authentication == "connection":
            who, check = f"the connection {self.connection_name!r}", "its entry in connections.toml"
        else:
            who = f"user {self.user} by {self.authentication}"
            check = "SNOWFLAKE_USER, SNOWFLAKE_ROLE and the key or token, which belong to this account"
        message = " ".join(str(error.msg).split()).rstrip(".")
        if 390000 <= (error.errno or 0) < 400000:
            return f"Snowflake refused {who} ({message}). Check {check}."
        where = "its account" if self.authentication == "connection" else f"SNOWFLAKE_ACCOUNT={self.account}"
        return f"No Snowflake account answers for {who} ({message}). Check {where} and the network."

    def describe(self) -> str:
        """See `Warehouse.describe`; also checks the role's privileges."""
        described = super().describe()
        with self.connection() as connection:
            virtual_warehouse = check_privileges(connection, self.database, self.schema_name)
        return f"{described}, virtual warehouse {virtual_warehouse}, all privileges there"

    def purge(self) -> None:
        """See `Warehouse.purge`; Snowflake has no statement for it."""

    def retention_notice(self) -> str:
        """See `Warehouse.retention_notice`."""
        return (
            "Snowflake keeps deleted rows in Time Travel for DATA_RETENTION_TIME_IN_DAYS (a day by default), then "
            "for seven days in Fail-safe, and the statements of a year in its query history"
        )

    def _entry(self) -> dict[str, Any]:
        """The credentials as fields of dagster-snowflake's resource; `additional` goes to the connector only."""
        if self.authentication == "connection":
            # dagster-snowflake's resource requires a user and an authenticator; a connection name is not enough.
            additional = named_connection(str(self.connection_name))
            named = {name: additional.pop(name) for name in ("account", "role", "warehouse") if name in additional}
            for name in ("database", "schema"):
                additional.pop(name, None)
            authenticator = additional.pop("authenticator", "snowflake")
            user = additional.pop("user", "")
            return named | {"user": user, "authenticator": authenticator, "additional": additional}
        entry: dict[str, Any] = {"account": self.account, "user": self.user}
        if self.authentication == "key-pair":
            check_private_key(self.private_key_path, self.private_key, self.private_key_passphrase)
            if self.private_key_path:
                entry["private_key_path"] = self.private_key_path
            else:
                entry["private_key"] = self.private_key
            return entry | {"private_key_password": self.private_key_passphrase or None}
        entry["authenticator"] = _AUTHENTICATORS[self.authentication]
        if self.token and self.authentication != "browser":
            entry["additional"] = {"token": self.token}
        return entry
