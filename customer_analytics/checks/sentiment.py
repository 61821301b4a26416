"""What must hold of transcripts, vectors and predictions before they are published."""

from customer_analytics.checks.audit import as_many_rows_as, declared
from customer_analytics.tables import sentiment

CALL_TRANSCRIPTS = (
    *declared(sentiment.CALL_TRANSCRIPTS),
    as_many_rows_as("calls", "every_call_has_a_row", "As many rows as STG_SUPPORT_CALLS."),
)
