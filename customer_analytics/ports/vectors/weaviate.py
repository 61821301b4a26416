"""Vectors in Weaviate, self-hosted or in its cloud."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ports.vectors import weaviate_objects as objects
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection, Match, UpsertResult, Where, pages_of
from customer_analytics.ports.vectors.validation import object_ids, valid_query, valid_rows, valid_where
from customer_analytics.ports.vectors.weaviate_class import MOST_FOUND, WeaviateClass
from customer_analytics.ports.vectors.weaviate_connection import Address, Connection
from customer_analytics.ports.vectors.weaviate_queries import (
    distinct,
    has_text,
    matching_ids,
    nearest_of,
    passes,
    ranked,
)

_OBJECTS_A_WRITE = 200  # a few megabytes with long texts and vectors of 3,072 dimensions
_EXACT_UP_TO = 50_000  # objects among which a search compares all vectors, as filtered searches do anyway


@dataclass(kw_only=True, eq=False)
class WeaviateVectorStore(VectorStore):
    """Collections as classes of a Weaviate server, version 1.32 or newer, with self-provided vectors.

    A class has the collection's physical name; the logical name is an alias of the class that was ensured last. If
    the server goes away during a call, the call waits a minute for it before it fails.
    """

    kind: ClassVar[str] = "weaviate"

    url: str
    api_key: str = field(repr=False)
    grpc_host: str | None = None
    grpc_port: int | None = None
    prefix: str = ""

    _connection: Connection | None = field(default=None, init=False, repr=False)

    def close(self) -> None:
        """See `VectorStore.close`."""
        if self._connection is not None:
            self._connection.close()

    def describe(self) -> str:
        """The version of Weaviate, its URL and the classes with our prefix."""
        version, classes = self._connected().call(
            lambda client: (client.get_meta()["version"], client.collections.list_all()), wait_seconds=0
        )
        own = sorted(
            name.lower() for name in classes if name.startswith(_capitalized(self.prefix)) and "__" in name
        )
        return f"Weaviate {version} at {self.url}: {', '.join(own) or 'no collections yet'}"

    def ensure_collection(self, collection: Collection) -> None:
        """See `VectorStore.ensure_collection`."""
        self.weaviate_class(collection).ensure()

    def other_models(self, collection: Collection) -> list[Collection]:
        """See `VectorStore.other_models`."""
        classes = self._connected().call(lambda client: client.collections.list_all())
        others = ((name, collection.other_model(held.description or "")) for name, held in classes.items())
        own = [other for name, other in others if other and self.weaviate_class(other).name == name]
        return sorted(own, key=lambda other: other.physical_name)

    def upsert(self, collection: Collection, rows: pa.Table) -> UpsertResult:
        """See `VectorStore.upsert`."""
        valid, failed = valid_rows(collection, rows)
        found = self._existing(collection)
        if found is None:
            raise LookupError(f"There is no collection {collection.name} at {self.url}: ensure it first.")
        ids, hashes = valid["id"].to_pylist(), valid[objects.HASH].to_pylist()
        stored: dict[str, str] = {}
        for page in pages_of(ids):
            known = found.by_id(page, ["id", objects.HASH])
            stored |= zip(known["id"].to_pylist(), known[objects.HASH].to_pylist(), strict=True)
        is_new = [stored.get(id) != digest for id, digest in zip(ids, hashes, strict=True)]
        changed = valid.filter(pa.array(is_new, pa.bool_()))
        result = UpsertResult(skipped=valid.num_rows - changed.num_rows, failed=failed)
        for batch in changed.to_batches(_OBJECTS_A_WRITE):
            result += found.insert(batch)
        return result

    def delete(self, collection: Collection, ids: Sequence[str]) -> int:
        """See `VectorStore.delete`."""
        found = self._existing(collection)
        return sum(map(found.delete, pages_of(object_ids(ids)))) if found else 0

    def count(self, collection: Collection) -> int:
        """See `VectorStore.count`."""
        found = self._existing(collection)
        return found.count() if found else 0

    def scan(
        self, collection: Collection, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> Iterator[pa.RecordBatch]:
        """See `VectorStore.scan`."""
        wanted = distinct(valid_where(collection, where))
        columns = list(columns or collection.arrow_schema.names)
        found = self._existing(collection)
        if found is None:
            return
        ids = matching_ids(found, wanted) if wanted else None
        if ids is not None:
            for page in pages_of(ids):
                yield found.by_id(page, columns)
            return
        for batch in found.pages(list(dict.fromkeys([*columns, *wanted]))):
            passing = batch.filter(passes(batch, wanted)) if wanted else batch
            if passing.num_rows:
                yield passing.select(columns)

    def search_vector(
        self, collection: Collection, vector: npt.NDArray[np.float32], limit: int, where: Where | None = None
    ) -> list[Match]:
        """See `VectorStore.search_vector`."""
        vector = valid_query(collection, vector, limit)
        wanted = self._filterable(collection, where)
        found = self._existing(collection)
        if found is None or not all(wanted.values()):
            return []
        if not wanted and found.count() > _EXACT_UP_TO:
            by_index = ranked(lambda size: found.near(vector, size, None), limit)
            if by_index is not None and len(by_index) == limit:
                return by_index
        # A filter, even one that all objects pass, makes the server compare all vectors.
        condition = objects.condition(collection, wanted) if wanted else objects.any_object()
        exact = ranked(lambda size: found.near(vector, size, condition), limit)
        return nearest_of(self.scan(collection, where=wanted), vector, limit) if exact is None else exact

    def drop(self, collection: Collection) -> None:
        """See `VectorStore.drop`."""
        self.weaviate_class(collection).drop()

    def maintain(self, collection: Collection) -> None:
        """See `VectorStore.maintain`; Weaviate maintains itself."""

    def purge(self, collection: Collection) -> None:
        """See `VectorStore.purge`; Weaviate has no call for it."""

    def retention_notice(self) -> str:
        """See `VectorStore.retention_notice`."""
        kept = "keeps deleted objects in its files until it compacts them, and in its backups"
        return f"Weaviate at {self.url} {kept}"

    def _search_words(self, collection: Collection, text: str, limit: int, where: Where | None) -> list[Match]:
        wanted = self._filterable(collection, where)
        words = text.encode(errors="replace").decode()  # the client refuses lone surrogates
        found = self._existing(collection)
        if found is None or not all(wanted.values()) or not words.strip():
            return []
        condition = objects.condition(collection, wanted) if wanted else None
        best = ranked(lambda size: found.with_words(words, size, condition), limit)
        return found.with_words(words, MOST_FOUND, condition)[:limit] if best is None else best

    def _filterable(self, collection: Collection, where: Where | None) -> Mapping[str, Sequence[Any]]:
        """The filter by columns that Weaviate can compare: not by texts, of which it knows only the words."""
        wanted = distinct(valid_where(collection, where))
        if not has_text(collection, wanted):
            return wanted
        return {"id": [id for batch in self.scan(collection, ["id"], wanted) for id in batch["id"].to_pylist()]}

    def weaviate_class(self, collection: Collection) -> WeaviateClass:
        """The class of a collection, whether it exists or not."""
        name, alias = (_capitalized(self.prefix + name) for name in (collection.physical_name, collection.name))
        return WeaviateClass(self._connected(), name, alias, collection)

    def _existing(self, collection: Collection) -> WeaviateClass | None:
        found = self.weaviate_class(collection)
        return found if found.exists() else None

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(Address(self.url, self.grpc_host, self.grpc_port), self.api_key)
        return self._connection


def _capitalized(name: str) -> str:
    """The name as Weaviate spells names of classes."""
    return name[:1].upper() + name[1:]
