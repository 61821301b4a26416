"""What clients may ask of the endpoint before it refuses, so that its memory stays bounded."""

from dataclasses import asdict, dataclass, field

MEGABYTE = 1024 * 1024
LOGIN_BYTES = 64 * 1024
"""Size of a login request, whose sender has not proven yet that it knows the token."""
STATEMENT_BYTES = MEGABYTE
"""Length of the text of one statement, as in Snowflake."""
STATEMENT_TOKENS = 100_000
"""Tokens of one statement, each of which takes kilobytes and tenths of a millisecond to parse."""


@dataclass(frozen=True)
class EndpointLimits:
    """Limits that can be set; the defaults are far above what the pipeline and the dashboard need."""

    result_megabytes: int = field(default=256, metadata={"help": "Largest result of a statement."})
    """The endpoint keeps as much again for clients that fetch a result later, and twice as much may be on its way
    from the database at any moment."""
    request_megabytes: int = field(default=32, metadata={"help": "Largest request, decompressed."})
    """All requests that wait or run may take sixteen times as much memory together."""
    sessions: int = field(default=2000, metadata={"help": "Sessions open at the same time."})
    queued_statements: int = field(default=256, metadata={"help": "Waiting statements of one session."})
    memory_megabytes: int = field(
        default=6144, metadata={"help": "Memory of the process, above which it cancels all running statements."}
    )
    """If cancelling does not help, the process ends."""

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
        return [f"--max-{name.replace('_', '-')}={value}" for name, value in asdict(self).items()]
