"""`customer-analytics snapshot`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from customer_analytics.cli.errors import or_say_why
from customer_analytics.output import echo
from customer_analytics.settings import settings

if TYPE_CHECKING:
    from customer_analytics.resources.vectors.base import VectorStore
    from customer_analytics.resources.vectors.collection import Collection

_BACKEND = click.option(
    "--backend",
    type=click.Choice(["filesystem", "s3", "gcs", "azure"]),
    default="filesystem",
    show_default=True,
    help="Where the server keeps backups; its module has to be enabled there.",
)


@click.group()
def snapshot() -> None:
    """Write and restore the collections of vectors."""


@snapshot.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def create(folder: Path) -> None:
    """Write the collections into FOLDER, as Parquet with a manifest that either vector store restores from.

    As `snapshot/` of a source folder, a run restores it before it embeds anything.
    """
    from customer_analytics import snapshots

    with _collections() as (store, collections):
        or_say_why(snapshots.create, store, collections, folder, echo)


@snapshot.command()
@click.argument("place")
def restore(place: str) -> None:
    """Restore what the store lacks from PLACE, a folder or fsspec URI; what it holds stays as it is."""
    with _collections() as (store, collections):
        or_say_why(_restore, place, store, collections)


@snapshot.command()
@click.argument("name")
@_BACKEND
def backup(name: str, backend: str) -> None:
    """Have Weaviate back the collections up under NAME, in its own format."""
    from customer_analytics.resources.vectors import weaviate_backup

    with _collections() as (store, collections):
        made = or_say_why(weaviate_backup.create, store, collections, name, backend)
    echo(f"Backed up {', '.join(made)} as {name} ({backend}).")


@snapshot.command("restore-backup")
@click.argument("name")
@_BACKEND
@click.option(
    "--replace", is_flag=True, help="Drop the collections that are there; without it they are in the way."
)
def restore_backup(name: str, backend: str, replace: bool) -> None:
    """Have Weaviate restore the backup NAME."""
    from customer_analytics.resources.vectors import weaviate_backup

    with _collections() as (store, collections):
        restored = or_say_why(weaviate_backup.restore, store, collections, name, backend, replace=replace)
    echo(f"Restored {', '.join(restored)} from {name} ({backend}).")


@contextmanager
def _collections() -> "Iterator[tuple[VectorStore, list[Collection]]]":
    """The vector store, and the collections as they are for the embedder in use."""
    import dagster as dg

    from customer_analytics.deployment import resources
    from customer_analytics.ml.collections import NAMES, collection

    made = resources(settings())
    with dg.build_resources({port: made[port] for port in ("vector_store", "embedder")}) as built:
        yield built.vector_store, [collection(name, built.embedder) for name in NAMES]


def _restore(place: str, store: "VectorStore", collections: "list[Collection]") -> None:
    from customer_analytics import snapshots, temporary
    from customer_analytics.ingestion.location import SourceError, SourceLocation

    try:
        found = snapshots.Snapshot.find(SourceLocation.open(place), "")
    except SourceError as error:
        raise snapshots.SnapshotError(str(error)) from error
    if found is None:
        raise snapshots.SnapshotError(
            f"There is no snapshot in {place}: name the folder of its {snapshots.MANIFEST}."
        )
    with temporary.folder(settings().home) as folder:
        snapshots.restore(found, store, collections, echo, folder)
