"""Weaviate's own backups: faster than snapshots and with the index, but for Weaviate only."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from customer_analytics.ports.vectors.base import VectorStore
from customer_analytics.ports.vectors.collection import Collection
from customer_analytics.ports.vectors.weaviate import WeaviateVectorStore
from customer_analytics.ports.vectors.weaviate_class import WeaviateClass

if TYPE_CHECKING:
    from weaviate.backup.backup import BackupStorage


class WeaviateBackupError(ValueError):
    """A backup that cannot be made or restored; the text says why."""


def create(store: VectorStore, collections: Sequence[Collection], name: str, backend: str) -> list[str]:
    """Back up the collections that exist, and wait until it is done; returns the names of their classes."""
    from weaviate.exceptions import WeaviateBaseError

    found = [held for held in _classes(store, collections) if held.exists()]
    if not found:
        raise WeaviateBackupError("There is nothing to back up: the server holds none of the collections.")
    names = [held.name for held in found]
    try:
        found[0].connection.call(
            lambda client: client.backup.create(
                name, _storage(backend), include_collections=names, wait_for_completion=True
            )
        )
    except WeaviateBaseError as error:
        raise WeaviateBackupError(f"Weaviate could not make the backup {name}: {error}") from error
    return names


def restore(
    store: VectorStore, collections: Sequence[Collection], name: str, backend: str, *, replace: bool
) -> list[str]:
    """Restore the collections that a backup holds, and wait until it is done; returns the names of their classes.

    Args:
        store: A Weaviate.
        collections: Those that may be restored.
        name: The backup.
        backend: Where the server keeps it.
        replace: Whether to drop existing collections, once the server has found the backup complete.
    """
    from weaviate.exceptions import WeaviateBaseError

    classes = _classes(store, collections)
    connection = classes[0].connection
    try:
        backups = connection.call(lambda client: client.backup.list_backups(_storage(backend)))
        found = next((backup for backup in backups if backup.backup_id == name.lower()), None)
        if found is None or found.status != "SUCCESS":
            complete = ", ".join(backup.backup_id for backup in backups if backup.status == "SUCCESS")
            raise WeaviateBackupError(
                f"There is no complete backup {name} ({backend}), only: {complete or 'none'}."
            )
        classes = [held for held in classes if held.name in found.collections]
        existing = [held for held in classes if held.exists()]
        if existing and not replace:
            names = ", ".join(held.name for held in existing)
            raise WeaviateBackupError(
                f"The server holds {names}: restore with --replace to have them dropped first."
            )
        for held in existing:
            held.drop()
        connection.call(
            lambda client: client.backup.restore(
                name,
                _storage(backend),
                include_collections=[held.name for held in classes],
                wait_for_completion=True,
                overwrite_alias=True,
            )
        )
    except WeaviateBaseError as error:
        raise WeaviateBackupError(f"Weaviate could not restore the backup {name}: {error}") from error
    for held in classes:
        store.ensure_collection(held.collection)  # creates the alias
    return [held.name for held in classes]


def _classes(store: VectorStore, collections: Sequence[Collection]) -> list[WeaviateClass]:
    if not isinstance(store, WeaviateVectorStore):
        raise WeaviateBackupError(
            "The vectors are not in Weaviate, so it cannot back them up: use snapshot create and snapshot "
            "restore, or set CUSTOMER_ANALYTICS_VECTORS=weaviate."
        )
    return [store.weaviate_class(collection) for collection in collections]


def _storage(backend: str) -> "BackupStorage":
    from weaviate.backup.backup import BackupStorage

    return BackupStorage(backend)
