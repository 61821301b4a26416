"""Each model registry, empty."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from customer_analytics.embedded_snowflake import Endpoint
from customer_analytics.ports.registry.base import ModelRegistry
from customer_analytics.ports.registry.snowflake_ml import SnowflakeMLRegistry
from customer_analytics.ports.registry.warehouse_registry import WarehouseRegistry
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse


@pytest.fixture
def warehouse(endpoint: Endpoint, endpoint_home: str) -> Iterator[EmbeddedWarehouse]:
    made = EmbeddedWarehouse(home=endpoint_home, database="TEST", schema_name=f"R_{uuid.uuid4().hex[:12].upper()}")
    made.writes.ensure_schema()
    yield made
    made.close()


@pytest.fixture
def warehouse_registry(warehouse: EmbeddedWarehouse) -> WarehouseRegistry:
    made = WarehouseRegistry(warehouse=warehouse)
    made.ensure()
    return made


@pytest.fixture
def snowflake_ml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The double behind `snowflake.ml.registry`; there is no account to test against."""
    pytest.importorskip("snowflake.ml", reason="the extra snowflake-ml is not installed")
    from customer_analytics_tests.contract.registries.snowflake_ml_double import SnowflakeMLDouble

    made = SnowflakeMLDouble(tmp_path)
    monkeypatch.setattr("snowflake.ml.registry.Registry", made.opening)
    return made


@pytest.fixture
def snowflake_ml_registry(warehouse: EmbeddedWarehouse, snowflake_ml: Any) -> SnowflakeMLRegistry:
    return SnowflakeMLRegistry(warehouse=warehouse, dependencies="conda")


@pytest.fixture(params=["warehouse_registry", "snowflake_ml_registry"])
def registry(request: pytest.FixtureRequest) -> ModelRegistry:
    made = request.getfixturevalue(request.param)
    assert isinstance(made, ModelRegistry)
    return made
