"""The option type for days."""

import datetime as dt
from typing import Any

import click

_FIRST, _LAST = dt.date(1900, 1, 1), dt.date(2260, 12, 31)


class Day(click.ParamType[dt.date]):
    """A day as YYYY-MM-DD, in the range of years that source data may have."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dt.date:
        """Parse the day; fails if the value is not a day."""
        try:
            day = dt.datetime.strptime(str(value), "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"{value!r} is not a date (YYYY-MM-DD).", param, ctx)
        if not _FIRST <= day <= _LAST:
            self.fail(f"{day} is outside the years {_FIRST.year} to {_LAST.year}.", param, ctx)
        return day
