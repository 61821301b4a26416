"""Files that are refused as a whole, as rows of STG_REJECTED_ROWS."""

import pyarrow as pa

from customer_analytics.ingestion.location import SourceError
from customer_analytics.tables.sources import STG_REJECTED_ROWS


def refusal(name: str, error: SourceError) -> pa.Table:
    """The row that says why a file was refused; it has line 0 and no raw text."""
    row = {"SOURCE": name, "LINE": 0, "REASON": str(error), "RULE": error.without_values, "RAW": ""}
    return pa.Table.from_pylist([row], STG_REJECTED_ROWS.arrow_schema)
