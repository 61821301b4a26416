"""The classifier as Snowflake's registry runs it inside the warehouse.

This module is pickled by value, and the warehouse does not have this project: it may import only the libraries
that a version names as its dependencies.
"""

import lightgbm
import numpy as np
import pandas as pd
from snowflake.ml.model import custom_model


class WarehouseClassifier(custom_model.CustomModel):  # type: ignore[misc]
    """LightGBM on vectors of texts; the booster is an artifact in LightGBM's text format, not in the pickle."""

    def __init__(self, context: custom_model.ModelContext) -> None:
        """Load the booster."""
        super().__init__(context)
        self._booster = lightgbm.Booster(model_file=context["booster"])

    @custom_model.inference_api  # type: ignore[untyped-decorator]
    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """P(positive) as SENTIMENT of each row's VECTOR."""
        vectors = np.array(rows["VECTOR"].tolist(), dtype=np.float32)
        return pd.DataFrame({"SENTIMENT": self._booster.predict(vectors, num_threads=1)})
