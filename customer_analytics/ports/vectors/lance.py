"""Vectors in a LanceDB folder: no server, no account."""

import json
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection, Match, UpsertResult, Where, pages_of
from customer_analytics.ports.vectors.lance_damage import reporting_damage
from customer_analytics.ports.vectors.lance_locks import reading, without_readers, writing
from customer_analytics.ports.vectors.lance_queries import nearest, predicate, ranked
from customer_analytics.ports.vectors.validation import valid_query, valid_rows, valid_where

_DESCRIPTION = b"customer_analytics.collection"
_ROWS_A_BATCH = 4_096
_INDEXED_FROM = 50_000  # rows; below, reading all vectors takes less time than an index would save
_READERS_LEAVE_AFTER = timedelta(hours=1)


@dataclass(kw_only=True, eq=False)
class LanceVectorStore(VectorStore):
    """Collections as tables of a LanceDB folder on this machine.

    Each reader sees the latest complete version, and waits only while `purge` removes the files of earlier ones.
    Writers of a collection take turns under a file lock, which the system releases when a process dies: with
    LanceDB's own conflict detection alone, a steady writer starves compaction. Processes must be spawned and not
    forked, because LanceDB runs threads.
    """

    kind: ClassVar[str] = "lancedb"

    path: str

    def describe(self) -> str:
        """The version of LanceDB, the folder and its tables."""
        import lancedb

        tables = self._connection().list_tables().tables
        return f"LanceDB {lancedb.__version__} in {self.path}: {', '.join(tables) or 'no collections yet'}"

    @reporting_damage
    def ensure_collection(self, collection: Collection) -> None:
        """See `VectorStore.ensure_collection`."""
        from lancedb.index import FTS

        with self._writing(collection):
            table = self._table(collection)
            if table is None:
                table = self._connection().create_table(collection.physical_name, schema=_schema(collection))
            # Created while the table is empty, because without an index words match only in the same case and
            # form. Later rows are searched one by one until the next maintenance.
            _index(table, {collection.text_property: FTS()})

    @reporting_damage
    def other_models(self, collection: Collection) -> list[Collection]:
        """See `VectorStore.other_models`."""
        found = []
        for name in sorted(self._connection().list_tables().tables):
            with reading(self.path, name):
                table = self._named(name)
                other = collection.other_model(_description(table)) if table is not None else None
            if other and other.physical_name == name:
                found.append(other)
        return found

    @reporting_damage
    def upsert(self, collection: Collection, rows: pa.Table) -> UpsertResult:
        """See `VectorStore.upsert`."""
        valid, failed = valid_rows(collection, rows)
        with self._writing(collection):
            table = self._table(collection)
            if table is None:
                raise LookupError(f"There is no collection {collection.name} in {self.path}: ensure it first.")
            if valid.num_rows == 0:
                return UpsertResult(failed=failed)
            merge = (
                table.merge_insert("id")
                .when_matched_update_all(where="target.text_hash != source.text_hash")
                .when_not_matched_insert_all()
            )
            result = merge.execute(valid.cast(_schema(collection)))
        written = result.num_inserted_rows + result.num_updated_rows
        return UpsertResult(written, valid.num_rows - written, failed)

    @reporting_damage
    def delete(self, collection: Collection, ids: Sequence[str]) -> int:
        """See `VectorStore.delete`."""
        removed = 0
        for page in pages_of(ids):
            condition = predicate(valid_where(collection, {"id": page}))
            with self._writing(collection):
                table = self._table(collection)
                removed += table.delete(condition).num_deleted_rows if table else 0
        return removed

    @reporting_damage
    def count(self, collection: Collection) -> int:
        """See `VectorStore.count`."""
        with self._reading(collection):
            table = self._table(collection)
            return table.count_rows() if table else 0

    @reporting_damage
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

    @reporting_damage
    def search_vector(
        self, collection: Collection, vector: npt.NDArray[np.float32], limit: int, where: Where | None = None
    ) -> list[Match]:
        """See `VectorStore.search_vector`."""
        vector = valid_query(collection, vector, limit)
        condition = predicate(valid_where(collection, where))
        with self._reading(collection):
            table = self._table(collection)
            return nearest(table, collection, vector, limit, condition) if table else []

    def drop(self, collection: Collection) -> None:
        """See `VectorStore.drop`."""
        with self._writing(collection):
            self._connection().drop_table(collection.physical_name, ignore_missing=True)

    @reporting_damage
    def maintain(self, collection: Collection) -> None:
        """See `VectorStore.maintain`."""
        with self._writing(collection):
            table = self._table(collection)
            if table is None:
                return
            if table.count_rows() >= _INDEXED_FROM:
                _index(table, _indexes_when_large())
            table.optimize(cleanup_older_than=_READERS_LEAVE_AFTER)

    @reporting_damage
    def purge(self, collection: Collection) -> None:
        """See `VectorStore.purge`.

        Rows and indexes are rewritten as a later version of the table. Once no reader uses an earlier version, the
        files of all earlier versions are removed.
        """
        from lancedb.index import FTS

        with self._writing(collection):
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
            with without_readers(self.path, collection.physical_name), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about concurrent readers, of which there are none
                table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)

    def retention_notice(self) -> None:
        """See `VectorStore.retention_notice`."""

    @reporting_damage
    def _search_words(self, collection: Collection, text: str, limit: int, where: Where | None) -> list[Match]:
        from lancedb.query import MatchQuery

        condition = predicate(valid_where(collection, where))
        words = text.encode(errors="replace").decode()  # LanceDB refuses lone surrogates
        # Not a string, in which quotes would make a phrase. (The type checker does not see the fields' defaults.)
        match = MatchQuery(words, collection.text_property)  # type: ignore[call-arg]
        with self._reading(collection):
            table = self._table(collection)
            if table is None:
                return []
            query = table.search(match, query_type="fts")
            return ranked(query.where(condition) if condition else query, collection, limit, "_score")

    def _connection(self) -> Any:
        import lancedb

        return lancedb.connect(self.path, read_consistency_interval=timedelta(0))

    def _table(self, collection: Collection) -> Any:
        """The collection's table, or None; ValueError if it was made for other properties."""
        table = self._named(collection.physical_name)
        if table is not None and (existing := _description(table)) != collection.description:
            raise ValueError(
                f"{self.path}/{collection.physical_name}.lance holds {existing}, not {collection.description}: "
                "remove that folder, and the next run builds the collection again."
            )
        return table

    def _named(self, name: str) -> Any:
        """The table in its latest version, or None."""
        try:
            return self._connection().open_table(name)
        except ValueError as error:
            if "was not found" not in str(error):
                raise
            return None

    def _reading(self, collection: Collection) -> AbstractContextManager[None]:
        return reading(self.path, collection.physical_name)

    def _writing(self, collection: Collection) -> AbstractContextManager[None]:
        return writing(self.path, collection.physical_name)


def _schema(collection: Collection) -> pa.Schema:
    """The table's schema, with its description and `id` as the key."""
    schema = collection.arrow_schema
    # Keeps two writers from inserting the same id if they share the folder over a file system without working
    # locks: without this key both rows stay.
    id = schema.field("id").with_metadata({"lance-schema:unenforced-primary-key:position": "1"})
    return schema.set(0, id).with_metadata({_DESCRIPTION: json.dumps(collection.description)})


def _description(table: Any) -> str:
    """The description of the collection for which the table was made; empty for a table that is not ours."""
    return str(json.loads((table.schema.metadata or {}).get(_DESCRIPTION, '""')))


def _index(table: Any, wanted: dict[str, Any]) -> None:
    """Create the indexes, given by column, that do not exist yet."""
    indexed = {column for index in table.list_indices() for column in index.columns}
    for column, index in wanted.items():
        if column not in indexed:
            table.create_index(column, config=index)


def _indexes_when_large() -> dict[str, Any]:
    from lancedb.index import BTree, IvfFlat

    return {"id": BTree(), "text_hash": BTree(), "vector": IvfFlat(distance_type="cosine")}
