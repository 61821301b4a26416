"""Vectors in a LanceDB folder: no server, no account."""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from filelock import FileLock, Timeout
from pydantic import Field

from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.collection import Collection, Match, UpsertResult, Where
from customer_analytics.resources.vectors.lance_damage import telling_of_damage
from customer_analytics.resources.vectors.lance_filter import predicate
from customer_analytics.resources.vectors.paging import pages_of
from customer_analytics.resources.vectors.reading import reading, without_readers
from customer_analytics.resources.vectors.validation import valid_query, valid_rows, valid_where

_DESCRIPTION = b"customer_analytics.collection"
_ROWS_A_BATCH = 4_096
_INDEXED_FROM = 50_000  # rows; below, reading all vectors takes less time than an index would save
_READERS_LEAVE_AFTER = timedelta(hours=1)
_WRITERS_WAIT = timedelta(minutes=10)


class LanceVectorStore(VectorStore):
    """Collections as tables of a LanceDB folder on this machine.

    Each reader sees the latest complete version, and waits only while `purge` removes the files of earlier ones.
    Writers of a collection take turns under a file lock, which the system frees when a process dies, because with
    LanceDB's own conflict detection alone a steady writer starves compaction. Processes that use it must be
    spawned, not forked: LanceDB runs threads.
    """

    kind: ClassVar[str] = "lancedb"

    path: str = Field(description="Folder of the tables; created on first use.")

    def describe(self) -> str:
        """The version of LanceDB, the folder and its tables."""
        import lancedb

        tables = self._connection().list_tables().tables
        return f"LanceDB {lancedb.__version__} in {self.path}: {', '.join(tables) or 'no collections yet'}"

    @telling_of_damage
    def ensure_collection(self, collection: Collection) -> None:
        """See `VectorStore.ensure_collection`."""
        from lancedb.index import FTS

        with self._turn_to_write(collection):
            table = self._table(collection)
            if table is None:
                table = self._connection().create_table(collection.physical_name, schema=_schema(collection))
            existing, wanted = _description(table), collection.description
            if existing != wanted:
                raise ValueError(
                    f"Collection {collection.name} exists in {self.path} as {existing}, not as {wanted}: "
                    f"drop it to have it built anew."
                )
            # Made while there is nothing to index, because without an index words are compared as they stand,
            # by case and ending. Rows written later are searched one by one until the next maintenance.
            _index(table, {collection.text_property: FTS()})

    @telling_of_damage
    def other_models(self, collection: Collection) -> list[Collection]:
        """See `VectorStore.other_models`."""
        found = []
        for name in sorted(self._connection().list_tables().tables):
            with reading(self._readers(name)):
                table = self._named(name)
                other = collection.other_model(_description(table)) if table is not None else None
            if other and other.physical_name == name:
                found.append(other)
        return found

    @telling_of_damage
    def upsert(self, collection: Collection, rows: pa.Table) -> UpsertResult:
        """See `VectorStore.upsert`."""
        valid, failed = valid_rows(collection, rows)
        with self._turn_to_write(collection):
            table = self._table(collection)
            if table is None:
                raise LookupError(f"There is no collection {collection.name} in {self.path}: ensure it first.")
            if valid.num_rows == 0:
                return UpsertResult(failed=failed)
            merge = (
                table.merge_insert("id")
                .when_matched_update_all(where="target.content_hash != source.content_hash")
                .when_not_matched_insert_all()
            )
            result = merge.execute(valid.cast(_schema(collection)))
        written = result.num_inserted_rows + result.num_updated_rows
        return UpsertResult(written, valid.num_rows - written, failed)

    @telling_of_damage
    def delete(self, collection: Collection, ids: Sequence[str]) -> int:
        """See `VectorStore.delete`."""
        removed = 0
        for page in pages_of(ids):
            condition = predicate(valid_where(collection, {"id": page}))
            with self._turn_to_write(collection):
                table = self._table(collection)
                removed += table.delete(condition).num_deleted_rows if table else 0
        return removed

    @telling_of_damage
    def count(self, collection: Collection) -> int:
        """See `VectorStore.count`."""
        with self._reading(collection):
            table = self._table(collection)
            return table.count_rows() if table else 0

    @telling_of_damage
    def scan(
        self, collection: Collection, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> Iterator[pa.RecordBatch]:
        """See `VectorStore.scan`."""
        condition = predicate(valid_where(collection, where))
        with self._reading(collection):
            table = self._table(collection)
            if table is None:
                return
            query = table.search().select(list(columns or collection.arrow_schema.names))
            yield from (query.where(condition) if condition else query).to_batches(_ROWS_A_BATCH)

    @telling_of_damage
    def search_vector(
        self, collection: Collection, vector: npt.NDArray[np.float32], limit: int, where: Where | None = None
    ) -> list[Match]:
        """See `VectorStore.search_vector`."""
        vector = valid_query(collection, vector, limit)
        condition = predicate(valid_where(collection, where))
        with self._reading(collection):
            table = self._table(collection)
            return _nearest(table, collection, vector, limit, condition) if table else []

    def drop(self, collection: Collection) -> None:
        """See `VectorStore.drop`."""
        with self._turn_to_write(collection):
            self._connection().drop_table(collection.physical_name, ignore_missing=True)

    @telling_of_damage
    def maintain(self, collection: Collection) -> None:
        """See `VectorStore.maintain`."""
        with self._turn_to_write(collection):
            table = self._table(collection)
            if table is None:
                return
            if table.count_rows() >= _INDEXED_FROM:
                _index(table, _indexes_when_large())
            table.optimize(cleanup_older_than=_READERS_LEAVE_AFTER)

    @telling_of_damage
    def purge(self, collection: Collection) -> None:
        """See `VectorStore.purge`.

        Rows and indexes are written anew as later versions of the table, to which readers pass over by
        themselves. Then the files of all earlier versions go, in a moment in which nobody reads them.
        """
        from lancedb.index import FTS

        with self._turn_to_write(collection):
            table = self._table(collection)
            if table is None:
                return
            wanted = {collection.text_property: FTS(), **_indexes_when_large()}
            indexed = {column for index in table.list_indices() for column in index.columns}
            # Compaction keeps deleted rows of a file while they are few, and an index the words of deleted rows.
            table.update(where="true", values_sql={"id": "id"})
            for column in sorted(indexed):
                table.create_index(column, config=wanted[column], replace=True)
            table.optimize(cleanup_older_than=_READERS_LEAVE_AFTER)
            with without_readers(self._readers(collection.physical_name)), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of concurrent readers, of whom there are none
                table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)

    def out_of_reach(self) -> None:
        """See `VectorStore.out_of_reach`."""

    @telling_of_damage
    def _search_words(self, collection: Collection, text: str, limit: int, where: Where | None) -> list[Match]:
        from lancedb.query import MatchQuery

        condition = predicate(valid_where(collection, where))
        words = text.encode(errors="replace").decode()  # a lone surrogate is in no word, and LanceDB refuses it
        # Not a string, in which quotes would make a phrase. (The type checker does not see the fields' defaults.)
        match = MatchQuery(words, collection.text_property)  # type: ignore[call-arg]
        with self._reading(collection):
            table = self._table(collection)
            if table is None:
                return []
            query = table.search(match, query_type="fts")
            return _ranked(query.where(condition) if condition else query, collection, limit, "_score")

    def _connection(self) -> Any:
        import lancedb

        return lancedb.connect(self.path, read_consistency_interval=timedelta(0))

    def _table(self, collection: Collection) -> Any:
        return self._named(collection.physical_name)

    def _named(self, name: str) -> Any:
        """The table as it is now, or None where there is none."""
        try:
            return self._connection().open_table(name)
        except ValueError as error:
            if "was not found" not in str(error):
                raise
            return None

    def _readers(self, physical_name: str) -> Path:
        return Path(self.path, f"{physical_name}.readers")

    def _reading(self, collection: Collection) -> AbstractContextManager[None]:
        """A block in which the files that are being read stay."""
        return reading(self._readers(collection.physical_name))

    @contextmanager
    def _turn_to_write(self, collection: Collection) -> Iterator[None]:
        file = Path(self.path, f"{collection.physical_name}.lock")
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(file).acquire(timeout=_WRITERS_WAIT.total_seconds(), poll_interval=0.01)
        except Timeout as error:
            raise TimeoutError(
                f"Another process has kept {file} locked for {_WRITERS_WAIT}: end it, or try again later."
            ) from error
        with lock:
            yield


def _schema(collection: Collection) -> pa.Schema:
    """The table's schema, with its description and `id` as the key."""
    schema = collection.arrow_schema
    # Should writers on several machines share the folder over a file system whose locks do not hold, then it is
    # this that keeps two of them from inserting the same id: without it both rows stay.
    id = schema.field("id").with_metadata({"lance-schema:unenforced-primary-key:position": "1"})
    return schema.set(0, id).with_metadata({_DESCRIPTION: json.dumps(collection.description)})


def _description(table: Any) -> str:
    """The collection's description that the table was made with; of a table of somebody else's it is empty."""
    return str(json.loads((table.schema.metadata or {}).get(_DESCRIPTION, '""')))


def _index(table: Any, wanted: dict[str, Any]) -> None:
    """Create the indexes, by column, that are not there yet."""
    indexed = {column for index in table.list_indices() for column in index.columns}
    for column, index in wanted.items():
        if column not in indexed:
            table.create_index(column, config=index)


def _indexes_when_large() -> dict[str, Any]:
    from lancedb.index import BTree, IvfFlat

    return {"id": BTree(), "content_hash": BTree(), "vector": IvfFlat(distance_type="cosine")}


def _nearest(
    table: Any, collection: Collection, vector: npt.NDArray[np.float32], limit: int, condition: str | None
) -> list[Match]:
    def query() -> Any:
        return table.search(vector).distance_type("cosine")

    # An index looks into some of its partitions only: objects that pass the filter, or the last of many wanted,
    # may all be in others.
    if condition is None:
        matches = _ranked(query(), collection, limit, "_distance")
        if len(matches) == limit:
            return matches
    exact = query().bypass_vector_index()
    return _ranked(exact.where(condition) if condition else exact, collection, limit, "_distance")


def _ranked(query: Any, collection: Collection, limit: int, by: str) -> list[Match]:
    """The best `limit` objects of a query by distance or score, equals by id.

    As many are fetched as it takes to see all that are equal to the last, because LanceDB returns equals in any
    order.
    """
    query = query.select(["id", *collection.properties, by])
    size = limit
    while True:
        size = 2 * size
        found = query.limit(size).to_arrow()
        scores = found[by].to_pylist()
        if len(scores) < size or scores[-1] != scores[limit - 1]:
            break
    matches = [
        Match(row.pop("id"), row, 1 - value if by == "_distance" else value)
        for row, value in zip(found.drop_columns([by]).to_pylist(), scores, strict=True)
    ]
    return sorted(matches, key=lambda match: (-match.score, match.id))[:limit]
