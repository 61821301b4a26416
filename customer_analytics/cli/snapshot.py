"""`customer-analytics snapshot`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from customer_analytics.cli.errors import or_fail
from customer_analytics.output import echo
from customer_analytics.settings import settings

if TYPE_CHECKING:
    from customer_analytics.ports.vectors.base import VectorStore
    from customer_analytics.ports.vectors.collection import Collection

_BACKEND = click.option(
    "--backend",
    type=click.Choice(["filesystem", "s3", "gcs", "azure"]),
    default="filesystem",
    show_default=True,
    help="Where the server stores backups; the backend's module must be enabled on it.",
)


@click.group()
def snapshot() -> None:
    """Write and restore snapshots of the vector collections."""


@snapshot.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def create(folder: Path) -> None:
    """Write the collections to FOLDER, as Parquet files with a manifest. Either vector store can restore them.

    If FOLDER is `snapshot/` in the source folder, a run restores it before it embeds anything.
    """
    from customer_analytics import snapshots

    with _collections() as (store, collections):
        or_fail(snapshots.create, store, collections, folder, echo)


@snapshot.command()
@click.argument("place")
def restore(place: str) -> None:
    """Restore missing objects from PLACE, a folder or fsspec URI; existing objects are not changed."""
    with _collections() as (store, collections):
        or_fail(_restore, place, store, collections)


@snapshot.command()
@click.argument("name")
@_BACKEND
def backup(name: str, backend: str) -> None:
    """Back up the collections with Weaviate's native backup, as NAME."""
    from customer_analytics.ports.vectors import weaviate_backup

    with _collections() as (store, collections):
        made = or_fail(weaviate_backup.create, store, collections, name, backend)
    echo(f"Backed up {', '.join(made)} as {name} ({backend}).")


@snapshot.command("restore-backup")
@click.argument("name")
@_BACKEND
@click.option("--replace", is_flag=True, help="Drop existing collections, which otherwise block the restore.")
def restore_backup(name: str, backend: str, replace: bool) -> None:
    """Restore Weaviate's native backup NAME."""
    from customer_analytics.ports.vectors import weaviate_backup

    with _collections() as (store, collections):
        restored = or_fail(weaviate_backup.restore, store, collections, name, backend, replace=replace)
    echo(f"Restored {', '.join(restored)} from {name} ({backend}).")


@contextmanager
def _collections() -> "Iterator[tuple[VectorStore, list[Collection]]]":
    """The vector store, and the collections of the current embedder."""
    from customer_analytics.adapters import Adapters
    from customer_analytics.ml.collections import NAMES, collection

    with Adapters(settings()) as adapters:
        adapters.warehouse.server()  # first, because it refuses a state folder of another version as a whole
        yield adapters.vector_store, [collection(name, adapters.embedder) for name in NAMES]


def _restore(place: str, store: "VectorStore", collections: "list[Collection]") -> None:
    from customer_analytics import snapshots, temporary
    from customer_analytics.ingestion.location import SourceError, SourceLocation

    try:
        found = snapshots.Snapshot.find(SourceLocation.open(place), "")
    except SourceError as error:
        raise snapshots.SnapshotError(str(error)) from error
    if found is None:
        raise snapshots.SnapshotError(
            f"{place} contains no snapshot: name the folder that contains {snapshots.MANIFEST}."
        )
    with temporary.folder(settings().home) as folder:
        snapshots.restore(found, store, collections, echo, folder)
