"""Errors as Snowflake reports them: number, SQLSTATE, message."""

import re
from dataclasses import dataclass

import duckdb

from customer_analytics.damage import DATA_CORRUPTED, DISK_FULL, REPAIR

SYNTAX_ERROR = 1003
CANCELLED = 604


@dataclass
class SnowflakeError(Exception):
    """An error that the client raises as `snowflake.connector.errors.ProgrammingError`."""

    errno: int
    sqlstate: str
    message: str

    @property
    def code(self) -> str:
        """The number as the protocol carries it: six digits."""
        return f"{self.errno:06d}"


def syntax_error(message: str) -> SnowflakeError:
    """SQL that cannot be parsed."""
    return SnowflakeError(SYNTAX_ERROR, "42000", f"SQL compilation error:\nsyntax error: {message}")


def unsupported(what: str) -> SnowflakeError:
    """A Snowflake feature that the endpoint lacks."""
    return SnowflakeError(2, "0A000", f"Unsupported feature of the embedded Snowflake endpoint: {what}.")


def missing(name: str, kind: str = "Object") -> SnowflakeError:
    """An object that does not exist."""
    sqlstate = "42S02" if kind == "Object" else "02000"
    return SnowflakeError(
        2003, sqlstate, f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized."
    )


def already_exists(name: str) -> SnowflakeError:
    """An object that exists already."""
    return SnowflakeError(2002, "42710", f"SQL compilation error:\nObject '{name}' already exists.")


def cancelled() -> SnowflakeError:
    """A statement that the client or a timeout has cancelled."""
    return SnowflakeError(CANCELLED, "57014", "SQL execution canceled")


def unknown_function(name: str) -> SnowflakeError:
    """A function that Snowflake, or the endpoint, does not have."""
    return SnowflakeError(2140, "42601", f"SQL compilation error:\nUnknown function {name.upper()}.")


_COMPILATION = "SQL compilation error:\n"
_MISSING_OBJECT = (2003, "42S02", _COMPILATION + "Object '{0}' does not exist or not authorized.")
_INVALID_IDENTIFIER = (904, "42000", _COMPILATION + "invalid identifier '{0}'")
_CATALOG, _BINDER, _CONVERSION = duckdb.CatalogException, duckdb.BinderException, duckdb.ConversionException
_INPUT = duckdb.InvalidInputException

_RULES: tuple[tuple[type[duckdb.Error], str, tuple[int, str, str]], ...] = (
    (_CATALOG, r'(?:Table|View) with name "?([^"]+?)"? does not exist', _MISSING_OBJECT),
    # DuckDB looks for a file where no table has the name.
    (duckdb.PermissionException, r'Cannot access file "(.+?)"', _MISSING_OBJECT),
    (
        _CATALOG,
        r'Schema with name "?([^"]+?)"? does not exist',
        (2043, "02000", _COMPILATION + "Object does not exist, or operation cannot be performed: schema '{0}'."),
    ),
    (
        _CATALOG,
        r'(?:Scalar |Aggregate |Table |Macro )?Function with name "?([\w$.]+)"? does not exist',
        (2140, "42601", _COMPILATION + "Unknown function {0}."),
    ),
    (
        _CATALOG,
        r'with name "?([^"]+?)"? already exists',
        (2002, "42710", _COMPILATION + "Object '{0}' already exists."),
    ),
    (
        _CATALOG,
        r"Existing object (\S+) is of type",
        (2002, "42710", _COMPILATION + "Object '{0}' already exists, as another kind of object."),
    ),
    (_BINDER, r'Referenced column "(.+?)" not found', _INVALID_IDENTIFIER),
    (_BINDER, r'does not have a column (?:named|with name) "(.+?)"', _INVALID_IDENTIFIER),
    (_BINDER, r'Referenced table "(.+?)" not found', _INVALID_IDENTIFIER),
    (
        _BINDER,
        r'Ambiguous reference to column name "(.+?)"',
        (904, "42702", _COMPILATION + "ambiguous column name '{0}'"),
    ),
    (_BINDER, "", (904, "42000", _COMPILATION + "{message}")),
    (duckdb.ParserException, "", (SYNTAX_ERROR, "42000", _COMPILATION + "{message}")),
    (
        duckdb.ConstraintException,
        r"NOT NULL constraint failed: (.+)",
        (100072, "22000", "NULL result in a non-nullable column ({0})"),
    ),
    (
        duckdb.TransactionException,
        r"launched in read-only mode",
        (3001, "42501", "SQL access control error: Insufficient privileges: the role READER is read-only."),
    ),
    (_INPUT, r"Division by zero", (100051, "22012", "Division by zero")),
    (
        _INPUT,
        r"MERGE INTO command cannot affect the same target row",
        (100090, "42P18", "Duplicate row detected during DML action: {message}"),
    ),
    (
        _CONVERSION,
        r'invalid (?:date|timestamp|time) field format: "(.*?)"',
        (100040, "22007", "Date or time '{0}' is not recognized"),
    ),
    (
        _CONVERSION,
        r"Could not convert string '(.*?)' to",
        (100038, "22018", "Numeric value '{0}' is not recognized"),
    ),
    (_CONVERSION, "", (100038, "22018", "{message}")),
    (duckdb.OutOfRangeException, "", (100039, "22003", "Number out of representable range: {message}")),
    (duckdb.InterruptException, "", (CANCELLED, "57014", "SQL execution canceled")),
    (_CATALOG, "", (2003, "42S02", _COMPILATION + "{message}")),
)
"""DuckDB's exception and wording, and Snowflake's error; the first rule that matches applies.

`{0}` is the first group of the pattern, `{message}` the first line of DuckDB's message.
"""


_FULL = re.compile(r"No space left on device|File too large|Disk quota exceeded")
_DAMAGED = re.compile(
    r"Corrupt|not a valid DuckDB database|Could not read enough bytes|while replaying WAL|INTERNAL Error|"
    r"[Ss]erializ|Cannot read|older than the WAL|WAL does not match"
)
_INVALIDATED = "has been invalidated"


def reports_damage(error: duckdb.Error) -> bool:
    """Whether the error reports a damaged database file or log."""
    return _FULL.search(str(error)) is None and _DAMAGED.search(str(error)) is not None


def is_fatal(error: duckdb.Error) -> bool:
    """Whether DuckDB refuses further statements after this error, until its files are reopened."""
    return isinstance(error, duckdb.FatalException | duckdb.InternalException) or _INVALIDATED in str(error)


def from_duckdb(error: duckdb.Error) -> SnowflakeError:
    """Snowflake's error for an error of DuckDB."""
    text = str(error)
    first_line = text.split("\n")[0]
    message = first_line.split(": ", 1)[-1]
    if _FULL.search(text):
        return SnowflakeError(
            100132,
            DISK_FULL,
            "The disk of the state folder is full: free some space there, then run this again.",
        )
    if "Corrupt database file" in text or "Could not read enough bytes" in text:
        return SnowflakeError(
            100132, DATA_CORRUPTED, f"A database file of the warehouse is damaged ({message}): {REPAIR}."
        )
    if is_fatal(error):
        return SnowflakeError(
            100132, "57P02", f"The warehouse hit a fatal error and is being reopened: run this again. {first_line}"
        )
    for kind, pattern, (errno, sqlstate, template) in _RULES:
        if isinstance(error, kind) and (match := re.search(pattern, text)):
            groups = [name.upper() if errno == 2140 else name for name in match.groups()]
            return SnowflakeError(errno, sqlstate, template.format(*groups, message=message))
    return SnowflakeError(100132, "P0000", f"{type(error).__name__}: {first_line}")


def from_arrow_stream(error: OSError) -> SnowflakeError:
    """The error that DuckDB raised while its rows were read; Arrow keeps only its text."""
    kind, _, _ = str(error).partition(" Error: ")
    known = getattr(duckdb, kind.title().replace(" ", "") + "Exception", duckdb.Error)
    return from_duckdb(known(str(error)))
