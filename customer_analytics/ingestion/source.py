"""The source data: a folder or an fsspec URI."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from customer_analytics.ingestion.limits import LIMITS, Limits

if TYPE_CHECKING:
    from customer_analytics.ingestion.location import SourceLocation


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the source files and the calls folder are, and how much of a file may be unreadable.

    Attributes:
        uri: Folder or fsspec URI of the source data; the sample data if None.
        sample_data: Folder of the sample data.
        maximum_rejected_share: Share of a file's rows that may be rejected, from 100 rows on.
        may_become_empty: Whether a file without rows may empty a table that has rows.
        call_date_pattern: Finds the date in the name of a call's file; the default forms if None.
        time_zone: IANA name of the time zone in which the day of a call begins.
        limits: Sizes above which files are refused.
    """

    uri: str | None
    sample_data: str | None = None
    maximum_rejected_share: float = 0.1
    may_become_empty: bool = False
    call_date_pattern: str | None = None
    time_zone: str = "UTC"
    limits: Limits = LIMITS

    @property
    def is_set(self) -> bool:
        """Whether there is a source: one that is named, or else the sample data."""
        return bool(self.uri or (self.sample_data and Path(self.sample_data).is_dir()))

    def location(self) -> "SourceLocation":
        """The location, opened; raises when none is set or it cannot be reached."""
        from customer_analytics.ingestion.location import SourceError, SourceLocation

        if not self.is_set:
            raise SourceError(
                "No source data: set CUSTOMER_ANALYTICS_SOURCE, or pass --source, to a folder or an fsspec URI; "
                "or write sample data with `customer-analytics demo`."
            )
        return SourceLocation.open(str(self.uri or self.sample_data), self.limits)
