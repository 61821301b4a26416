"""The source data: a folder or an fsspec URI."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from customer_analytics.ingestion.location import SourceLocation


class Source(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the source files and the calls folder are, and how much of a file may be unreadable."""

    uri: str | None = Field(description="Folder or fsspec URI of the source data; the sample data if none.")
    sample_data: str | None = Field(default=None, description="Folder of the sample data.")
    maximum_rejected_share: float = Field(
        default=0.1, ge=0, le=1, description="Share of a file's rows that may be rejected, from 100 rows on."
    )
    may_become_empty: bool = Field(
        default=False, description="Whether a file without rows may empty a table that has some."
    )
    call_date_pattern: str | None = Field(
        default=None, description="Finds the date in the name of a call's file, in place of the default forms."
    )
    time_zone: str = Field(
        default="UTC", description="IANA name of the time zone in which the day of a call begins."
    )

    limits: dict[str, int] = Field(
        default={}, description="Sizes above which files are refused, by the fields of `ingestion.limits.Limits`."
    )

    @property
    def is_set(self) -> bool:
        """Whether there is a source: one that is named, or else the sample data."""
        return bool(self.uri or (self.sample_data and Path(self.sample_data).is_dir()))

    def location(self) -> "SourceLocation":
        """The location, opened; raises when none is set or it cannot be reached."""
        from customer_analytics.ingestion.limits import Limits
        from customer_analytics.ingestion.location import SourceError, SourceLocation

        if not self.is_set:
            raise SourceError(
                "No source data: set CUSTOMER_ANALYTICS_SOURCE, or pass --source, to a folder or an fsspec URI; "
                "or write sample data with `customer-analytics demo`."
            )
        return SourceLocation.open(str(self.uri or self.sample_data), Limits(**self.limits))
