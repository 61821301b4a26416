"""How good a classifier must be to be used."""

import dagster as dg
from pydantic import Field


class QualityFloor(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Least figures of merit, on texts that a classifier has not seen."""

    accuracy: float = Field(ge=0, le=1, description="Least share of texts that are classified rightly.")
    auc: float = Field(ge=0, le=1, description="Least area under the ROC curve; 0.5 is that of guessing.")
