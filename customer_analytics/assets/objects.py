"""The objects that every other asset needs."""

import dagster as dg

from customer_analytics.ports.registry.base import ModelRegistry
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.resources.leftovers import drop_leftovers
from customer_analytics.resources.retries import RETRIES, fail_fast
from customer_analytics.tables.sources import CALL_STAGE


@dg.asset(group_name="objects", kinds={"warehouse"}, pool="warehouse_objects", retry_policy=RETRIES)
@fail_fast
def warehouse_objects(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult[None]:
    """Database, schema and the stage of call audio, created if absent; scratch of killed runs is dropped."""
    warehouse.writes.ensure_schema()
    stage = warehouse.name(CALL_STAGE)
    warehouse.session().sql(
        f"CREATE STAGE IF NOT EXISTS {stage} DIRECTORY = (ENABLE = TRUE) "
        "ENCRYPTION = (TYPE = 'SNOWFLAKE_SSE') COMMENT = 'Support calls as <sha256><extension>.'"
    ).collect()
    dropped = drop_leftovers(warehouse, context.instance)
    return dg.MaterializeResult(
        metadata={
            "database": warehouse.database,
            "schema": warehouse.schema_name,
            "stage": stage,
            "runs_cleaned_up": len(dropped),
        }
    )


@dg.asset(
    group_name="objects",
    kinds={"registry", "warehouse"},
    deps=[warehouse_objects],
    pool="model_registry",
    retry_policy=RETRIES,
)
@fail_fast
def model_registry(registry: dg.ResourceParam[ModelRegistry]) -> dg.MaterializeResult[None]:
    """The objects in which the registry keeps its versions, created if absent."""
    return dg.MaterializeResult(metadata=dict(registry.ensure()))
