"""Session parameters, validated when they are set."""

from typing import Any

from customer_analytics.embedded_snowflake.state.budgets import too_much
from customer_analytics.embedded_snowflake.state.errors import SnowflakeError

_MAX_SECONDS = 604_800
_MAX_CHARACTERS = {"QUERY_TAG": 2000}
_MAX_PARAMETERS = 500
_MAX_VALUE_LENGTH = 10_000


def checked(name: str, value: Any) -> Any:
    """The parsed value of a parameter; raises SnowflakeError if it is invalid."""
    if name in ("STATEMENT_TIMEOUT_IN_SECONDS", "LOCK_TIMEOUT"):
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= _MAX_SECONDS):
            raise _invalid(name, f"a whole number from 0 to {_MAX_SECONDS}")
        return int(text)
    if name == "AUTOCOMMIT":
        if str(value).upper() not in ("TRUE", "FALSE"):
            raise _invalid(name, "TRUE or FALSE")
        return str(value).upper() == "TRUE"
    if not isinstance(value, str | int | float | None):
        raise _invalid(name, "a text, a number or a Boolean")
    limit = _MAX_CHARACTERS.get(name, _MAX_VALUE_LENGTH)
    if isinstance(value, str) and (len(value) > limit or not is_text(value)):
        raise _invalid(name, f"a text of at most {limit} characters")
    return value


def keep(parameters: dict[str, Any], name: str, value: Any) -> None:
    """Set a parameter to a checked value."""
    if len(name) > 255 or (name not in parameters and len(parameters) >= _MAX_PARAMETERS):
        raise too_much(f"A session has at most {_MAX_PARAMETERS} parameters, with names of up to 255 characters.")
    parameters[name] = value


def from_login(sent: Any) -> dict[str, Any]:
    """The parameters that a client sets at login."""
    if not isinstance(sent, dict):
        raise _invalid("SESSION_PARAMETERS", "an object")
    parameters: dict[str, Any] = {}
    for name, value in sent.items():
        keep(parameters, name.upper(), checked(name.upper(), value))
    return parameters


def is_text(value: str) -> bool:
    """Whether UTF-8 can encode the characters; JSON can contain half a surrogate pair, which it cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _invalid(name: str, what: str) -> SnowflakeError:
    # Parameter names come from clients, too.
    shown = name if name.isidentifier() and len(name) < 256 else "a session parameter"
    return SnowflakeError(
        1008, "22023", f"SQL compilation error:\ninvalid value for parameter '{shown}': give {what}."
    )
