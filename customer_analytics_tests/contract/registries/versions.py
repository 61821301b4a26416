"""Versions of models to log, and which a registry has."""

from functools import cache

import lightgbm
import numpy as np
import pyarrow as pa

from customer_analytics.ports.registry.base import ModelRegistry, ModelVersion, StoredModel

MODEL = "sentiment_classifier"
FIRST, SECOND, THIRD, FOURTH = "V_FFFFFFFFFFFF", "V_000000000001", "V_AAAAAAAAAAAA", "V_BBBBBBBBBBBB"


def stored(version: str, *, accuracy: float = 0.9, model_name: str = MODEL) -> StoredModel:
    info = ModelVersion(
        model_name=model_name,
        version=version,
        metrics={"accuracy": accuracy, "auc": 0.1 + 0.2},
        tags={"note": 'it\'s "quoted"; drop table x -- ümlaut \\n'},
        embedding_model="bge-small-en-v1.5-int8-256",
        dimensions=384,
        training_data_hash="ab" * 32,
        library_versions={"lightgbm": "4.7.0", "numpy": "2.3.0"},
    )
    out_of_fold = pa.table(
        {
            "TEXT_HASH": ["a" * 64, "b" * 64],
            "LABEL": [0, 1],
            "SENTIMENT": [0.1 + 0.2, 1e-17],
            "BASELINE": [0.0, 1.0],
        }
    )
    return StoredModel(info, f"{booster()}\nof {version}\n", out_of_fold)


@cache
def booster() -> str:
    """A booster that always says the same."""
    data = lightgbm.Dataset(np.array([[0.0], [1.0]]), [0, 1])
    return str(lightgbm.train({"objective": "binary", "verbosity": -1}, data, 1).model_to_string())


def names(registry: ModelRegistry, model_name: str = MODEL) -> list[str]:
    return [version.version for version in registry.versions(model_name)]


def default(registry: ModelRegistry, model_name: str = MODEL) -> str:
    version = registry.default(model_name)
    assert version is not None
    return version.version
