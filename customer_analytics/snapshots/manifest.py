"""What a snapshot holds, as its manifest says."""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from customer_analytics.resources.vectors.collection import Collection, PropertyType

MANIFEST = "manifest.json"
_FORMAT = "customer-analytics-snapshot/2"
_FILE_NAME = re.compile(r"[A-Za-z]+-[0-9a-f]{16}\.parquet")


class SnapshotError(ValueError):
    """A snapshot that cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class Part:
    """One collection of a snapshot: what it is, and the file of its objects with its SHA-256."""

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
        """Raise SnapshotError unless the objects can be those of this collection."""
        if (self.model, self.dimensions) != (wanted.model, wanted.dimensions):
            raise SnapshotError(
                f"The snapshot's {self.name} holds vectors of {self.model} in {self.dimensions} dimensions, but "
                f"the embedder is {wanted.model} in {wanted.dimensions}: choose the embedder of the snapshot, or "
                "take the snapshot away to have everything embedded anew."
            )
        if self.collection != wanted:
            raise SnapshotError(
                f"The snapshot's {self.name} is {self.collection.description}, not {wanted.description}: make the "
                "snapshot again with this version."
            )


def file_name(collection: str, sha256: str) -> str:
    """The name of a collection's file, which no file of other contents has."""
    return f"{collection}-{sha256[:16]}.parquet"


def is_file_name(name: str) -> bool:
    """Whether a file of this name is one of a snapshot's."""
    return _FILE_NAME.fullmatch(name) is not None


def as_json(parts: Sequence[Part]) -> str:
    """The manifest's text."""
    return json.dumps({"format": _FORMAT, "collections": [asdict(part) for part in parts]}, indent=2) + "\n"


def from_json(text: str | bytes, where: str) -> list[Part]:
    """The collections of a manifest; raises SnapshotError if it is none."""
    try:
        read = json.loads(text)
        if read["format"] != _FORMAT:
            raise SnapshotError(f"{where} is of format {read['format']}, not {_FORMAT}: make the snapshot again.")
        parts = [_part(entry) for entry in read["collections"]]
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, SnapshotError):
            raise
        raise SnapshotError(
            f"{where} is damaged ({error!r}): make the snapshot again, or copy it anew."
        ) from error
    return parts


def _part(entry: dict[str, object]) -> Part:
    part = Part(**entry)  # type: ignore[arg-type]  # what a field holds is looked at where it is used
    if not is_file_name(part.file):
        raise ValueError(f"{part.file!r} is no name of a snapshot's file")
    kinds = {name: PropertyType(kind) for name, kind in part.properties.items()}
    return Part(**{**asdict(part), "properties": kinds})
