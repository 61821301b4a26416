"""Settings of the source data and of the reporting day."""

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator
from pydantic_settings import NoDecode

from customer_analytics.ingestion.limits import LIMITS, MEGABYTE, Limits


class SourceSettings(BaseModel):
    """Where the source data are, which files are refused, and what their values mean."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    source: str | None = None
    """Folder or fsspec URI of the source data; the sample data of `make demo` if not set."""
    maximum_rejected_share: Annotated[float, Field(ge=0, le=1)] = 0.1
    """Share of a source file's rows that may be rejected, from 100 rows on. Beyond it the file is refused, and its
    table keeps its rows. A file whose rows are all rejected is always refused."""
    allow_empty_files: bool = False
    """Whether a source file without rows may empty a table that has some. customers.csv always needs a row."""
    maximum_file_megabytes: PositiveInt = LIMITS.file_bytes // MEGABYTE
    """Megabytes of a source file of rows, as stored or decompressed, above which it is refused before it is read.
    Reading takes up to seven times as much memory."""
    maximum_rows: PositiveInt = LIMITS.rows
    """Rows of a source file, or lines of a CSV file, above which it is refused."""
    maximum_columns: PositiveInt = LIMITS.columns
    """Columns of a source file above which it is refused."""
    maximum_rejected_rows: PositiveInt = LIMITS.rejected
    """Rejected rows above which a source file is refused, whatever their share."""
    maximum_call_megabytes: PositiveInt = LIMITS.call_bytes // MEGABYTE
    """Megabytes of a call's recording above which it is refused before it is read."""
    maximum_call_minutes: PositiveInt = int(LIMITS.call_seconds / 60)
    """Minutes of a call's recording above which it is neither staged nor transcribed. Two hours take 230 MB of
    memory to transcribe."""
    maximum_files: PositiveInt = LIMITS.files
    """Files in the folder of calls or of comments, with its subfolders, above which none of them is read."""
    timezone: str = "UTC"
    """Time zone that decides on which day a moment falls, by its IANA name, e.g. Europe/Berlin. Timestamps are
    stored in UTC."""
    statuses_not_sales: Annotated[tuple[str, ...], NoDecode] = ("returned", "cancelled", "refunded")
    """Statuses of orders that are not sales, separated by commas; NET_LIFETIME_VALUE excludes such orders. Case
    and blanks do not matter."""
    call_date_pattern: str | None = None
    """Regular expression that finds the date in the name of a call's file, with the named groups `year` (four
    digits), `month`, `day` and optionally `hour`, `minute`, `second`; ISO and compact dates if not set."""

    @property
    def limits(self) -> Limits:
        """The largest files of the source that are read."""
        return Limits(
            file_bytes=self.maximum_file_megabytes * MEGABYTE,
            rows=self.maximum_rows,
            columns=self.maximum_columns,
            rejected=self.maximum_rejected_rows,
            call_bytes=self.maximum_call_megabytes * MEGABYTE,
            call_seconds=self.maximum_call_minutes * 60,
            files=self.maximum_files,
        )

    @field_validator("timezone")
    @classmethod
    def _known_time_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (ValueError, OSError, LookupError):
            raise ValueError(f"{name!r} is not a time zone: use an IANA name such as Europe/Berlin") from None

    @field_validator("call_date_pattern")
    @classmethod
    def _finds_a_date(cls, pattern: str | None) -> str | None:
        if not pattern:  # Compose passes unset variables as empty strings
            return None
        from customer_analytics.ingestion.call_names import check_pattern  # imports Arrow, which few commands need

        check_pattern(pattern)
        return pattern
