"""The ports as Dagster resources. The adapters themselves know nothing of Dagster."""

from collections import Counter
from collections.abc import Mapping
from threading import Lock
from typing import Any

import dagster as dg
from pydantic import Field

from customer_analytics.adapters import PORTS, Adapters, plan
from customer_analytics.ports.warehouse.connections import OUTSIDE_OF_RUNS
from customer_analytics.resources.io_manager import current_asset, io_manager
from customer_analytics.resources.parameters import QualityFloor, Reporting, ScopeResource
from customer_analytics.settings import Settings, secret

# The resources of a run share their adapters: a registry, for example, works on the session of the warehouse.
_adapters: dict[tuple[str, str], Adapters] = {}
_users: Counter[tuple[str, str]] = Counter()
_lock = Lock()


class AdapterResource(dg.ConfigurableResource[Any]):
    """The adapter of one port, which each process makes from the settings."""

    port: str = Field(description="The port: a property of `Adapters`.")
    settings: dict[str, Any] = Field(description="The settings that are not at their defaults.")

    # Secrets, by the names of their variables. All ports get those of the adapters in use.
    customer_analytics_endpoint_token: str | None = Field(default=None, repr=False)
    customer_analytics_webhook_url: str | None = Field(default=None, repr=False)
    openai_api_key: str | None = Field(default=None, repr=False)
    snowflake_private_key: str | None = Field(default=None, repr=False)
    snowflake_private_key_passphrase: str | None = Field(default=None, repr=False)
    snowflake_token: str | None = Field(default=None, repr=False)
    weaviate_api_key: str | None = Field(default=None, repr=False)
    weaviate_url: str | None = Field(default=None, repr=False)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Count this resource among the users of the run's adapters."""
        key = self._key(context)
        with _lock:
            if key not in _adapters:
                _adapters[key] = Adapters(
                    Settings(**self.settings),
                    secret=lambda variable: getattr(self, variable.lower()),
                    run_id=context.run_id or OUTSIDE_OF_RUNS,
                    current_asset=current_asset,
                )
            _users[key] += 1

    def create_resource(self, context: dg.InitResourceContext) -> Any:
        """The adapter."""
        with _lock:
            return getattr(_adapters[self._key(context)], self.port)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Close the adapters after their last user."""
        key = self._key(context)
        with _lock:
            _users[key] -= 1
            adapters = None if _users[key] else _adapters.pop(key)
        if adapters:
            adapters.close()

    def _key(self, context: dg.InitResourceContext) -> tuple[str, str]:
        return context.run_id or OUTSIDE_OF_RUNS, repr(sorted(self.settings.items()))


def resources(settings: Settings) -> dict[str, Any]:
    """The resources of the code location, by the names that assets use."""
    _, needed = plan(settings)
    options = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    secrets: dict[str, Any] = {v.lower(): dg.EnvVar(v) for v in sorted(needed) if secret(v) is not None}
    return {
        **{port: AdapterResource(port=port, settings=options, **secrets) for port in PORTS},
        "scope": ScopeResource.configure_at_launch(),
        "io_manager": io_manager,
        "reporting": Reporting(time_zone=settings.timezone, statuses_not_sales=list(settings.statuses_not_sales)),
        "quality_floor": QualityFloor(accuracy=settings.minimum_accuracy, auc=settings.minimum_auc),
    }


def kinds(settings: Settings) -> dict[str, str]:
    """The kinds of the adapters in Dagster's UI, by port."""
    return {port: adapter.kind for port, adapter in plan(settings)[0].items() if hasattr(adapter, "kind")}


def as_deployed(spec: dg.AssetSpec, kinds: Mapping[str, str], owner: str) -> dg.AssetSpec:
    """An asset with its owner, and with the adapters' kinds where its own kinds name ports."""
    return spec.replace_attributes(kinds={kinds.get(kind, kind) for kind in spec.kinds}, owners=[owner])
