"""The warehouse port: connections, and collaborators that read, write and keep temporary tables."""

from dataclasses import dataclass

from customer_analytics.ports.warehouse.connections import Connections
from customer_analytics.ports.warehouse.reads import Reads
from customer_analytics.ports.warehouse.scratch import Scratch
from customer_analytics.ports.warehouse.writes import Writes


@dataclass(kw_only=True, eq=False)
class Warehouse(Connections):
    """A warehouse: `reads`, `writes` and `scratch` work on the tables of its schema."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reads = Reads(self)
        self.scratch = Scratch(self)
        self.writes = Writes(self, self.scratch)

    def close(self) -> None:
        """See `Connections.close`."""
        super().close()
        self.scratch.forget()  # the next server may have other schemas
