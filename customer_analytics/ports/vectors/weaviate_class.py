"""The requests to a class of a Weaviate server."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from customer_analytics.ports.vectors import weaviate_objects as objects
from customer_analytics.ports.vectors.collection import Collection, Match, UpsertResult
from customer_analytics.ports.vectors.weaviate_connection import Connection

if TYPE_CHECKING:
    from weaviate import WeaviateClient

Result = TypeVar("Result")
_OBJECTS_A_PAGE = 1_000
MOST_FOUND = 10_000  # by one query: the server's QUERY_MAXIMUM_RESULTS
# Filtered searches compare all vectors that pass, and so are exact, up to this many.
_FLAT_SEARCH_CUTOFF = 100_000_000


@dataclass(frozen=True)
class WeaviateClass:
    """The class of a collection; requests are idempotent, and repeated if the server goes away."""

    connection: Connection
    name: str
    alias: str
    collection: Collection

    def exists(self) -> bool:
        """Whether the server has the class; ValueError if it was made for other properties."""

        def exists(client: "WeaviateClient") -> bool:
            found = client.collections.exists(self.name)
            if found:
                self._check_description(client)
            return found

        return self.connection.call(exists)

    def ensure(self) -> None:
        """Create the class and its alias if they are absent; ValueError if it was made for other properties."""

        def ensure(client: "WeaviateClient") -> None:
            if not client.collections.exists(self.name):
                self._create(client)
            self._check_description(client)
            self._point_alias(client)

        self.connection.call(ensure)

    def drop(self) -> None:
        """Remove the class, and its alias."""

        def drop(client: "WeaviateClient") -> None:
            alias = client.alias.get(alias_name=self.alias)
            if alias is not None and alias.collection == self.name:
                client.alias.delete(alias_name=self.alias)
            client.collections.delete(self.name)

        self.connection.call(drop)

    def count(self) -> int:
        """Number of objects."""
        return self._call(lambda found: int(found.aggregate.over_all(total_count=True).total_count))

    def insert(self, rows: pa.RecordBatch) -> UpsertResult:
        """Write objects in one request; those with the same ids are replaced."""
        from weaviate.classes.data import DataObject
        from weaviate.exceptions import WeaviateInsertManyAllFailedError

        vectors = pc.list_flatten(rows["vector"]).to_numpy().reshape(rows.num_rows, -1)
        properties = objects.properties_of(self.collection, rows)
        ids = rows["id"].to_pylist()
        made = [
            DataObject(properties=values, uuid=id, vector=vector.tolist())
            for id, values, vector in zip(ids, properties, vectors, strict=True)
        ]
        try:
            errors = self._call(lambda found: found.data.insert_many(made).errors)
        except WeaviateInsertManyAllFailedError as error:
            return UpsertResult(failed=tuple(f"{id}: {error.message}" for id in ids))
        failed = tuple(f"{ids[row]}: {error.message}" for row, error in errors.items())
        return UpsertResult(written=len(ids) - len(failed), failed=failed)

    def delete(self, ids: Sequence[str]) -> int:
        """Remove objects in one request; returns how many existed."""
        where = objects.condition(self.collection, {"id": ids})
        return self._call(lambda found: int(found.data.delete_many(where=where).successful))

    def by_id(self, ids: Sequence[str], columns: Sequence[str]) -> pa.RecordBatch:
        """The objects of a page of ids that exist."""
        wanted = self._returned(columns)
        answer = self._call(lambda found: found.query.fetch_objects_by_ids(ids, limit=len(ids), **wanted))
        return objects.batch(self.collection, answer.objects, columns)

    def pages(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All objects, page by page in order of id, so that the cursor survives writes and reconnections."""
        wanted, last = self._returned(columns), None
        while True:
            wanted["after"] = last
            answer = self._call(lambda found: found.query.fetch_objects(limit=_OBJECTS_A_PAGE, **wanted))
            if not answer.objects:
                return
            yield objects.batch(self.collection, answer.objects, columns)
            last = answer.objects[-1].uuid

    def ids_where(self, condition: objects.Filters) -> list[str] | None:
        """The ids of the objects that pass, or None if they are more than a query returns."""
        answer = self._call(
            lambda found: found.query.fetch_objects(limit=MOST_FOUND, filters=condition, return_properties=[])
        )
        return [str(found.uuid) for found in answer.objects] if len(answer.objects) < MOST_FOUND else None

    def near(self, vector: npt.NDArray[np.float32], limit: int, condition: objects.Filters) -> list[Match]:
        """The nearest objects; the score is the cosine."""
        from weaviate.classes.query import MetadataQuery

        answer = self._call(
            lambda found: found.query.near_vector(
                vector.tolist(), limit=limit, filters=condition, return_metadata=MetadataQuery(distance=True)
            )
        )
        return [objects.match(self.collection, found, 1 - found.metadata.distance) for found in answer.objects]

    def with_words(self, text: str, limit: int, condition: objects.Filters) -> list[Match]:
        """The objects whose text matches these words best (BM25)."""
        from weaviate.classes.query import MetadataQuery

        answer = self._call(
            lambda found: found.query.bm25(
                text,
                query_properties=[self.collection.text_property],
                limit=limit,
                filters=condition,
                return_metadata=MetadataQuery(score=True),
            )
        )
        return [objects.match(self.collection, found, found.metadata.score) for found in answer.objects]

    def _call(self, operation: Callable[[Any], Result]) -> Result:
        return self.connection.call(lambda client: operation(client.collections.use(self.name)))

    def _returned(self, columns: Sequence[str]) -> dict[str, Any]:
        names = [name for name in columns if name not in ("id", "vector")]
        return {"return_properties": names, "include_vector": "vector" in columns}

    def _check_description(self, client: "WeaviateClient") -> None:
        existing, wanted = client.collections.use(self.name).config.get().description, self.collection.description
        if existing != wanted:
            raise ValueError(
                f"The class {self.name} at {self.connection.address.url} holds {existing}, not {wanted}: delete "
                "that class, and the next run builds the collection again."
            )

    def _create(self, client: "WeaviateClient") -> None:
        from weaviate.classes.config import Configure, VectorDistances
        from weaviate.exceptions import UnexpectedStatusCodeError

        index = Configure.VectorIndex.hnsw(
            distance_metric=VectorDistances.COSINE,
            flat_search_cutoff=_FLAT_SEARCH_CUTOFF,
            quantizer=Configure.VectorIndex.Quantizer.none(),
        )
        try:
            client.collections.create(
                self.name,
                description=self.collection.description,
                properties=objects.properties(self.collection),
                inverted_index_config=Configure.inverted_index(index_null_state=True),
                vector_config=Configure.Vectors.self_provided(vector_index_config=index),
            )
        except UnexpectedStatusCodeError:
            if not client.collections.exists(self.name):  # else another process created it
                raise

    def _point_alias(self, client: "WeaviateClient") -> None:
        from weaviate.exceptions import UnexpectedStatusCodeError

        alias = client.alias.get(alias_name=self.alias)
        if alias is None:
            try:
                client.alias.create(alias_name=self.alias, target_collection=self.name)
            except UnexpectedStatusCodeError:
                alias = client.alias.get(alias_name=self.alias)  # another process created it
                if alias is None:
                    raise
        if alias is not None and alias.collection != self.name:
            client.alias.update(alias_name=self.alias, new_target_collection=self.name)
