"""Records of incomplete erasures, so that an interrupted one can be completed."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from customer_analytics.damage import damaged, write_atomically

FOLDER = "erasures"


@dataclass(frozen=True)
class Pending:
    """A customer, and the words of the customer's rows, which are unknown once the rows are deleted."""

    customer: str
    words: tuple[str, ...]


def begin(home: Path, customer: str, words: Collection[str]) -> Pending:
    """Record an erasure with its words, and with those of an interrupted erasure of the same customer."""
    file = _file(home, customer)
    before = _read(file).words if file.exists() else ()
    pending = Pending(customer, tuple(sorted({*words, *before})))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomically(file, json.dumps(asdict(pending)))
    return pending


def unfinished(home: Path) -> list[Pending]:
    """All incomplete erasures."""
    return [_read(file) for file in sorted((home / FOLDER).glob("*.json"))]


def is_pending(home: Path, customer: str) -> bool:
    """Whether there is an incomplete erasure of the customer."""
    return _file(home, customer).exists()


def finish(home: Path, customer: str) -> None:
    """Delete the record of a completed erasure."""
    _file(home, customer).unlink(missing_ok=True)
    for left in (home / FOLDER).glob(".*.unfinished"):  # by a process that was killed while writing
        left.unlink(missing_ok=True)


def _file(home: Path, customer: str) -> Path:
    return home / FOLDER / f"{hashlib.sha256(customer.encode()).hexdigest()[:16]}.json"


def _read(file: Path) -> Pending:
    try:
        read = json.loads(file.read_bytes())
        return Pending(str(read["customer"]), tuple(map(str, read["words"])))
    except (ValueError, TypeError, KeyError):
        raise damaged(file, "it is not a record of an erasure") from None
