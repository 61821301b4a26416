"""The state folder, as far as assets need it."""

from contextlib import AbstractContextManager
from pathlib import Path

import dagster as dg
from pydantic import Field

from customer_analytics import temporary


class StateFolder(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Where assets put files that last for a moment."""

    home: str = Field(description="Folder of all state.")

    def temporary(self) -> AbstractContextManager[Path]:
        """An empty folder for the length of the block; see `temporary.folder`."""
        return temporary.folder(Path(self.home))
