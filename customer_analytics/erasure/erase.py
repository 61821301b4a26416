"""Finding what there is of a customer, and removing it: tables, audio, vectors, models' evaluations, snapshots."""

from collections.abc import Iterator, Sized
from dataclasses import dataclass
from pathlib import Path

from customer_analytics import snapshots
from customer_analytics.erasure.keys import ErasedKeys, mention_of_whole
from customer_analytics.ingestion.calls import stage_name
from customer_analytics.ingestion.files import SOURCE_FILES
from customer_analytics.ml.collections import COMMENT_TRAINING, CUSTOMER_CALL, CUSTOMER_COMMENT, of_all_models
from customer_analytics.ml.training import MODEL
from customer_analytics.ml.training_set import text_hash
from customer_analytics.resources.embeddings.base import Embedder
from customer_analytics.resources.registry.base import DamagedModelError, ModelRegistry
from customer_analytics.resources.vectors.base import VectorStore
from customer_analytics.resources.vectors.collection import Where
from customer_analytics.resources.warehouse.resource import Warehouse
from customer_analytics.shipped_classifier import is_shipped
from customer_analytics.tables import TABLES
from customer_analytics.tables.sources import (
    CALL_STAGE,
    STG_COMMENT_FILES,
    STG_COMMENT_TRAINING,
    STG_PAYMENTS,
    STG_REJECTED_ROWS,
    STG_TWITTER_COMMENTS,
)

_BY_CUSTOMER = [name for name, table in TABLES.items() if "CUSTOMER_ID" in table.column_names]
_WITHOUT_CUSTOMERS = [
    name for file in SOURCE_FILES if "CUSTOMER_ID" not in file.table.column_names for name in file.names
]


@dataclass(frozen=True)
class Trace:
    """A place that holds something of the customer, and how many rows, files, objects or versions."""

    place: str
    count: int


@dataclass(frozen=True)
class Systems:
    """Where a customer's data can be; `snapshot_folders` are those that are at hand as folders."""

    warehouse: Warehouse
    vector_store: VectorStore
    embedder: Embedder
    registry: ModelRegistry
    snapshot_folders: tuple[Path, ...]


def traces(customer: str, systems: Systems) -> list[Trace]:
    """What there is of a customer, place by place, without the places that hold nothing."""
    keys = _keys(customer, systems.warehouse)
    return [trace for trace in _traces(customer, keys, systems) if trace.count]


def erase(customer: str, systems: Systems) -> None:
    """Remove what there is of a customer, and have what is loaded later leave it out.

    The keys of the customer's data are recorded first. So the same call completes what an interrupted one began,
    and a run that loads the source meanwhile brings nothing back.
    """
    warehouse = systems.warehouse
    keys = _keys(customer, warehouse)
    keys.record(warehouse, customer)
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
            store.maintain(held)
    stage = warehouse.name(CALL_STAGE)
    for file in _staged(keys, warehouse):
        warehouse.session().sql(f"REMOVE @{stage}/{file}").collect()
    warehouse.session().sql(f"ALTER STAGE {stage} REFRESH").collect()
    _forget_comment_files(customer, warehouse)
    for table, condition, values in _conditions(customer, keys):
        statement = f"DELETE FROM {warehouse.name(table)} WHERE {condition}"  # noqa: S608
        with warehouse.connection() as connection:
            connection.cursor().execute(statement, values)


def _forget_comment_files(customer: str, warehouse: Warehouse) -> None:
    """Have the files with something of the customer read again, without it, so that their rows can be counted."""
    files, comments, rejected = map(
        warehouse.name, (STG_COMMENT_FILES.name, STG_TWITTER_COMMENTS.name, STG_REJECTED_ROWS.name)
    )
    statement = f"""DELETE FROM {files} WHERE
        CONTENT_HASH IN (SELECT CONTENT_HASH FROM {comments} WHERE CUSTOMER_ID = ?)
        OR RELATIVE_PATH IN (SELECT SOURCE FROM {rejected} WHERE REGEXP_LIKE(RAW, ?, 's'))"""  # noqa: S608
    with warehouse.connection() as connection:
        connection.cursor().execute(statement, (customer, mention_of_whole(customer)))


def _keys(customer: str, warehouse: Warehouse) -> ErasedKeys:
    """The keys of the customer's data: those in the tables, and those recorded when erasing began."""
    for table in TABLES.values():
        warehouse.ensure_table(table)
    named = warehouse.name
    orders = f"SELECT ORDER_ID FROM {named('STG_ORDERS')} WHERE CUSTOMER_ID = ?"  # noqa: S608
    # A text that somebody else wrote too, such as "great!", tells nothing of the customer.
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
    for table, condition, values in _conditions(customer, keys):
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
    """Which objects of each collection are of the customer."""
    return {
        CUSTOMER_COMMENT: {"customer_id": [customer]},
        CUSTOMER_CALL: {"customer_id": [customer]},
        COMMENT_TRAINING: {"content_hash": sorted(keys.texts)},
    }


def _conditions(customer: str, keys: ErasedKeys) -> Iterator[tuple[str, str, tuple[object, ...]]]:
    """Each table with the condition of the customer's rows and its values; derived tables first."""
    for table in reversed(_BY_CUSTOMER):
        yield table, "CUSTOMER_ID = ?", (customer,)
    if keys.orders:
        yield STG_PAYMENTS.name, f"ORDER_ID IN ({_places(keys.orders)})", tuple(sorted(keys.orders))
    if keys.texts:
        hashed = f"SHA2(REVIEW_TEXT, 256) IN ({_places(keys.texts)})"
        yield STG_COMMENT_TRAINING.name, hashed, tuple(sorted(keys.texts))
    elsewhere = f"SOURCE NOT IN ({_places(_WITHOUT_CUSTOMERS)})"
    mentioning = f"{elsewhere} AND (REGEXP_LIKE(RAW, ?, 's') OR REGEXP_LIKE(REASON, ?, 's'))"
    mention = mention_of_whole(customer)
    yield STG_REJECTED_ROWS.name, mentioning, (*_WITHOUT_CUSTOMERS, mention, mention)


def _places(values: Sized) -> str:
    return ", ".join("?" * len(values))


def _staged(keys: ErasedKeys, warehouse: Warehouse) -> list[str]:
    """The customer's files that are in the stage."""
    listed = warehouse.session().sql(f"LIST @{warehouse.name(CALL_STAGE)}").collect()
    return sorted({row["name"].rpartition("/")[2] for row in listed} & keys.stage_files)


def _versions(keys: ErasedKeys, registry: ModelRegistry) -> list[str]:
    """The versions of the classifier that were evaluated on texts of the customer."""
    if not keys.texts:
        return []
    registry.ensure()
    versions = [info.version for info in registry.versions(MODEL) if not is_shipped(info.version)]
    return [version for version in versions if _holds(registry, version, keys)]


def _holds(registry: ModelRegistry, version: str, keys: ErasedKeys) -> bool:
    try:
        known = registry.load(MODEL, version).out_of_fold["TEXT_HASH"]
    except DamagedModelError:
        return True  # nobody can say what is in its files
    return not keys.texts.isdisjoint(known.to_pylist())
