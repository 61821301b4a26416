"""The code location for several machines: the same assets, whose steps run on Celery or Kubernetes."""

from typing import Any

import dagster as dg

from customer_analytics import definitions
from customer_analytics.automation.fan_out import FANNED_OUT, fanned_out
from customer_analytics.settings import Settings, settings


def executor(settings: Settings) -> dg.ExecutorDefinition:
    """The executor that runs each step in a separate process on any machine."""
    if settings.executor == "celery":
        from dagster_celery import celery_executor

        # The variables that Celery's workers read; not their values, because an address may contain a password.
        return celery_executor.configured(
            {"broker": {"env": "CELERY_BROKER_URL"}, "backend": {"env": "CELERY_RESULT_BACKEND"}}, name="celery"
        )
    from dagster_k8s import k8s_job_executor

    # Image, namespace, service account and secrets are those of the run, set in the code location's deployment.
    return k8s_job_executor.configured(
        {
            "step_k8s_config": {
                "container_config": {"resources": {"requests": {"cpu": "250m", "memory": "512Mi"}}},
                "job_spec_config": {"ttl_seconds_after_finished": 3600},
            }
        },
        name="kubernetes",
    )


def _with_fan_out(asset: Any) -> Any:
    if isinstance(asset, dg.AssetsDefinition) and {key.path[-1] for key in asset.keys} & FANNED_OUT:
        return fanned_out(asset, settings().buckets)
    return asset


# `defs` of the other module is not imported by name: Dagster uses the only Definitions object of a module.
defs = dg.Definitions(
    assets=[_with_fan_out(asset) for asset in definitions.defs.assets or ()],
    asset_checks=definitions.defs.asset_checks,
    jobs=definitions.defs.jobs,
    schedules=definitions.defs.schedules,
    sensors=definitions.defs.sensors,
    resources=definitions.defs.resources,
    loggers=definitions.defs.loggers,
    executor=executor(settings()),
)
