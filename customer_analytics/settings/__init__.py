"""Settings: the only package that reads the environment for choices, paths and secrets.

Secrets are not fields of `Settings`. Dagster's resources take them as `dagster.EnvVar`, which keeps them out of
the code location's snapshot; everything else calls `secret`.
"""

import os
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_cache_path
from pydantic import Field, PositiveInt, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from customer_analytics.credentials import web_address
from customer_analytics.settings.models import ModelSettings
from customer_analytics.settings.source import SourceSettings
from customer_analytics.settings.stores import StoreSettings

_ADDRESS_FORM = (
    "an address has the form https://host:port/path, without user, password or query: keys belong in "
    "separate variables, such as OPENAI_API_KEY"
)
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


class Settings(ModelSettings, StoreSettings, SourceSettings, BaseSettings):
    """The user's choices, read from `CUSTOMER_ANALYTICS_*` variables."""

    model_config = SettingsConfigDict(
        env_prefix="CUSTOMER_ANALYTICS_",
        use_attribute_docstrings=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,  # an address may contain a password
    )

    home: Path = Path(".local")
    """Folder of all state: warehouse files, vectors, Dagster's own home."""
    model_cache: Path = Field(default_factory=lambda: user_cache_path("customer-analytics") / "models")
    """Folder of downloaded model files, shared by all checkouts of the user."""
    notifications: Literal["log", "webhook"] = "log"
    """Where failed runs are reported: the log, or the address in CUSTOMER_ANALYTICS_WEBHOOK_URL."""
    owner: str = "team:customer-analytics"
    """Owner of all assets in Dagster's UI: `team:<name>` or an e-mail address."""
    dagster_url: str = "http://127.0.0.1:3000"
    """Address of Dagster's web UI, to which the dashboard links."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts besides loopback that browsers may use for Dagster's UI and the dashboard: as in the address bar, with
    the port unless it is the default, separated by commas, e.g. analytics.example.com,10.0.0.5:8501. Requests for
    other hosts, and from pages of others, are refused."""
    executor: Literal["celery", "kubernetes"] = "celery"
    """What runs the steps of the code location `customer_analytics.distributed`."""
    buckets: PositiveInt = 4
    """Steps of `customer_analytics.distributed` that share the transcription of calls, and the embedding of each
    kind of text."""

    @property
    def sample_data(self) -> Path:
        """The folder into which the demo writes its source data."""
        return self.home / "sample-data"

    @field_validator("home", "model_cache")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("statuses_not_sales", "allowed_hosts", mode="before")
    @classmethod
    def _separated(cls, words: object) -> object:
        return tuple(w.strip() for w in words.split(",") if w.strip()) if isinstance(words, str) else words

    @field_validator("allowed_hosts")
    @classmethod
    def _names_of_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        for host in hosts:
            if not _HOST.fullmatch(host):
                raise ValueError("a host has the form name or name:port, e.g. analytics.example.com")
        return tuple(host.lower() for host in hosts)

    @field_validator("openai_base_url", "embedded_endpoint", "dagster_url")
    @classmethod
    def _without_secret(cls, url: str | None, field: ValidationInfo) -> str | None:
        if not url:  # Compose passes unset variables as empty strings
            default: str | None = cls.model_fields[str(field.field_name)].default
            return default
        web_address(url, _ADDRESS_FORM)
        return url

    @model_validator(mode="after")
    def _registry_matches_warehouse(self) -> "Settings":
        if self.registry == "snowflake-ml" and self.warehouse != "snowflake":
            raise ValueError(
                "CUSTOMER_ANALYTICS_REGISTRY=snowflake-ml needs CUSTOMER_ANALYTICS_WAREHOUSE=snowflake."
            )
        return self


def secret(variable: str) -> str | None:
    """A secret from the environment; None if the variable is not set."""
    return os.environ.get(variable)


def web_password() -> str | None:
    """The password of Dagster's UI and the dashboard, if there is one."""
    return secret("CUSTOMER_ANALYTICS_WEB_PASSWORD") or None


@cache
def settings() -> Settings:
    """The settings of this process, read once; raises ValueError with a sentence for each invalid one."""
    try:
        return Settings()
    except ValidationError as error:
        raise ValueError(
            " ".join(_sentence(problem["loc"], problem["msg"]) for problem in error.errors())
        ) from None


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else ""
    variable = name if name.isupper() or not name else f"CUSTOMER_ANALYTICS_{name.upper()}"
    message = message.removeprefix("Value error, ").rstrip(".")
    return f"{variable}: {message}." if variable else f"{message}."
