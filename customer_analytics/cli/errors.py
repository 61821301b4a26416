"""Errors of the command line."""

import sys
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

from customer_analytics.output import echo

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def or_fail(
    function: Callable[Arguments, Result], *arguments: Arguments.args, **options: Arguments.kwargs
) -> Result:
    """Call a function; an error ends the program with its message instead of a stack trace."""
    from snowflake.connector.errors import Error as SnowflakeError

    try:
        return function(*arguments, **options)
    except (SnowflakeError, OSError, ValueError, RuntimeError) as error:
        fail(getattr(error, "msg", None) or str(error))


def fail(sentence: str) -> NoReturn:
    """End the program with an error."""
    echo(f"Error: {sentence}", err=True)
    sys.exit(1)
