"""How a source file is stored."""

from dataclasses import dataclass

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}


@dataclass(frozen=True)
class FileFormat:
    """How a source file is stored, as it was found out from its content.

    `encoding` is UTF-8, UTF-16 or Parquet, `compression` gzip or None, `separator` the character between the
    fields of a CSV file. As text: `UTF-16, gzip, separated by semicolons`.
    """

    encoding: str
    compression: str | None = None
    separator: str | None = None

    def __str__(self) -> str:
        separated = f"separated by {separator_name(self.separator)}" if self.separator else None
        return ", ".join(part for part in (self.encoding, self.compression, separated) if part)


PARQUET = FileFormat("Parquet")


def separator_name(separator: str) -> str:
    """The separator in words."""
    return SEPARATORS.get(separator, f"{separator!r}")
