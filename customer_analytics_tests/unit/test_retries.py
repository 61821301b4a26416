"""Which failures are tried again, in a real run."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from customer_analytics.ingestion.location import SourceError
from customer_analytics.ports.openai_service import OpenAIError, OpenAIRefusalError
from customer_analytics.resources.retries import fail_fast, may_pass

QUICK = dg.RetryPolicy(max_retries=2)


def attempts(error: Exception, as_generator: bool) -> int:
    made = []

    def step() -> None:
        made.append(1)
        raise error

    def steps() -> Iterator[Any]:
        made.append(1)
        yield dg.Output(1)
        raise error

    asset = dg.asset(name="ill", retry_policy=QUICK)(fail_fast(steps if as_generator else step))
    assert not dg.materialize([asset], raise_on_error=False).success
    return len(made)


@pytest.mark.parametrize("as_generator", [False, True])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionError("lost"), 3),
        (TimeoutError("late"), 3),
        (ValueError("wrong"), 1),
        (OpenAIError("disturbed"), 3),
        (OpenAIRefusalError("no such model"), 1),
        (SourceError("orders.csv is empty"), 1),
        (dg.Failure("audited", allow_retries=False), 1),
    ],
)
def test_only_what_may_pass_is_tried_again(error: Exception, expected: int, as_generator: bool) -> None:
    assert attempts(error, as_generator) == expected


def test_a_store_that_could_not_be_reached_may_answer_later() -> None:
    try:
        try:
            raise TimeoutError
        except TimeoutError as cause:
            raise SourceError("s3://toys cannot be read") from cause
    except SourceError as error:
        assert may_pass(error)
