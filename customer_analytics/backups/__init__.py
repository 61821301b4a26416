"""Back up the state folder into one file, and restore it."""

from customer_analytics.backups.archive import BackupError
from customer_analytics.backups.create import create
from customer_analytics.backups.restore import Restored, restore

__all__ = ["BackupError", "Restored", "create", "restore"]
