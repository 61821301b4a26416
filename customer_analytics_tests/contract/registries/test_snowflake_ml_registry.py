"""What is said of the Snowflake ML Registry alone.

Not verified on an account: the registry is an autospec of the installed library.
"""

from typing import Any

import pytest
from snowflake.snowpark.types import ArrayType, FloatType

from customer_analytics.ports.registry.base import DamagedModelError
from customer_analytics.ports.registry.snowflake_ml import SnowflakeMLRegistry
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics_tests.contract.registries.versions import FIRST, MODEL, stored


@pytest.mark.parametrize(
    ("dependencies", "asked_for"),
    [
        ("conda", {"conda_dependencies": ["lightgbm==4.7.0", "numpy==2.3.0"]}),
        (
            "pip",
            {
                "pip_requirements": ["lightgbm==4.7.0", "numpy==2.3.0"],
                "artifact_repository_map": {"pip": "snowflake.snowpark.pypi_shared_repository"},
            },
        ),
    ],
)
def test_a_version_is_logged_with_its_metrics_for_the_warehouse(
    warehouse: EmbeddedWarehouse, snowflake_ml: Any, dependencies: Any, asked_for: dict[str, Any]
) -> None:
    SnowflakeMLRegistry(warehouse=warehouse, dependencies=dependencies).log(stored(FIRST))
    call = snowflake_ml.registry.log_model.call_args.kwargs
    assert {name: call[name] for name in asked_for} == asked_for
    assert call["target_platforms"] == ["WAREHOUSE"]
    assert call["metrics"] == {"accuracy": 0.9, "auc": 0.1 + 0.2}
    assert call["signatures"]["predict"].inputs[0].as_snowpark_type() == ArrayType(FloatType())


def test_it_opens_in_the_schema_of_all_tables(
    warehouse: EmbeddedWarehouse, snowflake_ml: Any, snowflake_ml_registry: SnowflakeMLRegistry
) -> None:
    assert snowflake_ml_registry.ensure() == {"registry": "TEST.R"}
    (session,), place = snowflake_ml.opening.call_args
    assert session is warehouse.session()
    assert (place["database_name"], place["schema_name"]) == ('"TEST"', f'"{warehouse.schema_name}"')


def test_a_version_whose_logger_was_killed_before_its_manifest_is_completed(
    snowflake_ml: Any, snowflake_ml_registry: SnowflakeMLRegistry
) -> None:
    snowflake_ml_registry.log(stored(FIRST))
    snowflake_ml.models[MODEL.upper()].versions[FIRST].comment = None
    assert snowflake_ml_registry.default(MODEL) is None
    with pytest.raises(LookupError):
        snowflake_ml_registry.load(MODEL)
    snowflake_ml_registry.log(stored(FIRST))
    assert snowflake_ml_registry.load(MODEL) == stored(FIRST)


def test_damaged_files_are_named_with_what_to_do(
    snowflake_ml: Any, snowflake_ml_registry: SnowflakeMLRegistry
) -> None:
    snowflake_ml_registry.log(stored(FIRST))
    (booster,) = snowflake_ml.models[MODEL.upper()].versions[FIRST].folder.rglob("booster.txt")
    booster.write_text("tree")
    with pytest.raises(DamagedModelError, match=rf"ALTER MODEL {MODEL} DROP VERSION {FIRST}"):
        snowflake_ml_registry.load(MODEL)
