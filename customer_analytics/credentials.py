"""Parse addresses and keys from users; errors do not quote them, because any part may be a secret."""

from urllib.parse import SplitResult, urlsplit


def web_address(text: str, form: str) -> SplitResult:
    """The parts of a server's address, without user, password, query and fragment.

    Args:
        text: The address.
        form: The error message, which says what a valid address looks like.

    Raises:
        ValueError: The address is invalid.
    """
    parts = http_parts(text)
    if parts is None or any(sign in text for sign in "@?#"):
        raise ValueError(form)
    return parts


def http_parts(text: str) -> SplitResult | None:
    """The parts of an http:// or https:// address with a host; None if it is invalid."""
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # its message quotes the text
        return None
    return parts if is_whole and text.isprintable() and not set(text) & set(" \\") else None


def key(secret: str, variable: str) -> str:
    """A key to send in a header; raises ValueError if it has characters that a header cannot hold."""
    if secret.isascii() and secret.isprintable() and " " not in secret:
        return secret
    raise ValueError(
        f"{variable} holds a blank, a line break or another character that keys do not have: set it again."
    )
