"""The source data: a folder or an fsspec URI."""

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from customer_analytics.ingestion.location import SourceLocation


class Source(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where the nine source files and the calls folder are."""

    uri: str | None = Field(description="Folder or fsspec URI of the source data.")

    def location(self) -> "SourceLocation":
        """The location, opened; raises when none is set or it cannot be reached."""
        from customer_analytics.ingestion.location import SourceError, SourceLocation

        if not self.uri:
            raise SourceError(
                "No source data: set CUSTOMER_ANALYTICS_SOURCE, or pass --source, to a folder or an fsspec URI."
            )
        return SourceLocation.open(self.uri)
