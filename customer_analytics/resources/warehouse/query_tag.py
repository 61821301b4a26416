"""The label of every statement in Snowflake's query history: the run, and the asset that the statement is for."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import dagster as dg

_asset: ContextVar[str | None] = ContextVar("asset", default=None)


def query_tag(run_id: str, asset: str | None) -> str:
    """The tag as JSON, cut to stay within the 2,000 characters that Snowflake takes."""
    return json.dumps({"app": "customer_analytics", "run_id": run_id, "asset": asset and asset[:1500]})


@contextmanager
def for_asset(name: str) -> Iterator[None]:
    """Label what this thread does in the block with one of the assets of its step."""
    token = _asset.set(name)
    try:
        yield
    finally:
        _asset.reset(token)


def current_asset() -> str | None:
    """The asset, or the assets, of the step that this thread is running; None outside of steps."""
    if named := _asset.get():
        return named
    try:
        step = dg.OpExecutionContext.get()
    except dg.DagsterInvariantViolationError:
        return None
    keys = step.selected_asset_keys or {check.asset_key for check in step.selected_asset_check_keys}
    return ", ".join(sorted(key.to_user_string() for key in keys))
