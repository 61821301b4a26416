"""Find and erase a customer's data: tables, audio, vectors, evaluations of models, snapshots."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from customer_analytics import snapshots, temporary
from customer_analytics.damage import ASIDE
from customer_analytics.erasure import history, pending
from customer_analytics.erasure.keys import ErasedKeys
from customer_analytics.erasure.pending import Pending
from customer_analytics.erasure.search import SearchResult, search
from customer_analytics.erasure.words import Condition, distinctive_words, id_if_distinctive
from customer_analytics.ingestion.call_names import customer_of
from customer_analytics.ingestion.calls import CALLS_FOLDER, stage_name
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, of_all_models
from customer_analytics.ml.training import MODEL
from customer_analytics.ml.training_set import text_hash
from customer_analytics.ports.embeddings.base import Embedder
from customer_analytics.ports.registry.base import DamagedModelError, ModelRegistry
from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Where
from customer_analytics.ports.warehouse.base import Warehouse
from customer_analytics.ports.warehouse.connections import OUTSIDE_OF_RUNS
from customer_analytics.scope import forget_values
from customer_analytics.shipped_classifier import is_shipped
from customer_analytics.tables import TABLES
from customer_analytics.tables.sources import (
    CALL_STAGE,
    STG_COMMENT_FILES,
    STG_COMMENT_TRAINING,
    STG_PAYMENTS,
    STG_REJECTED_ROWS,
    STG_SUPPORT_CALLS,
    STG_TWITTER_COMMENTS,
)

_BY_CUSTOMER = [name for name, table in TABLES.items() if "CUSTOMER_ID" in table.column_names]
_TABLES_OF_FILES = {name: file.table for file in SOURCE_FILES for name in file.names}
_LINES_AT_ONCE = 1_000


@dataclass(frozen=True)
class Trace:
    """A place with data of the customer, and the number of rows, files, objects or versions."""

    place: str
    count: int


@dataclass(frozen=True)
class Systems:
    """The systems that can hold a customer's data.

    Attributes:
        home: The state folder, whose files are searched.
        sources: Folders of source data, which are not searched even if they are in the state folder.
        snapshot_folders: Local folders with snapshots.
    """

    home: Path
    sources: tuple[Path, ...]
    warehouse: Warehouse
    vector_store: VectorStore
    embedder: Embedder
    registry: ModelRegistry
    snapshot_folders: tuple[Path, ...]


def traces(customer: str, systems: Systems) -> list[Trace]:
    """The places with data of a customer."""
    keys = _keys(customer, systems.warehouse)
    counts: Counter[str] = Counter()
    for trace in _traces(customer, keys, systems):
        counts[trace.place] += trace.count
    return [Trace(place, count) for place, count in counts.items() if count]


def erase(customer: str, systems: Systems) -> SearchResult:
    """Erase a customer's data, exclude it from later loads, and search the files for remains.

    The keys of the data are first recorded in the warehouse, and its words in the state folder. So a repeated call
    completes an interrupted one, and a run that loads the source in the meantime does not bring the data back. The
    record of the words is deleted once no file contains any of them.
    """
    warehouse = systems.warehouse
    keys = _keys(customer, warehouse)
    conditions = list(_conditions(customer, keys, warehouse))
    words = distinctive_words(conditions, {customer, *keys.orders}, warehouse)
    begun = pending.begin(systems.home, customer, words)
    keys.record(warehouse, customer)
    _remove(customer, keys, conditions, systems)
    _purge(begun, keys, systems)
    searched = search(systems.home, begun.words, (systems.home / pending.FOLDER, *systems.sources))
    if not searched.holding:
        pending.finish(systems.home, customer)
    return searched


def resume(systems: Systems) -> dict[str, SearchResult]:
    """Complete all pending erasures; results by customer."""
    return {left.customer: erase(left.customer, systems) for left in pending.unfinished(systems.home)}


def retention_notices(systems: Systems) -> tuple[str, ...]:
    """Sentences about copies that an erasure cannot reach."""
    aside = systems.home / ASIDE
    moved = f"damaged files that `repair` moved to {aside}, which you can delete" if aside.exists() else None
    notices = (moved, systems.warehouse.retention_notice(), systems.vector_store.retention_notice())
    return tuple(filter(None, notices))


def _remove(customer: str, keys: ErasedKeys, conditions: Sequence[Condition], systems: Systems) -> None:
    """Delete the data in each system."""
    warehouse = systems.warehouse
    for version in _versions(keys, systems.registry):
        systems.registry.remove(MODEL, version)
    for folder in systems.snapshot_folders:
        snapshots.remove(folder, _objects(customer, keys))
    store = systems.vector_store
    for held in of_all_models(store, systems.embedder):
        where = _objects(customer, keys)[held.name]
        ids = [id for batch in store.scan(held, ["id"], where) for id in batch["id"].to_pylist()]
        if ids:
            store.delete(held, ids)
    stage = warehouse.name(CALL_STAGE)
    for file in _staged(keys, warehouse):
        warehouse.session().sql(f"REMOVE @{stage}/{file}").collect()
    warehouse.session().sql(f"ALTER STAGE {stage} REFRESH").collect()
    _forget_comment_files(customer, conditions, warehouse)
    forget_values(warehouse, {customer, *_paths(customer, warehouse)})
    for table, condition, values in conditions:
        statement = f"DELETE FROM {warehouse.name(table)} WHERE {condition}"  # noqa: S608
        with warehouse.connection() as connection:
            connection.cursor().execute(statement, values)


def _paths(customer: str, warehouse: Warehouse) -> set[str]:
    select = f"SELECT RELATIVE_PATH FROM {warehouse.name(STG_SUPPORT_CALLS.name)} WHERE CUSTOMER_ID = ?"  # noqa: S608
    return set(warehouse.query(select, [customer])["RELATIVE_PATH"].to_pylist())


def _purge(begun: Pending, keys: ErasedKeys, systems: Systems) -> None:
    """Rewrite files that only mark data as deleted, and remove scratch tables, temporary files and logs."""
    for held in of_all_models(systems.vector_store, systems.embedder):
        systems.vector_store.purge(held)
    systems.warehouse.scratch.drop(OUTSIDE_OF_RUNS)
    systems.warehouse.purge()
    temporary.sweep(systems.home, keys.stage_files)
    history.redact(systems.home, {*begun.words, *id_if_distinctive(begun.customer)})


def _forget_comment_files(customer: str, conditions: Sequence[Condition], warehouse: Warehouse) -> None:
    """Have comment files with data of the customer read again without it, so that row counts are right."""
    files, comments = map(warehouse.name, (STG_COMMENT_FILES.name, STG_TWITTER_COMMENTS.name))
    of_rows = f"FILE_HASH IN (SELECT FILE_HASH FROM {comments} WHERE CUSTOMER_ID = ?)"  # noqa: S608
    rejecting = sorted({str(values[0]) for table, _, values in conditions if table == STG_REJECTED_ROWS.name})
    either = f"{of_rows} OR RELATIVE_PATH IN ({_placeholders(rejecting)})" if rejecting else of_rows
    with warehouse.connection() as connection:
        connection.cursor().execute(f"DELETE FROM {files} WHERE {either}", (customer, *rejecting))  # noqa: S608


def _keys(customer: str, warehouse: Warehouse) -> ErasedKeys:
    """The keys of the customer's data, from the tables and from the record of an interrupted erasure."""
    for table in TABLES.values():
        warehouse.writes.ensure_table(table)
    named = warehouse.name
    orders = f"SELECT ORDER_ID FROM {named('STG_ORDERS')} WHERE CUSTOMER_ID = ?"  # noqa: S608
    # A text that others wrote too, such as "great!", does not identify the customer.
    comments = named("STG_TWITTER_COMMENTS")
    texts = f"""SELECT DISTINCT REVIEW_TEXT FROM {comments} WHERE CUSTOMER_ID = ? AND REVIEW_TEXT NOT IN
        (SELECT REVIEW_TEXT FROM {comments} WHERE CUSTOMER_ID IS NULL OR CUSTOMER_ID <> ?)"""  # noqa: S608
    calls = f"""SELECT RELATIVE_PATH, AUDIO_HASH FROM {named("STG_SUPPORT_CALLS")} WHERE CUSTOMER_ID = ?
        AND AUDIO_HASH NOT IN (SELECT AUDIO_HASH FROM {named("STG_SUPPORT_CALLS")}
            WHERE CUSTOMER_ID IS NULL OR CUSTOMER_ID <> ?)"""  # noqa: S608
    before = ErasedKeys.recorded(warehouse, customer)
    files = warehouse.query(calls, [customer, customer]).to_pylist()
    return ErasedKeys(
        customers=frozenset({customer}),
        orders=before.orders | set(warehouse.query(orders, [customer])["ORDER_ID"].to_pylist()),
        texts=before.texts
        | {text_hash(text) for text in warehouse.query(texts, [customer, customer])["REVIEW_TEXT"].to_pylist()},
        stage_files=before.stage_files | {stage_name(row["AUDIO_HASH"], row["RELATIVE_PATH"]) for row in files},
    )


def _traces(customer: str, keys: ErasedKeys, systems: Systems) -> Iterator[Trace]:
    warehouse = systems.warehouse
    for table, condition, values in _conditions(customer, keys, warehouse):
        count = f"SELECT COUNT(*) AS N FROM {warehouse.name(table)} WHERE {condition}"  # noqa: S608
        yield Trace(f"table {table}", int(warehouse.query(count, values)["N"][0].as_py()))
    yield Trace(f"stage {CALL_STAGE}", len(_staged(keys, warehouse)))
    for held in of_all_models(systems.vector_store, systems.embedder):
        scanned = systems.vector_store.scan(held, ["id"], _objects(customer, keys)[held.name])
        yield Trace(f"collection {held.physical_name}", sum(batch.num_rows for batch in scanned))
    yield Trace(f"evaluation of {MODEL}", len(_versions(keys, systems.registry)))
    for folder in systems.snapshot_folders:
        yield Trace(f"snapshot {folder}", snapshots.count(folder, _objects(customer, keys)))


def _objects(customer: str, keys: ErasedKeys) -> dict[str, Where]:
    """For each collection, the condition that selects the customer's objects."""
    return {
        CUSTOMER_COMMENT: {"customer_id": [customer]},
        CUSTOMER_CALL: {"customer_id": [customer]},
        COMMENT_TRAINING: {"text_hash": sorted(keys.texts)},
    }


def _conditions(customer: str, keys: ErasedKeys, warehouse: Warehouse) -> Iterator[Condition]:
    """For each table, the condition that selects the customer's rows, and its values; derived tables first."""
    for table in reversed(_BY_CUSTOMER):
        yield table, "CUSTOMER_ID = ?", (customer,)
    if keys.orders:
        yield STG_PAYMENTS.name, f"ORDER_ID IN ({_placeholders(keys.orders)})", tuple(sorted(keys.orders))
    if keys.texts:
        hashed = f"SHA2(REVIEW_TEXT, 256) IN ({_placeholders(keys.texts)})"
        yield STG_COMMENT_TRAINING.name, hashed, tuple(sorted(keys.texts))
    for source, lines in _rejected(keys, warehouse).items():
        for start in range(0, len(lines), _LINES_AT_ONCE):
            some = lines[start : start + _LINES_AT_ONCE]
            yield STG_REJECTED_ROWS.name, f"SOURCE = ? AND LINE IN ({_placeholders(some)})", (source, *some)


def _rejected(keys: ErasedKeys, warehouse: Warehouse) -> dict[str, list[int]]:
    """The line numbers of the customer's rejected rows, by source."""
    select = f"SELECT SOURCE, LINE, REASON, RAW FROM {warehouse.name(STG_REJECTED_ROWS.name)} ORDER BY 1, 2"  # noqa: S608
    rows = warehouse.query(select)
    found: dict[str, list[int]] = defaultdict(list)
    for source in rows["SOURCE"].unique().to_pylist():
        of_source = rows.filter(pc.equal(rows["SOURCE"], source))
        theirs = keys.concern(_TABLES_OF_FILES.get(source, STG_TWITTER_COMMENTS), of_source)
        is_call_of_theirs = customer_of(source.removeprefix(f"{CALLS_FOLDER}/")) in keys.customers
        some = of_source if is_call_of_theirs else of_source.filter(theirs)
        found[source] += map(int, some["LINE"].to_pylist())
    return {source: lines for source, lines in found.items() if lines}


def _placeholders(values: Sized) -> str:
    return ", ".join("?" * len(values))


def _staged(keys: ErasedKeys, warehouse: Warehouse) -> list[str]:
    """The customer's files in the stage."""
    listed = warehouse.session().sql(f"LIST @{warehouse.name(CALL_STAGE)}").collect()
    return sorted({row["name"].rpartition("/")[2] for row in listed} & keys.stage_files)


def _versions(keys: ErasedKeys, registry: ModelRegistry) -> list[str]:
    """The classifier versions that were evaluated on texts of the customer."""
    if not keys.texts:
        return []
    registry.ensure()
    versions = [info.version for info in registry.versions(MODEL) if not is_shipped(info.version)]
    return [version for version in versions if _was_evaluated_on_texts(registry, version, keys)]


def _was_evaluated_on_texts(registry: ModelRegistry, version: str, keys: ErasedKeys) -> bool:
    try:
        known = registry.load(MODEL, version).out_of_fold["TEXT_HASH"]
    except DamagedModelError:
        return True  # its contents are unknown
    return not keys.texts.isdisjoint(known.to_pylist())
