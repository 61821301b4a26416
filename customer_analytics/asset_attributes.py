"""Attributes of assets that follow from what they hold, when they run and where their code is."""

import datetime as dt
import inspect
import warnings
from collections.abc import Iterable
from typing import Any

import dagster as dg

from customer_analytics.automation import jobs
from customer_analytics.code_versions import code_version

_DOMAINS = {
    "comments": "stg_twitter_comments stg_comment_files customer_comment pred_twitter_comments",
    "customers": "stg_customers customers pres_clv",
    "marketing": "stg_ad_spend stg_sessions stg_customer_conversions attribution_touches pres_ad_spend",
    "orders": "stg_orders stg_payments orders",
    "platform": "warehouse_objects model_registry restored_vectors stg_rejected_rows as_of dashboard",
    "sentiment": "stg_comment_training comment_training sentiment_classifier pres_sentiment",
    "subscriptions": "stg_subscription_periods mrr pres_churn",
    "support": "call_audio stg_support_calls call_transcripts customer_call pred_customer_calls",
}
_DOMAIN_OF = {name: domain for domain, names in _DOMAINS.items() for name in names.split()}

_PERSONAL = {"CUSTOMER_ID", "ORDER_ID", "RELATIVE_PATH", "REVIEW_TEXT", "TRANSCRIPT", "RAW"}
"""Columns that identify a customer or hold a customer's words."""

_NIGHTLY = (jobs.calls, jobs.comments, jobs.dated)
_DAILY = dg.FreshnessPolicy.time_window(fail_window=dt.timedelta(hours=36), warn_window=dt.timedelta(hours=26))
"""Warns after a nightly run that did not take place, and fails before the next one."""


def described(assets: Iterable[Any]) -> list[Any]:
    """The assets with domain and `pii` tags, code versions and code references, and freshness policies if nightly.

    A source table of your own has no domain until `_DOMAINS` names it.
    """
    assets = list(assets)
    run = [asset for asset in assets if isinstance(asset, dg.AssetsDefinition)]
    nightly = {key for job in _NIGHTLY for key in job.selection.resolve(run, allow_missing=True)}

    def tagged(spec: dg.AssetSpec) -> dg.AssetSpec:
        return spec.merge_attributes(tags=_tags(spec)).replace_attributes(
            freshness_policy=_DAILY if spec.key in nightly else None
        )

    return [*map(_with_code, dg.map_asset_specs(tagged, assets))]


def _tags(spec: dg.AssetSpec) -> dict[str, str]:
    name = spec.key.path[-1]
    schema = spec.metadata.get("dagster/column_schema")
    columns = {column.name.upper() for column in schema.columns} if schema else set()
    domain = {"domain": _DOMAIN_OF[name]} if name in _DOMAIN_OF else {}
    return domain | ({"pii": "true"} if columns & _PERSONAL or name == "call_audio" else {})


def _with_code(asset: Any) -> Any:
    """An asset with its code version and a link to its source, if it has code."""
    if not isinstance(asset, dg.AssetsDefinition):
        return asset
    compute: Any = asset.op.compute_fn
    function = inspect.unwrap(compute.decorated_fn)
    # Dagster's with_source_code_references would link to the file of the innermost decorator.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        place = dg.LocalFileCodeReference(
            file_path=function.__code__.co_filename, line_number=function.__code__.co_firstlineno
        )
        references = dg.CodeReferencesMetadataValue(code_references=[place])
    version = code_version(function)
    return asset.map_asset_specs(
        lambda spec: spec.replace_attributes(code_version=version).merge_attributes(
            metadata={"dagster/code_references": references}
        )
    )
