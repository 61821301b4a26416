"""The manifest of a snapshot."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from customer_analytics.ports.vectors.collection import Collection, PropertyType

MANIFEST = "manifest.json"
_FORMAT = "customer-analytics-snapshot/3"
_FILE_NAME = re.compile(r"[A-Za-z]+-[0-9a-f]{16}\.parquet")


class SnapshotError(ValueError):
    """A snapshot cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class CollectionFile:
    """One collection of a snapshot: its definition, and the file with its objects."""

    name: str
    model: str
    dimensions: int
    text_property: str
    properties: dict[str, PropertyType]
    rows: int
    file: str
    bytes: int
    sha256: str

    @property
    def collection(self) -> Collection:
        """The collection that was written."""
        return Collection(self.name, self.properties, self.text_property, self.model, self.dimensions)

    def require(self, wanted: Collection) -> None:
        """Raise SnapshotError unless the objects fit this collection."""
        if (self.model, self.dimensions) != (wanted.model, wanted.dimensions):
            raise SnapshotError(
                f"The snapshot's {self.name} holds vectors of {self.model} in {self.dimensions} dimensions, but "
                f"the embedder is {wanted.model} in {wanted.dimensions}: choose the embedder of the snapshot, or "
                "remove the snapshot to embed everything again."
            )
        if self.collection != wanted:
            raise SnapshotError(
                f"The snapshot's {self.name} is {self.collection.description}, not {wanted.description}: make the "
                "snapshot again with this version."
            )


def file_name(collection: str, sha256: str) -> str:
    """The name of a collection's file, which depends on its content."""
    return f"{collection}-{sha256[:16]}.parquet"


def is_file_name(name: str) -> bool:
    """Whether this is the name of a collection's file."""
    return _FILE_NAME.fullmatch(name) is not None


def as_json(parts: Sequence[CollectionFile]) -> str:
    """The manifest's text."""
    return json.dumps({"format": _FORMAT, "collections": [asdict(part) for part in parts]}, indent=2) + "\n"


def from_json(text: str | bytes, where: str) -> list[CollectionFile]:
    """The collections of a manifest; raises SnapshotError if it is invalid."""
    try:
        read = json.loads(text)
        if read["format"] != _FORMAT:
            raise SnapshotError(f"{where} has format {read['format']}, not {_FORMAT}: make the snapshot again.")
        parts = [_part(entry) for entry in read["collections"]]
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, SnapshotError):
            raise
        raise SnapshotError(
            f"{where} is damaged ({error!r}): make the snapshot again, or copy it again."
        ) from error
    return parts


def _part(entry: dict[str, object]) -> CollectionFile:
    part = CollectionFile(**entry)  # type: ignore[arg-type]  # fields are validated where they are used
    if not is_file_name(part.file):
        raise ValueError(f"{part.file!r} is not a valid file name")
    kinds = {name: PropertyType(kind) for name, kind in part.properties.items()}
    return CollectionFile(**{**asdict(part), "properties": kinds})
