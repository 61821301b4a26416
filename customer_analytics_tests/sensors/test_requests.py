"""What is requested when there is something new, and when runs before have failed."""

import uuid
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from customer_analytics.automation.arrivals import EarlierRuns, request
from customer_analytics.embedded_snowflake import Endpoint
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.scope import LARGEST, read_scope, record_scope


@pytest.fixture(scope="module")
def warehouse(endpoint: Endpoint, endpoint_home: str) -> Iterator[EmbeddedWarehouse]:
    schema = f"N_{uuid.uuid4().hex[:8].upper()}"
    made = EmbeddedWarehouse(home=endpoint_home, database="TEST", schema_name=schema)
    made.writes.ensure_schema()
    yield made
    made.close()


def about(**scope: Any) -> dict[str, Any]:
    return {"resources": {"scope": {"config": scope}}}


def after(*failed: dict[str, Any], latest: str = "last") -> EarlierRuns:
    return EarlierRuns(latest=latest, is_going_on=False, busy=None, failed=failed)


def values(made: dg.RunRequest, warehouse: EmbeddedWarehouse) -> dict[str, list[str]]:
    """What the requested run is about."""
    return read_scope(warehouse, made.run_config["resources"]["scope"]["config"]["recorded"])


def test_a_request_is_about_what_is_new_and_what_failed_runs_were_about(warehouse: EmbeddedWarehouse) -> None:
    recorded = record_scope(warehouse, "calls", {"calls": ["3-01.wav", "1-01.wav"]})
    earlier = after(about(calls=["2-01.wav"]), about(recorded=recorded))
    made = request("calls", {"calls": ["1-01.wav"]}, ["ff"], earlier, {"new": "1"}, warehouse)
    assert values(made, warehouse) == {"calls": ["1-01.wav", "2-01.wav", "3-01.wav"]}
    assert made.tags["new"] == "1"


def test_each_field_of_the_scope_is_joined_with_its_own(warehouse: EmbeddedWarehouse) -> None:
    earlier = after(about(comment_files=["comments/a.csv"], customers=["9", "2"]))
    new = {"comment_files": ["comments/b.csv"], "customers": ["10"]}
    made = request("comments", new, [], earlier, {}, warehouse)
    joined = {"comment_files": ["comments/a.csv", "comments/b.csv"], "customers": ["10", "2", "9"]}
    assert values(made, warehouse) == joined


def test_what_no_failed_run_and_no_other_job_was_about_is_forgotten(warehouse: EmbeddedWarehouse) -> None:
    of_other = record_scope(warehouse, "others", {"calls": ["9-01.wav"]})
    failed = record_scope(warehouse, "calls", {"calls": ["1-01.wav"]})
    succeeded = record_scope(warehouse, "calls", {"calls": ["2-01.wav"]}, [failed])
    request("calls", {"calls": ["3-01.wav"]}, [], after(about(recorded=failed)), {}, warehouse)
    assert [bool(read_scope(warehouse, name)) for name in (of_other, failed, succeeded)] == [True, True, False]


@pytest.mark.parametrize("config", [{}, about(again=True), about(recorded="forgotten")])
def test_after_a_failed_run_about_all_the_request_is_about_all(
    config: dict[str, Any], warehouse: EmbeddedWarehouse
) -> None:
    earlier = after(about(calls=["2-01.wav"]), config)
    assert request("calls", {"calls": ["1-01.wav"]}, [], earlier, {}, warehouse).run_config == {}


@pytest.mark.parametrize(("number", "is_whole"), [(LARGEST, False), (LARGEST + 1, True)])
def test_with_more_values_than_a_scope_holds_the_request_is_about_all(
    number: int, is_whole: bool, warehouse: EmbeddedWarehouse
) -> None:
    new = {"comment_files": ["comments/a.csv"], "customers": map(str, range(number))}
    assert (request("comments", new, [], after(), {}, warehouse).run_config == {}) == is_whole


def test_the_key_tells_contents_values_and_the_run_before_apart_and_nothing_else(
    warehouse: EmbeddedWarehouse,
) -> None:
    def key(calls: list[str], contents: list[str], latest: str) -> str | None:
        return request("calls", {"calls": calls}, contents, after(latest=latest), {}, warehouse).run_key

    one = key(["1-01.wav", "2-01.wav"], ["aa", "bb"], "last")
    assert key(["2-01.wav", "1-01.wav"], ["bb", "aa"], "last") == one
    others = {
        key(["1-01.wav"], ["aa", "bb"], "last"),
        key(["1-01.wav", "2-01.wav"], ["aa", "cc"], "last"),
        key(["1-01.wav", "2-01.wav"], ["aa", "bb"], "another"),
    }
    assert len(others | {one}) == 4
