"""Addresses and keys as users give them; any part of them may be a secret, so no error quotes one."""

from urllib.parse import SplitResult, urlsplit


def web_address(text: str, form: str) -> SplitResult:
    """The parts of the address of a server, which holds neither user, password, query nor fragment.

    Args:
        text: What was given.
        form: A sentence that says what to give instead.

    Raises:
        ValueError: It is no such address; the error is the sentence.
    """
    parts = http_parts(text)
    if parts is None or any(sign in text for sign in "@?#"):
        raise ValueError(form)
    return parts


def http_parts(text: str) -> SplitResult | None:
    """The parts of an address that begins with http:// or https:// and names a host; None if it is none."""
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # quotes what it cannot read
        return None
    return parts if is_whole and text.isprintable() and not set(text) & set(" \\") else None


def key(secret: str, variable: str) -> str:
    """A key that is sent in a header; raises ValueError where it has what no header can, such as a line break."""
    if secret.isascii() and secret.isprintable() and " " not in secret:
        return secret
    raise ValueError(f"{variable} holds a blank, a line break or another character that no key has: set it anew.")
