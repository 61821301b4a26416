"""Erasures that have begun and are not complete: what a killed one leaves to be done."""

import hashlib
import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from customer_analytics.damage import damaged, write_whole

FOLDER = "erasures"


@dataclass(frozen=True)
class Pending:
    """A customer, and the words of the customer's rows, which those no longer tell once they are deleted."""

    customer: str
    words: tuple[str, ...]


def begin(home: Path, customer: str, words: Collection[str]) -> Pending:
    """Record on the disk an erasure with its words, and those that an interrupted one of the customer had."""
    file = _file(home, customer)
    before = _read(file).words if file.exists() else ()
    pending = Pending(customer, tuple(sorted({*words, *before})))
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(file, json.dumps(asdict(pending)))
    return pending


def unfinished(home: Path) -> list[Pending]:
    """The erasures that have begun and are not complete."""
    return [_read(file) for file in sorted((home / FOLDER).glob("*.json"))]


def is_pending(home: Path, customer: str) -> bool:
    """Whether an erasure of the customer has begun and is not complete."""
    return _file(home, customer).exists()


def finish(home: Path, customer: str) -> None:
    """Forget the record, as the erasure is complete."""
    _file(home, customer).unlink(missing_ok=True)
    for left in (home / FOLDER).glob(".*.unfinished"):  # by a process that was killed while it wrote
        left.unlink(missing_ok=True)


def _file(home: Path, customer: str) -> Path:
    return home / FOLDER / f"{hashlib.sha256(customer.encode()).hexdigest()[:16]}.json"


def _read(file: Path) -> Pending:
    try:
        read = json.loads(file.read_bytes())
        return Pending(str(read["customer"]), tuple(map(str, read["words"])))
    except (ValueError, TypeError, KeyError):
        raise damaged(file, "it is no record of an erasure") from None
