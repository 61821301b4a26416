"""`customer-analytics search` and `ask`."""

import json

import pytest

from customer_analytics_tests.deployment import Deployment
from customer_analytics_tests.shop import SQL

pytestmark = pytest.mark.timeout(900)  # the first test waits for the shop's first run


def test_search_prints_hits_with_their_origin_or_json(shop: Deployment) -> None:
    printed = shop.call("search", "broken wheel", "--limit", "1")
    assert "comment of customer 1, 2020-03-05, sentiment" in printed
    assert "The wheel of the red tractor broke off at once." in printed
    filters = ["--source", "comment", "--customer", "1", "--from", "2020-03-05", "--to", "2020-03-05"]
    (hit, *_) = json.loads(shop.call("search", SQL, *filters, "--json"))
    assert (hit["text"], hit["customer_id"], hit["date"]) == (SQL, "1", "2020-03-05")
    assert 0 <= hit["sentiment"] <= 1


def test_calls_are_filtered_by_properties_of_their_manifest(shop: Deployment) -> None:
    printed = shop.call("search", "train", "--property", "Agent=maya", "--from", "2020-03-06")
    assert "call of customer 1, 2020-03-06, 1-01.opus, sentiment" in printed
    assert shop.call("search", "train", "--property", "agent=tom") == "Nothing found.\n"
    assert "'maya' is not a property: write name=value" in shop.attempt("ask", "x", "--property", "maya").stderr


def test_ask_quotes_with_origin_or_says_that_nothing_was_found(shop: Deployment) -> None:
    assert shop.call("ask", "Who does Thomas like best?").startswith("“Thomas likes Bertie the bus best.” [1]\n")
    answer = json.loads(shop.call("ask", "What is the capital of Mongolia?", "--json"))
    assert (answer["is_found"], answer["quotes"], answer["model"]) == (False, [], "extractive")


def test_an_impossible_filter_is_refused(shop: Deployment) -> None:
    assert "0<=x<=1" in shop.attempt("search", "toy", "--min-sentiment", "7").stderr
