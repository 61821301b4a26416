"""The version of the format of the state on disk."""

import json
from pathlib import Path

from customer_analytics.damage import damaged, write_atomically

STATE_FORMAT = 3
"""Raised whenever this version cannot read state that an earlier version wrote, or would misread it."""


class StateFormatError(Exception):
    """Another version of the endpoint wrote the state on disk."""


def check_format(folder: Path) -> None:
    """Raise StateFormatError unless the folder is new or of this format."""
    file = folder / "format.json"
    if not file.exists():
        write_atomically(file, json.dumps({"format": STATE_FORMAT}))
        return
    try:
        found = json.loads(file.read_bytes())["format"]
    except (ValueError, TypeError, KeyError):
        raise damaged(file, "it does not name the format of the state") from None
    if found != STATE_FORMAT:
        raise StateFormatError(
            f"The warehouse state in {folder} is of format {found}, this version reads format {STATE_FORMAT}: "
            f"run the version that wrote it, or move everything in {folder.parent} away but erased_keys.json and "
            "run the pipeline again."
        )
