"""What clients may ask of the endpoint before it refuses, so that its memory stays bounded."""

from dataclasses import dataclass

MEGABYTE = 1024 * 1024
LOGIN_BYTES = 64 * 1024
"""A request to log in; its sender has not shown the token yet."""
STATEMENT_BYTES = MEGABYTE
"""The text of one statement, as in Snowflake."""
STATEMENT_TOKENS = 100_000
"""Its words, numbers and signs, each of which takes kilobytes and tenths of a millisecond."""


@dataclass(frozen=True)
class Limits:
    """Limits that can be set; the defaults are far above what the pipeline and the dashboard need."""

    result_megabytes: int = 256
    """One result. As much again is kept for clients that ask for a result later, and twice as much may be on its
    way from the database at any moment."""
    request_megabytes: int = 32
    """The unpacked body of one request. The requests that wait or run may take sixteen times as much in memory."""
    sessions: int = 2000
    queued_statements: int = 256
    """Statements of one session that wait for the one that runs."""
    memory_megabytes: int = 6144
    """Memory of the process, beyond which it cancels what runs, and ends where that does not help."""

    @property
    def result_bytes(self) -> int:
        """The size of a result as Arrow."""
        return self.result_megabytes * MEGABYTE

    @property
    def request_bytes(self) -> int:
        """The size of a body."""
        return self.request_megabytes * MEGABYTE

    def arguments(self) -> list[str]:
        """The arguments of `python -m customer_analytics.embedded_snowflake serve` that set them."""
        return [
            f"--max-result-megabytes={self.result_megabytes}",
            f"--max-request-megabytes={self.request_megabytes}",
            f"--max-sessions={self.sessions}",
            f"--max-queued-statements={self.queued_statements}",
            f"--max-memory-megabytes={self.memory_megabytes}",
        ]
