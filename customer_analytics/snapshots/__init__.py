"""Snapshots: collections of any vector store as Parquet files with a manifest."""

from customer_analytics.snapshots.create import create
from customer_analytics.snapshots.manifest import MANIFEST, SnapshotError
from customer_analytics.snapshots.remove import count, remove
from customer_analytics.snapshots.restore import Snapshot, restore

__all__ = ["MANIFEST", "Snapshot", "SnapshotError", "count", "create", "remove", "restore"]
