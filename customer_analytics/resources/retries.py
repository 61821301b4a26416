"""Which failures of a step may pass by themselves, and how often they are tried again."""

import errno
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import dagster as dg

from customer_analytics.damage import DATA_CORRUPTED, DISK_FULL
from customer_analytics.ingestion.location import SourceError
from customer_analytics.ml.vectorisation import SyncError

RETRIES = dg.RetryPolicy(max_retries=3, delay=2, backoff=dg.Backoff.EXPONENTIAL, jitter=dg.Jitter.PLUS_MINUS)
"""For connections that were lost, limits of calls, and conflicts between writers."""

_FOR_GOOD = (ValueError, TypeError, LookupError, SyncError)
_STORES = {"aiohttp", "azure", "botocore", "gcsfs", "google"}


def may_pass(error: BaseException) -> bool:
    """Whether the same step may succeed when it is tried again, with nothing changed by anybody."""
    if isinstance(error, SourceError):
        cause = error.__cause__
        return isinstance(cause, ConnectionError | TimeoutError) or type(cause).__module__.split(".")[0] in _STORES
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return False
    return not isinstance(error, _FOR_GOOD) and _of_the_disk(error) is None


def _of_the_disk(error: BaseException) -> str | None:
    """What the warehouse says where its disk is full or a file of it is damaged; None for other errors."""
    while True:
        for told in (error, getattr(error, "conn_error", None)):  # Snowpark's errors carry the connector's
            if getattr(told, "sqlstate", None) in (DISK_FULL, DATA_CORRUPTED):
                return str(getattr(told, "raw_msg", told))
        if error.__cause__ is None:
            return None
        error = error.__cause__


def fail_fast(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that a step calls, whose failures that cannot pass end the step without a retry."""
    if inspect.isgeneratorfunction(function):

        @wraps(function)
        def steps(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _told_apart():
                yield from function(*args, **kwargs)

        return steps

    @wraps(function)
    def step(*args: Any, **kwargs: Any) -> Any:
        with _told_apart():
            return function(*args, **kwargs)

    return step


@contextmanager
def _told_apart() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if may_pass(error):
            raise
        raise dg.Failure(_of_the_disk(error) or str(error), allow_retries=False) from error
