"""Customer and date in the name of a call's audio file."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ingestion.moments import FIRST_YEAR, LAST_YEAR, midnight

REQUIRED_GROUPS, OPTIONAL_GROUPS = ("year", "month", "day"), ("hour", "minute", "second")

_CUSTOMER = re.compile(r"(?P<customer>.+)-[0-9]{1,4}", re.DOTALL)
_BEFORE, _AFTER = "text_before_it", "text_after_it"
_SEPARATORS = " \t-_.()[]"
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_APART = r"(?<![0-9A-Za-z]){}(?![0-9A-Za-z])"
_ISO = re.compile(
    _APART.format(
        r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
        r"(?:(?:[Tt](?=\d\d[-.:]?\d\d)|[_ ](?=\d\d[-.:]\d\d))"
        r"(?P<hour>[01]\d|2[0-3])[-.:]?(?P<minute>[0-5]\d)(?:[-.:]?(?P<second>[0-5]\d))?[Zz]?)?"
    ),
    re.ASCII,
)
# After a hyphen or underscore, four digits may be the number of the call: only six digits are a time.
_COMPACT = re.compile(
    _APART.format(
        r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
        r"(?:(?:[Tt](?=\d{4})|[-_ ](?=\d{6}))"
        r"(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?P<second>[0-5]\d)?[Zz]?)?"
    ),
    re.ASCII,
)
# A time after an ISO date and another separator: only where a customer precedes the date, because otherwise the
# digits may be the customer or the number of the call.
_TIMES = tuple(
    re.compile(expression, re.ASCII)
    for expression in (
        r"[-_ ](?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?P<second>[0-5]\d)(?![0-9A-Za-z])",
        r"-(?P<hour>[01]\d|2[0-3])-(?P<minute>[0-5]\d)(?:-(?P<second>[0-5]\d))?(?![0-9A-Za-z])",
    )
)
_OFFSET = re.compile(r"(?P<sign>[+-])(?P<hours>[01]\d|2[0-3]):?(?P<minutes>[0-5]\d)(?![0-9A-Za-z])", re.ASCII)


@dataclass(frozen=True)
class CallName:
    """The parts of a name, None where it lacks them.

    `called_at` is in UTC; for a name with a date only, it is the start of that day.
    """

    customer_id: str | None
    called_at: dt.datetime | None = None


def read_name(name: str, pattern: str | None = None, time_zone: str = "UTC") -> CallName:
    """The customer and the date in a file name.

    The date is removed first, with the separators next to it. The rest is `<customer_id>-<nn>`, where `nn` is
    one to four digits after the last hyphen, or the customer id alone if there was a date. Without a date, the
    name must be `<customer_id>-<nn>.<ext>`.

    By default a date is ISO (`2020-01-31`) or compact (`20200131`), optionally with a time and its offset, and
    not adjacent to other letters and digits. Of several, the last one counts. Eight digits that would leave no
    customer id are the id and not a date, as in `20200131-01.mp3`. Dates must be in the calendar and in the
    years 1900 to 2260.

    Args:
        name: A file's name without its folders.
        pattern: A regular expression in RE2's syntax that finds the date instead, in the name without its
            extension; see `check_pattern`.
        time_zone: In which a day begins; times are in UTC.
    """
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem or not extension:
        return CallName(None)
    found = _by_pattern(stem, pattern, time_zone) if pattern else next(_by_default(stem, time_zone), None)
    return found or CallName(_numbered(stem))


def customer_of(path: str) -> str | None:
    """The customer in the name of a call's file, with dates in their default forms; None without one."""
    return read_name(PurePosixPath(path).name).customer_id


def check_pattern(pattern: str) -> None:
    """Raise ValueError, with what is wrong, unless this is a pattern for `read_name`."""
    # RE2 takes time proportional to the text, whatever the pattern; Python's own expressions may never end.
    try:
        groups = [field.name for field in pc.extract_regex(pa.array([], pa.string()), pattern).type]
    except pa.ArrowException as error:
        raise ValueError(
            f"is no regular expression that RE2 takes ({error}): correct it, and write (?:…) for groups without "
            "a name"
        ) from error
    if repeated := [name for name in groups if groups.count(name) > 1]:
        raise ValueError(f"has the named group {repeated[0]} twice: keep one of them")
    if missing := [name for name in REQUIRED_GROUPS if name not in groups]:
        raise ValueError(
            f"lacks the named group{'s' * (len(missing) > 1)} {', '.join(missing)}: write them like "
            r"(?P<day>\d\d).(?P<month>\d\d).(?P<year>\d{4})"
        )
    if unknown := [name for name in groups if name not in REQUIRED_GROUPS + OPTIONAL_GROUPS]:
        raise ValueError(
            f"has the named group {unknown[0]}, which is none of {', '.join(REQUIRED_GROUPS + OPTIONAL_GROUPS)}"
        )


def _by_default(stem: str, time_zone: str) -> Iterator[CallName]:
    """The readings of the stem, one for each possible date, the most likely first."""
    ids = [match.span() for match in _UUID.finditer(stem)]
    for expression in (_ISO, _COMPACT):
        for match in reversed(list(expression.finditer(stem))):
            if any(match.start() < end and start < match.end() for start, end in ids):
                continue
            before, parts, after = _with_time(stem, match)
            called_at = _moment(parts, time_zone)
            offset = _OFFSET.match(after) if called_at and parts["hour"] else None
            if called_at and offset and (offset["sign"] == "+" or ":" in offset[0]):
                shift = dt.timedelta(hours=int(offset["hours"]), minutes=int(offset["minutes"]))
                called_at += -shift if offset["sign"] == "+" else shift
                after = after[offset.end() :]
            rest = _without(before, after)
            has_time = parts["hour"] is not None
            is_id = expression is _COMPACT and not has_time and _is_number(rest) and match.start() == 0
            if called_at and not is_id:
                yield CallName(_numbered(rest) or rest or None, called_at)


def _with_time(stem: str, match: re.Match[str]) -> tuple[str, dict[str, str | None], str]:
    """The text before a date, the parts of date and time, and the text after them."""
    before, parts, after = stem[: match.start()], match.groupdict(), stem[match.end() :]
    if parts["hour"] is None and match.re is _ISO and before.strip(_SEPARATORS):
        for expression in _TIMES:
            if time := expression.match(after):
                return before, parts | time.groupdict(), after[time.end() :]
    return before, parts, after


def _by_pattern(stem: str, pattern: str, time_zone: str) -> CallName | None:
    """The reading of the stem with the date that the user's pattern finds; None without one."""
    around = f"^(?P<{_BEFORE}>(?s:.*?))(?:{pattern})(?P<{_AFTER}>(?s:.*))$"
    parts = pc.extract_regex(pa.scalar(stem), pattern=around).as_py()
    called_at = _moment(parts, time_zone) if parts else None
    if called_at is None:
        return None
    rest = _without(parts[_BEFORE], parts[_AFTER])
    return CallName(_numbered(rest) or rest or None, called_at)


def _moment(parts: Mapping[str, str | None], time_zone: str) -> dt.datetime | None:
    """The moment of the parts; None where the calendar has no such moment."""
    named = {name: parts.get(name) for name in REQUIRED_GROUPS + OPTIONAL_GROUPS}
    try:
        numbers = {name: int(text) for name, text in named.items() if text}
        moment = dt.datetime(**numbers)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        return None
    return moment if "hour" in numbers else midnight(moment.date(), time_zone)


def _without(before: str, after: str) -> str:
    """The text around a date, without the separators next to it, joined by a hyphen."""
    parts = before.rstrip(_SEPARATORS), after.strip(_SEPARATORS)
    return "-".join(part for part in parts if part).strip()


def _is_number(rest: str) -> bool:
    return len(rest) <= 4 and rest.isascii() and (not rest or rest.isdigit())


def _numbered(rest: str) -> str | None:
    """The customer in `<customer_id>-<nn>`; None for any other form."""
    match = _CUSTOMER.fullmatch(rest)
    return (match["customer"].strip() or None) if match else None
