"""Errors as Snowflake reports them: number, SQLSTATE, message."""

import re
from dataclasses import dataclass

import duckdb

from customer_analytics.damage import DATA_CORRUPTED, DISK_FULL, REPAIR

SYNTAX_ERROR = 1003
CANCELLED = 604


@dataclass
class SnowflakeError(Exception):
    """An error that the client sees as `snowflake.connector.errors.ProgrammingError`."""

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
    """A Snowflake feature that the embedded endpoint does not have."""
    return SnowflakeError(2, "0A000", f"Unsupported feature of the embedded Snowflake endpoint: {what}.")


def missing(name: str, kind: str = "Object") -> SnowflakeError:
    """An object that is not there."""
    sqlstate = "42S02" if kind == "Object" else "02000"
    return SnowflakeError(
        2003, sqlstate, f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized."
    )


def already_exists(name: str) -> SnowflakeError:
    """An object that is there already."""
    return SnowflakeError(2002, "42710", f"SQL compilation error:\nObject '{name}' already exists.")


def cancelled() -> SnowflakeError:
    """A statement that the client or a timeout has interrupted."""
    return SnowflakeError(CANCELLED, "57014", "SQL execution canceled")


_UNKNOWN_FUNCTION = 2140


def unknown_function(name: str) -> SnowflakeError:
    """A function that Snowflake does not have, or the endpoint does not."""
    return SnowflakeError(_UNKNOWN_FUNCTION, "42601", f"SQL compilation error:\nUnknown function {name.upper()}.")


# DuckDB tells what went wrong by exception class and wording; the first rule that fits names Snowflake's error.
# `{0}` is the rule's first group, `{message}` the first line of DuckDB's message.
_RULES: tuple[tuple[type[duckdb.Error], str, int, str, str], ...] = (
    (
        duckdb.CatalogException,
        r'(?:Table|View) with name "?([^"]+?)"? does not exist',
        2003,
        "42S02",
        "SQL compilation error:\nObject '{0}' does not exist or not authorized.",
    ),
    # DuckDB looks for a file where no table has the name.
    (
        duckdb.PermissionException,
        r'Cannot access file "(.+?)"',
        2003,
        "42S02",
        "SQL compilation error:\nObject '{0}' does not exist or not authorized.",
    ),
    (
        duckdb.CatalogException,
        r'Schema with name "?([^"]+?)"? does not exist',
        2043,
        "02000",
        "SQL compilation error:\nObject does not exist, or operation cannot be performed: schema '{0}'.",
    ),
    (
        duckdb.CatalogException,
        r'(?:Scalar |Aggregate |Table |Macro )?Function with name "?([\w$.]+)"? does not exist',
        _UNKNOWN_FUNCTION,
        "42601",
        "SQL compilation error:\nUnknown function {0}.",
    ),
    (
        duckdb.CatalogException,
        r'with name "?([^"]+?)"? already exists',
        2002,
        "42710",
        "SQL compilation error:\nObject '{0}' already exists.",
    ),
    (
        duckdb.CatalogException,
        r"Existing object (\S+) is of type",
        2002,
        "42710",
        "SQL compilation error:\nObject '{0}' already exists, as another kind of object.",
    ),
    (
        duckdb.BinderException,
        r'Referenced column "(.+?)" not found',
        904,
        "42000",
        "SQL compilation error:\ninvalid identifier '{0}'",
    ),
    (
        duckdb.BinderException,
        r'does not have a column (?:named|with name) "(.+?)"',
        904,
        "42000",
        "SQL compilation error:\ninvalid identifier '{0}'",
    ),
    (
        duckdb.BinderException,
        r'Referenced table "(.+?)" not found',
        904,
        "42000",
        "SQL compilation error:\ninvalid identifier '{0}'",
    ),
    (
        duckdb.BinderException,
        r'Ambiguous reference to column name "(.+?)"',
        904,
        "42702",
        "SQL compilation error:\nambiguous column name '{0}'",
    ),
    (duckdb.BinderException, "", 904, "42000", "SQL compilation error:\n{message}"),
    (duckdb.ParserException, "", 1003, "42000", "SQL compilation error:\n{message}"),
    (
        duckdb.ConstraintException,
        r"NOT NULL constraint failed: (.+)",
        100072,
        "22000",
        "NULL result in a non-nullable column ({0})",
    ),
    (
        duckdb.TransactionException,
        r"launched in read-only mode",
        3001,
        "42501",
        "SQL access control error: Insufficient privileges: the role READER only reads.",
    ),
    (duckdb.InvalidInputException, r"Division by zero", 100051, "22012", "Division by zero"),
    (
        duckdb.InvalidInputException,
        r"MERGE INTO command cannot affect the same target row",
        100090,
        "42P18",
        "Duplicate row detected during DML action: {message}",
    ),
    (
        duckdb.ConversionException,
        r'invalid (?:date|timestamp|time) field format: "(.*?)"',
        100040,
        "22007",
        "Date or time '{0}' is not recognized",
    ),
    (
        duckdb.ConversionException,
        r"Could not convert string '(.*?)' to",
        100038,
        "22018",
        "Numeric value '{0}' is not recognized",
    ),
    (duckdb.ConversionException, "", 100038, "22018", "{message}"),
    (duckdb.OutOfRangeException, "", 100039, "22003", "Number out of representable range: {message}"),
    (duckdb.InterruptException, "", 604, "57014", "SQL execution canceled"),
    (duckdb.CatalogException, "", 2003, "42S02", "SQL compilation error:\n{message}"),
)


_FULL = re.compile(r"No space left on device|File too large|Disk quota exceeded")
_DAMAGED = re.compile(
    r"Corrupt|not a valid DuckDB database|Could not read enough bytes|while replaying WAL|INTERNAL Error|"
    r"[Ss]erializ|Cannot read|older than the WAL|WAL does not match"
)
_INVALIDATED = "has been invalidated"


def says_damaged(error: duckdb.Error) -> bool:
    """Whether DuckDB has found that a database file or its log is not as it was written."""
    return _FULL.search(str(error)) is None and _DAMAGED.search(str(error)) is not None


def is_fatal(error: duckdb.Error) -> bool:
    """Whether DuckDB refuses further statements after this error, until its files are opened anew."""
    return isinstance(error, duckdb.FatalException | duckdb.InternalException) or _INVALIDATED in str(error)


def from_duckdb(error: duckdb.Error) -> SnowflakeError:
    """The Snowflake error that says the same."""
    text = str(error)
    first_line = text.split("\n")[0]
    if _FULL.search(text):
        return SnowflakeError(
            100132,
            DISK_FULL,
            "The disk of the state folder is full: free some space there, then run this again.",
        )
    if "Corrupt database file" in text or "Could not read enough bytes" in text:
        return SnowflakeError(
            100132,
            DATA_CORRUPTED,
            f"A database file of the warehouse is damaged ({first_line.split(': ', 1)[-1]}): {REPAIR}.",
        )
    if is_fatal(error):
        return SnowflakeError(
            100132,
            "57P02",
            f"The warehouse met a fatal error and is opened anew, so run this again: {first_line}",
        )
    message = first_line.split(": ", 1)[-1]
    for kind, pattern, errno, sqlstate, template in _RULES:
        if isinstance(error, kind) and (match := re.search(pattern, text)):
            groups = [name.upper() if errno == _UNKNOWN_FUNCTION else name for name in match.groups()]
            return SnowflakeError(errno, sqlstate, template.format(*groups, message=message))
    return SnowflakeError(100132, "P0000", f"{type(error).__name__}: {first_line}")


def from_arrow_stream(error: OSError) -> SnowflakeError:
    """The error that DuckDB had while its rows were read, of which Arrow keeps only the text."""
    kind, _, _ = str(error).partition(" Error: ")
    known = getattr(duckdb, kind.title().replace(" ", "") + "Exception", duckdb.Error)
    return from_duckdb(known(str(error)))
