"""What is requested when there is something new, and when runs before have failed."""

from typing import Any

import pytest

from customer_analytics.automation.earlier_runs import EarlierRuns
from customer_analytics.automation.requests import request
from customer_analytics.resources.scope import LARGEST


def about(**scope: Any) -> dict[str, Any]:
    return {"resources": {"scope": {"config": scope}}}


def after(*failed: dict[str, Any], latest: str = "last") -> EarlierRuns:
    return EarlierRuns(latest=latest, is_going_on=False, busy=None, failed=failed)


def test_a_request_names_what_is_new_and_what_failed_runs_were_about() -> None:
    earlier = after(about(calls=["2-01.wav"]), about(calls=["3-01.wav", "1-01.wav"]))
    made = request({"calls": ["1-01.wav"]}, ["ff"], earlier, {"new": "1"})
    assert made.run_config == about(calls=["1-01.wav", "2-01.wav", "3-01.wav"])
    assert made.tags["new"] == "1"


def test_each_field_of_the_scope_is_joined_with_its_own() -> None:
    earlier = after(about(comment_files=["comments/a.csv"], customers=["9", "2"]))
    made = request({"comment_files": ["comments/b.csv"], "customers": ["10"]}, [], earlier, {})
    assert made.run_config == about(comment_files=["comments/a.csv", "comments/b.csv"], customers=["10", "2", "9"])


@pytest.mark.parametrize("config", [{}, about(again=True)])
def test_after_a_failed_run_about_all_the_request_is_about_all(config: dict[str, Any]) -> None:
    assert request({"calls": ["1-01.wav"]}, [], after(about(calls=["2-01.wav"]), config), {}).run_config == {}


@pytest.mark.parametrize(("number", "is_whole"), [(LARGEST, False), (LARGEST + 1, True)])
def test_with_more_values_than_a_scope_holds_the_request_is_about_all(number: int, is_whole: bool) -> None:
    made = request({"comment_files": ["comments/a.csv"], "customers": map(str, range(number))}, [], after(), {})
    assert (made.run_config == {}) == is_whole


def test_the_key_tells_contents_values_and_the_run_before_apart_and_nothing_else() -> None:
    def key(calls: list[str], contents: list[str], latest: str) -> str | None:
        return request({"calls": calls}, contents, after(latest=latest), {}).run_key

    one = key(["1-01.wav", "2-01.wav"], ["aa", "bb"], "last")
    assert key(["2-01.wav", "1-01.wav"], ["bb", "aa"], "last") == one
    others = {
        key(["1-01.wav"], ["aa", "bb"], "last"),
        key(["1-01.wav", "2-01.wav"], ["aa", "cc"], "last"),
        key(["1-01.wav", "2-01.wav"], ["aa", "bb"], "another"),
    }
    assert len(others | {one}) == 4
