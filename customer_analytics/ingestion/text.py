"""Text that is safe to show and to store, whichever bytes it came from."""

from collections.abc import Sequence

BLANKS = (
    "".join(map(chr, filter(lambda code: chr(code).isspace(), range(0x3001)))) + "\u200b\u200c\u200d\u2060\ufeff"
)
"""Characters that are invisible at the ends of a value: Unicode's white space, and those without width."""


def trimmed(text: str) -> str:
    """The text without blanks, no-break spaces and zero-width characters at its ends."""
    return text.strip(BLANKS)


def readable(text: str) -> str:
    r"""The text with undecodable bytes (as surrogates, PEP 383) and NUL written as `\xNN`.

    Valid text without NUL is unchanged.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", r"\x00")


def shortened(text: str, length: int) -> str:
    """The text, or its first `length` characters and an ellipsis."""
    return text if len(text) <= length else f"{text[:length]}…"


def printable(text: str, length: int) -> str:
    r"""The text shortened, with characters that control a terminal or the direction of text written as `\xNN`."""
    shown = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in readable(text[: length + 1]))
    return shortened("".join(shown), length)


def listed(names: Sequence[str], most: int = 5, length: int = 24) -> str:
    """The first names, each printable and shortened, and the number of others: `a, b and 3 more`."""
    shown = ", ".join(printable(name, length) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
