"""Quoted names for SQL. No other module builds them."""

import re

_RUN = re.compile(r"[0-9A-Fa-f-]+")


def quoted(*parts: str) -> str:
    """A dotted SQL identifier with every part quoted, so that no character of a name acts as SQL."""
    for part in parts:
        if not part or "\0" in part:
            raise ValueError(f"{part!r} cannot name an object in Snowflake: it is empty or holds a NUL character.")
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def run_schema(run_id: str) -> str:
    """Name of the scratch schema of a run."""
    if not _RUN.fullmatch(run_id):
        raise ValueError(f"{run_id!r} is not a run id; expected a UUID.")
    return f"RUN_{run_id.replace('-', '').upper()}"
