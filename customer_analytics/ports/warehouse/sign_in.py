"""Private keys and named connections, checked before they are used, so that errors are clear."""

import base64
import binascii
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import load_pem_private_key


def check_private_key(path: str | None, value: str | None, passphrase: str | None) -> None:
    """Check that a private key can be read with this passphrase.

    Args:
        path: File of the key in PEM form; takes precedence over `value`.
        value: The key in PEM form, or PEM in base64.
        passphrase: Passphrase of an encrypted key.

    Raises:
        ValueError: It cannot; the message says what to do and holds nothing of the key.
    """
    where = path or "SNOWFLAKE_PRIVATE_KEY"
    if path:
        try:
            pem = Path(path).read_bytes()
        except OSError as error:
            raise ValueError(
                f"SNOWFLAKE_PRIVATE_KEY_PATH is {path}, which cannot be read ({error.strerror}); name the file of "
                "the private key."
            ) from None
    elif value:
        pem = value.encode()
    else:
        raise ValueError(
            "A key pair needs a private key; set SNOWFLAKE_PRIVATE_KEY_PATH or SNOWFLAKE_PRIVATE_KEY."
        )
    problem = _problem(pem, passphrase)
    if problem:
        raise ValueError(f"The private key in {where} {problem}")


def _problem(pem: bytes, passphrase: str | None) -> str | None:
    # None of cryptography's messages is passed on: they are about its arguments.
    if not pem.lstrip().startswith(b"-----BEGIN"):
        try:
            pem = base64.b64decode(pem)
        except binascii.Error:
            return "is no private key in PEM form; it begins with -----BEGIN, or is that text in base64."
    try:
        load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except TypeError:
        if passphrase:
            return "is not encrypted; unset SNOWFLAKE_PRIVATE_KEY_PASSPHRASE."
        return "is encrypted; set SNOWFLAKE_PRIVATE_KEY_PASSPHRASE."
    except ValueError:
        if b"ENCRYPTED" in pem:
            return "does not open with SNOWFLAKE_PRIVATE_KEY_PASSPHRASE; correct the passphrase."
        return "is no private key in PEM form; it begins with -----BEGIN, or is that text in base64."
    return None


def named_connection(name: str) -> dict[str, Any]:
    """The parameters of a connection in connections.toml, which Snowflake's command line shares.

    Raises:
        ValueError: There is no such connection; the message holds no value of the file.
    """
    from snowflake.connector.config_manager import CONFIG_MANAGER
    from snowflake.connector.errors import Error

    try:
        connections: Any = CONFIG_MANAGER["connections"]
    except Error as error:
        raise ValueError(f"connections.toml cannot be read: {error.msg}") from None
    if name not in connections:
        raise ValueError(
            f"connections.toml has no connection {name!r} (it has {', '.join(sorted(connections)) or 'none'}); "
            "set SNOWFLAKE_CONNECTION_NAME to the name of one."
        )
    return dict(connections[name])
