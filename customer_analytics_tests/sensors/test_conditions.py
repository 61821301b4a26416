"""What Dagster refreshes by itself when something upstream is new."""

from typing import Any

import dagster as dg
import pytest

from customer_analytics.definitions import defs

GRAPH = defs.resolve_asset_graph()


class Watched:
    """All assets as materialized, and conditions that are evaluated again and again."""

    def __init__(self) -> None:
        self.defs, self.instance = defs, dg.DagsterInstance.ephemeral()
        self.cursor: Any = None
        self.load(*sorted(key.to_user_string() for key in GRAPH.materializable_asset_keys))
        self.evaluate()

    def load(self, *names: str, passed: bool = True) -> None:
        """Report tables as new, and their blocking checks as passed or failed."""
        for name in names:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(name))
            for key in GRAPH.asset_check_keys:
                if key.asset_key == dg.AssetKey(name) and GRAPH.get(key).blocking:
                    self.instance.report_runless_asset_event(
                        dg.AssetCheckEvaluation(
                            asset_key=key.asset_key, check_name=key.name, passed=passed, metadata={}
                        )
                    )

    def report_day(self, day: str) -> None:
        """Report AS_OF as written with this day."""
        tags = {"dagster/data_version": day}
        self.instance.report_runless_asset_event(dg.AssetMaterialization("as_of", tags=tags))

    def evaluate(self) -> set[str]:
        """The assets that are requested."""
        result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        keys = GRAPH.materializable_asset_keys
        return {key.to_user_string() for key in keys if result.get_num_requested(key)}


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_nothing_new_refreshes_nothing(watched: Watched) -> None:
    assert watched.evaluate() == set()


def test_new_code_refreshes_nothing(watched: Watched) -> None:
    watched.defs = defs.map_asset_specs(func=lambda spec: spec.replace_attributes(code_version="new"))
    assert watched.evaluate() == set()


@pytest.mark.parametrize(
    ("new", "refreshed"),
    [
        ("stg_ad_spend", {"as_of", "pres_ad_spend"}),
        ("stg_customers", {"customers", "pres_clv", "pres_churn"}),
        ("stg_payments", {"customers", "orders", "pres_clv", "pres_churn"}),
        ("stg_orders", {"as_of", "customers", "orders", "pres_clv", "pres_churn"}),
    ],
)
def test_a_new_table_refreshes_just_what_depends_on_it(watched: Watched, new: str, refreshed: set[str]) -> None:
    watched.load(new)
    assert watched.evaluate() == refreshed


def test_another_reporting_day_refreshes_all_dated_tables_and_the_same_one_none(watched: Watched) -> None:
    watched.report_day("2020-02-17")
    dated = {"customers", "orders", "mrr", "attribution_touches", "pres_ad_spend"}
    assert watched.evaluate() == dated | {"pres_clv", "pres_churn"}
    watched.report_day("2020-02-17")
    assert watched.evaluate() == set()


def test_new_sentiment_is_for_the_sensors_run_to_pass_on(watched: Watched) -> None:
    watched.load("pred_customer_calls", "pres_sentiment")
    assert watched.evaluate() == set()


def test_a_failed_blocking_check_of_another_run_stops_the_refresh(watched: Watched) -> None:
    watched.load("stg_payments", passed=False)
    assert watched.evaluate() == set()
    watched.load("stg_payments")
    assert watched.evaluate() == {"customers", "orders", "pres_clv", "pres_churn"}
