"""Session parameters: those that the endpoint interprets are checked when they are set."""

from typing import Any

from customer_analytics.embedded_snowflake.budgets import too_much
from customer_analytics.embedded_snowflake.errors import SnowflakeError

_MOST_SECONDS = 604_800
_MOST_CHARACTERS = {"QUERY_TAG": 2000}
_MOST_PARAMETERS = 500
_LONGEST_VALUE = 10_000


def checked(name: str, value: Any) -> Any:
    """The value of a parameter as the endpoint keeps it; raises SnowflakeError if it is not valid."""
    if name in ("STATEMENT_TIMEOUT_IN_SECONDS", "LOCK_TIMEOUT"):
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= _MOST_SECONDS):
            raise _invalid(name, f"a whole number from 0 to {_MOST_SECONDS}")
        return int(text)
    if name == "AUTOCOMMIT":
        if str(value).upper() not in ("TRUE", "FALSE"):
            raise _invalid(name, "TRUE or FALSE")
        return str(value).upper() == "TRUE"
    if not isinstance(value, str | int | float | None):
        raise _invalid(name, "a text, a number or a truth value")
    longest = _MOST_CHARACTERS.get(name, _LONGEST_VALUE)
    if isinstance(value, str) and (len(value) > longest or not is_text(value)):
        raise _invalid(name, f"a text of at most {longest} characters")
    return value


def keep(parameters: dict[str, Any], name: str, value: Any) -> None:
    """Set a parameter whose value is checked."""
    if len(name) > 255 or (name not in parameters and len(parameters) >= _MOST_PARAMETERS):
        raise too_much(f"A session has at most {_MOST_PARAMETERS} parameters, of names up to 255 characters.")
    parameters[name] = value


def from_login(sent: Any) -> dict[str, Any]:
    """The parameters that a client sets when it logs in."""
    if not isinstance(sent, dict):
        raise _invalid("SESSION_PARAMETERS", "an object")
    parameters: dict[str, Any] = {}
    for name, value in sent.items():
        keep(parameters, name.upper(), checked(name.upper(), value))
    return parameters


def is_text(value: str) -> bool:
    """Whether the characters can be written; half a surrogate pair, which JSON can carry, cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _invalid(name: str, what: str) -> SnowflakeError:
    # Names of parameters come from clients, too.
    shown = name if name.isidentifier() and len(name) < 256 else "a session parameter"
    return SnowflakeError(
        1008, "22023", f"SQL compilation error:\ninvalid value for parameter '{shown}': give {what}."
    )
