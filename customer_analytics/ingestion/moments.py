"""Dates and moments in text: ISO 8601 as databases write it.

A moment is a date and a time with `T` or a blank between them. Hours have one or two digits; seconds are
optional, with a fraction of up to nine digits, which is cut to microseconds. A zone may follow: `Z`, `UTC`,
`GMT` or an offset (`+01`, `+0100`, `+01:00`); without one the moment is in UTC. A date is a day, or its midnight
in any of these forms and any zone.
"""

import datetime as dt
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

FIRST_YEAR, LAST_YEAR = 1900, 2260

_DAY = r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
_ZONE = r" ?(?:[Zz]|UTC|GMT|(?P<sign>[+-])(?P<offset_hour>[01][0-9]|2[0-3])(?::?(?P<offset_minute>[0-5][0-9]))?)"
_DATE = rf"^{_DAY}(?:[ Tt]0{{1,2}}:00(?::00(?:\.0+)?)?(?:{_ZONE})?)?$"
_TIMESTAMP = (
    rf"^{_DAY}[ Tt](?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})"
    rf"(?::(?P<second>[0-9]{{2}})(?:\.(?P<fraction>[0-9]{{1,6}})[0-9]{{0,3}}0*)?)?(?:{_ZONE})?$"
)


def dates(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Days (date32) from text; null where a text is no day of the calendar."""
    return _midnights(pc.extract_regex(texts, _DATE)).cast(pa.date32())


def moments(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Moments in UTC without a zone, in microseconds, from text; null where a text is no moment."""
    parts = pc.extract_regex(texts, _TIMESTAMP)

    def number(name: str) -> pa.ChunkedArray:
        return pc.utf8_lpad(pc.struct_field(parts, name), 2, "0").cast(pa.int64())

    hours, minutes, seconds = number("hour"), number("minute"), number("second")
    on_clock = pc.and_(pc.and_(pc.less(hours, 24), pc.less(minutes, 60)), pc.less(seconds, 60))
    offset = pc.add(pc.multiply(number("offset_hour"), 60), number("offset_minute"))
    east = pc.equal(pc.struct_field(parts, "sign"), "+")
    minutes = pc.add(pc.multiply(hours, 60), minutes)
    minutes = pc.add(minutes, pc.if_else(east, pc.negate(offset), offset))
    seconds = pc.add(pc.multiply(minutes, 60), seconds)
    fraction = pc.utf8_rpad(pc.struct_field(parts, "fraction"), 6, "0").cast(pa.int64())
    microseconds = pc.add(pc.multiply(seconds, 1_000_000), fraction)
    read = pc.add(_midnights(parts), microseconds.cast(pa.duration("us")))
    return pc.if_else(on_clock, read, pa.scalar(None, read.type))


def midnight(day: dt.date, time_zone: str) -> dt.datetime:
    """The moment, in UTC without a zone, at which a day begins in a time zone."""
    return dt.datetime.combine(day, dt.time(), ZoneInfo(time_zone)).astimezone(dt.UTC).replace(tzinfo=None)


def outside_years(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Whether days or moments are outside the years 1900 to 2260."""
    years = pc.year(values)
    return pc.or_(pc.less(years, FIRST_YEAR), pc.greater(years, LAST_YEAR))


def _midnights(parts: pa.ChunkedArray) -> pa.ChunkedArray:
    """The midnight of each `date`; null where the calendar has no such day."""
    stated = pc.struct_field(parts, "date")
    days = pc.strptime(stated, format="%Y-%m-%d", unit="us", error_is_null=True)
    # strptime takes 30 February for 1 March.
    same_day = pc.equal(pc.day(days), pc.utf8_slice_codeunits(stated, 8).cast(pa.int64()))
    return pc.if_else(same_day, days, pa.scalar(None, days.type))
