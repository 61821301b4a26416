"""Parameters of a run, as resources that its configuration may change."""

from typing import Any

import dagster as dg
from pydantic import Field

from customer_analytics.scope import LARGEST, Scope


class Reporting(dg.ConfigurableResource[Any]):
    """On which day a moment falls, and which orders are sales."""

    time_zone: str = Field(default="UTC", description="IANA name of the time zone in which days begin and end.")
    statuses_not_sales: list[str] = Field(description="Statuses of orders that the net lifetime value leaves out.")


class QualityFloor(dg.ConfigurableResource[Any]):
    """The metrics, on texts not seen in training, below which a classifier is not used."""

    accuracy: float = Field(ge=0, le=1, description="Minimum share of texts that are classified correctly.")
    auc: float = Field(ge=0, le=1, description="Minimum area under the ROC curve; guessing has 0.5.")


class ScopeResource(dg.ConfigurableResource[Scope]):
    """The calls or comments that a run processes; a run without them processes all rows of all tables."""

    calls: list[str] = Field(
        default=[], max_length=LARGEST, description="Relative paths of new, changed or removed calls."
    )
    comment_files: list[str] = Field(
        default=[], max_length=LARGEST, description="Paths of new and changed comment files."
    )
    customers: list[str] = Field(
        default=[],
        max_length=LARGEST,
        description="Authors of these files' comments, now or before, and the customers of calls whose file names "
        "do not say so.",
    )
    recorded: str = Field(
        default="",
        description="Name of values in RUN_SCOPES, instead of those above: so the configuration of requested "
        "runs holds no path and no customer.",
    )
    again: bool = Field(default=False, description="Whether to transcribe failed calls again.")

    def create_resource(self, context: dg.InitResourceContext) -> Scope:
        """The scope."""
        fields: dict[str, Any] = self.model_dump()
        return Scope(**fields)
