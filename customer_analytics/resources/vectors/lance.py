"""Vectors in a LanceDB folder: no server, no account."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
from customer_analytics.resources.vectors.lance_filter import predicate
from customer_analytics.resources.vectors.paging import pages_of
from customer_analytics.resources.vectors.validation import valid_query, valid_rows, valid_where

_DESCRIPTION = b"customer_analytics.collection"
_ROWS_A_BATCH = 4_096
_INDEXED_FROM = 50_000  # rows; below, reading all vectors takes less time than an index would save
_READERS_LEAVE_AFTER = timedelta(hours=1)
_WRITERS_WAIT = timedelta(minutes=10)


class LanceVectorStore(VectorStore):
    """Collections as tables of a LanceDB folder on this machine.

    Readers never wait: each sees the latest complete version. Writers of a collection take turns under a file
    lock, which the system frees when a process dies, because with LanceDB's own conflict detection alone a
    steady writer starves compaction. Processes that use it must be spawned, not forked: LanceDB runs threads.
    """

    kind: ClassVar[str] = "lancedb"

    path: str = Field(description="Folder of the tables; created on first use.")

    def describe(self) -> str:
        """The version of LanceDB, the folder and its tables."""
        import lancedb

        tables = self._connection().list_tables().tables
        return f"LanceDB {lancedb.__version__} in {self.path}: {', '.join(tables) or 'no collections yet'}"

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

    def other_models(self, collection: Collection) -> list[Collection]:
        """See `VectorStore.other_models`."""
        found = []
        for name in sorted(self._connection().list_tables().tables):
            table = self._named(name)
            other = collection.other_model(_description(table)) if table is not None else None
            if other and other.physical_name == name:
                found.append(other)
        return found

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

    def delete(self, collection: Collection, ids: Sequence[str]) -> int:
        """See `VectorStore.delete`."""
        removed = 0
        for page in pages_of(ids):
            condition = predicate(valid_where(collection, {"id": page}))
            with self._turn_to_write(collection):
                table = self._table(collection)
                removed += table.delete(condition).num_deleted_rows if table else 0
        return removed

    def count(self, collection: Collection) -> int:
        """See `VectorStore.count`."""
        table = self._table(collection)
        return table.count_rows() if table else 0

    def scan(
        self, collection: Collection, columns: Sequence[str] | None = None, where: Where | None = None
    ) -> Iterator[pa.RecordBatch]:
        """See `VectorStore.scan`."""
        condition = predicate(valid_where(collection, where))
        table = self._table(collection)
        if table is None:
            return
        query = table.search().select(list(columns or collection.arrow_schema.names))
        yield from (query.where(condition) if condition else query).to_batches(_ROWS_A_BATCH)

    def search_vector(
        self, collection: Collection, vector: npt.NDArray[np.float32], limit: int, where: Where | None = None
    ) -> list[Match]:
        """See `VectorStore.search_vector`."""
        vector = valid_query(collection, vector, limit)
        condition = predicate(valid_where(collection, where))
        table = self._table(collection)
        if table is None:
            return []

        def query() -> Any:
            return table.search(vector).distance_type("cosine")

        # An index looks into some of its partitions only: objects that pass the filter, or the last of many
        # wanted, may all be in others.
        if condition is None:
            matches = _ranked(query(), collection, limit, "_distance")
            if len(matches) == limit:
                return matches
        exact = query().bypass_vector_index()
        return _ranked(exact.where(condition) if condition else exact, collection, limit, "_distance")

    def drop(self, collection: Collection) -> None:
        """See `VectorStore.drop`."""
        with self._turn_to_write(collection):
            self._connection().drop_table(collection.physical_name, ignore_missing=True)

    def maintain(self, collection: Collection) -> None:
        """See `VectorStore.maintain`."""
        from lancedb.index import BTree, IvfFlat

        with self._turn_to_write(collection):
            table = self._table(collection)
            if table is None:
                return
            if table.count_rows() >= _INDEXED_FROM:
                vectors = IvfFlat(distance_type="cosine")
                _index(table, {"id": BTree(), "content_hash": BTree(), "vector": vectors})
            table.optimize(cleanup_older_than=_READERS_LEAVE_AFTER)

    def _search_words(self, collection: Collection, text: str, limit: int, where: Where | None) -> list[Match]:
        from lancedb.query import MatchQuery

        condition = predicate(valid_where(collection, where))
        table = self._table(collection)
        if table is None:
            return []
        words = text.encode(errors="replace").decode()  # a lone surrogate is in no word, and LanceDB refuses it
        # Not a string, in which quotes would make a phrase. (The type checker does not see the fields' defaults.)
        match = MatchQuery(words, collection.text_property)  # type: ignore[call-arg]
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
