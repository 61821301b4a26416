"""Text that can be shown and stored whatever bytes it came from."""


def readable(text: str) -> str:
    r"""The text with undecodable bytes (as surrogates, PEP 383) and NUL written as `\xNN`.

    Valid text without NUL comes back as it is.
    """
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").replace("\0", r"\x00")


def shortened(text: str, length: int) -> str:
    """The text, or its first `length` characters and an ellipsis."""
    return text if len(text) <= length else f"{text[:length]}…"
